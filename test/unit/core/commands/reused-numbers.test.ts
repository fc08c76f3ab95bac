import { type ChildProcess, spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { until } from "../../../helpers/until.ts";
import { CommandBench, nothingRuns, read } from "./run-command.ts";

/** A process that has nothing to do with any command, the leader of a group of its own. It ends by itself if a test does not end it. */
class Stranger implements Disposable {
  readonly #child: ChildProcess = spawn("sleep", ["90"], { detached: true, stdio: "ignore" });

  private constructor() {}

  static async open(): Promise<Stranger> {
    const stranger = new Stranger();
    // Start times are counted in hundredths of a second; numbers do not come back that soon.
    await sleep(100);
    return stranger;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}

interface PidLine {
  readonly path: string;
  readonly words: readonly string[];
}

/** What the record says about its processes: pid PID START GROUP WAITER KEEPER KEEPER_START BOOT . */
async function pidLineOf(bench: CommandBench, processId: string): Promise<PidLine> {
  const path = join(bench.channel.folder, `${processId}_0.pid`);
  return until(async () => {
    const line = await readFile(path, "utf8").catch(() => "");
    return line.endsWith(" .\n") && { path, words: line.trim().split(" ") };
  });
}

/** Makes the record name the stranger's number, with the start times of its own processes. */
async function giveNumberTo(
  stranger: Stranger,
  { path, words }: PidLine,
  numbers: readonly ("pid" | "keeper")[],
): Promise<void> {
  const places = numbers.flatMap((name) => (name === "pid" ? [1, 3] : [5]));
  const line = words.map((word, index) => (places.includes(index) ? String(stranger.pid) : word));
  await writeFile(path, `${line.join(" ")}\n`);
}

for (const shell of ["dash", "busybox", "bash"]) {
  describe(`numbers of processes that a stranger has now (${shell})`, { timeout: 30_000 }, () => {
    test("do not make a command that is gone look alive, and the stranger is not killed", async () => {
      await using bench = await CommandBench.open({ outer: shell, inner: shell });
      using stranger = await Stranger.open();
      const child = await bench.spawn("echo one; sleep 600");
      const line = await pidLineOf(bench, child.id);
      process.kill(Number(line.words[5]), "SIGKILL");
      process.kill(-Number(line.words[3]), "SIGKILL");
      expect(await nothingRuns(bench)).toBe(true);
      await giveNumberTo(stranger, line, ["pid", "keeper"]);

      await expect(child.wait()).rejects.toMatchObject({ reason: "record-missing" });
      const list = await bench.processes.list(AbortSignal.timeout(20_000));
      expect(list).toMatchObject([{ id: child.id, state: "unknown", exitCode: undefined }]);
      expect(await child.kill("SIGKILL")).toBe(false);
      // That no process of it is left is proven; how it ended is not.
      expect(await child.kill()).toBe(true);
      await expect(
        bench.run("exit 0", { processId: child.id, timeoutMs: 5_000 }),
      ).rejects.toMatchObject({ code: "COMPLETION_UNKNOWN", reason: "record-missing" });
      expect(stranger.isAlive).toBe(true);
    });

    test("do not keep a kill from ending the command's own processes", async () => {
      await using bench = await CommandBench.open({ outer: shell, inner: shell });
      using stranger = await Stranger.open();
      const child = await bench.spawn("echo one; sleep 600 & sleep 602");
      const output = child.stdout.getReader();
      expect(String(Buffer.from((await output.read()).value ?? []))).toBe("one\n");
      output.releaseLock();
      await giveNumberTo(stranger, await pidLineOf(bench, child.id), ["pid"]);
      expect(await child.kill()).toBe(true);
      expect(await nothingRuns(bench)).toBe(true);
      expect((await child.wait()).exitCode).toBeGreaterThan(128);
      expect(String(await read(child.stdout))).toBe("");
      expect(stranger.isAlive).toBe(true);
    });
  });
}
