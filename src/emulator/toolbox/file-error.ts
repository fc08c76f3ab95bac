import { DaemonError } from "../http/daemon-error.ts";
import { errorCode, goPathError } from "./go-text.ts";

/**
 * The answer of a file call to a failed operation: 404 for a missing file, 403 for a forbidden one, else 400. The 0.190
 * daemon sends the status alone.
 */
export function fileError(operation: string, path: string, error: unknown): DaemonError {
  const message = goPathError(operation, path, error);
  switch (errorCode(error) ?? "") {
    case "ENOENT":
      return new DaemonError({ status: 404, code: "FILE_NOT_FOUND", message, emptyInOlder: true });
    case "EACCES":
    case "EPERM":
      return new DaemonError({
        status: 403,
        code: "FILE_ACCESS_DENIED",
        message,
        emptyInOlder: true,
      });
    default:
      return badFileRequest(message);
  }
}

export function badFileRequest(message: string): DaemonError {
  return new DaemonError({ status: 400, code: "BAD_REQUEST", message, emptyInOlder: true });
}

export function fileConflict(message: string): DaemonError {
  return new DaemonError({ status: 409, code: "CONFLICT", message, emptyInOlder: true });
}
