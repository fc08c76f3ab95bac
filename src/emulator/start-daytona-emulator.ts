import { join } from "node:path";
import { LocalEngine } from "../engine/local-engine.ts";
import { defaultSnapshot } from "./api/create-rules.ts";
import { ImageBuilder } from "./build/image-builder.ts";
import { Images } from "./build/images.ts";
import { Closers } from "./closers.ts";
import type {
  DaytonaEmulator,
  EmulatedSandbox,
  EmulatedSnapshot,
  EmulatedVolume,
} from "./daytona-emulator.ts";
import type { DaytonaEmulatorOptions } from "./emulator-options.ts";
import type { EmulatorAddress, EmulatorServices } from "./emulator-services.ts";
import { announceChanges } from "./events/announce-changes.ts";
import { EventGateway } from "./events/event-gateway.ts";
import { FaultInjector } from "./faults/fault-injector.ts";
import { ApiKeys } from "./http/api-keys.ts";
import { Dispatcher } from "./http/dispatcher.ts";
import { HttpListener } from "./http/http-listener.ts";
import { RequestLog } from "./http/request-log.ts";
import { ObjectStore } from "./object-storage/object-store.ts";
import { PushAccesses } from "./object-storage/push-access.ts";
import { PreviewOrigins } from "./preview/preview-origins.ts";
import { SignedPreviews } from "./preview/signed-previews.ts";
import { type ServerProfile, serverProfile } from "./server-profile.ts";
import { newSnapshot } from "./snapshots/new-snapshot.ts";
import { restoreSnapshots } from "./snapshots/restore-snapshots.ts";
import { SnapshotLifecycle } from "./snapshots/snapshot-lifecycle.ts";
import { SnapshotStore } from "./snapshots/snapshot-store.ts";
import { EmulatorClock } from "./state/emulator-clock.ts";
import { IdleIntervals } from "./state/idle-intervals.ts";
import { Lifecycle } from "./state/lifecycle.ts";
import { restoreSandboxes } from "./state/restore-sandboxes.ts";
import { SandboxStore } from "./state/sandbox-store.ts";
import { Secrets } from "./state/secrets.ts";
import { shownState } from "./state/shown-state.ts";
import { Volumes } from "./state/volumes.ts";

import { makeTemporaryFolder, removeTemporaryFolder } from "./temporary-folder.ts";

/**
 * Starts a server on 127.0.0.1 that speaks Daytona's API over sandboxes of this machine.
 *
 * @throws EngineError `ISOLATION_UNAVAILABLE` when namespaces do not work here and `isolation: "none"` was not asked for.
 */
export async function startDaytonaEmulator(
  options: DaytonaEmulatorOptions = {},
): Promise<DaytonaEmulator> {
  if (options.keepSandboxes && options.directory === undefined)
    throw new TypeError("keepSandboxes needs a directory that outlives the emulator");
  const closers = new Closers();
  try {
    return await start(options, closers);
  } catch (error) {
    await closers.close();
    throw error;
  }
}

async function start(options: DaytonaEmulatorOptions, closers: Closers): Promise<DaytonaEmulator> {
  const engine = await openEngine(options, closers);
  const profile = profileOf(options);
  const clock = new EmulatorClock(options.clockScale ?? 1);
  const faults = new FaultInjector();
  const delaysMs = options.stateDelaysMs ?? {};
  const volumes = await Volumes.open({ engine, clock, faults, delaysMs });
  closers.add(() => volumes.close({ keep: options.keepSandboxes === true }));
  const store = new SandboxStore();
  await restoreSandboxes(engine, store);
  const snapshots = new SnapshotStore();
  await restoreSnapshots(engine, snapshots);
  closers.add(() => deleteSnapshots(snapshots, options));
  closers.add(() => deleteSandboxes(store, options));

  snapshots.add(
    newSnapshot(
      { clock, engine },
      { name: defaultSnapshot, organizationId: undefined, general: true, state: "active" },
    ),
  );
  const signedPreviews = new SignedPreviews();
  const previewOrigins = new PreviewOrigins(
    (target, request, response, upgrade) => dispatcher.handle(request, response, upgrade, target),
    (idOrToken) => store.byId(idOrToken) !== undefined || signedPreviews.isRemembered(idOrToken),
  );
  const objects = new ObjectStore(join(engine.directory, "object-storage"));
  const builder = new ImageBuilder(engine);
  if (!options.keepSandboxes) closers.add(() => builder.deleteLayers());
  const images = new Images(builder, objects);
  closers.add(() => images.close());
  const lifecycle = new Lifecycle({
    engine,
    images,
    store,
    volumes,
    clock,
    faults,
    delaysMs,
    nameFreedOnDelete: profile.nameFreedOnDelete,
    useSnapshotEntrypoint: options.useSnapshotEntrypoint ?? false,
  });
  closers.add(() => lifecycle.close());
  const snapshotLifecycle = new SnapshotLifecycle({
    store: snapshots,
    clock,
    faults,
    delaysMs: options.stateDelaysMs ?? {},
  });
  closers.add(() => snapshotLifecycle.close());
  const idle = new IdleIntervals(store, lifecycle, clock);
  closers.add(() => idle.close());

  closers.add(() => {
    for (const { daemon } of store.all()) daemon.end();
  });

  const keys = new ApiKeys(options.apiKeys);
  const events = new EventGateway(keys);
  closers.add(() => events.close());
  const closing = new AbortController();
  const services: EmulatorServices = {
    options,
    profile,
    quotas: options.quotas ?? {},
    keys,
    secrets: new Secrets(),
    events,
    engine,
    store,
    snapshots,
    snapshotLifecycle,
    volumes,
    lifecycle,
    clock,
    images,
    storage: { store: objects, accesses: new PushAccesses() },
    faults,
    requests: new RequestLog(),
    previewOrigins,
    signedPreviews,
    address: () => addressOf(listener),
    closing: closing.signal,
  };
  announceChanges(services, events);
  const dispatcher = new Dispatcher(services);
  const listener = await HttpListener.open(options.port ?? 0, (...exchange) =>
    dispatcher.handle(...exchange),
  );
  closers.add(() => closing.abort());
  closers.add(() => previewOrigins.close());
  // First of all the connections end: a request that is being held gets no answer, as if the server had died.
  closers.add(() => listener.close());
  return new RunningEmulator(services, idle, closers);
}

class RunningEmulator implements DaytonaEmulator {
  readonly url: string;
  readonly apiKey: string;
  readonly environment: DaytonaEmulator["environment"];
  readonly faults: FaultInjector;
  readonly requests: RequestLog;
  readonly #store: SandboxStore;
  readonly #snapshots: SnapshotStore;
  readonly #volumes: Volumes;
  readonly #idle: IdleIntervals;
  readonly #closers: Closers;

  constructor(services: EmulatorServices, idle: IdleIntervals, closers: Closers) {
    this.url = services.address().apiUrl;
    this.apiKey = services.keys.primary.key;
    this.environment = { DAYTONA_API_URL: this.url, DAYTONA_API_KEY: this.apiKey };
    this.faults = services.faults;
    this.requests = services.requests;
    this.#store = services.store;
    this.#snapshots = services.snapshots;
    this.#volumes = services.volumes;
    this.#idle = idle;
    this.#closers = closers;
  }

  sandboxes(): EmulatedSandbox[] {
    return this.#store.all().map(({ record }) => ({
      id: record.id,
      name: record.name,
      organizationId: record.organizationId,
      state: shownState(record, "single"),
      desiredState: record.desiredState,
      labels: { ...record.labels },
      env: { ...record.env },
      createdAt: record.createdAt,
      lastActivityAt: record.lastActivityAt,
    }));
  }

  snapshots(): EmulatedSnapshot[] {
    return this.#snapshots
      .all()
      .map(({ record: { id, name, state, general, sourceSandboxId } }) => ({
        id,
        name,
        state,
        general,
        sourceSandboxId,
      }));
  }

  volumes(): EmulatedVolume[] {
    return this.#volumes
      .all()
      .map(({ id, name, organizationId, state }) => ({ id, name, organizationId, state }));
  }

  advanceClock(ms: number): void {
    this.#idle.age(ms);
  }

  close(): Promise<void> {
    return this.#closers.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function openEngine(
  { directory, isolation = "namespaces" }: DaytonaEmulatorOptions,
  closers: Closers,
): Promise<LocalEngine> {
  const folder = directory ?? (await makeTemporaryFolder(isolation));
  if (directory === undefined) closers.add(() => removeTemporaryFolder(folder));
  const engine = await LocalEngine.open({ directory: folder, isolation });
  closers.add(() => engine.close());
  return engine;
}

function profileOf(options: DaytonaEmulatorOptions): ServerProfile {
  const profile = serverProfile(options.profile ?? "cloud");
  const { nameFreedOnDelete, previewIsActivity } = options;
  return {
    ...profile,
    nameFreedOnDelete: nameFreedOnDelete ?? profile.nameFreedOnDelete,
    previewIsActivity: previewIsActivity ?? profile.previewIsActivity,
  };
}

function addressOf({ origin }: HttpListener): EmulatorAddress {
  return { origin, apiUrl: `${origin}/api`, toolboxProxyUrl: `${origin}/toolbox` };
}

async function deleteSandboxes(
  store: SandboxStore,
  { keepSandboxes }: DaytonaEmulatorOptions,
): Promise<void> {
  const doomed = store.all().filter(({ record, madeHere }) => {
    const isBeingDeleted = record.desiredState === "destroyed";
    return isBeingDeleted || (madeHere && !keepSandboxes);
  });
  await Promise.all(doomed.map(({ engine }) => engine?.delete() ?? Promise.resolve()));
}

async function deleteSnapshots(
  snapshots: SnapshotStore,
  { keepSandboxes }: DaytonaEmulatorOptions,
): Promise<void> {
  const doomed = snapshots.all().filter(({ madeHere }) => madeHere && !keepSandboxes);
  await Promise.all(doomed.map((entry) => entry.deleteFiles()));
}
