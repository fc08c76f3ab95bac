import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { processesOf } from "../../../helpers/processes-of.ts";
import { until } from "../../../helpers/until.ts";
import { CommandBench, nothingRuns, text } from "./run-command.ts";

describe("the end", { timeout: 30_000 }, () => {
  test("a timeout kills the whole tree and keeps the output", async () => {
    await using bench = await CommandBench.open();
    const startedAtMs = performance.now();
    await expect(
      bench.run("echo before; echo oops >&2; setsid sleep 600 & sleep 601 & sleep 602", {
        timeoutMs: 700,
      }),
    ).rejects.toMatchObject({
      code: "COMMAND_TIMEOUT",
      terminated: true,
      timeoutMs: 700,
      stdout: "before\n",
      stderr: "oops\n",
    });
    expect(performance.now() - startedAtMs).toBeLessThan(3_000);
    expect(await nothingRuns(bench)).toBe(true);
  });

  test("a command that ignores SIGTERM gets SIGKILL", async () => {
    await using bench = await CommandBench.open({}, { timing: { killGraceSeconds: 1 } });
    const command = "trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 600; :' & sleep 601; :";
    await expect(bench.run(command, { timeoutMs: 500 })).rejects.toMatchObject({
      code: "COMMAND_TIMEOUT",
    });
    expect(await nothingRuns(bench)).toBe(true);
  });

  test("a command that ends on SIGTERM in its own way is a timeout all the same", async () => {
    await using bench = await CommandBench.open();
    await expect(
      bench.run("trap 'echo bye; exit 0' TERM; while :; do sleep 0.05; done", { timeoutMs: 500 }),
    ).rejects.toMatchObject({ code: "COMMAND_TIMEOUT", stdout: "bye\n" });
  });

  test("works without setsid, in the group that the provider makes", async () => {
    await using bench = await CommandBench.open({}, { timing: { firstAnswerSeconds: 1.5 } });
    const programs = ["sleep", "cat", "grep", "rm", "wc", "mkdir", "tail", "head"];
    bench.channel.setEnv({ PATH: await bench.channel.onlyPrograms(...programs) });
    expect(text((await bench.run("echo hi")).stdoutBytes)).toBe("hi\n");
    // While its start still waits, and later.
    for (const timeoutMs of [900, 2_200]) {
      await expect(bench.run("echo a; sleep 600 & sleep 601", { timeoutMs })).rejects.toMatchObject(
        { code: "COMMAND_TIMEOUT", stdout: "a\n" },
      );
    }
    expect(await nothingRuns(bench)).toBe(true);
  });

  test("an abort at any moment leaves no process and rejects with its reason", async () => {
    await using bench = await CommandBench.open();
    for (const delayMs of [0, 2, 5, 10, 15, 20, 30, 50, 100]) {
      const controller = new AbortController();
      const reason = new Error(`after ${delayMs} ms`);
      const run = bench.run("sleep 600 & setsid sleep 601 & sleep 602", {
        signal: controller.signal,
      });
      const aborted = sleep(delayMs).then(() => controller.abort(reason));
      await expect(run).rejects.toBe(reason);
      await aborted;
      expect(await nothingRuns(bench)).toBe(true);
    }
  });

  test("an abort while a poll waits leaves nothing", async () => {
    await using bench = await CommandBench.open({}, { timing: { firstAnswerSeconds: 0.1 } });
    const controller = new AbortController();
    const run = bench.run("sleep 600", { signal: controller.signal });
    await until(() => bench.channel.scripts.length >= 2);
    await sleep(300);
    controller.abort();
    await expect(run).rejects.toMatchObject({ name: "AbortError" });
    expect(await nothingRuns(bench)).toBe(true);
  });

  test("a signal that is aborted already means no request", async () => {
    await using bench = await CommandBench.open();
    await expect(bench.run("echo hi", { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: "AbortError",
    });
    expect(bench.channel.scripts).toHaveLength(0);
  });

  test("processes that vanish without a trace are not taken for an end", async () => {
    await using bench = await CommandBench.open({}, { timing: { firstAnswerSeconds: 0.1 } });
    const run = bench.run("echo before; echo $$ >pid; sleep 600");
    const outcome = expect(run).rejects.toMatchObject({
      code: "COMPLETION_UNKNOWN",
      reason: "record-missing",
    });
    const pid = await until(
      async () =>
        Number(await readFile(join(bench.channel.home, "pid"), "utf8").catch(() => "")) ||
        undefined,
    );
    const keeper = await parentOf(pid);
    process.kill(keeper, "SIGKILL");
    for (const entry of await processesOf(bench.channel.home)) {
      if (entry.includes(".cmd") || entry.includes("sleep 600")) {
        process.kill(Number(entry.split(" ")[0]), "SIGKILL");
      }
    }
    await outcome;
  });
});

async function parentOf(pid: number): Promise<number> {
  const line = await readFile(`/proc/${pid}/stat`, "utf8");
  return Number(line.slice(line.lastIndexOf(")") + 2).split(" ")[1]);
}
