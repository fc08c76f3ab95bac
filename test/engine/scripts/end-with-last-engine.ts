import { readFileSync } from "node:fs";
import type { Isolation } from "../../../src/engine/engine-types.ts";
import { eventually } from "../eventually.ts";
import { collect } from "../run-program.ts";
import { openTemporaryEngine } from "../temporary-engine.ts";

/** Prints how many children this process has while one of two engines is open, and when both are closed. */
async function main(isolation: Isolation): Promise<void> {
  const first = await openTemporaryEngine(isolation);
  const second = await openTemporaryEngine(isolation);
  for (const { engine } of [first, second]) {
    const sandbox = await engine.create({});
    const running = await sandbox.spawn(["sleep", "1000"]);
    await sandbox.delete();
    await Promise.all([collect(running.stdout), collect(running.stderr), running.exited]);
  }
  await first[Symbol.asyncDispose]();
  const between = children().length;
  await second[Symbol.asyncDispose]();
  await eventually("no child is left", () => children().length === 0);
  process.stdout.write(`${between} ${children().length}`);
}

function children(): string[] {
  const path = `/proc/self/task/${process.pid}/children`;
  return readFileSync(path, "latin1").split(" ").filter(Boolean);
}

await main(process.argv[2] as Isolation);
