import type { IdleConfig } from "../../contract/config.ts";
import type { PreviewAddress } from "../../contract/preview.ts";
import { ConfigError } from "../../contract/provider-errors.ts";
import { findTwice, sandboxNotFound } from "../../core/lifecycle/find-sandbox.ts";
import type {
  BuildLogSource,
  CreateSandboxRequest,
  SandboxChannel,
  SandboxRecord,
  Transport,
  TransportCall,
} from "../../core/transport.ts";
import { DaytonaChannel } from "./daytona-channel.ts";
import type { ResolvedDaytonaConfig } from "./daytona-config.ts";
import type { DaytonaConnection } from "./daytona-connection.ts";
import { classifyDaytonaError } from "./daytona-errors.ts";
import { changeIdle, proveIdle } from "./daytona-idle.ts";
import { listDaytonaSandboxes } from "./daytona-list.ts";
import { daytonaPreviewRules } from "./daytona-preview.ts";
import { sandboxParams, unmetDaytonaOptions } from "./daytona-sandbox-options.ts";
import type { DaytonaSandbox } from "./daytona-sdk.ts";
import { DaytonaSnapshots } from "./daytona-snapshots.ts";
import { toSandboxRecord } from "./daytona-states.ts";
import { readyVolumes } from "./daytona-volumes.ts";
import { prepareImage } from "./images/build-source.ts";
import { DaytonaBuildLog } from "./images/daytona-build-log.ts";
import { findEndedEntrypoint, namesEntrypoint } from "./images/ended-entrypoint.ts";
import { asImageOf } from "./images/sdk-image.ts";
import { sdkResources } from "./images/sdk-resources.ts";
import { untilAccepted } from "./images/until-accepted.ts";

/**
 * Seconds that one call of the SDK which also waits for a state may take. What is not reached by then is waited for by our own
 * loop, which survives a single failed look; the SDK's does not.
 */
const sdkWaitSeconds = 50;

/** The longest life of a signed preview address (Daytona openapi, `expiresInSeconds`). */
const longestPreviewSeconds = 86_400;

/** Daytona's control plane, through the official SDK. */
export class DaytonaTransport implements Transport {
  readonly previewRules = daytonaPreviewRules;
  readonly #config: ResolvedDaytonaConfig;
  readonly #connection: DaytonaConnection;
  readonly snapshots: DaytonaSnapshots;

  constructor(config: ResolvedDaytonaConfig, connection: DaytonaConnection) {
    this.snapshots = new DaytonaSnapshots(connection);
    this.#config = config;
    this.#connection = connection;
  }

  async create(
    request: CreateSandboxRequest,
    call: TransportCall,
    onSend: () => void,
  ): Promise<SandboxRecord> {
    const { image, imageBuilder, snapshot } = this.#config;
    // Local files are looked at before the first request.
    const prepared = imageBuilder && (await prepareImage(imageBuilder));
    const client = await this.#connection.client();
    const params: Record<string, unknown> = {
      name: request.name,
      labels: { ...request.labels },
      envVars: { ...request.env },
      autoStopInterval: request.idle.autoStopMinutes,
      autoArchiveInterval: request.idle.autoArchiveMinutes,
      autoDeleteInterval: request.idle.autoDeleteMinutes,
    };
    const { volumes } = this.#config;
    if (volumes?.length) params.volumes = await readyVolumes(this.#connection, volumes, call);
    if (image !== undefined) params.image = image;
    if (snapshot !== undefined) params.snapshot = snapshot;
    Object.assign(params, sandboxParams(this.#config), sdkResources(this.#config.resources));
    if (prepared !== undefined) {
      params.image = asImageOf(await this.#connection.sdk(), prepared, onSend);
    }
    const create = (signal: AbortSignal) =>
      this.#ask({ signal }, () => {
        // With files to upload the request itself comes after them.
        if (prepared === undefined) onSend();
        // A fresh object each time: the SDK writes into it.
        return client.create({ ...params }, { timeout: sdkWaitSeconds });
      });
    if (image === undefined && prepared === undefined) {
      const sandbox = await this.snapshots.whenActive(snapshot, call, () => create(call.signal));
      return toSandboxRecord(this.#connection.keep(sandbox));
    }
    // A build takes longer than a request may, and is to be seen from its beginning.
    return untilAccepted(call, {
      request: async (signal) => toSandboxRecord(this.#connection.keep(await create(signal))),
      look: async () => {
        const found = await this.find(request.name, call);
        const isOurs =
          found !== undefined &&
          Object.entries(request.labels).every(([key, value]) => found.labels[key] === value);
        return isOurs ? { found } : undefined;
      },
    });
  }

  readonly asked = (sandboxId: string) => {
    const sandbox = this.#connection.known(sandboxId);
    const options = sandbox === undefined ? [] : unmetDaytonaOptions(this.#config, sandbox);
    return { options, user: this.#config.user };
  };

  /** Undefined, and with it a request saved, unless the config names an entry point. */
  get findEndedEntrypoint(): Transport["findEndedEntrypoint"] {
    const { imageBuilder } = this.#config;
    if (imageBuilder === undefined || !namesEntrypoint(imageBuilder)) return undefined;
    return (sandboxId, call) => findEndedEntrypoint(this.#connection, sandboxId, call);
  }

  readonly openBuildLog = (sandboxId: string): BuildLogSource =>
    new DaytonaBuildLog(this.#config, "sandbox", sandboxId);

  async find(idOrName: string, call: TransportCall): Promise<SandboxRecord | undefined> {
    const sandbox = await this.#connection.refresh(idOrName, call);
    if (sandbox === undefined || sandbox.state === "destroyed") return undefined;
    return toSandboxRecord(sandbox);
  }

  list(
    labels: Readonly<Record<string, string>>,
    call: TransportCall,
  ): Promise<readonly SandboxRecord[]> {
    return listDaytonaSandboxes(this.#connection, labels, call);
  }

  requestStart(sandboxId: string, call: TransportCall): Promise<void> {
    return this.#change(sandboxId, call, (sandbox) => unwaited(sandbox).start(sdkWaitSeconds));
  }

  requestStop(sandboxId: string, call: TransportCall): Promise<void> {
    return this.#change(sandboxId, call, (sandbox) => unwaited(sandbox).stop(sdkWaitSeconds));
  }

  requestRecovery(sandboxId: string, call: TransportCall): Promise<void> {
    return this.#change(sandboxId, call, (sandbox) => unwaited(sandbox).recover(sdkWaitSeconds));
  }

  async requestDelete(sandboxId: string, call: TransportCall): Promise<void> {
    const sandbox = await this.#handle(sandboxId, call);
    if (sandbox === undefined) return;
    try {
      await this.#connection.request(call, () => sandbox.delete(sdkWaitSeconds));
    } catch (error) {
      if (call.signal.aborted) throw call.signal.reason;
      if ((error as { statusCode?: unknown } | undefined)?.statusCode === 404) return;
      throw classifyDaytonaError(error, "api");
    }
  }

  recordActivity(sandboxId: string, call: TransportCall): Promise<void> {
    return this.#change(sandboxId, call, (sandbox) => sandbox.refreshActivity());
  }

  replaceLabels(
    sandboxId: string,
    labels: Readonly<Record<string, string>>,
    call: TransportCall,
  ): Promise<void> {
    return this.#change(sandboxId, call, async (sandbox) => {
      await sandbox.setLabels({ ...labels });
    });
  }

  async setIdle(sandboxId: string, idle: Required<IdleConfig>, call: TransportCall): Promise<void> {
    let isChanged = false;
    await this.#change(sandboxId, call, async (sandbox) => {
      isChanged = await changeIdle(sandbox, idle);
    });
    if (isChanged) {
      await proveIdle(idle, () => this.#connection.refresh(sandboxId, call), call.signal);
    }
  }

  async getPreviewUrl(
    sandboxId: string,
    port: number,
    minTtlMs: number,
    call: TransportCall,
  ): Promise<PreviewAddress> {
    const seconds = Math.ceil(minTtlMs / 1000);
    if (seconds > longestPreviewSeconds) {
      throw new ConfigError(
        "`minTtlMs`: expected at most 86400000 (one day), the longest that Daytona signs for.",
        {
          path: "minTtlMs",
        },
      );
    }
    const askedAtMs = Date.now();
    const sandbox = await this.#connection.sandbox(sandboxId, call);
    const { url } = await this.#askAbout(sandboxId, call, () =>
      sandbox.getSignedPreviewUrl(port, seconds),
    );
    return {
      url,
      webSocketUrl: url.replace(/^http/, "ws"),
      headers: { "X-Daytona-Skip-Preview-Warning": "true" },
      port,
      expiresAt: new Date(askedAtMs + seconds * 1000),
    };
  }

  openChannel(sandboxId: string): SandboxChannel {
    return new DaytonaChannel(this.#connection, sandboxId);
  }

  async close(): Promise<void> {
    this.#connection.close();
  }

  async #handle(sandboxId: string, call: TransportCall): Promise<DaytonaSandbox | undefined> {
    try {
      return await this.#connection.sandbox(sandboxId, call);
    } catch (error) {
      if ((await this.#connection.refresh(sandboxId, call)) === undefined) return undefined;
      throw error;
    }
  }

  async #change(
    sandboxId: string,
    call: TransportCall,
    change: (sandbox: DaytonaSandbox) => Promise<void>,
  ): Promise<void> {
    const sandbox = await this.#connection.sandbox(sandboxId, call);
    await this.#askAbout(sandboxId, call, () => change(sandbox));
  }

  /** A 404 may mean the sandbox or something else that was named, so it is the sandbox's end only when that is proven. */
  async #askAbout<Value>(
    sandboxId: string,
    call: TransportCall,
    run: () => Promise<Value>,
  ): Promise<Value> {
    try {
      return await this.#connection.request(call, run);
    } catch (error) {
      if (call.signal.aborted) throw call.signal.reason;
      const is404 = (error as { statusCode?: unknown } | undefined)?.statusCode === 404;
      if (is404 && (await findTwice(this, sandboxId, call)) === undefined) {
        throw sandboxNotFound(sandboxId, "request");
      }
      throw classifyDaytonaError(error, "api");
    }
  }

  async #ask<Value>(call: TransportCall, run: () => Promise<Value>): Promise<Value> {
    try {
      return await this.#connection.request(call, run);
    } catch (error) {
      if (call.signal.aborted) throw call.signal.reason;
      throw classifyDaytonaError(error, "api");
    }
  }
}

/**
 * The same handle, whose changes are asked for and not waited for. The SDK's own wait gives up at the first failed look, and
 * that of `stop` goes on until its time is over when its caller has given up, which keeps the host process alive.
 */
function unwaited(sandbox: DaytonaSandbox): DaytonaSandbox {
  const atOnce = { value: () => Promise.resolve() };
  return Object.create(sandbox, {
    waitUntilStarted: atOnce,
    waitUntilStopped: atOnce,
  }) as DaytonaSandbox;
}
