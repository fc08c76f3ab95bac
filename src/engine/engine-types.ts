import type { Duplex, Readable, Writable } from "node:stream";

/**
 * How a sandbox of the local engine is separated from the machine.
 *
 * `namespaces`: own mount, PID, UTS and IPC namespaces with an overlay over the host's system directories.
 * `none`: ordinary processes of this machine in a folder of their own. It protects nothing and must be asked for by name.
 */
export type Isolation = "namespaces" | "none";

/** What the probe found: whether namespaces work here, and if not, why and what to change. */
export type IsolationProbe =
  | { readonly available: true }
  | { readonly available: false; readonly reason: string; readonly advice: string };

/**
 * `host`: the machine's network, with its loopback.
 * `none`: a network of the sandbox's own that has a loopback and leads nowhere.
 */
export type EngineNetwork = "host" | "none";

export interface LocalEngineOptions {
  /** Absolute path of the folder that holds the engine's state and its sandboxes. Created with mode 0700 when missing. */
  readonly directory: string;
  /** Default: `namespaces`. When they do not work here, opening the engine rejects with the probe's reason; it never downgrades. */
  readonly isolation?: Isolation;
}

export interface EngineSandboxOptions {
  /** Letters, digits and `-`, at most 64. Default: a random UUID. */
  readonly id?: string;
  /** Added to the environment of every process of the sandbox. */
  readonly env?: Readonly<Record<string, string>>;
  /** Mounted at each start. Rejects with `MOUNTS_UNAVAILABLE` without namespaces, and with `INVALID_ARGUMENT`. */
  readonly mounts?: readonly EngineMount[];
  /** Default: those of `EngineLimits`. Rejects with `LIMITS_UNAVAILABLE` for one that cannot be enforced here, and with `INVALID_ARGUMENT`. */
  readonly limits?: EngineLimits;
  /** Default: `host`. Rejects with `NETWORK_UNAVAILABLE` for `none` without namespaces. */
  readonly network?: EngineNetwork;
  /** Kept with the sandbox on disk, for whoever made it. Must be JSON. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /**
   * A snapshot to begin from: the new sandbox has its files, and nothing that its source did later. With namespaces it stands
   * on the snapshot's layers, so this takes no longer than an empty one; without, the files are copied. Environment,
   * metadata and processes of the source are not part of it. It goes on when the snapshot is deleted.
   */
  readonly snapshotId?: string;
}

/** What a sandbox may use. A default holds where this machine can enforce it; `LocalEngine.limits` says where it can. */
export interface EngineLimits {
  /** Processes and threads at the same time, those that start and keep the sandbox among them; at least 16. Default: 4096. */
  readonly processes?: number;
  /** Memory of all its processes together, with its `/dev/shm`; at least 32 MiB. Default: three quarters of the machine's. */
  readonly memoryBytes?: number;
  /** Processor time in processors, such as 1.5; at least 0.01. Default: all of the machine's, shared with whatever else wants it. */
  readonly cpus?: number;
}

/** By what a limit is enforced: control groups of either version, resource limits of processes, or nothing. */
export interface LimitMechanisms {
  readonly processes: "cgroup-v2" | "cgroup-v1" | "rlimit" | "none";
  readonly memory: "cgroup-v2" | "cgroup-v1" | "none";
  readonly cpus: "cgroup-v2" | "cgroup-v1" | "none";
}

export interface EngineSnapshotOptions {
  /** Letters, digits and `-`, at most 64. Default: a random UUID. */
  readonly id?: string;
  /**
   * `copy` (the default): what the sandbox has written is copied, by sharing blocks where the file system can. Processes of
   * a running sandbox are stopped (SIGSTOP) for that time and go on afterwards.
   *
   * `stop`: the sandbox is stopped as by `stop`, and stays so. With namespaces nothing is copied, whatever its size: what it
   * has written becomes a read-only layer of both. It can be started again and goes on on top of it. Without namespaces it is
   * copied.
   */
  readonly mode?: "copy" | "stop";
  /** Whether what is in `/tmp` is part of it, as in the layers of an image. Default: false. */
  readonly temporaryFiles?: boolean;
  /** For mode `stop`: see `EngineSandbox.stop`. Default: 10 000; 0 kills at once. */
  readonly graceMs?: number;
  /** Kept with the snapshot on disk, for whoever made it. Must be JSON. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Ends a copy; nothing is left of it. */
  readonly signal?: AbortSignal;
}

/** The files of a sandbox as they were at one moment: all but `/tmp` (unless asked for), and but what is not on disk (`/dev`, `/proc`, `/run`, `/sys`). */
export interface EngineSnapshot {
  readonly id: string;
  readonly isolation: Isolation;
  readonly createdAt: Date;
  /** The sandbox that it was made of, which may be gone. */
  readonly sourceId: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** A directory of this machine that a sandbox sees at a place of its own. Needs namespaces. */
export interface EngineMount {
  /** Absolute path on this machine, without links. */
  readonly source: string;
  /** Absolute path inside the sandbox; it and its parents are made when missing. Not below `/dev`, `/proc`, `/sys` or `/run`. */
  readonly target: string;
  /** Only this directory of the source, made when missing. Default: all of it. */
  readonly subpath?: string;
}

export type EngineSandboxState = "running" | "stopped";

export interface EngineProcessOptions {
  /** Absolute path inside the sandbox. Default: the sandbox's working directory. A missing one rejects with ENOENT and `syscall: "chdir"`. */
  readonly cwd?: string;
  /** Added to the sandbox's environment. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface EngineProcessExit {
  /** The exit code, or null when a signal ended the process. */
  readonly exitCode: number | null;
  /** The signal that ended the process, such as `SIGKILL`, or null. */
  readonly signal: NodeJS.Signals | null;
}

/** A process in a sandbox, leader of a process group of its own. */
export interface EngineProcess {
  /** PID as the host sees it. */
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the process itself has ended, although children of it may still hold its output open. */
  readonly exited: Promise<EngineProcessExit>;
  /** Sends a signal to the whole process group. Does nothing when it is gone. */
  kill(signal: NodeJS.Signals): void;
  /** The process and its streams go on, and no longer keep this Node process alive. */
  unref(): void;
}

export interface EnginePtyOptions extends EngineProcessOptions {
  readonly argv: readonly string[];
  /** 1 to 65 535. */
  readonly rows: number;
  /** 1 to 65 535. */
  readonly cols: number;
}

/**
 * A program on a terminal of the sandbox's own, leader of a session and of its terminal's foreground process group.
 *
 * This Node process holds the PTY: at its end, or at `close`, the terminal hangs up and what runs on it gets SIGHUP.
 */
export interface EnginePty {
  /** PID of the program as the host sees it. */
  readonly pid: number;
  /**
   * What is written to the terminal, byte for byte and complete. A slow reader makes the programs wait. Ends when the
   * program has ended, even if others still have the terminal open, or when no program has it open.
   */
  readonly output: Readable;
  /** Resolves when the kernel has all of it, so it waits for a program that reads slowly. Rejects with `PTY_CLOSED` after the end. */
  write(bytes: Uint8Array): Promise<void>;
  /** Resolves when the size is set. Of several at once the last one counts. Rejects with `INVALID_ARGUMENT` or `PTY_CLOSED`. */
  resize(rows: number, cols: number): Promise<void>;
  /** Sends a signal to the program's process group. Does nothing when it is gone. */
  kill(signal: NodeJS.Signals): void;
  /** Resolves when the program itself has ended; all that it wrote is, or can still be, read from `output`. */
  readonly exited: Promise<EngineProcessExit>;
  /** Hangs up at once: the terminal's processes get SIGHUP, and unread output is lost. Idempotent. */
  close(): void;
}

export type EngineFileType = "file" | "directory" | "symlink" | "other";

export interface EngineFileInfo {
  /** Base name, decoded as UTF-8 (invalid bytes become U+FFFD). */
  readonly name: string;
  /** Base name as it is on disk. */
  readonly nameBytes: Buffer;
  readonly type: EngineFileType;
  readonly sizeBytes: number;
  /** Permission bits with setuid, setgid and sticky, such as 0o644. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly modifiedAt: Date;
}

/**
 * Files of a running sandbox, as its own processes see them: absolute paths inside the sandbox, symbolic links resolved
 * inside it, and never a way out of it. Failures reject with a Node-style error (`code` ENOENT, EACCES, EISDIR, ENOTDIR,
 * EEXIST, ENOTEMPTY, ENOSPC, ELOOP) whose message names the path inside the sandbox.
 */
export interface EngineFiles {
  stat(path: string, options?: { readonly followSymlinks?: boolean }): Promise<EngineFileInfo>;
  list(directory: string): Promise<EngineFileInfo[]>;
  /** Bytes `start` to `end` (exclusive) of a regular file. Rejects with EISDIR on a directory. */
  read(
    path: string,
    options?: { readonly start?: number; readonly end?: number },
  ): Promise<{ readonly sizeBytes: number; readonly stream: Readable }>;
  /** Creates or truncates in place (follows a final symlink inside the sandbox). Resolves with the bytes written. */
  write(
    path: string,
    content: Readable | Uint8Array,
    options?: { readonly mode?: number },
  ): Promise<number>;
  makeDirectory(
    path: string,
    options?: { readonly mode?: number; readonly recursive?: boolean },
  ): Promise<void>;
  remove(path: string, options?: { readonly recursive?: boolean }): Promise<void>;
  /** rename(2), which replaces an existing destination file; across file systems of the sandbox it copies. */
  move(source: string, destination: string): Promise<void>;
  setMode(path: string, mode: number): Promise<void>;
  setOwner(path: string, owner: { readonly uid?: number; readonly gid?: number }): Promise<void>;
}

/** A byte stream that keeps this process alive until it ends or is let go by `unref`. */
export interface EngineConnection extends Duplex {
  unref(): this;
}

export interface EngineSandbox {
  readonly id: string;
  readonly isolation: Isolation;
  readonly network: EngineNetwork;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Home directory of the sandbox's user: `/root` with namespaces, a folder of the sandbox's own without. */
  readonly homeDirectory: string;
  /** Read from the machine at each call, never cached. */
  state(): Promise<EngineSandboxState>;
  start(): Promise<void>;
  /** SIGTERM to every process, SIGKILL after `graceMs` (default 10 000; 0 kills at once). Files stay. */
  stop(options?: { readonly graceMs?: number }): Promise<void>;
  /** Stops at once and removes every file, mount and process. Idempotent. */
  delete(): Promise<void>;
  setMetadata(metadata: Readonly<Record<string, unknown>>): Promise<void>;
  spawn(argv: readonly string[], options?: EngineProcessOptions): Promise<EngineProcess>;
  /**
   * Starts a program on a new terminal of this size. `TERM` is `xterm-256color` where neither the sandbox's environment nor
   * the call's has it. Rejects with `PTY_UNAVAILABLE` when the machine makes none, and as `spawn` does.
   */
  openPty(options: EnginePtyOptions): Promise<EnginePty>;
  readonly files: EngineFiles;
  /** A byte stream to a TCP port on the sandbox's loopback. Rejects with ECONNREFUSED when nothing listens. */
  connect(port: number, options?: { readonly signal?: AbortSignal }): Promise<EngineConnection>;
  /** TCP ports on which a process of this sandbox listens, ascending. */
  listeningPorts(): Promise<number[]>;
}
