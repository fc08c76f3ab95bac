import { readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LocalEngine } from "../../src/engine/local-engine.ts";
import { eventually } from "./eventually.ts";
import { processesNaming } from "./host-leftovers.ts";
import { isolationsUnderTest } from "./isolations.ts";
import { runShell } from "./run-program.ts";
import { runScript } from "./run-script.ts";
import { openTemporaryEngine, type TemporaryEngine } from "./temporary-engine.ts";

for (const { isolation, skipped, title } of await isolationsUnderTest()) {
  describe.skipIf(skipped)(`sandboxes and the process that made them, isolation ${title}`, () => {
    let temporary: TemporaryEngine;
    beforeAll(async () => {
      temporary = await openTemporaryEngine(isolation);
    });
    afterAll(async () => {
      await temporary[Symbol.asyncDispose]();
    });

    test("a sandbox and its processes outlive the process that made them", async () => {
      const id = await runScript(new URL("./scripts/create-sandbox.ts", import.meta.url), [
        temporary.directory,
        isolation,
      ]);
      const sandbox = await temporary.engine.get(id);
      if (!sandbox) throw new Error("The sandbox is gone");
      expect(await sandbox.state()).toBe("running");
      expect(sandbox.metadata).toEqual({ madeBy: expect.any(Number) as number });
      const beat = `${sandbox.homeDirectory}/beat`;
      await eventually("the process has begun", async () => {
        const names = (await sandbox.files.list(sandbox.homeDirectory)).map(({ name }) => name);
        return names.includes("beat");
      });
      const { sizeBytes } = await sandbox.files.stat(beat);
      await eventually(
        "its process goes on",
        async () => (await sandbox.files.stat(beat)).sizeBytes > sizeBytes,
      );
      expect((await runShell(sandbox, "echo hello")).stdout).toBe("hello\n");
      await sandbox.stop({ graceMs: 0 });
      const size = async (): Promise<number> => {
        await sandbox.start();
        return (await sandbox.files.stat(beat)).sizeBytes;
      };
      const stoppedAt = await size();
      expect(await size()).toBe(stoppedAt);
      await sandbox.delete();
      expect(processesNaming(id)).toEqual([]);
    });

    test.each([5, 60, 120])(
      "a creator killed after %i ms leaves nothing behind",
      async (afterMs) => {
        const killed = runScript(new URL("./scripts/die-while-creating.ts", import.meta.url), [
          temporary.directory,
          isolation,
          String(afterMs),
        ]);
        await expect(killed).rejects.toMatchObject({ signal: "SIGKILL" });
        // Opening the directory is what removes the rest.
        const other = await LocalEngine.open({ directory: temporary.directory, isolation });
        for (const sandbox of await other.list()) await sandbox.delete();
        await other.close();
        expect(readdirSync(`${temporary.directory}/sandboxes`)).toEqual([]);
        expect(readdirSync(`${temporary.directory}/trash`)).toEqual([]);
        expect(readdirSync(`${temporary.directory}/locks`)).toEqual([]);
        await eventually(
          "no process is left",
          () => processesNaming(`${temporary.directory}/sandboxes`).length === 0,
        );
      },
    );
  });
}
