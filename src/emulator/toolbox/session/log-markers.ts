const markerBytes = 3;
const stdoutByte = 0x01;
const stderrByte = 0x02;

export const stdoutMarker = Buffer.alloc(markerBytes, stdoutByte);

/** The same markers as `printf` in a shell takes them. */
export const markersInShell = { stdout: "\\001\\001\\001", stderr: "\\002\\002\\002" };

interface SeparatedLog {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** The two outputs of a log. What stands before the first marker belongs to neither. */
export function separateLog(log: Buffer): SeparatedLog {
  const parts: { readonly [Byte in 1 | 2]: Buffer[] } = { 1: [], 2: [] };
  let current: Buffer[] | undefined;
  let from = 0;
  for (let position = 0; position < log.length; ) {
    const marker = markerAt(log, position);
    if (marker === undefined) {
      position += 1;
      continue;
    }
    current?.push(log.subarray(from, position));
    current = parts[marker];
    position += markerBytes;
    from = position;
  }
  current?.push(log.subarray(from));
  return { stdout: Buffer.concat(parts[1]), stderr: Buffer.concat(parts[2]) };
}

export function withoutMarkers(log: Buffer): Buffer {
  const filter = new MarkerFilter();
  return Buffer.concat([filter.push(log), filter.end()]);
}

/** Takes the markers out of a log that comes in pieces, which may end in the middle of one. */
export class MarkerFilter {
  #kept: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): Buffer {
    const bytes = Buffer.concat([this.#kept, chunk]);
    const parts: Buffer[] = [];
    let from = 0;
    let position = 0;
    while (position + markerBytes <= bytes.length) {
      if (markerAt(bytes, position) === undefined) {
        position += 1;
        continue;
      }
      parts.push(bytes.subarray(from, position));
      position += markerBytes;
      from = position;
    }
    const keepFrom = Math.max(from, startOfPartialMarker(bytes, position));
    parts.push(bytes.subarray(from, keepFrom));
    this.#kept = bytes.subarray(keepFrom);
    return Buffer.concat(parts);
  }

  /** What was kept because a marker might have followed. */
  end(): Buffer {
    const rest = this.#kept;
    this.#kept = Buffer.alloc(0);
    return rest;
  }
}

function markerAt(bytes: Buffer, position: number): 1 | 2 | undefined {
  const first = bytes[position];
  if (first !== stdoutByte && first !== stderrByte) return undefined;
  return bytes[position + 1] === first && bytes[position + 2] === first ? first : undefined;
}

function startOfPartialMarker(bytes: Buffer, from: number): number {
  for (let start = from; start < bytes.length; start += 1) {
    const rest = bytes.subarray(start);
    const [first] = rest;
    const isMarkerByte = first === stdoutByte || first === stderrByte;
    if (isMarkerByte && rest.every((byte) => byte === first)) return start;
  }
  return bytes.length;
}
