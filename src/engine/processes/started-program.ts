import type { EngineProcessExit } from "../engine-types.ts";
import type { SandboxEntry } from "../isolation/enter-program.ts";

/** A program that was started, in a session of its own. */
export interface StartedProgram {
  readonly pid: number;
  /**
   * Resolves at the end of the process itself, whoever still holds its pipes. Rejects with `EXIT_UNKNOWN` when nobody is left who could
   * learn it; that is no unhandled rejection when nobody looks.
   */
  readonly exited: Promise<EngineProcessExit>;
  /** Whether `exited` has settled. */
  readonly hasEnded: boolean;
  /** It goes on, and no longer keeps this Node process alive. */
  unref(): void;
}

/** Such a program with pipes; the descriptors are our ends of its standard input, output and error. */
export interface PipedProgram {
  readonly started: StartedProgram;
  readonly descriptors: readonly [number, number, number];
}

/** The same before it has started. Rejects when it could not be started at all. */
export interface StartingProgram extends Pick<PipedProgram, "descriptors"> {
  readonly starting: Promise<StartedProgram>;
}

export interface ProgramToStart {
  readonly argv: readonly string[];
  readonly cwd: string;
  /** The whole environment; nothing of ours is added. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * `own`: a session and a process group of its own. `terminal`: with its standard input as the session's terminal, which only the spawner
   * can do. `none` is for a program that begins its session itself, as setsid(1) does. Default: `own`.
   */
  readonly session?: "own" | "terminal" | "none";
  /** Default: this process's own. */
  readonly umask?: number;
  /** Where it runs, with `cwd` and the program as they are in there. Only the spawner can do it. Default: on this machine. */
  readonly entry?: SandboxEntry;
  /**
   * No program, but a fork of the spawner that builds a sandbox and keeps its namespaces. Its name for people is the only argument; the
   * environment is that of the sandbox's first process.
   */
  readonly holdsNamespaces?: boolean;
  /** The sandbox that it belongs to. Without one it is a program of the engine's own. */
  readonly group?: ProgramGroup | undefined;
  /** Thousandths of the memory that are added to what it uses when the kernel looks for what to end. Default: this process's own. */
  readonly oomScoreAdjustment?: number | undefined;
}

/** Programs of one sandbox, which share its limits. */
export interface ProgramGroup {
  /** The files by which a process joins the control groups that they are in; empty where there are none. */
  readonly joins: readonly string[];
}

/** What the program gets as its standard streams: the child's ends of pipes, or one file for all, such as a terminal. */
export type StandardStreams =
  | { readonly kind: "pipes"; readonly descriptors: readonly [number, number, number] }
  | { readonly kind: "one-file"; readonly descriptor: number };

export function descriptorsOf(streams: StandardStreams): readonly [number, number, number] {
  if (streams.kind === "pipes") return streams.descriptors;
  const { descriptor } = streams;
  return [descriptor, descriptor, descriptor];
}
