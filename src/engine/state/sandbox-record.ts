import type { EngineLimits, EngineMount, Isolation } from "../engine-types.ts";
import type { ControlGroup } from "../limits/control-groups.ts";
import type { ProcessIdentity } from "../processes/process-identity.ts";

/** A run of a sandbox, from its start to its stop. Void after a reboot, and when its holder is gone. */
export interface SandboxRun {
  readonly bootId: string;
  /** The process that keeps the sandbox's namespaces; null without namespaces. */
  readonly holder: ProcessIdentity | null;
}

/** What is kept on disk of a sandbox, so that any process can use it by its id. */
export interface SandboxRecord {
  readonly version: 1;
  readonly id: string;
  readonly isolation: Isolation;
  readonly createdAt: string;
  /** A sandbox whose creator died before `ready` is garbage. */
  readonly phase: "creating" | "ready";
  readonly creator: ProcessIdentity;
  /** A random word in the environment of the processes that belong to the sandbox. */
  readonly marker: string;
  readonly env: Readonly<Record<string, string>>;
  /** Missing in a sandbox that was made before there were mounts. */
  readonly mounts?: readonly EngineMount[];
  /** Missing without namespaces, and in a sandbox that was made before there were limits. */
  readonly limits?: SandboxLimits;
  /** Missing when it is the machine's. */
  readonly network?: "none";
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly run: SandboxRun | null;
  /** IDs of the read-only layers that the sandbox stands on, the uppermost first. None without a snapshot. */
  readonly layers?: readonly string[];
  /** The layer that the sandbox's own is becoming: set before anything moves, so that what a dead process began is finished. */
  readonly layerInTheMaking?: { readonly layerId: string; readonly temporaryFiles: boolean };
  /** The snapshot that the sandbox was made from. */
  readonly origin?: SnapshotOrigin;
}

export interface SandboxLimits {
  readonly asked: EngineLimits;
  /** Of the current run, or of the last one. Written down before they are made, so that whoever cleans up finds them. */
  readonly groups: readonly ControlGroup[];
}

export interface SnapshotOrigin {
  readonly snapshotId: string;
  /** The sandbox that the snapshot was made of, whose host name its files know. */
  readonly sourceId: string;
  /** Whether its `/tmp` is part of it. */
  readonly temporaryFiles: boolean;
}
