import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LocalEngine } from "../../src/engine/local-engine.ts";

/** Measures on an engine of its own, and takes everything away afterwards. */
export async function withEngine<Value>(
  measure: (engine: LocalEngine, directory: string) => Promise<Value>,
): Promise<Value> {
  const directory = await mkdtemp(join(tmpdir(), "bench-local-"));
  try {
    const engine = await LocalEngine.open({ directory });
    try {
      return await measure(engine, directory);
    } finally {
      for (const sandbox of await engine.list()) await sandbox.delete();
      for (const { id } of await engine.listSnapshots()) await engine.deleteSnapshot(id);
      await engine.close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
