import type { FileAccessReason } from "../../contract/file-errors.ts";
import { SandboxNotFoundError, SandboxStateError } from "../../contract/lifecycle-errors.ts";
import {
  CapacityError,
  ConfigError,
  ConnectionError,
  SnapshotError,
  UnsupportedOperationError,
} from "../../contract/provider-errors.ts";
import { SandboxError } from "../../contract/sandbox-error.ts";
import { fileAccessError, fileNotFound } from "../../core/files/file-script.ts";
import { NameTakenError, NotSentError } from "../../core/transport.ts";
import type { EngineErrorCode } from "../../engine/engine-error.ts";

/** What was being done: with the folder as a whole, with a sandbox as a whole, or with a program inside of one. */
export type LocalLayer = "directory" | "sandbox" | "program";

/** The machine's own limits; what they refuse may succeed later. */
const exhausted = ["ENOSPC", "EDQUOT", "ENOMEM", "EAGAIN", "EMFILE", "ENFILE"];
const directoryRefused = ["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST", "ENAMETOOLONG", "ELOOP"];

/** Turns whatever the engine or Node threw into an error of ours, by its code. */
export function classifyLocalError(error: unknown, layer: LocalLayer): SandboxError {
  if (SandboxError.is(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = (error as { code?: unknown } | undefined)?.code;
  if (error instanceof Error && error.name === "EngineError") {
    return fromEngine(code as EngineErrorCode, message, error);
  }
  const isExhausted = exhausted.includes(String(code));
  if (layer === "program") {
    return new NotSentError(`Nothing could be started in the sandbox: ${message}`, {
      cause: error,
      retryable: isExhausted,
    });
  }
  if (isExhausted) {
    return new CapacityError(`This machine has nothing left for a sandbox: ${message}`, {
      cause: error,
    });
  }
  if (layer === "directory" && directoryRefused.includes(String(code))) {
    return new ConfigError(
      `The folder of the sandboxes cannot be used (${message}). Set \`directory\` to one that this user can write to.`,
      { path: "directory", cause: error },
    );
  }
  return new ConnectionError(`The local engine failed: ${message}`, { cause: error });
}

const fileReasons: Readonly<Record<string, FileAccessReason>> = {
  EACCES: "permission-denied",
  EPERM: "permission-denied",
  EROFS: "permission-denied",
  EISDIR: "is-directory",
  ENOTDIR: "not-a-directory",
  EEXIST: "already-exists",
  ENOTEMPTY: "not-empty",
  ENOSPC: "no-space",
  EDQUOT: "no-space",
};

/** The same for work on a file of a sandbox. */
export function classifyLocalFileError(error: unknown, path: string): SandboxError {
  const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown };
  if (SandboxError.is(error) || name === "EngineError") return classifyLocalError(error, "sandbox");
  if (code === "ENOENT") return fileNotFound(path);
  const message = error instanceof Error ? error.message : String(error);
  return fileAccessError(path, fileReasons[String(code)] ?? "other", message, { cause: error });
}

function fromEngine(code: EngineErrorCode, message: string, cause: Error): SandboxError {
  const state = (retryable: boolean): SandboxError =>
    new SandboxStateError(message, { cause, retryable });
  switch (code) {
    case "ISOLATION_UNAVAILABLE":
      return new UnsupportedOperationError(
        `${message}. \`isolation: "none"\` runs without, and protects nothing.`,
        { cause },
      );
    case "PTY_UNAVAILABLE":
    case "MOUNTS_UNAVAILABLE":
    case "LIMITS_UNAVAILABLE":
    case "NETWORK_UNAVAILABLE":
      return new UnsupportedOperationError(message, { cause });
    case "INVALID_ARGUMENT":
      return new ConfigError(message, { cause });
    case "SANDBOX_EXISTS":
      return new NameTakenError(message, { cause });
    case "SANDBOX_NOT_FOUND":
      return new SandboxNotFoundError(message, { cause });
    case "SANDBOX_START_FAILED":
      // No error of its state: the next look would find it stopped, and it would be started again and again.
      return new CapacityError(`The sandbox did not start: ${message}`, { cause });
    case "LIMIT_REACHED":
      return new CapacityError(message, { cause, retryable: true });
    case "SANDBOX_LOCKED":
    case "VOLUME_EXISTS":
    case "PROCESSES_REMAIN":
      return state(true);
    case "SNAPSHOT_EXISTS":
      return new SnapshotError(message, { cause, reason: "name-taken" });
    case "SNAPSHOT_NOT_FOUND":
      return new SnapshotError(message, { cause, reason: "not-found" });
    case "SNAPSHOT_FAILED":
      return new SnapshotError(`The snapshot could not be made: ${message}`, {
        cause,
        reason: "failed",
      });
    case "SANDBOX_STOPPED":
    case "STATE_UNREADABLE":
      return state(false);
    case "EXIT_UNKNOWN":
    case "PTY_CLOSED":
    case "ENGINE_CLOSED":
      return new ConnectionError(message, { cause });
  }
}
