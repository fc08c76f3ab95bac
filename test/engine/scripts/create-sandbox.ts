import type { Isolation } from "../../../src/engine/engine-types.ts";
import { LocalEngine } from "../../../src/engine/local-engine.ts";

/** Makes a sandbox with a process in it, prints its id and ends without closing anything. */
async function main(directory: string, isolation: Isolation): Promise<void> {
  const engine = await LocalEngine.open({ directory, isolation });
  const sandbox = await engine.create({ metadata: { madeBy: process.pid } });
  const file = `${sandbox.homeDirectory}/beat`;
  await sandbox.spawn(["sh", "-c", `while :; do echo x >>${file}; sleep 0.02; done`]);
  process.stdout.write(sandbox.id, () => process.exit(0));
}

const [directory = "", isolation] = process.argv.slice(2);
await main(directory, isolation as Isolation);
