import { isUtf8 } from "node:buffer";

const errorTexts: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EISDIR: "is a directory",
  ENOTDIR: "not a directory",
  EEXIST: "file exists",
  ENOTEMPTY: "directory not empty",
  ENOSPC: "no space left on device",
  ELOOP: "too many levels of symbolic links",
  ENAMETOOLONG: "file name too long",
  EROFS: "read-only file system",
};

/** The errno name of a Node error, such as `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** What Go prints for the error of an operation on a path: `open /x: no such file or directory`. */
export function goPathError(operation: string, path: string, error: unknown): string {
  return `${operation} ${path}: ${goErrorText(error)}`;
}

export function goErrorText(error: unknown): string {
  const text = errorTexts[errorCode(error) ?? ""];
  if (text !== undefined) return text;
  return error instanceof Error ? error.message : String(error);
}

/**
 * Text as Go's JSON encoder makes it of bytes: each single byte that is not part of valid UTF-8 becomes U+FFFD. (Node's
 * decoder makes one U+FFFD of a whole truncated sequence.)
 */
export function goText(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  const parts: string[] = [];
  let validFrom = 0;
  let position = 0;
  while (position < bytes.length) {
    const length = sequenceLength(bytes, position);
    if (length === 0) {
      parts.push(bytes.toString("utf8", validFrom, position), "\ufffd");
      position += 1;
      validFrom = position;
    } else {
      position += length;
    }
  }
  parts.push(bytes.toString("utf8", validFrom));
  return parts.join("");
}

/** Length of the valid UTF-8 sequence that begins here, or 0. */
function sequenceLength(bytes: Buffer, start: number): number {
  const first = bytes[start] ?? 0;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  const sequence = bytes.subarray(start, start + length);
  return sequence.length === length && isUtf8(sequence) ? length : 0;
}
