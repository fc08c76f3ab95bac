import type { CallOptions } from "./call-options.ts";
import type { Command } from "./command.ts";
import type { WaitOptions } from "./process.ts";

export interface PtyOptions extends CallOptions {
  /** Milliseconds until the terminal must be there. Default: 60 000. */
  readonly timeoutMs?: number | undefined;
  /** Lines of the terminal: 1 to 1 000. */
  readonly rows: number;
  /** Columns of the terminal: 1 to 1 000. */
  readonly cols: number;
  /**
   * ID of the terminal: 1 to 64 letters and digits. One that is there already is attached to, whoever made it, and gets this
   * size; otherwise it is made. Default: a new random one.
   */
  readonly id?: string | undefined;
  /** `false` rejects with {@link ProcessNotFoundError} when there is no terminal of that ID. Default: true, it is made. */
  readonly create?: boolean | undefined;
  /** What runs in a new terminal. Default: the user's shell as a login shell. */
  readonly command?: Command | undefined;
  /** Directory of a new terminal: absolute, or relative to the backend's `workDir`, which is the default. */
  readonly cwd?: string | undefined;
  /** Added to the environment of a new terminal. `TERM` is `xterm-256color` unless given. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Byte of the output that `output` begins with. Default: 0, all that the terminal has shown. */
  readonly replayFrom?: number | undefined;
}

/** How a terminal's program ended. */
export interface PtyExit {
  /** The exit code as the shell counts: 128 + n when signal n ended it. Never invented. */
  readonly exitCode: number;
  /** The signal that ended it; undefined unless that is proven. */
  readonly signal: string | undefined;
}

/**
 * A terminal in the sandbox. It depends neither on a connection nor on this host: what it shows is recorded in the sandbox, and
 * any client attaches to it by its ID and reads from any byte on, also after its end.
 */
export interface Pty {
  readonly id: string;
  /**
   * What the terminal shows, byte for byte, with back-pressure. A lost connection is taken up again and no byte is lost or comes
   * twice. Ends with the terminal's program, and when this object is detached; fails with {@link CompletionUnknownError} when
   * nobody can know whether that is all.
   */
  readonly output: ReadableStream<Uint8Array>;
  /** Offset of the byte that `output` hands out next: where another client goes on with `replayFrom`. */
  readonly offset: number;

  /** `output` as text; a character whose bytes come in two pieces stays whole. Uses up `output`. */
  text(): ReadableStream<string>;
  /**
   * Types into the terminal; text as UTF-8. Resolves when the sandbox has it. Default `timeoutMs`: 60 000.
   *
   * @throws {@link ConnectionError} when the connection was lost before that: the input may or may not have arrived, and is not
   * sent again. {@link SandboxStateError} when the terminal's program has ended.
   */
  write(data: string | Uint8Array, options?: CallOptions): Promise<void>;
  /**
   * Sets the size and resolves when the terminal has it. Of several that wait only the last one is sent. Default `timeoutMs`:
   * 60 000.
   */
  resize(rows: number, cols: number, options?: CallOptions): Promise<void>;
  /**
   * Waits for the end of the terminal's program.
   *
   * @throws {@link CompletionUnknownError} when nobody can know how it ended.
   */
  wait(options?: WaitOptions): Promise<PtyExit>;
  /** SIGTERM, two seconds later SIGKILL; resolves when the end is proven, false when it had ended. Default `timeoutMs`: 60 000. */
  kill(options?: CallOptions): Promise<boolean>;
  /** Lets go of the terminal, which goes on: `output` ends, nothing is asked any more. */
  detach(): void;
  /** The terminal as a Node stream: what is written to it is typed, its end detaches. Uses up `output`. */
  toDuplex(): NodeJS.ReadWriteStream;
}

/** A terminal in the list of a sandbox. */
export interface PtyInfo {
  readonly id: string;
  /** `attachPty` can attach to it. False for one that somebody opened by other means of the provider: it has no record. */
  readonly isAttachable: boolean;
  /** `unknown`: it was made, its program is gone, and it left no exit code. */
  readonly state: "running" | "exited" | "unknown";
  /** Defined when `state` is `exited`. */
  readonly exitCode: number | undefined;
  readonly startedAt: Date | undefined;
}
