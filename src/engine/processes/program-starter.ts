import type { ChildProcess } from "node:child_process";
import { closeSync } from "node:fs";
import { EngineError } from "../engine-error.ts";
import type { EngineProcessExit } from "../engine-types.ts";
import { findInheritedDescriptors } from "./inherited-descriptors.ts";
import { PipePool } from "./pipe-pool.ts";
import { spawnChild } from "./spawn-child.ts";
import { sharedSpawner } from "./spawner/shared-spawner.ts";
import {
  descriptorsOf,
  type PipedProgram,
  type ProgramGroup,
  type ProgramToStart,
  type StandardStreams,
  type StartedProgram,
  type StartingProgram,
} from "./started-program.ts";

/**
 * Starts programs in sessions of their own, with no environment and no open descriptor of this process but the three given: through
 * the spawner, else, where there can be none, by forks of this process.
 */
export class ProgramStarter {
  readonly #pipes: PipePool;
  readonly #inherited = findInheritedDescriptors();
  #isClosed = false;

  private constructor(pipes: PipePool) {
    this.#pipes = pipes;
  }

  /** @param pipesDirectory - For the names of pipes, which they have for a moment. */
  static async open(pipesDirectory: string): Promise<ProgramStarter> {
    const pipes = await PipePool.open(pipesDirectory, async (names) => {
      const spawner = await sharedSpawner.get();
      await spawner?.makeFifos(names);
      return spawner !== undefined;
    });
    sharedSpawner.enter();
    return new ProgramStarter(pipes);
  }

  /** Rejects when it could not be started at all, such as with ENOENT. The caller closes the descriptors afterwards. */
  async start(program: ProgramToStart, streams: StandardStreams): Promise<StartedProgram> {
    const spawner = await sharedSpawner.get();
    if (spawner !== undefined) return spawner.spawn(program, streams);
    if (program.entry !== undefined || program.holdsNamespaces) throw cannotEnter();
    const joining = { ...program, argv: joinThen(program) };
    return new OwnChild(await spawnChild(joining, descriptorsOf(streams), this.#inherited));
  }

  /** So that the first program of that group does not wait for its control groups. */
  async warmGroup(group: ProgramGroup): Promise<void> {
    (await sharedSpawner.get())?.warmGroup(group);
  }

  /** What was started in that group has ended, and its control groups are to be removed. */
  async leaveGroup(group: ProgramGroup): Promise<void> {
    const spawner = await sharedSpawner.running();
    spawner?.leaveGroup(group);
  }

  /** The same, with real pipes from the pool. The caller closes our ends of them. */
  async startWithPipes(program: ProgramToStart): Promise<PipedProgram> {
    const { starting, descriptors } = await this.beginWithPipes(program);
    try {
      return { started: await starting, descriptors };
    } catch (error) {
      for (const descriptor of descriptors) closeSync(descriptor);
      throw error;
    }
  }

  /** The same, before it is known whether it can be started: what is written to it waits for it. */
  async beginWithPipes(program: ProgramToStart): Promise<StartingProgram> {
    const { stdin, stdout, stderr } = await this.#pipes.take();
    const starting = this.start(program, {
      kind: "pipes",
      descriptors: [stdin.child, stdout.child, stderr.child],
    }).finally(() => {
      for (const { child } of [stdin, stdout, stderr]) closeSync(child);
    });
    // Whoever waits for it learns of a failure.
    starting.catch(() => undefined);
    return { starting, descriptors: [stdin.own, stdout.own, stderr.own] };
  }

  /** What runs goes on. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#pipes.close();
    await sharedSpawner.leave();
  }
}

function cannotEnter(): EngineError {
  return new EngineError(
    "ISOLATION_UNAVAILABLE",
    "No perl can be started that may open the descriptors of this process in /proc, so no program can enter a sandbox",
  );
}

/** The same program, which first joins its group and takes its score. */
function joinThen({ argv, group, oomScoreAdjustment }: ProgramToStart): readonly string[] {
  if (group === undefined && oomScoreAdjustment === undefined) return argv;
  const score = `[ -z "$1" ] || { echo "$1" >/proc/self/oom_score_adj; } 2>/dev/null; shift`;
  const join = `until [ "$1" = -- ]; do echo 0 >"$1" || exit 126; shift; done; shift; exec "$@"`;
  const script = ["/bin/sh", "-c", `${score}; ${join}`, "sh", String(oomScoreAdjustment ?? "")];
  return [...script, ...(group?.joins ?? []), "--", ...argv];
}

/** A child of this very process. */
class OwnChild implements StartedProgram {
  readonly pid: number;
  readonly exited: Promise<EngineProcessExit>;
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.pid = child.pid as number;
    this.exited = new Promise((resolve) => {
      child.once("exit", (exitCode, signal) => resolve({ exitCode, signal }));
    });
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  unref(): void {
    this.#child.unref();
  }
}
