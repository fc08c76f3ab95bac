import type { CallOptions } from "./call-options.ts";
import type { SandboxInfo } from "./provider.ts";
import type { SandboxError } from "./sandbox-error.ts";

export interface SweepOptions extends CallOptions {
  /** Whose sandboxes are swept; no other sandbox is touched. */
  readonly owner: string;
  /** Only sandboxes with all of these labels. An empty object is refused: it would select all. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Only says what would be deleted. Default: true. */
  readonly dryRun?: boolean | undefined;
  /** Milliseconds since its last activity (its creation, where no activity is known) from which a sandbox is swept. Default: 86 400 000, a day. */
  readonly idleMs?: number | undefined;
  /** Also sweeps running sandboxes. Default: false. */
  readonly includeRunning?: boolean | undefined;
  /** Also sweeps sandboxes that a lease holds, see `keepAlive`. Default: false. */
  readonly includeLeased?: boolean | undefined;
}

/**
 * Why a sandbox was left alone: it runs, a lease holds it, it was used a short while ago, nobody knows how old it is, it is in the
 * midst of a change, or it was gone or another owner's when it was asked for by its ID.
 */
export type SweepSkipReason =
  | "running"
  | "leased"
  | "recently-used"
  | "age-unknown"
  | "in-transition"
  | "gone"
  | "other-owner";

export interface SweepResult {
  readonly dryRun: boolean;
  /** What the rules select: each was, or would be, deleted. */
  readonly selected: readonly SandboxInfo[];
  /** Proven gone. Empty after a dry run. */
  readonly deleted: readonly SandboxInfo[];
  readonly skipped: readonly { readonly sandbox: SandboxInfo; readonly reason: SweepSkipReason }[];
  /** What could not be asked for or deleted, and why. It may be deleted all the same, a little later. */
  readonly failed: readonly { readonly sandbox: SandboxInfo; readonly error: SandboxError }[];
}
