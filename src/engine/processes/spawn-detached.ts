import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { EngineProcessExit } from "../engine-types.ts";
import type { PipePool } from "./pipe-pool.ts";

export interface DetachedProgram {
  readonly argv: readonly string[];
  readonly cwd: string;
  /** The whole environment; nothing of ours is added. */
  readonly env: Readonly<Record<string, string>>;
  /** Descriptors that must not reach the program, as `findInheritedDescriptors` gives them. */
  readonly inherited: readonly number[];
  /** True for a program that begins its session itself, as setsid(1) does. Default: false. */
  readonly makesOwnSession?: boolean;
}

/** A program that runs in a session of its own. */
export interface DetachedChild {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Resolves at the end of the process itself, whoever still holds its pipes. */
  readonly exited: Promise<EngineProcessExit>;
}

/** Such a program with pipes; the descriptors are our ends of its standard input, output and error. */
export interface PipedChild extends DetachedChild {
  readonly descriptors: readonly [number, number, number];
}

/**
 * Starts a program in a session of its own, with no environment and no open descriptor of this process but the three given.
 * Rejects when it could not be started at all, such as with ENOENT.
 */
export async function spawnDetached(
  { argv, cwd, env, inherited, makesOwnSession = false }: DetachedProgram,
  stdio: readonly ["pipe", "pipe", "pipe"] | readonly [number, number, number],
): Promise<DetachedChild> {
  const [program, ...programArguments] = argv;
  if (program === undefined) throw new TypeError("argv is empty");
  const nothing = inherited.length > 0 ? openSync("/dev/null", "r+") : undefined;
  try {
    const descriptors: ("pipe" | "ignore" | number)[] = [...stdio];
    for (let descriptor = 3; descriptor <= Math.max(0, ...inherited); descriptor += 1) {
      // `ignore` leaves a descriptor above 2 as it is.
      descriptors.push(
        nothing !== undefined && inherited.includes(descriptor) ? nothing : "ignore",
      );
    }
    const child = spawn(program, programArguments, {
      cwd,
      env,
      detached: !makesOwnSession,
      stdio: descriptors,
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    const exited = new Promise<EngineProcessExit>((resolve) => {
      child.once("exit", (exitCode, signal) => resolve({ exitCode, signal }));
    });
    return { child, pid: child.pid as number, exited };
  } finally {
    if (nothing !== undefined) closeSync(nothing);
  }
}

/** The same, with real pipes from the pool as its standard streams. The caller closes our ends of them. */
export async function spawnWithPipes(
  program: DetachedProgram,
  pool: PipePool,
): Promise<PipedChild> {
  const { stdin, stdout, stderr } = await pool.take();
  try {
    const detached = await spawnDetached(program, [stdin.child, stdout.child, stderr.child]);
    return { ...detached, descriptors: [stdin.own, stdout.own, stderr.own] };
  } catch (error) {
    for (const { own } of [stdin, stdout, stderr]) closeSync(own);
    throw error;
  } finally {
    for (const { child } of [stdin, stdout, stderr]) closeSync(child);
  }
}
