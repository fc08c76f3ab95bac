import { createHash, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isLongRun } from "../../../helpers/long-run.ts";
import { processesOf } from "../../../helpers/processes-of.ts";
import { until } from "../../../helpers/until.ts";
import { CommandBench, nothingRuns, read } from "../commands/run-command.ts";

/** The short run has the most unlike ones. */
const combinations = [
  { outer: "zsh", inner: "busybox" },
  ...(isLongRun
    ? [
        { outer: "bash", inner: "dash" },
        { outer: "dash", inner: "dash" },
        { outer: "bash", inner: "bash" },
        { outer: "busybox", inner: "busybox" },
      ]
    : []),
];

describe.each(combinations)("a process under $outer and $inner", { timeout: 60_000 }, (shells) => {
  test("streams its output, tells its end and is told apart by its streams", async () => {
    await using bench = await CommandBench.open(shells);
    const child = await bench.spawn("echo one; sleep 0.3; echo two; echo oops >&2; exit 7");
    const [stdout, stderr] = await Promise.all([read(child.stdout), read(child.stderr)]);
    expect(stdout.toString()).toBe("one\ntwo\n");
    expect(stderr.toString()).toBe("oops\n");
    expect(await child.wait()).toEqual({
      exitCode: 7,
      signal: undefined,
      leftBackgroundProcesses: false,
    });
    expect([child.stdoutOffset, child.stderrOffset]).toEqual([8, 5]);
  });

  test("reads what is written, in order and once, until its input is closed", async () => {
    await using bench = await CommandBench.open(shells);
    const child = await bench.spawn("cat; echo end", { stdin: "open" });
    const binary = Buffer.concat([randomBytes(3_000), Buffer.from([0, 255, 0])]);
    await child.write('it\'s "quoted" $text\n');
    await child.write(binary);
    await Promise.all(["a", "b", "c"].map((letter) => child.write(letter)));
    await child.closeInput();
    await child.closeInput();
    const expected = Buffer.concat([
      Buffer.from('it\'s "quoted" $text\n'),
      binary,
      Buffer.from("abcend\n"),
    ]);
    expect((await read(child.stdout)).equals(expected)).toBe(true);
    expect((await child.wait()).exitCode).toBe(0);
    expect(await nothingRuns(bench)).toBe(true);
  });

  test("is attached to by its ID from another client, also after its end", async () => {
    await using bench = await CommandBench.open(shells);
    const child = await bench.spawn("echo one; while [ ! -e go ]; do sleep 0.05; done; echo two");
    const reader = child.stdout.getReader();
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe("one\n");
    child.detach();
    expect(await reader.read()).toEqual({ done: true, value: undefined });
    const other = bench.another();
    const attached = await other.attach(child.id, { stdoutOffset: child.stdoutOffset });
    await writeFile(join(bench.channel.home, "go"), "");
    expect((await read(attached.stdout)).toString()).toBe("two\n");
    expect(await attached.wait()).toMatchObject({ exitCode: 0 });
    const late = await bench.another().attach(child.id);
    expect((await read(late.stdout)).toString()).toBe("one\ntwo\n");
    expect(await late.wait()).toMatchObject({ exitCode: 0 });
  });

  test("gets a signal once, and is ended with proof", async () => {
    await using bench = await CommandBench.open(shells);
    const polite = await bench.spawn("trap 'echo int; exit 5' INT; while :; do sleep 0.05; done");
    await until(async () => (await processesOf(bench.channel.home)).length > 0);
    await until(async () => (await bench.processes.list(AbortSignal.timeout(9_000))).length > 0);
    expect(await polite.kill("SIGINT")).toBe(true);
    expect(await polite.wait()).toMatchObject({ exitCode: 5, signal: undefined });
    expect((await read(polite.stdout)).toString()).toBe("int\n");
    expect(await polite.kill("SIGINT")).toBe(false);
    const stubborn = await bench.spawn("trap '' TERM; sleep 600 & sleep 601; sleep 602");
    expect(await stubborn.kill()).toBe(true);
    expect(await stubborn.wait()).toMatchObject({ exitCode: 137, signal: "SIGKILL" });
    expect(await nothingRuns(bench)).toBe(true);
  });

  test("is listed while it runs, and after its end", async () => {
    await using bench = await CommandBench.open(shells);
    const startedAtMs = Date.now();
    const child = await bench.spawn("sleep 600 # a comment");
    const ended = await bench.spawn("exit 3");
    await ended.wait();
    const call = AbortSignal.timeout(20_000);
    await bench.run("true");
    const list = await bench.another().processes.list(call);
    expect(list).toHaveLength(2);
    const running = list.find(({ id }) => id === child.id);
    expect(running).toMatchObject({
      state: "running",
      exitCode: undefined,
      startedBy: "spawn",
      commandLine: "sleep 600 # a comment",
    });
    expect(Math.abs((running?.startedAt?.getTime() ?? 0) - startedAtMs)).toBeLessThan(5_000);
    expect(list.find(({ id }) => id === ended.id)).toMatchObject({ state: "exited", exitCode: 3 });
    await child.kill();
  });
});

describe("a process", { timeout: 60_000 }, () => {
  test("that two clients spawn under one ID is one process", async () => {
    await using bench = await CommandBench.open();
    const command = "echo run >>count; sleep 0.5; cat count";
    const children = await Promise.all(
      [bench, bench.another(), bench.another()].map((client) =>
        client.spawn(command, { id: "server1" }),
      ),
    );
    const outputs = await Promise.all(children.map(({ stdout }) => read(stdout)));
    expect(outputs.map(String)).toEqual(["run\n", "run\n", "run\n"]);
  });

  test("whose reader is slow keeps its output in the sandbox", async () => {
    await using bench = await CommandBench.open();
    const sizeBytes = 24 * 1024 * 1024;
    const child = await bench.spawn(
      `head -c ${sizeBytes} /dev/urandom >data; cat data; sha256sum data >&2`,
    );
    await child.wait();
    const hash = createHash("sha256");
    let received = 0;
    let most = 0;
    for await (const chunk of child.stdout) {
      hash.update(chunk);
      received += chunk.length;
      most = Math.max(most, chunk.length);
    }
    expect(received).toBe(sizeBytes);
    expect(most).toBeLessThanOrEqual(1024 * 1024);
    expect((await read(child.stderr)).toString()).toContain(hash.digest("hex"));
  });

  test("without an input, or that has ended, refuses to be written to", async () => {
    await using bench = await CommandBench.open();
    const closed = await bench.spawn("sleep 600");
    await expect(closed.write("x")).rejects.toMatchObject({ code: "SANDBOX_STATE" });
    await closed.kill();
    const open = await bench.spawn("cat", { stdin: "open" });
    await open.closeInput();
    await open.wait();
    await expect(open.write("x")).rejects.toMatchObject({ code: "SANDBOX_STATE" });
    await expect(bench.attach("nobody")).rejects.toMatchObject({ code: "PROCESS_NOT_FOUND" });
  });

  test("that reads slowly holds up whoever writes, and gets it all", async () => {
    await using bench = await CommandBench.open();
    const child = await bench.spawn("sleep 1.5; sha256sum", { stdin: "open" });
    const hash = createHash("sha256");
    for (let count = 0; count < 24; count++) {
      const piece = randomBytes(100_000);
      hash.update(piece);
      await child.write(piece);
    }
    await child.closeInput();
    expect((await read(child.stdout)).toString()).toContain(hash.digest("hex"));
  });

  test("gives the parts of its output that are asked for", async () => {
    await using bench = await CommandBench.open();
    const child = await bench.spawn("printf 0123456789; printf err >&2; sleep 600");
    await until(async () => (await child.output()).sizeBytes === 10);
    expect(await child.output(3, { maxBytes: 4 })).toMatchObject({ nextOffset: 7, sizeBytes: 10 });
    expect(Buffer.from((await child.output(3, { maxBytes: 4 })).bytes).toString()).toBe("3456");
    expect(Buffer.from((await child.output(99)).bytes).toString()).toBe("");
    expect((await child.output(0, { stream: "stderr" })).nextOffset).toBe(3);
    await child.kill();
  });

  test("over its limit is killed when somebody looks", async () => {
    await using bench = await CommandBench.open();
    const child = await bench.spawn("yes", { maxLogBytes: 100_000 });
    await expect(child.wait()).rejects.toMatchObject({ code: "OUTPUT_LIMIT" });
    expect(await nothingRuns(bench)).toBe(true);
  });

  test("that leaves others in the background says so", async () => {
    await using bench = await CommandBench.open();
    const child = await bench.spawn("sleep 600 & echo started");
    expect(await child.wait()).toMatchObject({ exitCode: 0, leftBackgroundProcesses: true });
    expect((await read(child.stdout)).toString()).toBe("started\n");
    const quick = await bench.run("(sleep 0.1; echo late) & echo first");
    expect(Buffer.from(quick.stdoutBytes).toString()).toBe("first\nlate\n");
    expect(quick.leftBackgroundProcesses).toBe(false);
    expect(await child.kill("SIGKILL")).toBe(true);
    expect(await nothingRuns(bench)).toBe(true);
  });

  test("is read by callbacks before its wait resolves", async () => {
    await using bench = await CommandBench.open();
    let received = "";
    const child = await bench.spawn("echo a; sleep 0.2; echo b", {
      onStdout: (chunk) => {
        received += Buffer.from(chunk).toString();
      },
    });
    await child.wait();
    expect(received).toBe("a\nb\n");
    const thrown = new Error("No more");
    const failing = await bench.spawn("echo a; sleep 600", {
      onStdout: () => {
        throw thrown;
      },
    });
    await expect(failing.wait()).rejects.toBe(thrown);
    await failing.kill();
  });
});
