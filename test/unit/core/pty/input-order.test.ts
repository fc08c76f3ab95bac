import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { SandboxPtys } from "../../../../src/core/pty/sandbox-ptys.ts";
import { watchTerminal } from "../../../../src/testing/terminal-watch.ts";
import { CommandBench } from "../commands/run-command.ts";

// A live view is quicker than files: what is written to it must not overtake what still waits in them.
test("input that goes through files counts as written when it was handed over", {
  timeout: 60_000,
}, async () => {
  await using bench = await CommandBench.open();
  const ptys = new SandboxPtys({
    context: bench.runner.context,
    channel: bench.channel,
    processes: bench.processes,
    guard: (_operation, run) => run(),
    idleMs: 60_000,
  });
  const pty = await ptys.attach(
    {
      id: "order",
      rows: 24,
      cols: 80,
      timeoutMs: 60_000,
      cwd: bench.channel.home,
      command: "read -r line; echo got $line",
    },
    AbortSignal.timeout(30_000),
  );
  const terminal = watchTerminal(pty);
  const folder = join(bench.channel.home, ".sandbox-backend/run");
  const [feeder = ""] = (await readFile(join(folder, "order_0.feeder"), "utf8")).split(" ");
  process.kill(Number(feeder), "SIGSTOP");
  let isWritten = false;
  const written = pty.write("typed\r").then(() => {
    isWritten = true;
  });
  // Longer than one question waits.
  await sleep(7_000);
  expect(isWritten).toBe(false);
  expect(terminal.text).toBe("");
  process.kill(Number(feeder), "SIGCONT");
  await written;
  await terminal.ended;
  expect(terminal.text).toBe("typed\r\ngot typed\r\n");
});
