import { constants, openSync } from "node:fs";
import { availableParallelism } from "node:os";
import { EngineError } from "../engine-error.ts";
import type { EngineConnection, EngineLimits, EngineProcess } from "../engine-types.ts";
import { type FileTree, O_PATH, type OwnerMap } from "../files/path-walker.ts";
import { SandboxLimiter } from "../limits/sandbox-limiter.ts";
import { connectInNamespace } from "../network/connect-in-namespace.ts";
import { ChildEngineProcess } from "../processes/engine-process.ts";
import { Gate } from "../processes/gate.ts";
import { killUntilGone } from "../processes/kill-until-gone.ts";
import { isProcessAlive, readProcessStat } from "../processes/process-identity.ts";
import { listProcesses } from "../processes/process-scan.ts";
import type { ProgramStarter } from "../processes/program-starter.ts";
import type { ProgramToStart } from "../processes/started-program.ts";
import type { TerminalProgram } from "../pty/local-pty.ts";
import type { TerminalSource } from "../pty/open-terminal.ts";
import { copyOwnLayer, giveAwayOwnLayer, layOutOnSnapshot } from "../snapshots/own-layer.ts";
import type { SandboxLimits, SandboxRun } from "../state/sandbox-record.ts";
import { type BuildTools, buildSandbox } from "./build-sandbox.ts";
import type {
  Confinement,
  CopyFilesOptions,
  ProgramToSpawn,
  RunningSandbox,
  StoredSandbox,
} from "./confinement.ts";
import { type EngineFolders, layOutEngineFolders } from "./engine-folders.ts";
import { enterSandbox } from "./enter-sandbox.ts";
import { DEFAULT_TERMINAL_TYPE, SANDBOX_PATH } from "./environment.ts";
import { HostSecrets } from "./hidden-paths.ts";
import { type HostPrivileges, readHostPrivileges } from "./host-privileges.ts";
import { isFirstOrItsChild, keepsSandbox } from "./namespace-holder.ts";
import { layOutSandbox } from "./namespace-layout.ts";
import { pidNamespaceOf } from "./pid-namespace.ts";
import { sandboxedGroup } from "./sandboxed-process.ts";
import { singleUser } from "./single-user.ts";
import { requireSystemCalls } from "./system-calls.ts";
import { findSystemDirectories, type SystemDirectories } from "./system-directories.ts";
import { findSystemPrograms, type SystemPrograms } from "./system-programs.ts";

/**
 * Sandboxes that are built at the same time by this process. More of them would share the processors, so that all are ready when the last
 * is; one after the other, half of them are ready at half of that time.
 */
const building = new Gate(Math.max(2, availableParallelism()));

const UMASK = 0o022;
/** What runs in a sandbox is ended first when memory runs out, and what keeps the sandbox only then. */
const OOM_SCORE_ADJUSTMENT = 500;

/** `isolation: "namespaces"`: own mount, PID, UTS and IPC namespaces over overlays of the host's system directories. */
export class NamespaceConfinement implements Confinement {
  readonly isolation = "namespaces";
  readonly sharesLayers = true;
  readonly #privileges: HostPrivileges;
  readonly #system: SystemDirectories;
  readonly #starter: ProgramStarter;
  readonly #owners: OwnerMap | undefined;
  readonly #tools: BuildTools;
  readonly #limiter: SandboxLimiter;

  private constructor(
    starter: ProgramStarter,
    privileges: HostPrivileges,
    programs: SystemPrograms,
    system: SystemDirectories,
    folders: EngineFolders,
  ) {
    this.#starter = starter;
    this.#privileges = privileges;
    this.#system = system;
    const secrets = new HostSecrets(starter, programs.find, system);
    const { perl } = programs;
    this.#tools = { perl, system, toolsFolder: folders.tools, privileges, secrets, starter };
    this.#limiter = new SandboxLimiter(starter, privileges);
    this.#owners = privileges.needsUserNamespace ? singleUser(privileges) : undefined;
  }

  /** @throws EngineError `ISOLATION_UNAVAILABLE` when something is missing; that everything works is shown by `start`. */
  static async open(
    engineDirectory: string,
    starter: ProgramStarter,
  ): Promise<NamespaceConfinement> {
    requireSystemCalls();
    const programs = findSystemPrograms();
    const system = findSystemDirectories(engineDirectory);
    const privileges = readHostPrivileges();
    const folders = await layOutEngineFolders(engineDirectory, system, privileges);
    return new NamespaceConfinement(starter, privileges, programs, system, folders);
  }

  homeDirectory(): string {
    return "/root";
  }

  workingDirectory(): string {
    return "/workspace";
  }

  async copyFiles(
    { folder }: StoredSandbox,
    destination: string,
    options: CopyFilesOptions,
  ): Promise<void> {
    const { needsUserNamespace } = this.#privileges;
    await copyOwnLayer(folder, destination, { ...options, needsUserNamespace });
  }

  async giveAwayFiles(
    { folder }: StoredSandbox,
    destination: string,
    options: { readonly temporaryFiles: boolean },
  ): Promise<void> {
    await giveAwayOwnLayer(folder, destination, options);
  }

  planLimits(asked: EngineLimits, marker: string): Promise<SandboxLimits> {
    return this.#limiter.plan(asked, marker);
  }

  create(sandbox: StoredSandbox): Promise<SandboxRun> {
    const { folder, record } = sandbox;
    return this.#build(sandbox, () =>
      record.origin
        ? layOutOnSnapshot(sandbox, record.origin, this.#system)
        : layOutSandbox(folder, record.id, this.#system),
    );
  }

  start(sandbox: StoredSandbox): Promise<SandboxRun> {
    return this.#build(sandbox, () => undefined);
  }

  #build(sandbox: StoredSandbox, layOut: () => void | Promise<void>): Promise<SandboxRun> {
    return building.run(async () => {
      try {
        await this.#limiter.begin(sandbox.record);
        const limits = this.#limiter.limitsOf(sandbox.record);
        return await buildSandbox(sandbox, this.#tools, limits, layOut);
      } catch (error) {
        await this.#limiter.end(sandbox.record);
        throw error;
      }
    });
  }

  isRunning({ holder }: SandboxRun): boolean {
    return holder !== null && isProcessAlive(holder);
  }

  processes({ run, record }: RunningSandbox): number[] {
    if (!run.holder || !isProcessAlive(run.holder)) return [];
    const namespace = pidNamespaceOf(run.holder.pid, "pid_for_children");
    if (namespace === undefined) return [];
    return listProcesses().filter((pid) => {
      if (pidNamespaceOf(pid, "pid") !== namespace) return false;
      const stat = readProcessStat(pid);
      return stat !== undefined && stat.state !== "Z" && !isFirstOrItsChild(pid, record.marker);
    });
  }

  async kill({ record }: StoredSandbox): Promise<void> {
    // Not by the recorded run alone, which is missing when its creator died. The end of the first process is that of all others.
    const { run, marker } = record;
    const known = run?.holder && isProcessAlive(run.holder) ? [run.holder.pid] : [];
    await killUntilGone(() => listProcesses().filter((pid) => keepsSandbox(pid, marker)), known);
    await this.#limiter.end(record);
  }

  async connect(
    { run, record }: RunningSandbox,
    port: number,
    signal: AbortSignal | undefined,
  ): Promise<EngineConnection> {
    if (!run.holder) throw stopped(record.id);
    const { perl, privileges, starter } = this.#tools;
    const network = { holderPid: run.holder.pid, perl, privileges, starter };
    const connection = await connectInNamespace(network, port, signal);
    if (connection === undefined) throw stopped(record.id);
    return connection;
  }

  files({ run, record }: RunningSandbox): FileTree {
    return {
      prefix: "/",
      owners: this.#owners,
      openRoot: () => {
        try {
          if (this.isRunning(run)) {
            return openSync(`/proc/${run.holder?.pid}/cwd`, O_PATH | constants.O_DIRECTORY);
          }
        } catch (error) {
          // It may have ended since.
          if (this.isRunning(run)) throw error;
        }
        throw stopped(record.id);
      },
    };
  }

  filesOfPrograms(sandbox: RunningSandbox): FileTree {
    return this.files(sandbox);
  }

  async spawn(sandbox: RunningSandbox, program: ProgramToSpawn): Promise<EngineProcess> {
    const piped = await this.#startInside(sandbox, program, {}, (toStart) =>
      this.#starter.startWithPipes(toStart),
    );
    return new ChildEngineProcess(piped, sandboxedGroup(piped.started.pid));
  }

  terminals(sandbox: RunningSandbox): TerminalSource {
    return { tree: this.files(sandbox), multiplexer: "/dev/pts/ptmx" };
  }

  async spawnOnTerminal(
    sandbox: RunningSandbox,
    program: ProgramToSpawn,
    terminal: number,
  ): Promise<TerminalProgram> {
    const defaults = { TERM: DEFAULT_TERMINAL_TYPE };
    const started = await this.#startInside(sandbox, program, defaults, (toStart) =>
      this.#starter.start(
        { ...toStart, session: "terminal" },
        { kind: "one-file", descriptor: terminal },
      ),
    );
    return { started, group: sandboxedGroup(started.pid) };
  }

  async #startInside<Started>(
    sandbox: RunningSandbox,
    program: ProgramToSpawn,
    defaults: Readonly<Record<string, string>>,
    start: (program: ProgramToStart) => Promise<Started>,
  ): Promise<Started> {
    const { run, record } = sandbox;
    if (!run.holder) throw stopped(record.id);
    const toStart: ProgramToStart = {
      argv: program.argv,
      cwd: program.cwd,
      env: {
        PATH: SANDBOX_PATH,
        HOME: this.homeDirectory(),
        USER: "root",
        LOGNAME: "root",
        LANG: "C.UTF-8",
        ...defaults,
        ...record.env,
        ...program.env,
      },
      umask: UMASK,
      entry: enterSandbox({
        holder: run.holder,
        privileges: this.#privileges,
        processLimit: this.#limiter.processLimit(record),
        hasOwnNetwork: record.network === "none",
      }),
      group: this.#limiter.limitsOf(record).group,
      oomScoreAdjustment: OOM_SCORE_ADJUSTMENT,
    };
    try {
      return await this.#limiter.within(record, () => start(toStart));
    } catch (error) {
      throw this.isRunning(run) ? error : stopped(record.id);
    }
  }
}

function stopped(id: string): EngineError {
  return new EngineError("SANDBOX_STOPPED", `The sandbox ${id} is not running`);
}
