import type { EngineSandbox, Isolation } from "../../../src/engine/engine-types.ts";
import { LocalEngine } from "../../../src/engine/local-engine.ts";

/** Makes sandboxes and snapshots, runs programs and deletes, over and over, until it is killed from outside. Says when it begins. */
async function main(directory: string, isolation: Isolation): Promise<void> {
  const engine = await LocalEngine.open({ directory, isolation });
  process.stdout.write("ready\n");
  for (;;) {
    const sandbox = await engine.create({ env: { KEPT: "yes" }, metadata: { of: process.pid } });
    await run(sandbox, ["sh", "-c", "echo $KEPT >kept; sleep 1000 & exit 0"]);
    const copy = await engine.createSnapshot(sandbox.id, { mode: "copy" });
    const second = await engine.create({ snapshotId: copy.id });
    await run(second, ["sh", "-c", "echo more >>kept"]);
    await engine.createSnapshot(second.id, { mode: "stop", graceMs: 0 });
    await second.start();
    await sandbox.stop({ graceMs: 0 });
    await sandbox.start();
    await second.delete();
    await engine.deleteSnapshot(copy.id);
    await sandbox.delete();
  }
}

async function run(sandbox: EngineSandbox, argv: readonly string[]): Promise<void> {
  const child = await sandbox.spawn(argv);
  child.stdin.end();
  child.stdout.resume();
  child.stderr.resume();
  await child.exited;
}

const [directory = "", isolation] = process.argv.slice(2);
await main(directory, isolation as Isolation);
