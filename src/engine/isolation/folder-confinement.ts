import { constants, openSync, rmSync } from "node:fs";
import { chmod, mkdir } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { EngineError } from "../engine-error.ts";
import type { EngineLimits, EngineProcess } from "../engine-types.ts";
import { type FileTree, O_PATH } from "../files/path-walker.ts";
import { ChildEngineProcess, type ProcessGroup } from "../processes/engine-process.ts";
import { killUntilGone } from "../processes/kill-until-gone.ts";
import { readBootId, readProcessStat, sendSignal } from "../processes/process-identity.ts";
import { hasEnvironmentVariable, listProcesses } from "../processes/process-scan.ts";
import type { ProgramStarter } from "../processes/program-starter.ts";
import type { StartedProgram } from "../processes/started-program.ts";
import type { TerminalProgram } from "../pty/local-pty.ts";
import type { TerminalSource } from "../pty/open-terminal.ts";
import { copyTree } from "../snapshots/copy-tree.ts";
import { TEMPORARY } from "../snapshots/own-layer.ts";
import type { SandboxFolder } from "../state/sandbox-folder.ts";
import type { SandboxRun } from "../state/sandbox-record.ts";
import { checkProgram } from "./check-program.ts";
import type {
  Confinement,
  CopyFilesOptions,
  ProgramToSpawn,
  RunningSandbox,
  StoredSandbox,
} from "./confinement.ts";
import { DEFAULT_TERMINAL_TYPE, SANDBOX_PATH } from "./environment.ts";
import {
  forgetEmptyGroup,
  isOfGroup,
  mayBeGroupOf,
  readGroups,
  rememberGroup,
} from "./process-groups.ts";
import { ROOT_PART, SandboxLayers } from "./sandbox-layers.ts";
import { leadsItsGroup } from "./sandboxed-process.ts";
import { findSystemProgram } from "./system-programs.ts";

const MARKER_VARIABLE = "SANDBOX_ENGINE_MARKER";
const POLL_MS = 1;

/**
 * `isolation: "none"`: ordinary processes of this machine, in a folder of their own. They are found again by a variable in
 * their environment and by their process groups; one that leaves both behind is not ours any more.
 */
export class FolderConfinement implements Confinement {
  readonly isolation = "none";
  readonly sharesLayers = false;
  readonly #programs: ProgramStarter;

  constructor(programs: ProgramStarter) {
    this.#programs = programs;
  }

  homeDirectory(folder: SandboxFolder): string {
    return join(folder.root, "home");
  }

  workingDirectory(folder: SandboxFolder): string {
    return join(folder.root, "workspace");
  }

  async create(sandbox: StoredSandbox): Promise<SandboxRun> {
    await layOut(sandbox);
    return this.start();
  }

  copyFiles(
    { folder }: StoredSandbox,
    destination: string,
    options: CopyFilesOptions,
  ): Promise<void> {
    return copyFiles(folder.root, join(destination, ROOT_PART), options);
  }

  /** Processes of this machine know the folder by its path, so it cannot become another. */
  giveAwayFiles(): Promise<void> {
    return Promise.reject(new TypeError("A folder is copied"));
  }

  async planLimits(asked: EngineLimits): Promise<undefined> {
    if (Object.values(asked).every((value) => value === undefined)) return;
    throw new EngineError(
      "LIMITS_UNAVAILABLE",
      "Without isolation the processes of a sandbox are ordinary ones of this machine, which nothing limits",
    );
  }

  connect(): Promise<never> {
    return Promise.reject(new TypeError("Without namespaces there is one network"));
  }

  start(): Promise<SandboxRun> {
    return Promise.resolve({ bootId: readBootId(), holder: null });
  }

  isRunning(run: SandboxRun): boolean {
    return run.bootId === readBootId();
  }

  processes(sandbox: StoredSandbox): number[] {
    const marker = markerOf(sandbox);
    const groups = readGroups(sandbox.folder.processGroups);
    return listProcesses().filter((pid) => {
      if (pid === process.pid) return false;
      const stat = readProcessStat(pid);
      if (!stat || stat.state === "Z") return false;
      return isOfGroup(stat, groups) || hasEnvironmentVariable(pid, marker);
    });
  }

  async kill(sandbox: StoredSandbox): Promise<void> {
    await killUntilGone(() => this.processes(sandbox));
    rmSync(sandbox.folder.processGroups, { force: true });
  }

  files({ folder }: RunningSandbox): FileTree {
    return {
      prefix: folder.root,
      openRoot: () => openSync(folder.root, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW),
    };
  }

  filesOfPrograms(): FileTree {
    return wholeMachine;
  }

  async spawn(sandbox: RunningSandbox, program: ProgramToSpawn): Promise<EngineProcess> {
    const piped = await this.#programs.startWithPipes({
      argv: program.argv,
      cwd: program.cwd,
      env: this.#environment(sandbox, program),
    });
    return new ChildEngineProcess(piped, this.#remember(sandbox, piped.started));
  }

  terminals(): TerminalSource {
    return { tree: wholeMachine, multiplexer: "/dev/ptmx" };
  }

  async spawnOnTerminal(
    sandbox: RunningSandbox,
    program: ProgramToSpawn,
    terminal: number,
  ): Promise<TerminalProgram> {
    const setsid = findSystemProgram("setsid");
    if (setsid === undefined) {
      throw new EngineError("PTY_UNAVAILABLE", "A PTY needs setsid, which this machine lacks");
    }
    const env = { TERM: DEFAULT_TERMINAL_TYPE, ...this.#environment(sandbox, program) };
    await checkProgram(wholeMachine, program, env.PATH);
    const started = await this.#programs.start(
      {
        argv: [setsid, "--ctty", "--", ...program.argv],
        cwd: program.cwd,
        env,
        session: "none",
      },
      { kind: "one-file", descriptor: terminal },
    );
    await waitForOwnTerminal(started);
    return { started, group: this.#remember(sandbox, started) };
  }

  #environment({ folder, record }: RunningSandbox, program: ProgramToSpawn) {
    const { username } = userInfo();
    return {
      PATH: process.env.PATH ?? SANDBOX_PATH,
      HOME: this.homeDirectory(folder),
      USER: username,
      LOGNAME: username,
      LANG: "C.UTF-8",
      TMPDIR: join(folder.root, "tmp"),
      ...record.env,
      ...program.env,
      [MARKER_VARIABLE]: record.marker,
    };
  }

  #remember({ folder }: RunningSandbox, program: StartedProgram): ProcessGroup {
    const { pid } = program;
    const startTicks = rememberGroup(folder.processGroups, pid);
    const forget = (): void => forgetEmptyGroup(folder.processGroups, pid);
    program.exited.then(forget, forget);
    return {
      pid,
      signal: (name) => {
        if (mayBeGroupOf(pid, startTicks)) sendSignal(-pid, name);
      },
    };
  }
}

async function layOut(sandbox: StoredSandbox): Promise<void> {
  const { record } = sandbox;
  const { root } = sandbox.folder;
  const [layer] = SandboxLayers.of(sandbox).lower;
  if (layer === undefined) {
    for (const name of ["", "home", "workspace"]) await mkdir(join(root, name), { mode: 0o755 });
  } else {
    await copyFiles(join(layer, ROOT_PART), root, { temporaryFiles: true });
  }
  if (record.origin?.temporaryFiles) return;
  await mkdir(join(root, TEMPORARY), { mode: 0o755 });
  await chmod(join(root, TEMPORARY), 0o1777);
}

function copyFiles(
  from: string,
  to: string,
  { temporaryFiles, signal }: CopyFilesOptions,
): Promise<void> {
  const except = temporaryFiles ? undefined : TEMPORARY;
  return copyTree({ from, to, except, needsUserNamespace: false, signal });
}

/** Without isolation, programs and terminals are the machine's. */
const wholeMachine: FileTree = {
  prefix: "/",
  openRoot: () => openSync("/", O_PATH | constants.O_DIRECTORY),
};

/** Until then a signal for its group would find nobody, and the end of its terminal would not reach it. */
async function waitForOwnTerminal(program: StartedProgram): Promise<void> {
  while (!program.hasEnded) {
    if (leadsItsGroup(program.pid, true)) return;
    await delay(POLL_MS);
  }
}

function markerOf({ record }: StoredSandbox): string {
  return `${MARKER_VARIABLE}=${record.marker}`;
}
