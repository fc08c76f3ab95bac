import type {
  SandboxDesiredState,
  Sandbox as SandboxDto,
  SandboxState,
  SandboxVolume,
} from "@daytona/api-client";

import type { ImageConfig } from "../build/image-config.ts";
import type { RunAs } from "../build/run-as.ts";

export type StoredState = SandboxDto["state"] & SandboxState;
type DesiredState = SandboxDesiredState;
type BackupState = NonNullable<SandboxDto["backupState"]>;

/** What an image is built from. */
export interface BuildRecord {
  readonly dockerfileContent: string;
  readonly contextHashes: readonly string[];
  readonly snapshotRef: string;
  readonly createdAt: string;
}

/** An image in a sandbox. */
export interface ImageRecord {
  readonly config: ImageConfig;
  readonly runAs: RunAs;
}

/** All that the control plane knows of a sandbox. JSON: it is kept in the engine's metadata over a restart. */
export interface SandboxRecord {
  readonly id: string;
  readonly organizationId: string;
  name: string;
  readonly snapshot: string | undefined;
  /** The engine's snapshot that its files come from. Undefined: this machine's own system. */
  readonly engineSnapshotId: string | undefined;
  readonly build: BuildRecord | undefined;
  /** What the image says, once the sandbox has been made from it. */
  image: ImageRecord | undefined;
  /** Undefined: the image names none, and `sleep infinity` is run. */
  readonly entrypoint: readonly string[] | undefined;
  readonly user: string;
  readonly env: Readonly<Record<string, string>>;
  labels: Readonly<Record<string, string>>;
  public: boolean;
  networkBlockAll: boolean;
  networkAllowList: string | undefined;
  domainAllowList: string | undefined;
  readonly outboundProxyUrl: string | undefined;
  readonly otelEndpointOverride: string | undefined;
  readonly target: string;
  cpu: number;
  readonly gpu: number;
  memoryGiB: number;
  diskGiB: number;
  /** As stored; what a client sees also depends on `desiredState`. */
  state: StoredState;
  desiredState: DesiredState;
  errorReason: string | undefined;
  recoverable: boolean;
  backupState: BackupState;
  backupCreatedAt: string | undefined;
  autoStopInterval: number;
  autoArchiveInterval: number;
  autoDeleteInterval: number;
  autoPauseInterval: number | undefined;
  autoDestroyAt: string | undefined;
  readonly volumes: readonly SandboxVolume[];
  /** By variable. Missing in a record from before there were secrets. */
  secretPlaceholders?: Readonly<Record<string, string>>;
  createdAt: string;
  updatedAt: string;
  lastActivityAt: string;
  /** Opens every port and the toolbox of this sandbox. New at each start. */
  previewToken: string;
  signingKey: string;
}
