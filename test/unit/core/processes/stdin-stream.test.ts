import { createHash, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { CommandBench, nothingRuns, text } from "../commands/run-command.ts";

/** How `exec` asks for a stream. */
function streamed(source: AsyncIterable<Uint8Array>) {
  return { feeds: true, stdinStream: source };
}

describe("a stream as standard input", { timeout: 60_000 }, () => {
  test("arrives whole, in order, while the command runs", async () => {
    await using bench = await CommandBench.open();
    const hash = createHash("sha256");
    async function* source(): AsyncGenerator<Uint8Array> {
      const buffer = Buffer.alloc(70_001);
      for (let count = 0; count < 60; count++) {
        // The same buffer each time, as some sources do.
        randomBytes(buffer.length).copy(buffer);
        hash.update(buffer);
        yield buffer;
      }
    }
    const { stdoutBytes } = await bench.run("sha256sum", streamed(source()));
    expect(text(stdoutBytes)).toContain(hash.digest("hex"));
  });

  test("is no longer read when the command has ended", async () => {
    await using bench = await CommandBench.open();
    let returned = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) {
          yield Buffer.from("line\n");
          await sleep(20);
        }
      } finally {
        returned = true;
      }
    }
    const { stdoutBytes, exitCode } = await bench.run("head -n 2", streamed(endless()));
    expect([text(stdoutBytes), exitCode]).toEqual(["line\nline\n", 0]);
    await expect.poll(() => returned).toBe(true);
    expect(await nothingRuns(bench)).toBe(true);
  });

  test("that throws ends the command and rejects with what it threw", async () => {
    await using bench = await CommandBench.open();
    const thrown = new Error("The disk is gone");
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("first\n");
      await sleep(100);
      throw thrown;
    }
    await expect(bench.run("cat; sleep 600", streamed(failing()))).rejects.toBe(thrown);
    expect(await nothingRuns(bench)).toBe(true);
  });

  test("that is stuck does not hold up a timeout or an abort", async () => {
    await using bench = await CommandBench.open();
    async function* stuck(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("first\n");
      await new Promise(() => undefined);
    }
    await expect(bench.run("cat", { ...streamed(stuck()), timeoutMs: 800 })).rejects.toMatchObject({
      code: "COMMAND_TIMEOUT",
      stdout: "first\n",
    });
    const controller = new AbortController();
    const run = bench.run("cat", { ...streamed(stuck()), signal: controller.signal });
    await sleep(300);
    controller.abort(new Error("enough"));
    await expect(run).rejects.toThrow("enough");
    expect(await nothingRuns(bench)).toBe(true);
  });
});
