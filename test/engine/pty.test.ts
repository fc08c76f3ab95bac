import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EnginePty, EngineSandbox } from "../../src/engine/engine-types.ts";
import { eventually } from "./eventually.ts";
import { isolationsUnderTest } from "./isolations.ts";
import { collect, runShell } from "./run-program.ts";
import { openTemporaryEngine, type TemporaryEngine } from "./temporary-engine.ts";
import { Terminal } from "./terminal.ts";

const SIZE = { rows: 24, cols: 80 };

for (const { isolation, skipped, title } of await isolationsUnderTest()) {
  describe.skipIf(skipped)(`PTYs, isolation ${title}`, () => {
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

    async function show(script: string): Promise<string> {
      const pty = await openShell(script);
      const output = await collect(pty.output);
      expect(await pty.exited).toEqual({ exitCode: 0, signal: null });
      return output.toString().replaceAll("\r\n", "\n");
    }

    test("is a terminal of the sandbox, with its size from the start", async () => {
      const pty = await sandbox.openPty({
        argv: [
          "sh",
          "-c",
          'tty; stty size; echo "$TERM $FROM_SANDBOX $ODD $PWD"; echo >/dev/tty x',
        ],
        cwd: sandbox.homeDirectory,
        env: { ODD: "a b\n$ü", LD_BIND_NOW: "1" },
        rows: 33,
        cols: 101,
      });
      const lines = (await collect(pty.output)).toString().split("\r\n");
      const name = isolation === "namespaces" ? /^\/dev\/pts\/\d$/ : /^\/dev\/pts\/\d+$/;
      expect(lines[0]).toMatch(name);
      expect(lines.slice(1)).toEqual([
        "33 101",
        "xterm-256color 1 a b",
        `$ü ${sandbox.homeDirectory}`,
        "x",
        "",
      ]);
      expect(await pty.exited).toEqual({ exitCode: 0, signal: null });
    });

    test("leads a session whose terminal it has, as ps sees it", async () => {
      const shown = await show("ps -o pid=,sid=,tpgid=,tty= -p $$; tty");
      const [line = "", name = ""] = shown.trim().split("\n");
      const [pid, session, foreground, terminal] = line.trim().split(/\s+/);
      expect([session, foreground]).toEqual([pid, pid]);
      expect(`/dev/${terminal}`).toBe(name);
    });

    test("hands on no descriptor but the terminal's", async () => {
      const shown = await show('for fd in /proc/$$/fd/*; do readlink "$fd"; done | sort -u');
      const other = shown
        .split("\n")
        .filter((line) => !/^(\/dev\/(pts\/\d+|null|tty)|)$/.test(line));
      expect(other).toEqual([]);
    });

    test("tells exit codes and signals", async () => {
      for (const exitCode of [0, 1, 126, 255]) {
        const pty = await openShell(`exit ${exitCode}`);
        await collect(pty.output);
        expect(await pty.exited).toEqual({ exitCode, signal: null });
      }
      for (const signal of ["SIGKILL", "SIGTERM", "SIGHUP"] as const) {
        const pty = await openShell("sleep 1000");
        pty.kill(signal);
        await collect(pty.output);
        expect(await pty.exited).toEqual({ exitCode: null, signal });
      }
    });

    test("tells a program of its new size", async () => {
      const terminal = new Terminal(
        await openShell(
          'trap "echo signalled" WINCH; echo ready; while :; do stty size; sleep 0.02; done',
        ),
      );
      await terminal.shows("ready");
      await terminal.pty.resize(50, 132);
      await terminal.shows("signalled");
      await terminal.shows("50 132");
      const sizes = [
        [10, 20],
        [11, 21],
        [12, 22],
        [13, 23],
      ] as const;
      await Promise.all(sizes.map(([rows, cols]) => terminal.pty.resize(rows, cols)));
      await terminal.shows(/13 23\r\n$/);
      for (const [rows, cols] of [
        [0, 80],
        [24, 0],
        [1.5, 80],
        [24, 65_536],
      ] as const) {
        await expect(terminal.pty.resize(rows, cols)).rejects.toMatchObject({
          code: "INVALID_ARGUMENT",
        });
      }
      terminal.pty.close();
      await terminal.ends();
      await expect(terminal.pty.resize(24, 80)).rejects.toMatchObject({ code: "PTY_CLOSED" });
      expect(await terminal.pty.exited).toEqual({ exitCode: null, signal: "SIGHUP" });
    });

    test("has Ctrl-C, Ctrl-Z and job control", async () => {
      const pty = await sandbox.openPty({
        ...SIZE,
        argv: ["bash", "--norc", "--noprofile", "-i"],
        env: { PS1: "ready> ", TERM: "dumb" },
      });
      const terminal = new Terminal(pty);
      await terminal.shows("ready> ");
      // The quotes keep the echo of what is typed from being taken for the program's own words.
      await terminal.type("sh -c 'echo cat-\"\"ready; exec cat'\n");
      await terminal.shows("cat-ready");
      await terminal.type("echoed\n");
      await terminal.shows(/echoed\r\nechoed\r\n/);
      await terminal.type("\x03");
      await terminal.shows("^C");
      await terminal.type("echo code=$?\n");
      await terminal.shows("code=130");
      await terminal.type("sh -c 'echo sleep-\"\"ready; exec sleep 1000'\n");
      await terminal.shows("sleep-ready");
      await terminal.type("\x1a");
      await terminal.shows(/Stopped +sh/);
      await terminal.type("bg; jobs\n");
      await terminal.shows(/Running +sh/);
      await terminal.type("kill %1; exit 7\n");
      await terminal.ends();
      expect(await pty.exited).toEqual({ exitCode: 7, signal: null });
    });

    test("carries every byte in both directions", async () => {
      const bytes = Buffer.alloc(2 * 1024 * 1024, "0123456789abcdef\n\r\x03\x04\x00\xff", "latin1");
      const pty = await openShell(
        `stty raw -echo; echo ready; head -c ${bytes.length} | tee /dev/stderr | sha256sum`,
      );
      const chunks: Buffer[] = [];
      pty.output.on("data", (chunk: Buffer) => chunks.push(chunk));
      await eventually("ready", () => Buffer.concat(chunks).includes("ready"));
      await pty.write(bytes);
      await eventually("the output ends", () => pty.output.readableEnded);
      const output = Buffer.concat(chunks).subarray("ready\n".length);
      expect(hash(output.subarray(0, bytes.length))).toBe(hash(bytes));
      expect(output.subarray(bytes.length).toString()).toBe(`${hash(bytes)}  -\n`);
    });

    test("lets a program wait for a slow reader, and keeps little in memory meanwhile", async () => {
      const total = 8 * 1024 * 1024;
      const pty = await openShell(`stty raw; head -c ${total} /dev/zero`);
      pty.output.once("readable", () => undefined);
      await delay(300);
      expect(pty.output.readableLength).toBeLessThan(256 * 1024);
      const before = pty.output.readableLength;
      await delay(200);
      expect(pty.output.readableLength).toBe(before);
      expect((await collect(pty.output)).length).toBe(total);
      expect(await pty.exited).toEqual({ exitCode: 0, signal: null });
    });

    test("lets a writer wait for a program that reads slowly", async () => {
      const bytes = Buffer.alloc(1024 * 1024, "input");
      const script = `stty raw -echo; echo ready; until [ -e go ]; do sleep 0.02; done; head -c ${bytes.length} | sha256sum`;
      const terminal = new Terminal(await openShell(script));
      await terminal.shows("ready");
      let isWritten = false;
      const written = terminal.pty.write(bytes).then(() => {
        isWritten = true;
      });
      await delay(300);
      expect(isWritten).toBe(false);
      await runShell(sandbox, "touch go");
      await written;
      await terminal.shows(hash(bytes));
      await runShell(sandbox, "rm go");
    });
  });
}

function hash(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
