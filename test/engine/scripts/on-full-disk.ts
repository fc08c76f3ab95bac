import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import type { Isolation } from "../../../src/engine/engine-types.ts";
import { LocalEngine } from "../../../src/engine/local-engine.ts";
import { runShell } from "../run-program.ts";

/** What the engine does when a sandbox has filled the disk; run with a small one at the given folder. */
async function main(directory: string, isolation: Isolation): Promise<void> {
  const engine = await LocalEngine.open({ directory, isolation });
  const sandbox = await engine.create({ id: "full", metadata: { old: true } });
  const filling = await runShell(
    sandbox,
    "head -c 1G /dev/zero >$HOME/large; until ! head -c 1 /dev/zero >>$HOME/large; do :; done",
  );
  assert.match(filling.stderr, /No space left on device/);

  await assert.rejects(engine.create({ id: "second" }), /ENOSPC|No space left/);
  assert.deepEqual(await engine.ids(), ["full"]);
  await assert.rejects(sandbox.setMetadata({ new: "x".repeat(100_000) }), { code: "ENOSPC" });
  const content = Buffer.alloc(1_000_000);
  await assert.rejects(sandbox.files.write(`${sandbox.homeDirectory}/more`, content), {
    code: "ENOSPC",
  });
  // What was written before is whole, and the sandbox still does what needs no space.
  assert.deepEqual((await engine.get("full"))?.metadata, { old: true });
  assert.equal((await runShell(sandbox, "echo works")).stdout, "works\n");

  await sandbox.delete();
  for (const kind of ["sandboxes", "trash", "staging"]) {
    assert.deepEqual(readdirSync(`${directory}/${kind}`), []);
  }
  const next = await engine.create({ id: "second" });
  assert.equal((await runShell(next, "echo again")).stdout, "again\n");
  await next.delete();
  await engine.close();
  process.stdout.write("ok");
}

const [directory = "", isolation] = process.argv.slice(2);
await main(directory, isolation as Isolation);
