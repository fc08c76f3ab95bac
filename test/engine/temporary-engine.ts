import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Isolation } from "../../src/engine/engine-types.ts";
import { LocalEngine } from "../../src/engine/local-engine.ts";

export interface TemporaryEngine extends AsyncDisposable {
  readonly engine: LocalEngine;
  readonly directory: string;
}

/** An engine in a folder of its own; disposal deletes its sandboxes and the folder. */
export async function openTemporaryEngine(isolation: Isolation): Promise<TemporaryEngine> {
  const directory = await mkdtemp(join(tmpdir(), "engine-test-"));
  await chmod(directory, 0o755);
  const engine = await LocalEngine.open({ directory: join(directory, "state"), isolation });
  return {
    engine,
    directory: engine.directory,
    async [Symbol.asyncDispose]() {
      for (const sandbox of await engine.list()) await sandbox.delete();
      await engine.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
