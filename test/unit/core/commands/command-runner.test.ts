import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { processesOf } from "../../../helpers/processes-of.ts";
import { until } from "../../../helpers/until.ts";
import { CommandBench, text } from "./run-command.ts";

/** Resolves when no process of a bench is left. */
async function nothingRuns(bench: CommandBench): Promise<true> {
  return await until(async () => (await processesOf(bench.channel.home)).length === 0);
}

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
    await expect(bench.run("yes", { maxLogBytes: 100_000 })).rejects.toMatchObject({
      code: "OUTPUT_LIMIT",
      limitBytes: 100_000,
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
    await using bench = await CommandBench.open();
    // `command -v` finds nothing there, and the shell's own path is absolute.
    const path = await bench.channel.onlyPrograms("sh", "sleep", "cat", "grep", "rm", "wc", "mkdir", "tail", "head");
    bench.channel.setEnv({ PATH: path });
    expect(text((await bench.run("echo hi")).stdoutBytes)).toBe("hi\n");
    await expect(
      bench.run("echo a; sleep 600 & sleep 601", { timeoutMs: 500 }),
    ).rejects.toMatchObject({ code: "COMMAND_TIMEOUT", stdout: "a\n" });
    await expect(
      bench.run("echo a; sleep 600 & sleep 601", { timeoutMs: 5_000 }),
    ).rejects.toMatchObject({ code: "COMMAND_TIMEOUT", stdout: "a\n" });
    expect(await nothingRuns(bench)).toBe(true);
  });

  test("an abort at any moment leaves no process and rejects with its reason", async () => {
    await using bench = await CommandBench.open();
    for (const delayMs of [0, 1, 3, 5, 10, 15, 20, 30, 50, 80, 150, 400]) {
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
    const pid = await until(async () =>
      Number(await readFile(join(bench.channel.home, "pid"), "utf8").catch(() => "")),
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

describe("records", { timeout: 30_000 }, () => {
  test("lie in a closed folder and are gone after disposal", async () => {
    await using bench = await CommandBench.open();
    await bench.run("echo hi", { stdin: new Uint8Array(Buffer.from("in")) });
    await bench.run("sleep 0.1", { onStdout: () => undefined });
    expect((await stat(bench.channel.folder)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(bench.channel.folder)) {
      if (name.endsWith(".claim")) continue;
      expect([name, (await stat(join(bench.channel.folder, name))).mode & 0o777]).toEqual([name, 0o600]);
    }
    await bench.runner.dispose(AbortSignal.timeout(5_000));
    expect(await readdir(bench.channel.folder)).toEqual([]);
  });

  test("are removed by later starts, too", async () => {
    await using bench = await CommandBench.open();
    for (let count = 0; count < 30; count++) await bench.run(":");
    const names = await readdir(bench.channel.folder);
    expect(names.filter((name) => name.endsWith(".claim")).length).toBeLessThan(12);
  });

  test("of a given ID run once, whoever asks, and stay", async () => {
    await using bench = await CommandBench.open();
    const command = "echo run >>count; sleep 0.5; echo done; exit 3";
    const outcomes = await Promise.all([1, 2, 3].map(() => bench.run(command, { processId: "setup1" })));
    expect(outcomes.map(({ exitCode }) => exitCode)).toEqual([3, 3, 3]);
    expect(outcomes.map(({ stdoutBytes }) => text(stdoutBytes))).toEqual(["done\n", "done\n", "done\n"]);
    expect(outcomes.filter(({ alreadyStarted }) => !alreadyStarted)).toHaveLength(1);
    await bench.runner.dispose(AbortSignal.timeout(5_000));
    expect(await bench.run("exit 9", { processId: "setup1" })).toMatchObject({
      exitCode: 3,
      alreadyStarted: true,
    });
    expect(await readFile(join(bench.channel.home, "count"), "utf8")).toBe("run\n");
  });

  test("can be looked up", async () => {
    await using bench = await CommandBench.open({}, { timing: { firstAnswerSeconds: 0.1 } });
    const call = { signal: AbortSignal.timeout(20_000) };
    expect(await bench.runner.lookUp("step", call)).toEqual({ state: "none" });
    const run = bench.run("while [ ! -e go ]; do sleep 0.05; done; exit 4", { processId: "step" });
    await until(async () => (await bench.runner.lookUp("step", call)).state === "running");
    await bench.run(": >go");
    await run;
    expect(await bench.runner.lookUp("step", call)).toEqual({ state: "exited", exitCode: 4 });
    expect(await bench.runner.lookUp("other", call)).toEqual({ state: "none" });
  });

  test("an abort of a call that came second leaves the command to the first", async () => {
    await using bench = await CommandBench.open({}, { timing: { firstAnswerSeconds: 0.1 } });
    const first = bench.run("while [ ! -e go ]; do sleep 0.05; done", { processId: "step" });
    await until(() => bench.channel.scripts.length >= 2);
    const controller = new AbortController();
    const second = bench.run(":", { processId: "step", signal: controller.signal });
    await until(() => bench.channel.scripts.length >= 4);
    controller.abort();
    await expect(second).rejects.toMatchObject({ name: "AbortError" });
    await bench.run(": >go");
    expect(await first).toMatchObject({ exitCode: 0, alreadyStarted: false });
  });

  test("refuse an ID that is no file name", async () => {
    await using bench = await CommandBench.open();
    for (const processId of ["", "a/b", "..", "a b", "x".repeat(65)]) {
      await expect(bench.run(":", { processId })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    }
  });
});

describe("secrets", { timeout: 30_000 }, () => {
  test("reach the command and leave nothing", async () => {
    await using bench = await CommandBench.open();
    const secret = `it's ${randomBytes(12).toString("hex")}\n$x`;
    const inner = secret.slice(5, 29);
    const command = "printf %s \"$TOKEN\" | tr a-f A-F; ls /dev/shm | grep -c $SANDBOX_BACKEND_PROCESS; sleep 0.5";
    const run = bench.run(command, { secretEnv: { TOKEN: secret } });
    await until(async () => (await processesOf(bench.channel.home)).some((entry) => entry.includes(".cmd")));
    for (const entry of await processesOf(bench.channel.home)) expect(entry).not.toContain(inner);
    const outcome = await run;
    expect(text(outcome.stdoutBytes)).toBe(`${secret.replaceAll(/[a-f]/g, (letter) => letter.toUpperCase()).replace("IT", "it")}0\n`);
    for (const name of await readdir(bench.channel.folder)) {
      expect(await readFile(join(bench.channel.folder, name), "utf8")).not.toContain(inner);
    }
    expect((await readdir("/dev/shm")).filter((name) => name.startsWith("sandbox-backend-"))).toEqual([]);
  });

  test("of a command that is refused leave nothing either", async () => {
    await using bench = await CommandBench.open();
    await expect(
      bench.run(":", { cwd: "/nowhere", secretEnv: { TOKEN: "secret" } }),
    ).rejects.toMatchObject({ code: "WORKING_DIRECTORY_NOT_FOUND" });
    expect((await readdir("/dev/shm")).filter((name) => name.startsWith("sandbox-backend-"))).toEqual([]);
  });
});

async function parentOf(pid: number): Promise<number> {
  const line = await readFile(`/proc/${pid}/stat`, "utf8");
  return Number(line.slice(line.lastIndexOf(")") + 2).split(" ")[1]);
}
