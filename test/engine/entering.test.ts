import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { describe, expect, test } from "vitest";
import { namespacesUnderTest } from "./isolations.ts";
import { collect, runShell } from "./run-program.ts";
import { openTemporaryEngine } from "./temporary-engine.ts";

const attack = readFileSync(new URL("scripts/look-at-newcomer.pl", import.meta.url), "utf8");

const { skipped, title } = await namespacesUnderTest();

describe.skipIf(skipped)(`entering a sandbox, isolation ${title}`, () => {
  test("a program on its way in shows nothing of the host's, and holds up nobody else", async () => {
    await using temporary = await openTemporaryEngine("namespaces");
    const { engine } = temporary;
    const sandbox = await engine.create();
    const other = await engine.create();
    const attacker = await sandbox.spawn(["perl", "-e", attack]);
    const complaints = collect(attacker.stderr);
    const said: string[] = [];
    const hasCaught = (async () => {
      for await (const line of createInterface({ input: attacker.stdout })) {
        if (line === "caught") return true;
        said.push(line);
      }
      return false;
    })();
    const entering = { isHeld: false };
    const programs = (async () => {
      while (!entering.isHeld) await runShell(sandbox, "true");
    })();
    expect(
      await hasCaught,
      String(await Promise.race([complaints, Promise.resolve("no complaint")])),
    ).toBe(true);
    entering.isHeld = true;
    expect(said).toEqual([]);
    expect((await runShell(other, "echo unharmed")).stdout).toBe("unharmed\n");
    expect((await runShell(sandbox, "echo unharmed")).stdout).toBe("unharmed\n");
    attacker.stdin.end("\n");
    await programs;
    expect(await attacker.exited).toMatchObject({ exitCode: 0 });
    await complaints;
  });
});
