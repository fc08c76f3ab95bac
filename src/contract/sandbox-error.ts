import { cleanCause } from "./clean-cause.ts";

const brand = Symbol.for("sandbox-backend.error");

/** Codes of all errors. They do not change between major versions; messages do. */
export type SandboxErrorCode =
  | "CONFIG_INVALID"
  | "AUTHENTICATION_FAILED"
  | "PERMISSION_DENIED"
  | "SANDBOX_NOT_FOUND"
  | "SANDBOX_LOST"
  | "COMPLETION_UNKNOWN"
  | "CONNECTION_FAILED"
  | "SANDBOX_STATE"
  | "SETUP_FAILED"
  | "TEARDOWN_FAILED"
  | "QUOTA_EXCEEDED"
  | "NO_CAPACITY"
  | "RATE_LIMITED"
  | "TIMEOUT"
  | "ABORTED"
  | "COMMAND_FAILED"
  | "COMMAND_TIMEOUT"
  | "OUTPUT_LIMIT"
  | "WORKING_DIRECTORY_NOT_FOUND"
  | "PROCESS_NOT_FOUND"
  | "CONTEXT_NOT_FOUND"
  | "FILE_NOT_FOUND"
  | "FILE_ACCESS"
  | "GIT_FAILED"
  | "SNAPSHOT_FAILED"
  | "VOLUME_FAILED"
  | "PREVIEW_FAILED"
  | "AGENT_FAILED"
  | "UNSUPPORTED_OPERATION"
  | "PROTOCOL";

export interface SandboxErrorOptions {
  /** The method that was called, such as `exec`. */
  readonly operation?: string | undefined;
  readonly sandboxId?: string | undefined;
  /** Whether the same call may succeed later without a change by the caller. */
  readonly retryable?: boolean | undefined;
  /** Kept as a clean copy: name, message, code and status. */
  readonly cause?: unknown;
}

/** Base class of everything that this library rejects with. Branch on `code`. */
export abstract class SandboxError extends Error {
  abstract readonly code: SandboxErrorCode;
  /** The method that was called, such as `exec`. */
  readonly operation: string | undefined;
  readonly sandboxId: string | undefined;
  /** Whether the same call may succeed later without a change by the caller. */
  readonly retryable: boolean;

  constructor(message: string, options: SandboxErrorOptions = {}) {
    // An error of ours is clean already, and its class and facts are worth keeping.
    const cause = SandboxError.is(options.cause) ? options.cause : cleanCause(options.cause);
    super(message, cause === undefined ? undefined : { cause });
    Object.defineProperty(this, brand, { value: true, enumerable: false });
    this.operation = options.operation;
    this.sandboxId = options.sandboxId;
    this.retryable = options.retryable ?? false;
  }

  /** True for errors of this library, also those of another copy of the package. */
  static is(value: unknown): value is SandboxError {
    return typeof value === "object" && value !== null && brand in value;
  }

  /** Name, message and all public facts; `Error` alone would serialise to `{}`. */
  toJSON(): Record<string, unknown> {
    const facts: Record<string, unknown> = Object.fromEntries(Object.entries(this));
    facts.name = this.name;
    facts.message = this.message;
    if (this.cause instanceof Error) {
      facts.cause = { name: this.cause.name, message: this.cause.message };
    }
    return facts;
  }
}
