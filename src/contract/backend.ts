import type { AgentAddress } from "./agent.ts";
import type { CallOptions } from "./call-options.ts";
import type { Capabilities } from "./capabilities.ts";
import type { Command, ExecOptions, ExecResult } from "./command.ts";
import type {
  FileContent,
  FileInfo,
  FileToWrite,
  ListFilesOptions,
  ReadFileOptions,
  RemoveOptions,
  UploadDirectoryOptions,
  WriteFileOptions,
} from "./files.ts";
import type { Lease, LeaseOptions } from "./lease.ts";
import type { PreviewUrl, PreviewUrlOptions } from "./preview.ts";
import type { AttachOptions, ProcessInfo, SandboxProcess, SpawnOptions } from "./process.ts";
import type { Pty, PtyInfo, PtyOptions } from "./pty.ts";
import type { SetupEvent } from "./setup-events.ts";
import type { Snapshot, SnapshotOptions } from "./snapshot.ts";
import type { Status } from "./status.ts";

/** All that another process needs to reach the same sandbox. JSON, and nothing secret in it. */
export interface BackendRef {
  /** Version of this form. */
  readonly version: 1;
  readonly type: string;
  readonly sandboxId: string;
  readonly workDir: string;
  /** The sandbox's name at the provider. */
  readonly name: string | undefined;
  readonly organizationId: string | undefined;
}

export interface SetupOptions extends CallOptions {
  /** Milliseconds for everything together. Default: the config's `setupTimeoutMs`. */
  readonly timeoutMs?: number | undefined;
  /** Told of each step. What it throws fails the setup. */
  readonly onEvent?: ((event: SetupEvent) => void) | undefined;
}

export interface ReconnectOptions extends CallOptions {
  /** `if-stopped` starts a stopped or archived sandbox; `never` rejects with {@link SandboxStateError}. Default: `if-stopped`. */
  readonly start?: "if-stopped" | "never" | undefined;
  /**
   * `ensure` starts the sandbox's agent again if it has ended, and proves that it answers; `leave` looks at nothing, for a sandbox
   * whose agent cannot be started. Default: `ensure`.
   */
  readonly agent?: "ensure" | "leave" | undefined;
  /** Milliseconds. Default: 120 000; 1 800 000 for an archived sandbox. */
  readonly timeoutMs?: number | undefined;
}

/**
 * One sandbox, whoever provides it.
 *
 * Every method takes `signal` and `timeoutMs`, checks its arguments before any request, and rejects with a subclass of
 * {@link SandboxError}. Disposal closes connections and never deletes: only `teardown` does.
 */
export interface Backend extends AsyncDisposable {
  /** The type string that the factory knows this backend by. */
  readonly type: string;
  readonly capabilities: Capabilities;
  /** Undefined before `setup` or `reconnect`. */
  readonly sandboxId: string | undefined;
  /** Absolute path in the sandbox; one that was configured with `~/` is absolute after `setup` or `reconnect`. */
  readonly workDir: string;
  /**
   * Where the agent is reached, as of `setup`, `reconnect`, `start` or the last `getAgentAddress`; undefined without an agent. It may
   * have ended since: see its `expiresAt`, and {@link getAgentAddress}.
   */
  readonly agent: AgentAddress | undefined;
  /** What `reconnectBackend` takes; undefined before `setup` or `reconnect`. */
  readonly ref: BackendRef | undefined;

  /**
   * Creates the sandbox (or adopts the owner's sandbox of the same name), proves that it answers, and clones the repository.
   * A setup that fails or is aborted leaves nothing behind, or says in the error's `leaked` what the provider does not let go yet.
   *
   * @throws {@link SetupError} with the step that failed, {@link TimeoutError}, {@link AbortError}, {@link SandboxStateError}
   * when the name belongs to another owner.
   */
  setup(options?: SetupOptions): Promise<void>;
  /**
   * Connects to a sandbox by its ID alone, from any process. A stopped one is started, a transition is waited for.
   *
   * @throws {@link SandboxNotFoundError} when the provider said twice that there is none; {@link AgentError} when the agent has ended
   * and cannot be started again.
   */
  reconnect(sandboxId: string, options?: ReconnectOptions): Promise<void>;
  /** Starts the sandbox and resolves when it runs and answers. Default `timeoutMs`: 120 000. */
  start(options?: CallOptions): Promise<void>;
  /** Stops the sandbox and resolves when it is stopped. Files stay, processes end. Default `timeoutMs`: 120 000. */
  stop(options?: CallOptions): Promise<void>;
  /** Asks the provider. Default `timeoutMs`: 30 000. */
  status(options?: CallOptions): Promise<Status>;
  /** Deletes the sandbox; resolves when it is proven gone. Idempotent. Default `timeoutMs`: 120 000. */
  teardown(options?: CallOptions): Promise<void>;

  /**
   * Runs a command to its end. It does not depend on one connection: a lost answer neither ends it nor runs it twice.
   *
   * @throws {@link CommandFailedError} for an exit code that is not 0, unless `check` is false; {@link CommandTimeoutError};
   * {@link CompletionUnknownError} when nobody can know how it ended; {@link WorkingDirectoryNotFoundError}.
   */
  exec(command: Command, options?: ExecOptions): Promise<ExecResult>;

  /**
   * Starts a process and resolves when it has started. It goes on when this host ends; any client of the sandbox attaches to it.
   *
   * @throws {@link WorkingDirectoryNotFoundError}; {@link UnsupportedOperationError} when the sandbox cannot run it as `user`.
   */
  spawn(command: Command, options?: SpawnOptions): Promise<SandboxProcess>;
  /**
   * Attaches to a process by its ID, from any host, also after its end.
   *
   * @throws {@link ProcessNotFoundError}
   */
  attachProcess(processId: string, options?: AttachOptions): Promise<SandboxProcess>;
  /**
   * The processes that `exec` and `spawn` of any client started and that run, and those of `spawn` that ended within the last day.
   * Default `timeoutMs`: 60 000.
   */
  listProcesses(options?: CallOptions): Promise<ProcessInfo[]>;

  /**
   * Makes a terminal, or attaches to one by its ID, from any host, also after its end. Needs `script` (util-linux) or python3 in the
   * sandbox.
   *
   * @throws {@link UnsupportedOperationError} without them; {@link ProcessNotFoundError} when `create` is false and there is none.
   */
  attachPty(options: PtyOptions): Promise<Pty>;
  /**
   * The terminals that any client made and that run, or ended within the last day, and those that somebody opened by other means
   * of the provider. Default `timeoutMs`: 60 000.
   */
  listPtys(options?: CallOptions): Promise<PtyInfo[]>;

  /** Default `timeoutMs` of the file methods: 300 000. Relative paths are under `workDir`. */
  readFile(path: string, options: ReadFileOptions & { readonly encoding: "utf8" }): Promise<string>;
  readFile(
    path: string,
    options?: ReadFileOptions & { readonly encoding?: undefined },
  ): Promise<Uint8Array>;
  /** The content as a stream with back-pressure; cancel it to stop early. */
  readFileStream(path: string, options?: CallOptions): Promise<ReadableStream<Uint8Array>>;
  /** Writes the whole file atomically, makes parents, follows a symbolic link, keeps mode and owner of what it replaces. */
  writeFile(path: string, content: FileContent, options?: WriteFileOptions): Promise<void>;
  /** Writes several files, each atomically. The first failure rejects; files before it are written. */
  writeFiles(files: readonly FileToWrite[], options?: CallOptions): Promise<void>;
  /** Entries of a directory, symbolic links and dangling ones included, sorted by path. */
  listFiles(directory: string, options?: ListFilesOptions): Promise<FileInfo[]>;
  /** Does not follow a symbolic link. */
  stat(path: string, options?: CallOptions): Promise<FileInfo>;
  /** True for anything at that path, a dangling symbolic link included. */
  exists(path: string, options?: CallOptions): Promise<boolean>;
  /** Also makes the parents; an existing directory is fine. */
  makeDirectory(path: string, options?: CallOptions): Promise<void>;
  remove(path: string, options?: RemoveOptions): Promise<void>;
  /** Renames; an existing file at the destination is replaced, an existing directory rejects with {@link FileAccessError}. */
  move(source: string, destination: string, options?: CallOptions): Promise<void>;

  /**
   * Sends a directory of the host as one archive, modes and symbolic links included; the files belong to the sandbox's user.
   * Needs `tar` in the sandbox. Existing files are replaced, others stay. Default `timeoutMs`: 1 800 000.
   */
  uploadDirectory(
    localDirectory: string,
    destination: string,
    options?: UploadDirectoryOptions,
  ): Promise<void>;
  /** Fetches a directory of the sandbox as one archive into a directory of the host. Default `timeoutMs`: 1 800 000. */
  downloadDirectory(source: string, localDirectory: string, options?: CallOptions): Promise<void>;

  /**
   * Makes a snapshot of the sandbox's files, from which other sandboxes can be set up: its working directory, homes and system, with
   * modes, owners and links. Not `/tmp`, processes, memory, volumes or `env`. Resolves when it can be used and this sandbox is again
   * what it was before, running or stopped. Only the snapshot's state decides what came of it.
   *
   * @param name At most 128 letters, digits, `_`, `.`, `-`, `:` and `/`; not ending in `:latest`.
   * @throws {@link SnapshotError} when the name is taken or it fails; {@link QuotaError}; {@link TimeoutError}, after which it may
   * still come; {@link UnsupportedOperationError} where `capabilities.snapshot` is `none`.
   */
  createSnapshot(name: string, options?: SnapshotOptions): Promise<Snapshot>;

  /**
   * The address under which a port of the sandbox is reached from outside. Does not check that anything listens.
   * Default `timeoutMs`: 30 000.
   */
  getPreviewUrl(port: number, options?: PreviewUrlOptions): Promise<PreviewUrl>;

  /**
   * Holds the running sandbox: it is not stopped for want of activity, and `sweep` leaves it alone, until the lease or this process
   * ends. Where nobody counts idle time (`capabilities.idleTimeouts`), it only keeps it from being swept. Default `timeoutMs`: 60 000.
   */
  keepAlive(options?: LeaseOptions): Promise<Lease>;

  /**
   * The address of the agent, valid for at least `minTtlMs`: the known one as long as it is, else a new one, by one request. Does
   * not check that the agent runs. Default `timeoutMs`: 30 000.
   *
   * @throws {@link SandboxStateError} when the sandbox has no agent.
   */
  getAgentAddress(options?: PreviewUrlOptions): Promise<AgentAddress>;

  [Symbol.asyncDispose](): Promise<void>;
}
