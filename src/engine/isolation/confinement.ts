import type { EngineConnection, EngineLimits, EngineProcess, Isolation } from "../engine-types.ts";
import type { FileTree } from "../files/path-walker.ts";
import type { TerminalProgram } from "../pty/local-pty.ts";
import type { TerminalSource } from "../pty/open-terminal.ts";
import type { SandboxFolder } from "../state/sandbox-folder.ts";
import type { SandboxLimits, SandboxRecord, SandboxRun } from "../state/sandbox-record.ts";

/** A sandbox as it is on disk. */
export interface StoredSandbox {
  readonly folder: SandboxFolder;
  readonly record: SandboxRecord;
}

/** A sandbox that runs. */
export interface RunningSandbox extends StoredSandbox {
  readonly run: SandboxRun;
}

export interface ProgramToSpawn {
  readonly argv: readonly string[];
  /** Absolute path as the sandbox sees it; exists and is a directory. */
  readonly cwd: string;
  /** What the caller adds to the sandbox's environment. */
  readonly env: Readonly<Record<string, string>>;
}

export interface CopyFilesOptions {
  readonly temporaryFiles: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** How sandboxes are kept apart from the machine: one implementation for each `Isolation`. */
export interface Confinement {
  readonly isolation: Isolation;
  homeDirectory(folder: SandboxFolder): string;
  workingDirectory(folder: SandboxFolder): string;
  /** Whether a stopped sandbox can give its files away, and sandboxes stand on the layers of a snapshot as they are. */
  readonly sharesLayers: boolean;
  /** Copies what a snapshot needs of the sandbox's own files into an empty folder. */
  copyFiles(sandbox: StoredSandbox, destination: string, options: CopyFilesOptions): Promise<void>;
  /** Turns the own layer of a stopped sandbox into this one, without a copy. Finishes what a dead process began. */
  giveAwayFiles(
    sandbox: StoredSandbox,
    destination: string,
    options: { readonly temporaryFiles: boolean },
  ): Promise<void>;
  /** The limits of the next run, for the record; undefined where there are none. Rejects for what cannot be enforced. */
  planLimits(asked: EngineLimits, marker: string): Promise<SandboxLimits | undefined>;
  /**
   * Lays out the files of a new sandbox in its empty folder, those of its snapshot among them, and starts it as `start` does. Rejects with
   * nothing left running; the files are left to the caller.
   */
  create(sandbox: StoredSandbox): Promise<SandboxRun>;
  /** By the record's limits. Rejects with nothing left running. */
  start(sandbox: StoredSandbox): Promise<SandboxRun>;
  isRunning(run: SandboxRun): boolean;
  /** PIDs, as the host sees them, of the processes that were started in the sandbox and of their children. */
  processes(sandbox: RunningSandbox): number[];
  /** Ends every process at once and resolves when they are gone. Also right for a sandbox whose run was never recorded. */
  kill(sandbox: StoredSandbox): Promise<void>;
  /** To a port on the loopback of a network of the sandbox's own. */
  connect(
    sandbox: RunningSandbox,
    port: number,
    signal: AbortSignal | undefined,
  ): Promise<EngineConnection>;
  files(sandbox: RunningSandbox): FileTree;
  /** What its programs see, which without isolation is the whole machine. */
  filesOfPrograms(sandbox: RunningSandbox): FileTree;
  spawn(sandbox: RunningSandbox, program: ProgramToSpawn): Promise<EngineProcess>;
  terminals(sandbox: RunningSandbox): TerminalSource;
  /** With this terminal as its standard streams and as its session's. The caller closes the descriptor. */
  spawnOnTerminal(
    sandbox: RunningSandbox,
    program: ProgramToSpawn,
    terminal: number,
  ): Promise<TerminalProgram>;
}
