import { describe, expect, test } from "vitest";
import { ConnectionError } from "../../../../src/contract/provider-errors.ts";
import { CommandBench, nothingRuns, read } from "../commands/run-command.ts";

function lost(): ConnectionError {
  return new ConnectionError("The connection was lost.", { retryable: true });
}

describe("a kill whose answer is lost", { timeout: 30_000 }, () => {
  test("knows its own work again, and that of others from it", async () => {
    await using bench = await CommandBench.open();
    const child = await bench.spawn("echo on; sleep 600");
    await child.stdout.getReader().read();
    let answers = 0;
    bench.channel.hooks.after = (answer, script) => {
      if (script.includes("killed") && answers++ === 0) throw lost();
      return answer;
    };
    expect(await child.kill()).toBe(true);
    expect(answers).toBe(2);
    expect(await child.kill()).toBe(false);
    expect(await nothingRuns(bench)).toBe(true);
  });
});

describe("output whose bytes break off on their way", { timeout: 30_000 }, () => {
  for (const foreign of [new TypeError("terminated"), lost()]) {
    test(`is taken up again where it broke (${foreign.name})`, async () => {
      await using bench = await CommandBench.open();
      const { channel } = bench;
      const plainly = channel.read.bind(channel);
      let broken = 0;
      channel.read = async (path, range, call) => {
        const { sizeBytes, stream } = await plainly(path, range, call);
        if (broken++ > 1) return { sizeBytes, stream };
        const reader = stream.getReader();
        const cut = new ReadableStream<Uint8Array>({
          async pull(controller) {
            const { value } = await reader.read();
            controller.enqueue(value?.subarray(0, 3) ?? new Uint8Array());
            await reader.cancel();
            controller.error(foreign);
          },
        });
        return { sizeBytes, stream: cut };
      };
      const outcome = await bench.run("printf '0123456789\\377'");
      expect(Buffer.from(outcome.stdoutBytes).toString("latin1")).toBe("0123456789\xff");
      broken = 0;
      const child = await bench.spawn("printf '0123456789\\377'");
      expect((await read(child.stdout)).toString("latin1")).toBe("0123456789\xff");
      expect(broken).toBeGreaterThan(2);
    });
  }

  test("and what a callback throws is no broken connection", async () => {
    await using bench = await CommandBench.open();
    const thrown = new TypeError("terminated");
    let calls = 0;
    const onStdout = (): void => {
      calls += 1;
      throw thrown;
    };
    await expect(bench.run("printf '\\377'", { onStdout })).rejects.toBe(thrown);
    expect(calls).toBe(1);
  });
});
