import type { EngineSandbox, Isolation } from "../../../src/engine/engine-types.ts";
import { LocalEngine } from "../../../src/engine/local-engine.ts";

/** Makes sandboxes and snapshots, runs programs and deletes, over and over, until it is killed from outside. Says what it begins. */
async function main(directory: string, isolation: Isolation): Promise<void> {
  const engine = await LocalEngine.open({ directory, isolation });
  for (;;) {
    say("create");
    const sandbox = await engine.create({ env: { KEPT: "yes" }, metadata: { of: process.pid } });
    say("exec");
    await run(sandbox, ["sh", "-c", "echo $KEPT >kept; sleep 0.05; sleep 1000 & exit 0"]);
    say("snapshot");
    const copy = await engine.createSnapshot(sandbox.id, { mode: "copy" });
    say("create");
    const second = await engine.create({ snapshotId: copy.id });
    say("exec");
    await run(second, ["sh", "-c", "echo more >>kept; sleep 0.05"]);
    say("snapshot");
    await engine.createSnapshot(second.id, { mode: "stop", graceMs: 0 });
    say("start");
    await second.start();
    say("stop");
    await sandbox.stop({ graceMs: 0 });
    say("start");
    await sandbox.start();
    say("delete");
    await second.delete();
    await engine.deleteSnapshot(copy.id);
    await sandbox.delete();
  }
}

function say(step: string): void {
  process.stdout.write(`${step}\n`);
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
