import { constants } from "node:os";
import { getSystemErrorMap } from "node:util";

export type FileErrorCode = keyof typeof constants.errno;

/** A Node-style error whose message and `path` name the path inside the sandbox, never one of the host. */
export function fileError(
  code: FileErrorCode,
  syscall: string,
  path: string,
  destination?: string,
): NodeJS.ErrnoException {
  const errno = -constants.errno[code];
  const description = getSystemErrorMap().get(errno)?.[1] ?? "failed";
  const target = destination === undefined ? "" : ` -> '${destination}'`;
  const error: NodeJS.ErrnoException = new Error(
    `${code}: ${description}, ${syscall} '${path}'${target}`,
  );
  error.errno = errno;
  error.code = code;
  error.syscall = syscall;
  error.path = path;
  return error;
}

/**
 * The error of an operation on `/proc/self/fd/…`, told about the path that the caller knows. Errors of anything else, such
 * as the source of a copy, pass.
 */
export function toSandboxError(error: unknown, syscall: string, path: string): unknown {
  if (!(error instanceof Error)) return error;
  const { code, path: failedPath } = error as NodeJS.ErrnoException;
  if (code === undefined || !isErrno(code)) return error;
  const isOurs = failedPath?.startsWith("/proc/self/fd/") ?? !CONNECTION_CODES.has(code);
  return isOurs ? fileError(code, syscall, path) : error;
}

const CONNECTION_CODES = new Set<string>(["ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT"]);

export function hasCode(error: unknown, code: FileErrorCode): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}

function isErrno(code: string): code is FileErrorCode {
  return Object.hasOwn(constants.errno, code);
}
