import { closeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { EngineError } from "./engine-error.ts";
import type {
  EngineConnection,
  EngineFiles,
  EngineNetwork,
  EngineProcess,
  EngineProcessOptions,
  EnginePty,
  EnginePtyOptions,
  EngineSandbox,
  EngineSandboxState,
  Isolation,
} from "./engine-types.ts";
import { fileError } from "./files/file-error.ts";
import { resolvePath } from "./files/path-walker.ts";
import { SandboxFiles } from "./files/sandbox-files.ts";
import type { RunningSandbox, StoredSandbox } from "./isolation/confinement.ts";
import { checkEnvironment } from "./isolation/environment.ts";
import { connectLoopback } from "./processes/connect-loopback.ts";
import { ChildEngineProcess } from "./processes/engine-process.ts";
import { findListeningPorts } from "./processes/listening-ports.ts";
import { sendSignal } from "./processes/process-identity.ts";
import { LocalPty } from "./pty/local-pty.ts";
import { openTerminal } from "./pty/open-terminal.ts";
import { checkTerminalSize } from "./pty/terminal-size.ts";
import type { SandboxRecord } from "./state/sandbox-record.ts";
import type { SandboxStore } from "./state/sandbox-store.ts";

const DEFAULT_GRACE_MS = 10_000;
const STOP_POLL_MS = 20;

/** One sandbox of the engine. It keeps no state of its own: everything is read from the disk and from `/proc` at each call. */
export class LocalSandbox implements EngineSandbox {
  readonly id: string;
  readonly files: EngineFiles;
  readonly homeDirectory: string;
  readonly network: EngineNetwork;
  readonly #store: SandboxStore;
  readonly #workingDirectory: string;
  #metadata: Readonly<Record<string, unknown>>;

  constructor(store: SandboxStore, stored: StoredSandbox) {
    this.#store = store;
    this.id = stored.record.id;
    this.network = stored.record.network ?? "host";
    this.homeDirectory = store.confinement.homeDirectory(stored.folder);
    this.#workingDirectory = store.confinement.workingDirectory(stored.folder);
    this.#metadata = stored.record.metadata;
    this.files = new SandboxFiles(async () => store.confinement.files(await this.#running()));
  }

  get isolation(): Isolation {
    return this.#store.confinement.isolation;
  }

  get metadata(): Readonly<Record<string, unknown>> {
    return this.#metadata;
  }

  async state(): Promise<EngineSandboxState> {
    return this.#isRunning(await this.#store.load(this.id)) ? "running" : "stopped";
  }

  async start(): Promise<void> {
    await this.#store.exclusively(this.id, async (stored) => {
      if (this.#isRunning(stored)) return;
      // What a process left that died between starting and recording it: two runs must not share one folder.
      await this.#store.confinement.kill(stored);
      const record = await this.#withLimits(stored);
      const run = await this.#store.confinement.start({ ...stored, record });
      try {
        await this.#store.save({ ...record, run });
      } catch (error) {
        await this.#store.confinement.kill({ ...stored, record: { ...record, run } });
        throw error;
      }
    });
  }

  async stop({ graceMs = DEFAULT_GRACE_MS }: { readonly graceMs?: number } = {}): Promise<void> {
    await this.#store.exclusively(this.id, async (stored) => {
      const { run } = stored.record;
      this.#store.ptys.hangUp(this.id);
      if (run && this.#isRunning(stored)) await this.#terminate({ ...stored, run }, graceMs);
      await this.#store.confinement.kill(stored);
      await this.#store.save({ ...stored.record, run: null });
    });
  }

  async delete(): Promise<void> {
    await this.#store.remove(this.id);
  }

  async setMetadata(metadata: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#store.exclusively(this.id, async ({ record }) => {
      await this.#store.save({ ...record, metadata });
    });
    this.#metadata = structuredClone(metadata);
  }

  async spawn(
    argv: readonly string[],
    { cwd = this.#workingDirectory, env = {} }: EngineProcessOptions = {},
  ): Promise<EngineProcess> {
    checkArguments(argv);
    checkEnvironment(env);
    const running = await this.#running();
    await this.#checkWorkingDirectory(running, cwd);
    const spawned = await this.#store.confinement.spawn(running, { argv, cwd, env });
    if (spawned instanceof ChildEngineProcess) this.#store.track(spawned);
    return spawned;
  }

  async openPty(options: EnginePtyOptions): Promise<EnginePty> {
    const { argv, rows, cols, cwd = this.#workingDirectory, env = {} } = options;
    checkArguments(argv);
    checkEnvironment(env);
    checkTerminalSize({ rows, cols });
    const running = await this.#running();
    await this.#checkWorkingDirectory(running, cwd);
    const { confinement, ptys } = this.#store;
    const terminal = await openTerminal(confinement.terminals(running), { rows, cols });
    try {
      const program = await confinement.spawnOnTerminal(
        running,
        { argv, cwd, env },
        terminal.slave,
      );
      const pty = new LocalPty(terminal.master, program);
      ptys.add(this.id, pty);
      return pty;
    } catch (error) {
      closeSync(terminal.master);
      throw error;
    } finally {
      closeSync(terminal.slave);
    }
  }

  async connect(
    port: number,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<EngineConnection> {
    const connection =
      this.network === "none"
        ? await this.#store.confinement.connect(await this.#running(), port, signal)
        : await this.#connectOwnPort(port, signal);
    this.#store.trackConnection(connection);
    return connection;
  }

  async listeningPorts(): Promise<number[]> {
    const running = await this.#running();
    const network = this.network === "none" ? running.run.holder?.pid : undefined;
    return findListeningPorts(this.#store.confinement.processes(running), network);
  }

  /** The loopback is shared with the host: only a port of this sandbox may answer for it. */
  async #connectOwnPort(port: number, signal?: AbortSignal): Promise<EngineConnection> {
    if ((await this.listeningPorts()).includes(port)) return connectLoopback(port, signal);
    const error: NodeJS.ErrnoException = new Error(
      `connect ECONNREFUSED: nothing in the sandbox listens on port ${port}`,
    );
    error.code = "ECONNREFUSED";
    error.syscall = "connect";
    throw error;
  }

  async #checkWorkingDirectory(running: RunningSandbox, cwd: string): Promise<void> {
    const tree = this.#store.confinement.filesOfPrograms(running);
    const isDirectory = await resolvePath(tree, cwd, "chdir", { followFinal: true }, (found) => {
      if (!found.target) throw fileError("ENOENT", "chdir", cwd);
      return found.target.stats.isDirectory();
    });
    if (!isDirectory) throw fileError("ENOTDIR", "chdir", cwd);
  }

  async #terminate(sandbox: RunningSandbox, graceMs: number): Promise<void> {
    if (graceMs <= 0) return;
    const { confinement } = this.#store;
    for (const pid of confinement.processes(sandbox)) sendSignal(pid, "SIGTERM");
    const deadline = performance.now() + graceMs;
    while (confinement.processes(sandbox).length > 0 && performance.now() < deadline) {
      await delay(STOP_POLL_MS);
    }
  }

  /** Control groups are made where this process may make them, which need not be where the last run's were. */
  async #withLimits({ record }: StoredSandbox): Promise<SandboxRecord> {
    const { confinement } = this.#store;
    const limits = await confinement.planLimits(record.limits?.asked ?? {}, record.marker);
    if (limits === undefined || isDeepStrictEqual(limits, record.limits)) return record;
    const planned = { ...record, limits };
    await this.#store.save(planned);
    return planned;
  }

  async #running(): Promise<RunningSandbox> {
    const stored = await this.#store.load(this.id);
    const { run } = stored.record;
    if (!run || !this.#isRunning(stored)) {
      throw new EngineError("SANDBOX_STOPPED", `The sandbox ${this.id} is not running`);
    }
    return { ...stored, run };
  }

  #isRunning({ record: { run } }: StoredSandbox): boolean {
    return run !== null && this.#store.confinement.isRunning(run);
  }
}

function checkArguments(argv: readonly string[]): void {
  if (argv.length === 0 || argv[0] === "") {
    throw new EngineError("INVALID_ARGUMENT", "argv must begin with a program");
  }
  if (argv.some((argument) => argument.includes("\0"))) {
    throw new EngineError("INVALID_ARGUMENT", "an argument cannot hold NUL");
  }
}
