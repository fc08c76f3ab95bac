import type { CallOptions } from "./call-options.ts";

export interface DoctorOptions extends CallOptions {
  /** Also makes a sandbox, runs a command in it, asks for a preview address, and deletes it. Default: false. */
  readonly probeSandbox?: boolean | undefined;
}

export interface DoctorCheck {
  /** Stable, such as `key`. */
  readonly name: string;
  /** `skipped`: it could not be looked at, because of an earlier failure or because it was not asked for. */
  readonly status: "ok" | "failed" | "skipped";
  /** What was found, for people. Never a secret. */
  readonly message: string;
  /** What to do next; undefined when there is nothing to do. */
  readonly advice: string | undefined;
}

export interface DoctorReport {
  readonly type: string;
  /** True when no check failed. */
  readonly ok: boolean;
  readonly checks: readonly DoctorCheck[];
}
