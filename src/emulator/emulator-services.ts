import type { LocalEngine } from "../engine/local-engine.ts";
import type { Images } from "./build/images.ts";
import type { DaytonaEmulatorOptions, QuotaOptions } from "./emulator-options.ts";
import type { EventGateway } from "./events/event-gateway.ts";
import type { FaultInjector } from "./faults/fault-injector.ts";
import type { ApiKeys } from "./http/api-keys.ts";
import type { RequestLog } from "./http/request-log.ts";
import type { ObjectStorage } from "./object-storage/handle-storage.ts";
import type { PreviewOrigins } from "./preview/preview-origins.ts";
import type { SignedPreviews } from "./preview/signed-previews.ts";
import type { ServerProfile } from "./server-profile.ts";
import type { SnapshotLifecycle } from "./snapshots/snapshot-lifecycle.ts";
import type { SnapshotStore } from "./snapshots/snapshot-store.ts";
import type { EmulatorClock } from "./state/emulator-clock.ts";
import type { Lifecycle } from "./state/lifecycle.ts";
import type { SandboxStore } from "./state/sandbox-store.ts";
import type { Secrets } from "./state/secrets.ts";
import type { Volumes } from "./state/volumes.ts";

/** Where the emulator listens. */
export interface EmulatorAddress {
  /** Such as `http://127.0.0.1:3986`. */
  readonly origin: string;
  readonly apiUrl: string;
  readonly toolboxProxyUrl: string;
}

/** What the routes work with. One set per emulator; nothing is kept in modules. */
export interface EmulatorServices {
  readonly options: DaytonaEmulatorOptions;
  readonly profile: ServerProfile;
  readonly quotas: QuotaOptions;
  readonly keys: ApiKeys;
  readonly engine: LocalEngine;
  readonly store: SandboxStore;
  readonly snapshots: SnapshotStore;
  readonly snapshotLifecycle: SnapshotLifecycle;
  readonly volumes: Volumes;
  readonly secrets: Secrets;
  readonly events: EventGateway;
  readonly lifecycle: Lifecycle;
  readonly clock: EmulatorClock;
  readonly images: Images;
  readonly storage: ObjectStorage;
  readonly faults: FaultInjector;
  readonly requests: RequestLog;
  readonly previewOrigins: PreviewOrigins;
  readonly signedPreviews: SignedPreviews;
  /** Known once the server listens. */
  readonly address: () => EmulatorAddress;
  /** Aborts when the emulator closes. */
  readonly closing: AbortSignal;
}
