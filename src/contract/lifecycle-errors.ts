import { SandboxError, type SandboxErrorOptions } from "./sandbox-error.ts";

/** The provider said twice that there is no such sandbox. A key of another organisation looks the same. */
export class SandboxNotFoundError extends SandboxError {
  override readonly name = "SandboxNotFoundError";
  readonly code = "SANDBOX_NOT_FOUND";
}

/** Why a sandbox is in the wrong state, as far as a caller can act on it. */
export type SandboxStateReason =
  /** The entry point of its image has ended, where it must be a long-running command. */
  | "entrypoint-ended"
  /** It stopped though this call did not stop it: by the end of its first process, or by another client. */
  | "stopped-by-itself";

/** The sandbox is in a state that does not allow this, or belongs to another owner. */
export class SandboxStateError extends SandboxError {
  override readonly name = "SandboxStateError";
  readonly code = "SANDBOX_STATE";
  /** The provider's word for the state, where one is known. */
  readonly providerState: string | undefined;
  /** Undefined where there is nothing more to say than the message does. */
  readonly reason: SandboxStateReason | undefined;

  constructor(
    message: string,
    options: SandboxErrorOptions & {
      readonly providerState?: string | undefined;
      readonly reason?: SandboxStateReason | undefined;
    } = {},
  ) {
    super(message, options);
    this.providerState = options.providerState;
    this.reason = options.reason;
  }
}

/** A sandbox that could not be deleted yet. */
export interface LeakedSandbox {
  /** Undefined when the create answer was lost and the name was not found either. */
  readonly id: string | undefined;
  readonly name: string;
  /** The provider's word for its last known state. */
  readonly state: string | undefined;
}

/** `setup` failed. `step` names where, `cause` why, `leaked` what is left at the provider (nothing, as a rule). */
export class SetupError extends SandboxError {
  override readonly name = "SetupError";
  readonly code = "SETUP_FAILED";
  readonly step: string;
  readonly leaked: readonly LeakedSandbox[];

  constructor(
    message: string,
    options: SandboxErrorOptions & {
      readonly step: string;
      readonly leaked?: readonly LeakedSandbox[];
    },
  ) {
    super(message, options);
    this.step = options.step;
    this.leaked = options.leaked ?? [];
  }
}

/** `teardown` could not prove that the sandbox is gone. `leaked` names it; calling `teardown` again goes on. */
export class TeardownError extends SandboxError {
  override readonly name = "TeardownError";
  readonly code = "TEARDOWN_FAILED";
  readonly leaked: readonly LeakedSandbox[];

  constructor(
    message: string,
    options: SandboxErrorOptions & { readonly leaked: readonly LeakedSandbox[] },
  ) {
    super(message, options);
    this.leaked = options.leaked;
  }
}

/** The call took longer than its `timeoutMs`. For the end of a command see {@link CommandTimeoutError}. */
export class TimeoutError extends SandboxError {
  override readonly name = "TimeoutError";
  readonly code = "TIMEOUT";
  readonly timeoutMs: number;
  /** What is left at the provider when this was a `setup` (nothing, as a rule). */
  readonly leaked: readonly LeakedSandbox[];

  constructor(
    message: string,
    options: SandboxErrorOptions & {
      readonly timeoutMs: number;
      readonly leaked?: readonly LeakedSandbox[];
    },
  ) {
    super(message, options);
    this.timeoutMs = options.timeoutMs;
    this.leaked = options.leaked ?? [];
  }
}

/** The caller's signal was aborted. What the call had started is gone, or in `leaked`. */
export class AbortError extends SandboxError {
  override readonly name = "AbortError";
  readonly code = "ABORTED";
  readonly leaked: readonly LeakedSandbox[];

  constructor(
    message: string,
    options: SandboxErrorOptions & { readonly leaked?: readonly LeakedSandbox[] } = {},
  ) {
    super(message, options);
    this.leaked = options.leaked ?? [];
  }
}
