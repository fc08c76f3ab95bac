import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EnginePty, EngineSandbox } from "../../src/engine/engine-types.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { eventually } from "./eventually.ts";
import { processesNaming } from "./host-leftovers.ts";
import { isolationsUnderTest } from "./isolations.ts";
import { openTerminals } from "./open-terminals.ts";
import { collect, runShell } from "./run-program.ts";
import { runScript } from "./run-script.ts";
import { openTemporaryEngine, type TemporaryEngine } from "./temporary-engine.ts";
import { Terminal } from "./terminal.ts";

const SIZE = { rows: 24, cols: 80 };
const RUNS = isLongRun ? 1000 : 60;

for (const { isolation, skipped, title } of await isolationsUnderTest()) {
  describe.skipIf(skipped)(`the end of PTYs, isolation ${title}`, () => {
    let temporary: TemporaryEngine;
    let sandbox: EngineSandbox;
    beforeAll(async () => {
      temporary = await openTemporaryEngine(isolation);
      sandbox = await temporary.engine.create({ env: { FROM_SANDBOX: "1" } });
    });
    afterAll(async () => {
      await temporary[Symbol.asyncDispose]();
    });

    async function openShell(script: string): Promise<EnginePty> {
      return sandbox.openPty({ ...SIZE, argv: ["bash", "-c", script] });
    }

    test(`loses nothing of what is written just before the end, ${RUNS} times`, async () => {
      const script = "head -c 20000 /dev/zero | tr '\\0' x";
      for (let run = 0; run < RUNS; run += 1) {
        const pty = await openShell(script);
        expect((await collect(pty.output)).toString()).toBe("x".repeat(20_000));
      }
    }, 600_000);

    test("keeps the end for somebody who reads only after it, and lets go of the terminal", async () => {
      const pty = await openShell("echo first; echo last");
      expect(await pty.exited).toEqual({ exitCode: 0, signal: null });
      expect(openTerminals()).toBe(0);
      expect((await collect(pty.output)).toString()).toBe("first\r\nlast\r\n");
    });

    test("ends with its program, whatever else has the terminal open", async () => {
      const started = performance.now();
      const pty = await openShell('trap "" HUP; sleep 1000.4711 & echo started');
      expect((await collect(pty.output)).toString()).toBe("started\r\n");
      expect(await pty.exited).toEqual({ exitCode: 0, signal: null });
      expect(performance.now() - started).toBeLessThan(10_000);
      expect(openTerminals()).toBe(0);
      await runShell(sandbox, "pkill -xf 'sleep 1000.4711' || true");
    });

    test("hangs up when closed, and takes no more input", async () => {
      const pty = await sandbox.openPty({ ...SIZE, argv: ["cat"] });
      pty.close();
      pty.close();
      expect(await pty.exited).toEqual({ exitCode: null, signal: "SIGHUP" });
      expect((await collect(pty.output)).length).toBe(0);
      await expect(pty.write(Buffer.from("x"))).rejects.toMatchObject({ code: "PTY_CLOSED" });
      const raw = await openShell("stty raw -echo; echo ready; sleep 1000");
      const terminal = new Terminal(raw);
      await terminal.shows("ready");
      const blocked = raw.write(Buffer.alloc(1024 * 1024));
      const rejected = expect(blocked).rejects.toMatchObject({ code: "PTY_CLOSED" });
      raw.close();
      await rejected;
    });

    test("rejects before anything runs, and keeps nothing open", async () => {
      const cwd = `${sandbox.homeDirectory}/missing`;
      await expect(sandbox.openPty({ ...SIZE, argv: ["true"], cwd })).rejects.toMatchObject({
        code: "ENOENT",
        syscall: "chdir",
      });
      const env = { PATH: "/usr/bin:/bin" };
      await expect(sandbox.openPty({ ...SIZE, argv: ["no-such"], env })).rejects.toMatchObject({
        code: "ENOENT",
        syscall: "spawn no-such",
      });
      await expect(sandbox.openPty({ rows: 0, cols: 80, argv: ["true"] })).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
      });
      expect(openTerminals()).toBe(0);
    });

    test("opens twenty at once, each with its own terminal", async () => {
      const shown = await Promise.all(
        Array.from({ length: 20 }, async (_, number) => {
          const pty = await openShell(`tty; echo ${number}; read -r line`);
          const terminal = new Terminal(pty);
          await terminal.shows(new RegExp(`\r\n${number}\r\n`));
          return terminal;
        }),
      );
      const names = shown.map(({ text }) => text.split("\r\n")[0]);
      expect(new Set(names).size).toBe(20);
      for (const terminal of shown) {
        await terminal.type("\n");
        await terminal.ends();
      }
      await Promise.all(shown.map(({ pty }) => pty.exited));
      expect(openTerminals()).toBe(0);
    });

    test("a stop of the sandbox ends it at once, although interactive shells ignore SIGTERM", async () => {
      const own = await temporary.engine.create();
      const pty = await own.openPty({ ...SIZE, argv: ["bash", "--norc", "-i"] });
      const terminal = new Terminal(pty);
      await terminal.shows(/[$#] $/);
      const started = performance.now();
      await own.stop({ graceMs: 8000 });
      expect(performance.now() - started).toBeLessThan(6000);
      await terminal.ends();
      await pty.exited;
      expect(processesNaming(own.id)).toEqual([]);
      await expect(own.openPty({ ...SIZE, argv: ["true"] })).rejects.toMatchObject({
        code: "SANDBOX_STOPPED",
      });
      await own.delete();
    });

    test("a deletion ends even what ignores the hang-up", async () => {
      const own = await temporary.engine.create();
      const pty = await own.openPty({
        ...SIZE,
        argv: ["sh", "-c", 'trap "" HUP TERM; echo ready; while :; do sleep 1; done'],
      });
      const terminal = new Terminal(pty);
      await terminal.shows("ready");
      await own.delete();
      await terminal.ends();
      expect((await pty.exited).exitCode).not.toBe(0);
    });

    test("hangs up at the end of the process that holds it", async () => {
      const marker = `pty-holder-${Math.random()}`;
      const script = new URL("./scripts/die-with-pty.ts", import.meta.url);
      const shown = await runScript(script, [temporary.directory, isolation, marker]);
      expect(shown).toBe(marker);
      await eventually("the program on the terminal is gone", () => {
        return processesNaming(marker).length === 0;
      });
    });
  });
}
