import type { Isolation } from "../../../src/engine/engine-types.ts";
import { LocalEngine } from "../../../src/engine/local-engine.ts";

/** Is killed in the middle of creating a sandbox. */
async function main(directory: string, isolation: Isolation, afterMs: number): Promise<void> {
  const engine = await LocalEngine.open({ directory, isolation });
  setTimeout(() => process.kill(process.pid, "SIGKILL"), afterMs);
  for (;;) await engine.create();
}

const [directory = "", isolation, afterMs] = process.argv.slice(2);
await main(directory, isolation as Isolation, Number(afterMs));
