import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { ProgramToStart } from "./started-program.ts";

/**
 * Starts a program by a fork of this process, in a session of its own, with no environment and no open descriptor of this process
 * but the three given. Rejects when it could not be started at all, such as with ENOENT.
 *
 * @param inherited - Descriptors that must not reach the program, as `findInheritedDescriptors` gives them.
 */
export async function spawnChild(
  { argv, cwd, env, session = "own" }: ProgramToStart,
  stdio: readonly ("pipe" | "ignore" | number)[],
  inherited: readonly number[],
): Promise<ChildProcess> {
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
      detached: session === "own",
      stdio: descriptors,
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    return child;
  } finally {
    if (nothing !== undefined) closeSync(nothing);
  }
}
