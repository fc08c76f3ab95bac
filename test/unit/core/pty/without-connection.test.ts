import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { SandboxPtys } from "../../../../src/core/pty/sandbox-ptys.ts";
import { watchTerminal } from "../../../../src/testing/terminal-watch.ts";
import { findProgram } from "../../../helpers/shell-channel.ts";
import { CommandBench, nothingRuns } from "../commands/run-command.ts";

const size = { rows: 24, cols: 80, timeoutMs: 60_000 } as const;

function ptysOf(bench: CommandBench, idleMs: number): SandboxPtys {
  return new SandboxPtys({
    context: bench.runner.context,
    channel: bench.channel,
    processes: bench.processes,
    guard: (_operation, run) => run(),
    idleMs,
  });
}

describe("a terminal without a live connection", { timeout: 60_000 }, () => {
  test("is shown by polls alone, byte for byte", async () => {
    await using bench = await CommandBench.open();
    const ptys = ptysOf(bench, 60_000);
    const pty = await ptys.attach(
      {
        ...size,
        cwd: bench.channel.home,
        command: "stty size; read -r line; echo got $line; exit 6",
      },
      AbortSignal.timeout(30_000),
    );
    const terminal = watchTerminal(pty);
    await terminal.shows("24 80", 20_000);
    await pty.resize(30, 100);
    await pty.write("typed\r");
    expect(await pty.wait()).toEqual({ exitCode: 6, signal: undefined });
    await terminal.ended;
    expect(terminal.text).toBe("24 80\r\ntyped\r\ngot typed\r\n");
    expect(await nothingRuns(bench)).toBe(true);
  });

  test("that nobody uses is not asked for any more, until it is used again", async () => {
    await using bench = await CommandBench.open({}, { timing: { pollSeconds: 1 } });
    const ptys = ptysOf(bench, 1_500);
    const pty = await ptys.attach(
      {
        ...size,
        cwd: bench.channel.home,
        command: "stty -echo; echo up; while read -r l; do echo got $l; done",
      },
      AbortSignal.timeout(30_000),
    );
    const terminal = watchTerminal(pty);
    await terminal.shows("up", 20_000);
    await sleep(4_000);
    const asked = bench.channel.scripts.length;
    await sleep(2_500);
    expect(bench.channel.scripts.length).toBe(asked);
    await pty.write("again\r");
    await terminal.shows("got again", 20_000);
    await pty.kill();
    await terminal.ended;
  });

  test("says that it cannot be had without script and python3", async () => {
    await using bench = await CommandBench.open();
    const programs = ["sh", "sleep", "cat", "grep", "rm", "wc", "mkdir", "tail", "head", "env"];
    bench.channel.setEnv({
      PATH: await bench.channel.onlyPrograms(...programs, "mkfifo", "setsid"),
    });
    await expect(
      ptysOf(bench, 60_000).attach(
        { ...size, cwd: bench.channel.home, command: "true" },
        AbortSignal.timeout(30_000),
      ),
    ).rejects.toMatchObject({ code: "UNSUPPORTED_OPERATION" });
  });

  test.skipIf(findProgram("python3") === undefined)(
    "works with python3 where there is no script",
    async () => {
      await using bench = await CommandBench.open();
      // A script that is not that of util-linux comes first.
      const folder = join(bench.channel.home, "bin");
      await mkdir(folder);
      await writeFile(join(folder, "script"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
      bench.channel.setEnv({ PATH: `${folder}:${process.env.PATH}` });
      const pty = await ptysOf(bench, 60_000).attach(
        { ...size, cwd: bench.channel.home, command: "stty size; read -r l; echo got $l; exit 3" },
        AbortSignal.timeout(30_000),
      );
      const terminal = watchTerminal(pty);
      await terminal.shows("24 80", 20_000);
      await pty.write("it\r");
      expect((await pty.wait()).exitCode).toBe(3);
      await terminal.ended;
      expect(terminal.text).toContain("got it");
      expect(await nothingRuns(bench)).toBe(true);
    },
  );
});
