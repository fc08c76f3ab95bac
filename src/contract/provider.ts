import type { CallOptions } from "./call-options.ts";
import type { DoctorOptions, DoctorReport } from "./doctor.ts";
import type { Snapshots } from "./snapshot.ts";
import type { SandboxState } from "./status.ts";
import type { SweepOptions, SweepResult } from "./sweep.ts";

/** What a provider says about one of its sandboxes. */
export interface SandboxInfo {
  readonly id: string;
  /** The sandbox's name at the provider. */
  readonly name: string;
  /** The `owner` of the config that it was made with; undefined when there was none, or when this library did not make it. */
  readonly owner: string | undefined;
  /** The `name` of the config that it was made with. */
  readonly configName: string | undefined;
  readonly state: SandboxState;
  /** The provider's own word for the state. */
  readonly providerState: string;
  /** What the provider says about an error, else undefined. */
  readonly message: string | undefined;
  /** The labels that the config gave, without ours. */
  readonly labels: Readonly<Record<string, string>>;
  /** Undefined where the provider does not say. */
  readonly createdAt: Date | undefined;
  /** When it was last used, as its provider counts; undefined where nobody does. */
  readonly lastActivityAt: Date | undefined;
  /** Until when a lease holds it, see `keepAlive`; undefined when none does. */
  readonly leasedUntil: Date | undefined;
}

export interface ListOptions extends CallOptions {
  /** Only sandboxes of this owner. Default: of every owner, and of none. */
  readonly owner?: string | undefined;
  /** Only sandboxes whose config gave all of these labels. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Asks for each sandbox by its ID too, one request each: what is gone is left out, and each state is of now. Default: false. */
  readonly confirm?: boolean | undefined;
}

export interface DestroyOptions extends CallOptions {
  /** Whose sandbox it must be. Without it, `force` is needed, unless the sandbox has no owner. */
  readonly owner?: string | undefined;
  /** Destroys a sandbox of another owner too, and one that this library did not make. Default: false. */
  readonly force?: boolean | undefined;
}

/**
 * What a provider offers beside its single sandboxes. It is bound to none, and makes none unless it is told to.
 *
 * Every method takes `signal` and `timeoutMs`, checks its arguments before any request, and rejects with a subclass of
 * {@link SandboxError}.
 */
export interface Provider extends AsyncDisposable {
  /** The type string that the factory knows this provider by. */
  readonly type: string;

  /**
   * The sandboxes that this library has made here, in the order of their creation. A provider's list can be behind: it may lack a
   * new sandbox and hold one that is gone, so it is a hint; `confirm`, or `reconnect` by ID, is proof. Default `timeoutMs`: 60 000.
   */
  list(options?: ListOptions): Promise<SandboxInfo[]>;
  /**
   * Deletes a sandbox by its ID, in whatever state it is; resolves when it is proven gone, also when it was gone before.
   * Default `timeoutMs`: 120 000.
   *
   * @throws {@link SandboxStateError} when it is another owner's, or not this library's, and `force` is not set;
   * {@link TeardownError} when it is still there at the end of the time.
   */
  destroy(sandboxId: string, options?: DestroyOptions): Promise<void>;
  /**
   * Deletes the owner's sandboxes that nobody has used for a while. By default it only says what it would delete. Default
   * `timeoutMs`: 600 000.
   *
   * @throws {@link ConfigError} without an owner, or with labels that select everything.
   */
  sweep(options: SweepOptions): Promise<SweepResult>;
  /** Looks for what is wrong, step by step, and says what to do. It rejects only for wrong options. Default `timeoutMs`: 120 000. */
  doctor(options?: DoctorOptions): Promise<DoctorReport>;

  /** The snapshots, which belong to no single sandbox. */
  readonly snapshots: Snapshots;

  /** Closes connections. Deletes nothing. */
  [Symbol.asyncDispose](): Promise<void>;
}
