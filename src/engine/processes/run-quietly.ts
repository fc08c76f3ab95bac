import { execFile } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { sharedSpawner } from "./spawner/shared-spawner.ts";

const ENVIRONMENT = { PATH: "/usr/bin:/bin", LC_ALL: "C" };

/**
 * Runs a program of the system's whose output nobody needs, and resolves with whether it succeeded: through the spawner where an open
 * engine has one, else by a fork of this process.
 */
export async function runQuietly(program: string, ...args: readonly string[]): Promise<boolean> {
  const spawner = await sharedSpawner.running();
  if (spawner === undefined) {
    return new Promise((resolve) => {
      execFile(program, args, { env: ENVIRONMENT }, (error) => resolve(error === null));
    });
  }
  const nothing = openSync("/dev/null", "r+");
  try {
    const { exited } = await spawner.spawn(
      { argv: [program, ...args], cwd: "/", env: ENVIRONMENT },
      { kind: "one-file", descriptor: nothing },
    );
    return (await exited).exitCode === 0;
  } catch {
    // Not started, or its end not learnt: then nobody can say that it succeeded.
    return false;
  } finally {
    closeSync(nothing);
  }
}
