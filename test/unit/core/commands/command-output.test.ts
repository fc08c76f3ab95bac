import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CommandBench, nothingRuns, text } from "./run-command.ts";

describe("output", { timeout: 30_000 }, () => {
  test("10 MiB arrive byte for byte", async () => {
    await using bench = await CommandBench.open();
    const outcome = await bench.run(
      "head -c 10485760 /dev/urandom | tee /proc/self/fd/2 | sha256sum >sum; cat sum >&2",
    );
    expect(outcome.stdoutBytes.length).toBe(0);
    const sum = await readFile(join(bench.channel.home, "sum"), "utf8");
    const data = outcome.stderrBytes.subarray(0, 10_485_760);
    expect(`${createHash("sha256").update(data).digest("hex")}  -\n`).toBe(sum);
    expect(text(outcome.stderrBytes.subarray(10_485_760))).toBe(sum);
  });

  test("a short command costs one request and no read", async () => {
    await using bench = await CommandBench.open();
    for (let count = 1; count <= 5; count++) {
      expect(text((await bench.run("echo hi")).stdoutBytes)).toBe("hi\n");
      expect(bench.channel.scripts).toHaveLength(count);
    }
    expect(bench.channel.reads).toBe(0);
  });

  test("over maxOutputBytes head and tail are kept, and only they are read", async () => {
    await using bench = await CommandBench.open();
    const outcome = await bench.run("seq 1000000; echo small >&2", { maxOutputBytes: 1_000 });
    const whole = Array.from({ length: 1_000_000 }, (_, index) => `${index + 1}\n`).join("");
    expect(outcome.truncated).toBe(true);
    expect(text(outcome.stdoutBytes)).toBe(whole.slice(0, 500) + whole.slice(-500));
    expect(text(outcome.stderrBytes)).toBe("small\n");
    expect(bench.channel.reads).toBe(3);
  });

  test("over maxLogBytes the command is killed", async () => {
    await using bench = await CommandBench.open();
    await expect(bench.run("yes", { maxLogBytes: 1_000_000 })).rejects.toMatchObject({
      code: "OUTPUT_LIMIT",
      limitBytes: 1_000_000,
    });
    expect(await nothingRuns(bench)).toBe(true);
  });

  test("a command that opens or truncates its own output keeps what it wrote last", async () => {
    await using bench = await CommandBench.open();
    const outcome = await bench.run("echo lost; echo a >/dev/stderr; : >/dev/stdout; echo kept");
    expect(text(outcome.stdoutBytes)).toBe("kept\n");
    expect(text(outcome.stderrBytes)).toBe("a\n");
  });

  test("a background child that holds the output does not delay the end", async () => {
    await using bench = await CommandBench.open();
    const outcome = await bench.run("(sleep 20; echo never) & echo $!");
    expect(outcome.durationMs).toBeLessThan(4_000);
    process.kill(Number(text(outcome.stdoutBytes)), "SIGKILL");
  });

  test("reaches the callbacks in order, as it comes, and the result holds the same", async () => {
    await using bench = await CommandBench.open();
    const seen: { readonly atMs: number; readonly chunk: string }[] = [];
    const startedAtMs = performance.now();
    const note = (chunk: Uint8Array): void => {
      seen.push({ atMs: performance.now() - startedAtMs, chunk: text(chunk) });
    };
    const outcome = await bench.run(
      "for i in 1 2 3 4 5; do echo $i; printf é; sleep 0.4; done; echo err >&2",
      { onStdout: note },
    );
    expect(seen.map(({ chunk }) => chunk).join("")).toBe(text(outcome.stdoutBytes));
    expect(text(outcome.stdoutBytes)).toBe("1\né2\né3\né4\né5\né");
    expect(text(outcome.stderrBytes)).toBe("err\n");
    expect(seen.length).toBeGreaterThan(2);
    expect(seen[0]?.atMs).toBeLessThan(1_500);
  });

  test("goes to callbacks exactly when it is large and no text", async () => {
    await using bench = await CommandBench.open();
    const hash = createHash("sha256");
    let bytes = 0;
    const outcome = await bench.run(
      "for i in 1 2 3; do head -c 3000000 /dev/urandom | tee -a copy; sleep 0.3; done",
      {
        maxOutputBytes: 1_000,
        onStdout: (chunk) => {
          hash.update(chunk);
          bytes += chunk.length;
        },
      },
    );
    const copy = await readFile(join(bench.channel.home, "copy"));
    expect(bytes).toBe(9_000_000);
    expect(hash.digest("hex")).toBe(createHash("sha256").update(copy).digest("hex"));
    expect(outcome.truncated).toBe(true);
    expect(Buffer.from(outcome.stdoutBytes)).toEqual(
      Buffer.concat([copy.subarray(0, 500), copy.subarray(-500)]),
    );
  });

  test("a callback that throws ends the command with what it threw", async () => {
    await using bench = await CommandBench.open();
    const thrown = new RangeError("enough");
    await expect(
      bench.run("echo one; sleep 60", {
        onStdout: () => {
          throw thrown;
        },
      }),
    ).rejects.toBe(thrown);
    expect(await nothingRuns(bench)).toBe(true);
  });

  test("50 commands side by side do not mix, and share their polls", async () => {
    await using bench = await CommandBench.open({}, { timing: { firstAnswerSeconds: 0.1 } });
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        bench.run(`echo out-${index}; echo err-${index} >&2; sleep 1; exit ${index}`),
      ),
    );
    for (const [index, outcome] of outcomes.entries()) {
      expect(outcome.exitCode).toBe(index);
      expect(text(outcome.stdoutBytes)).toBe(`out-${index}\n`);
      expect(text(outcome.stderrBytes)).toBe(`err-${index}\n`);
    }
  });
});
