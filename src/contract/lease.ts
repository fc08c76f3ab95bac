import type { CallOptions } from "./call-options.ts";
import type { SandboxError } from "./sandbox-error.ts";

export interface LeaseOptions extends CallOptions {
  /** Milliseconds after which the lease ends by itself, so that a host app that forgets it does not pay for ever. Default: 28 800 000, eight hours. */
  readonly maxMs?: number | undefined;
  /**
   * Told once, when the lease is lost: with a {@link SandboxNotFoundError} when the sandbox is gone, an {@link AuthenticationError} or
   * {@link PermissionError} when the key is refused, a {@link SandboxStateError} when the sandbox does not run any more. What it
   * throws is an uncaught exception.
   */
  readonly onLost?: ((error: SandboxError) => void) | undefined;
}

/** How a lease ended: by `release` or with its backend, at the end of its `maxMs`, or for the reason in `error`. */
export type LeaseEnd =
  | { readonly reason: "released" | "expired"; readonly error: undefined }
  | { readonly reason: "lost"; readonly error: SandboxError };

/**
 * Keeps a sandbox from being stopped for want of activity, and from being swept, as long as this process lives and holds it. It does
 * not keep the process alive.
 */
export interface Lease extends AsyncDisposable {
  readonly sandboxId: string;
  /** When it ends by itself. */
  readonly expiresAt: Date;
  /** False as soon as it has ended. */
  readonly isHeld: boolean;
  /** Resolves when it has ended, and never rejects. */
  readonly ended: Promise<LeaseEnd>;
  /** Ends it. Idempotent. Default `timeoutMs`: 30 000. */
  release(options?: CallOptions): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
