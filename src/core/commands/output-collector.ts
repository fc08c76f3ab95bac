import { OutputBuffer } from "./output-buffer.ts";
import type { RecordReport, StreamReport } from "./record-report.ts";
import type { SandboxRequests } from "./sandbox-requests.ts";

/** What a caller's callback threw, so that it is not taken for a failure of the connection. */
export class CallbackFailure extends Error {
  readonly thrown: unknown;

  constructor(thrown: unknown) {
    super("A callback for output threw.");
    this.thrown = thrown;
  }
}

type OnChunk = ((chunk: Uint8Array) => void) | undefined;

/** One stream of a command as far as it has reached the host. */
class CollectedStream {
  readonly suffix: "out" | "err";
  readonly buffer: OutputBuffer;
  readonly onChunk: OnChunk;
  offset = 0;

  constructor(suffix: "out" | "err", maxBytes: number, onChunk: OnChunk) {
    this.suffix = suffix;
    this.buffer = new OutputBuffer(maxBytes);
    this.onChunk = onChunk;
  }

  accept(chunk: Uint8Array): void {
    this.offset += chunk.length;
    this.buffer.append(chunk);
    try {
      this.onChunk?.(chunk);
    } catch (error) {
      throw new CallbackFailure(error);
    }
  }
}

/** Takes the output of a command from reports, and from its files where a report does not hold it exactly. */
export class OutputCollector {
  readonly streams: boolean;
  readonly #requests: SandboxRequests;
  readonly #stdout: CollectedStream;
  readonly #stderr: CollectedStream;

  constructor(
    requests: SandboxRequests,
    options: {
      readonly maxOutputBytes: number;
      readonly onStdout?: OnChunk;
      readonly onStderr?: OnChunk;
    },
  ) {
    this.#requests = requests;
    this.streams = options.onStdout !== undefined || options.onStderr !== undefined;
    this.#stdout = new CollectedStream("out", options.maxOutputBytes, options.onStdout);
    this.#stderr = new CollectedStream("err", options.maxOutputBytes, options.onStderr);
  }

  get stdoutOffset(): number {
    return this.#stdout.offset;
  }

  get stderrOffset(): number {
    return this.#stderr.offset;
  }

  get truncated(): boolean {
    return this.#stdout.buffer.droppedBytes > 0 || this.#stderr.buffer.droppedBytes > 0;
  }

  stdoutBytes(): Uint8Array {
    return this.#stdout.buffer.bytes();
  }

  stderrBytes(): Uint8Array {
    return this.#stderr.buffer.bytes();
  }

  stdoutText(): string {
    return this.#stdout.buffer.text();
  }

  stderrText(): string {
    return this.#stderr.buffer.text();
  }

  /** Takes everything up to the sizes of a report. `recordPath` is the path of the record without suffix. */
  async absorb(
    report: Pick<RecordReport, "stdout" | "stderr">,
    recordPath: string,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#absorb(this.#stdout, report.stdout, recordPath, signal);
    await this.#absorb(this.#stderr, report.stderr, recordPath, signal);
  }

  async #absorb(
    stream: CollectedStream,
    report: StreamReport,
    recordPath: string,
    signal: AbortSignal,
  ): Promise<void> {
    const size = report.sizeBytes;
    // The command truncated its own output; what it has written since is new.
    if (size < stream.offset) stream.offset = 0;
    if (report.inline !== undefined && report.inline.start === stream.offset) {
      stream.accept(report.inline.bytes);
    }
    const read = (start: number, end: number): Promise<void> =>
      this.#requests.readRange(`${recordPath}.${stream.suffix}`, start, end, signal, (chunk) =>
        stream.accept(chunk),
      );
    const { headBytes, tailBytes } = stream.buffer;
    const tailStart = size - tailBytes;
    // Nobody wants the middle of what is too much to keep.
    if (stream.onChunk === undefined && tailStart > headBytes) {
      if (stream.offset < headBytes) await read(stream.offset, headBytes);
      if (stream.offset < tailStart) {
        stream.buffer.skip(tailStart - stream.offset);
        stream.offset = tailStart;
      }
    }
    if (stream.offset < size) await read(stream.offset, size);
  }
}
