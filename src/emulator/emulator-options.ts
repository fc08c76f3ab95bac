import type { Isolation } from "../engine/engine-types.ts";

/** Which server the emulator imitates: the newer cloud service, or the last open-source server, 0.190. */
export type ServerProfileName = "cloud" | "v0.190";

/** What an API key may do. Reading sandboxes needs no permission. */
export type ApiPermission =
  | "write:sandboxes"
  | "delete:sandboxes"
  | "write:snapshots"
  | "delete:snapshots"
  | "read:volumes"
  | "write:volumes"
  | "delete:volumes"
  | "write:registries"
  | "delete:registries"
  | "write:regions"
  | "delete:regions"
  | "read:runners"
  | "write:runners"
  | "delete:runners"
  | "read:audit_logs"
  | "manage:api_keys"
  | "manage:secrets"
  | "read:limits"
  | "manage:sso"
  | "read:billing"
  | "manage:billing";

export interface ApiKeyOptions {
  readonly key: string;
  /** UUID of the organisation that the key belongs to. Default: one organisation for all keys without one. */
  readonly organizationId?: string;
  /** Default: every permission. */
  readonly permissions?: readonly ApiPermission[];
}

/** How long a sandbox stays in each state of a transition, in milliseconds, beside the work itself. */
export interface StateDelaysMs {
  readonly pendingBuild?: number;
  readonly buildingSnapshot?: number;
  readonly creating?: number;
  readonly starting?: number;
  readonly restoring?: number;
  readonly stopping?: number;
  readonly archiving?: number;
  readonly resizing?: number;
  readonly destroying?: number;
  /** A sandbox of which a snapshot is made. */
  readonly snapshotting?: number;
  /** Each state on the way of a snapshot itself. */
  readonly snapshot?: number;
  /** `pending_create` of a volume. */
  readonly volumeCreating?: number;
  /** `pending_delete` of a volume. */
  readonly volumeDeleting?: number;
}

/** Limits whose excess answers 400 with Daytona's texts. Sizes in GiB. */
export interface QuotaOptions {
  /** Per sandbox. Default: 4. */
  readonly maxCpuPerSandbox?: number;
  /** Per sandbox. Default: 8. */
  readonly maxMemoryPerSandboxGiB?: number;
  /** Per sandbox. Default: 10. */
  readonly maxDiskPerSandboxGiB?: number;
  /** All running sandboxes of an organisation. Default: no limit. */
  readonly totalCpu?: number;
  /** All running sandboxes of an organisation. Default: no limit. */
  readonly totalMemoryGiB?: number;
  /** All sandboxes of an organisation that are not archived. Default: no limit. */
  readonly totalDiskGiB?: number;
  /** Snapshots of an organisation, those that failed too. Default: 30. */
  readonly maxSnapshots?: number;
  /** Volumes of an organisation. Default: 100. */
  readonly volumes?: number;
}

export interface DaytonaEmulatorOptions {
  /** TCP port on 127.0.0.1. Default: 0, any free port. */
  readonly port?: number;
  /** Absolute path of the engine's state. Default: a temporary folder, removed at `close()`. */
  readonly directory?: string;
  /** How sandboxes are separated from this machine. Default: `namespaces`; nothing downgrades silently. */
  readonly isolation?: Isolation;
  /** Default: `cloud`. */
  readonly profile?: ServerProfileName;
  /** Default: one random key with every permission. */
  readonly apiKeys?: readonly ApiKeyOptions[];
  /** Default: 10 ms for each state. */
  readonly stateDelaysMs?: StateDelaysMs;
  /** How many times faster than real time auto-stop, auto-archive, auto-delete and the TTL run. Default: 1. */
  readonly clockScale?: number;
  /** How long `POST /sandbox` and `POST …/start` wait for the sandbox before they answer. Default: 30 000. */
  readonly startHoldMs?: number;
  /** Whether a deleted sandbox's name is free at once. Default: true for `v0.190`, false for `cloud`. */
  readonly nameFreedOnDelete?: boolean;
  /** Whether preview requests count as activity. Default: true for `v0.190`, false for `cloud`. */
  readonly previewIsActivity?: boolean;
  /**
   * As the runner's setting of this name: the entry point of an image is the sandbox's first process. When it ends, so does the
   * sandbox; when it ends at once, the sandbox is in error. Without it the daemon is the first process, and the entry point runs
   * in the session `entrypoint`. Default: false.
   */
  readonly useSnapshotEntrypoint?: boolean;
  /** Added to every request before it is handled, in milliseconds. Default: 0. */
  readonly latencyMs?: number;
  readonly quotas?: QuotaOptions;
  /** Keep the sandboxes that this emulator made when it closes. Needs `directory`. Default: false. */
  readonly keepSandboxes?: boolean;
}
