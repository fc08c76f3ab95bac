import { SandboxError, type SandboxErrorOptions } from "./sandbox-error.ts";
import type { SandboxState } from "./status.ts";

/** A config or an argument is wrong. Raised before any request; `path` names it. */
export class ConfigError extends SandboxError {
  override readonly name = "ConfigError";
  readonly code = "CONFIG_INVALID";
  /** Where the wrong value is, such as `resources.cpu`; empty for the whole. */
  readonly path: string;

  constructor(message: string, options: SandboxErrorOptions & { readonly path?: string } = {}) {
    super(message, options);
    this.path = options.path ?? "";
  }
}

/** The provider does not accept the key. Never retried. */
export class AuthenticationError extends SandboxError {
  override readonly name = "AuthenticationError";
  readonly code = "AUTHENTICATION_FAILED";
}

/** The key is valid and lacks a right. */
export class PermissionError extends SandboxError {
  override readonly name = "PermissionError";
  readonly code = "PERMISSION_DENIED";
}

/** The provider could not be reached. It says nothing about the sandbox. */
export class ConnectionError extends SandboxError {
  override readonly name = "ConnectionError";
  readonly code = "CONNECTION_FAILED";
}

/** What a limit counts. */
export type QuotaScope =
  /** What all sandboxes of the organisation have together: see {@link QuotaError.holders}. */
  | "organization"
  /** What one sandbox may have. */
  | "sandbox"
  | "snapshots"
  | "volumes";

/** A sandbox that counts towards a limit of the organisation. */
export interface QuotaHolder {
  readonly id: string;
  /** Its name at the provider. */
  readonly name: string;
  /** The `owner` of the config that it was made with; undefined when there was none. */
  readonly owner: string | undefined;
  readonly state: SandboxState;
}

/** A limit is reached. */
export class QuotaError extends SandboxError {
  override readonly name = "QuotaError";
  readonly code = "QUOTA_EXCEEDED";
  /** Undefined where the provider does not say. */
  readonly scope: QuotaScope | undefined;
  /**
   * For a limit of the organisation: sandboxes that this library has made there, of every owner, the oldest first and at most 20.
   * Others may hold it too. A hint, since the provider's list may be behind; empty where it could not be had within 5 seconds.
   */
  readonly holders: readonly QuotaHolder[];
  /** How many there are, also of those that are not in `holders`. */
  readonly holderCount: number;

  constructor(
    message: string,
    options: SandboxErrorOptions & {
      readonly scope?: QuotaScope | undefined;
      readonly holders?: readonly QuotaHolder[];
      readonly holderCount?: number;
    } = {},
  ) {
    super(message, options);
    this.scope = options.scope;
    this.holders = options.holders ?? [];
    this.holderCount = options.holderCount ?? this.holders.length;
  }
}

/** The provider has no machine free for this, or the sandbox has no room for another process. */
export class CapacityError extends SandboxError {
  override readonly name = "CapacityError";
  readonly code = "NO_CAPACITY";
}

/** Too many requests. */
export class RateLimitError extends SandboxError {
  override readonly name = "RateLimitError";
  readonly code = "RATE_LIMITED";
  /** Milliseconds that the provider asked to wait; undefined when it named none. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    options: SandboxErrorOptions & { readonly retryAfterMs?: number | undefined } = {},
  ) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** What is wrong with a snapshot. */
export type SnapshotErrorReason =
  /** There is none of that name or ID. */
  | "not-found"
  /** It cannot be used in its state. */
  | "not-active"
  /** Another one has the name. */
  | "name-taken"
  /** It could not be made. */
  | "failed";

/** A snapshot is missing or cannot be used, its name is taken, or it could not be made. */
export class SnapshotError extends SandboxError {
  override readonly name = "SnapshotError";
  readonly code = "SNAPSHOT_FAILED";
  readonly reason: SnapshotErrorReason;
  /** Its name or ID, as far as known. */
  readonly snapshot: string | undefined;

  constructor(
    message: string,
    options: SandboxErrorOptions & {
      readonly reason: SnapshotErrorReason;
      readonly snapshot?: string | undefined;
    },
  ) {
    super(message, options);
    this.reason = options.reason;
    this.snapshot = options.snapshot;
  }
}

/** A volume is missing, broken, or not mounted. */
export class VolumeError extends SandboxError {
  override readonly name = "VolumeError";
  readonly code = "VOLUME_FAILED";
}

/** The preview address cannot be had or does not lead to the sandbox. */
export class PreviewError extends SandboxError {
  override readonly name = "PreviewError";
  readonly code = "PREVIEW_FAILED";
}

/** This backend cannot do that. Raised before any request; `capabilities` says so beforehand. */
export class UnsupportedOperationError extends SandboxError {
  override readonly name = "UnsupportedOperationError";
  readonly code = "UNSUPPORTED_OPERATION";
}

/** An answer makes no sense, such as HTML where JSON is due: as a rule a wrong address. */
export class ProtocolError extends SandboxError {
  override readonly name = "ProtocolError";
  readonly code = "PROTOCOL";
}
