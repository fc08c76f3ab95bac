import type { PreviewAddress } from "../../contract/preview.ts";
import {
  ConfigError,
  PreviewError,
  UnsupportedOperationError,
} from "../../contract/provider-errors.ts";
import { untilAborted } from "../../core/delay.ts";
import { sandboxNotFound } from "../../core/lifecycle/find-sandbox.ts";
import {
  type CreateSandboxRequest,
  NameTakenError,
  type SandboxChannel,
  type SandboxRecord,
  type Transport,
  type TransportCall,
} from "../../core/transport.ts";
import { isBelowHome } from "../../core/work-dir.ts";
import type { EngineSandbox } from "../../engine/engine-types.ts";
import { LocalChannel } from "./local-channel.ts";
import type { ResolvedLocalConfig } from "./local-config.ts";
import type { LocalConnection, OpenEngine } from "./local-connection.ts";
import { classifyLocalError } from "./local-errors.ts";
import { newSandboxId } from "./local-names.ts";
import { judgeLocalAnswer, LocalPreviews } from "./local-previews.ts";
import { engineOptions } from "./local-sandbox-options.ts";
import {
  changeNote,
  deleteSandbox,
  describeSandbox,
  findSandbox,
  findSandboxOfName,
  listSandboxes,
  ownIdentity,
  sweepUnfinished,
} from "./local-sandboxes.ts";
import { LocalSnapshots, requireLocalSnapshot } from "./local-snapshots.ts";
import { type SandboxNote, toSandboxRecord } from "./local-states.ts";
import { localMounts } from "./local-volumes.ts";

/** A creation that its caller gave up takes milliseconds more as a rule; then it is known what there is to take back. */
const createdLateMs = 5_000;

/** What processes of a stopped sandbox have to end by themselves. A stop that its caller gives up keeps the host that long. */
const stopGraceMs = 5_000;

/** The local engine as a provider. */
export class LocalTransport implements Transport {
  /** The disk and the process table are asked themselves. */
  readonly isNeverBehind = true;
  /** A preview address leads to the port itself, or into a network of the sandbox's own. */
  readonly previewRules = { isDirect: true, judge: judgeLocalAnswer };
  readonly sharesMemory: boolean;
  readonly #config: ResolvedLocalConfig;
  readonly #connection: LocalConnection;
  readonly #previews = new LocalPreviews();
  readonly snapshots: LocalSnapshots;

  constructor(config: ResolvedLocalConfig, connection: LocalConnection) {
    this.snapshots = new LocalSnapshots(connection);
    this.#config = config;
    this.sharesMemory = config.isolation === "none";
    this.#connection = connection;
  }

  async create(
    request: CreateSandboxRequest,
    call: TransportCall,
    onSend: () => void,
  ): Promise<SandboxRecord> {
    this.#checkWorkDir();
    const open = await this.#connection.open(call);
    let isBegun = false;
    const created = this.#createOfName(open, request, () => {
      call.signal.throwIfAborted();
      isBegun = true;
      onSend();
    });
    try {
      return await untilAborted(created, call.signal);
    } catch (error) {
      if (!call.signal.aborted) throw classifyLocalError(error, "sandbox");
      if (!isBegun) throw call.signal.reason;
    }
    try {
      return await untilAborted(created, AbortSignal.timeout(createdLateMs));
    } catch {
      // Whether there is a sandbox, and why not, is for the clean-up to find out.
      throw call.signal.reason;
    }
  }

  find(idOrName: string, call: TransportCall): Promise<SandboxRecord | undefined> {
    return this.#connection.request(call, "sandbox", async (open) => {
      const found =
        (await findSandbox(open, idOrName)) ?? (await findSandboxOfName(open, idOrName));
      return found && describeSandbox(open, found);
    });
  }

  list(
    labels: Readonly<Record<string, string>>,
    call: TransportCall,
  ): Promise<readonly SandboxRecord[]> {
    return this.#connection.request(call, "sandbox", (open) => listSandboxes(open, labels));
  }

  async requestStart(sandboxId: string, call: TransportCall): Promise<void> {
    const sandbox = await this.#connection.sandbox(sandboxId, call);
    await this.#connection.request(call, "sandbox", () => sandbox.start());
  }

  async requestStop(sandboxId: string, call: TransportCall): Promise<void> {
    const sandbox = await this.#connection.sandbox(sandboxId, call);
    await this.#connection.request(call, "sandbox", () => sandbox.stop({ graceMs: stopGraceMs }));
  }

  /** No state of the engine's can be repaired, so no record says that one could. */
  async requestRecovery(sandboxId: string): Promise<void> {
    throw new UnsupportedOperationError(`Sandbox ${sandboxId} cannot be repaired.`, { sandboxId });
  }

  requestDelete(sandboxId: string, call: TransportCall): Promise<void> {
    return this.#connection.request(call, "sandbox", async (open) => {
      const found = await findSandbox(open, sandboxId);
      if (found === undefined) return;
      const deletedBy = ownIdentity(open);
      // So that nobody adopts it meanwhile. Where that cannot be written, as on a full disk, it is deleted all the more.
      await changeNote(open, { id: sandboxId, name: found.note.name }, (note) => ({
        ...note,
        deletedBy,
      })).catch(() => undefined);
      await deleteSandbox(open, found.sandbox);
    });
  }

  async recordActivity(sandboxId: string, call: TransportCall): Promise<void> {
    await this.#connection.sandbox(sandboxId, call);
  }

  async replaceLabels(
    sandboxId: string,
    labels: Readonly<Record<string, string>>,
    call: TransportCall,
  ): Promise<void> {
    await this.#change(sandboxId, call, (open, note) => {
      const by = ownIdentity(open);
      const { unfinished } = note;
      return { ...note, labels, unfinished: unfinished && { ...unfinished, by } };
    });
  }

  /** The last step of a setup. Idle times are not counted here, and a config that has some is refused. */
  async setIdle(sandboxId: string, _idle: unknown, call: TransportCall): Promise<void> {
    await this.#change(sandboxId, call, (_open, note) =>
      note.unfinished === undefined ? undefined : { ...note, unfinished: undefined },
    );
  }

  getPreviewUrl(
    sandboxId: string,
    port: number,
    _minTtlMs: number,
    call: TransportCall,
  ): Promise<PreviewAddress> {
    return this.#connection.request(call, "sandbox", async (open) => {
      const found = await findSandbox(open, sandboxId);
      if (found === undefined) throw sandboxNotFound(sandboxId, "getPreviewUrl");
      const host = `127.0.0.1:${await this.#openPort(open, found.sandbox, port)}`;
      return {
        url: `http://${host}`,
        webSocketUrl: `ws://${host}`,
        headers: {},
        port,
        expiresAt: undefined,
      };
    });
  }

  openChannel(sandboxId: string): SandboxChannel {
    return new LocalChannel(this.#connection, sandboxId);
  }

  async close(): Promise<void> {
    await this.#previews.close();
    await this.#connection.close();
  }

  /** The port of this machine that leads to that of the sandbox. */
  async #openPort(open: OpenEngine, sandbox: EngineSandbox, port: number): Promise<number> {
    if (sandbox.network === "none") {
      return this.#previews.open(sandbox.id, port, () => sandbox.connect(port));
    }
    await checkOwnPort(open, sandbox.id, port);
    return port;
  }

  async #createOfName(
    open: OpenEngine,
    request: CreateSandboxRequest,
    onBegin: () => void,
  ): Promise<SandboxRecord> {
    const { name, labels, env, idle } = request;
    await sweepUnfinished(open);
    return open.names.exclusively(name, async () => {
      const taken = await findSandboxOfName(open, name);
      if (taken !== undefined) {
        throw new NameTakenError(`Sandbox ${taken.sandbox.id} has the name ${name}.`, {
          sandboxId: taken.sandbox.id,
        });
      }
      const lifeMinutes = (idle.autoStopMinutes ?? 0) + (idle.autoDeleteMinutes ?? 0);
      const note: SandboxNote = {
        name,
        labels,
        createdAt: new Date().toISOString(),
        // One that is left for inspection is for somebody to look at after the end of this process.
        unfinished:
          this.#config.keepOnFailure === true
            ? undefined
            : {
                by: ownIdentity(open),
                until: new Date(Date.now() + lifeMinutes * 60_000).toISOString(),
              },
      };
      const mounts = await localMounts(open, this.#config.volumes);
      const { snapshot } = this.#config;
      const source =
        snapshot === undefined
          ? {}
          : { snapshotId: (await requireLocalSnapshot(open, snapshot)).id };
      onBegin();
      const id = newSandboxId(name);
      await open.activity.begin(id);
      try {
        const sandbox = await open.engine.create({
          id,
          env,
          mounts,
          ...engineOptions(this.#config),
          metadata: { ...note },
          ...source,
        });
        return toSandboxRecord(sandbox.id, note, "running", await open.activity.lastAt(id));
      } catch (error) {
        await open.activity.forget(id);
        throw error;
      }
    });
  }

  #change(
    sandboxId: string,
    call: TransportCall,
    change: (open: OpenEngine, note: SandboxNote) => SandboxNote | undefined,
  ): Promise<void> {
    return this.#connection.request(call, "sandbox", async (open) => {
      const found = await findSandbox(open, sandboxId);
      if (found === undefined) throw sandboxNotFound(sandboxId, "request");
      await changeNote(open, { id: sandboxId, name: found.note.name }, (note) =>
        change(open, note),
      );
    });
  }

  #checkWorkDir(): void {
    const { isolation, workDir } = this.#config;
    if (isolation !== "none" || workDir === undefined || isBelowHome(workDir)) return;
    throw new ConfigError(
      "`workDir`: expected a path that begins with ~/: this one is in the folder of another sandbox, and good for reconnect() alone.",
      { path: "workDir" },
    );
  }
}

/** The network is this machine's, so a port may be another program's, and then an address would lead to that. */
async function checkOwnPort(
  { engine, module }: OpenEngine,
  sandboxId: string,
  port: number,
): Promise<void> {
  if (!module.findPortsInUse().has(port)) return;
  const sandbox = await engine.get(sandboxId);
  // Nothing of a stopped sandbox listens.
  const isRunning = (await sandbox?.state()) === "running";
  const own = isRunning ? ((await sandbox?.listeningPorts()) ?? []) : [];
  // Whoever has had it may have let it go by now.
  if (own.includes(port) || !module.findPortsInUse().has(port)) return;
  throw new PreviewError(
    `Port ${port} of this machine, whose network the sandbox shares, is in use by another program. Let the server in the sandbox use another port.`,
    { sandboxId },
  );
}
