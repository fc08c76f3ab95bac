import assert from "node:assert/strict";
import { runShell } from "../run-program.ts";
import { openTemporaryEngine } from "../temporary-engine.ts";

/** What the engine does where there is no perl; run where it cannot be found. */
async function main(): Promise<void> {
  const temporary = await openTemporaryEngine("none");
  try {
    const sandbox = await temporary.engine.create({});
    const { stdout, exitCode } = await runShell(
      sandbox,
      "ls -l /usr/bin/perl; ps -o ppid= $$; exit 4",
    );
    assert.match(stdout, /^crw/);
    assert.equal(Number(stdout.trim().split("\n").at(-1)), process.pid);
    assert.equal(exitCode, 4);
    await assert.rejects(sandbox.spawn(["no-such-program"], { env: { PATH: "/usr/bin:/bin" } }), {
      code: "ENOENT",
    });
    await assert.rejects(sandbox.openPty({ argv: ["sh"], rows: 1, cols: 1 }), {
      code: "PTY_UNAVAILABLE",
    });
  } finally {
    await temporary[Symbol.asyncDispose]();
  }
  process.stdout.write("ok");
}

await main();
