import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mapAtOnce } from "../../src/core/map-at-once.ts";
import { LocalEngine } from "../../src/engine/local-engine.ts";

const deletedAtOnce = 4;
const interruptions = ["SIGINT", "SIGTERM"] as const;

/** Measures on an engine of its own, and takes everything away afterwards, also when the measurement is interrupted. */
export async function withEngine<Value>(
  measure: (engine: LocalEngine, directory: string) => Promise<Value>,
): Promise<Value> {
  const directory = await mkdtemp(join(tmpdir(), "bench-local-"));
  let signal: NodeJS.Signals | undefined;
  let interrupt = (_name: NodeJS.Signals): void => undefined;
  const interrupted = new Promise<never>((_resolve, reject) => {
    interrupt = (name) => {
      signal = name;
      reject(new Error(`Interrupted by ${name}`));
    };
  });
  interrupted.catch(() => undefined);
  // A terminal sends it to the whole group, and whatever started this process may pass it on once more.
  for (const name of interruptions) process.on(name, interrupt);
  try {
    const engine = await LocalEngine.open({ directory });
    const measured = measure(engine, directory);
    try {
      return await Promise.race([measured, interrupted]);
    } finally {
      // What an interrupted measurement still does fails at its next call, or is done by then.
      await engine.close();
      await measured.catch(() => undefined);
      await removeEverything(directory);
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
    for (const name of interruptions) process.removeListener(name, interrupt);
    // Nothing handles it any more, so it ends this process as it would have at once.
    if (signal !== undefined) process.kill(process.pid, signal);
  }
}

async function removeEverything(directory: string): Promise<void> {
  const engine = await LocalEngine.open({ directory });
  const sandboxes = await engine.list();
  await mapAtOnce(sandboxes, deletedAtOnce, (sandbox) => sandbox.delete());
  for (const { id } of await engine.listSnapshots()) await engine.deleteSnapshot(id);
  await engine.close();
}
