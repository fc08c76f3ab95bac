import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { SandboxNotFoundError } from "../../../../src/contract/lifecycle-errors.ts";
import {
  AuthenticationError,
  ConnectionError,
  RateLimitError,
} from "../../../../src/contract/provider-errors.ts";
import { processesOf } from "../../../helpers/processes-of.ts";
import { until } from "../../../helpers/until.ts";
import { CommandBench, text } from "./run-command.ts";

const command = "echo run >>count; echo out; echo err >&2; exit 5";

async function runs(bench: CommandBench): Promise<number> {
  const count = await readFile(join(bench.channel.home, "count"), "utf8").catch(() => "");
  return count.split("\n").length - 1;
}

function lost(): ConnectionError {
  return new ConnectionError("The connection was lost.", { retryable: true });
}

describe("a start", { timeout: 30_000 }, () => {
  test("whose answer was lost is followed, not repeated", async () => {
    await using bench = await CommandBench.open();
    bench.channel.hooks.after = (answer, _script, count) => {
      if (count === 1) throw lost();
      return answer;
    };
    const outcome = await bench.run(command);
    expect(outcome).toMatchObject({ exitCode: 5, alreadyStarted: false });
    expect(text(outcome.stdoutBytes)).toBe("out\n");
    expect(text(outcome.stderrBytes)).toBe("err\n");
    expect(await runs(bench)).toBe(1);
  });

  test("that never arrived is sent again", async () => {
    await using bench = await CommandBench.open();
    bench.channel.hooks.before = (_script, count) => {
      if (count === 1 || count === 2 || count === 4) throw lost();
    };
    expect(await bench.run(command)).toMatchObject({ exitCode: 5, alreadyStarted: false });
    expect(await runs(bench)).toBe(1);
  });

  test("that arrives late, after it was given up, runs nothing", async () => {
    await using bench = await CommandBench.open();
    const signal = AbortSignal.timeout(20_000);
    let late = "";
    bench.channel.hooks.before = (script, count) => {
      if (count !== 1) return;
      late = script;
      throw lost();
    };
    expect(await bench.run(command)).toMatchObject({ exitCode: 5 });
    expect(await bench.channel.runScript(late, { signal })).toContain(" burned");
    await bench.runner.dispose(signal);
    expect(await bench.channel.runScript(late, { signal })).toContain(" burned");
    expect(await runs(bench)).toBe(1);
  });

  test("that arrives after a timeout or an abort runs nothing", async () => {
    await using bench = await CommandBench.open();
    const signal = AbortSignal.timeout(20_000);
    for (const reason of ["timeout", "abort"]) {
      const controller = new AbortController();
      let late = "";
      bench.channel.hooks.before = async (script) => {
        if (late !== "") return;
        late = script;
        if (reason === "abort") controller.abort();
        await sleep(500);
        throw lost();
      };
      const run = bench.run(command, { timeoutMs: 400, signal: controller.signal });
      await expect(run).rejects.toMatchObject(
        reason === "abort" ? { name: "AbortError" } : { code: "CONNECTION_FAILED" },
      );
      await bench.runner.dispose(signal);
      expect(await bench.channel.runScript(late, { signal })).toContain(" burned");
    }
    expect(await runs(bench)).toBe(0);
  });

  test("that was killed before its answer came leaves no more than its claim", async () => {
    await using bench = await CommandBench.open();
    const signal = AbortSignal.timeout(20_000);
    await expect(bench.run("sleep 600", { timeoutMs: 700 })).rejects.toMatchObject({
      code: "COMMAND_TIMEOUT",
    });
    await bench.runner.dispose(signal);
    expect((await readdir(bench.channel.folder)).map((name) => name.replace(/^.*\./, ""))).toEqual([
      "claim",
    ]);
    expect(await bench.channel.runScript(bench.channel.scripts[0] ?? "", { signal })).toContain(
      " taken",
    );
  });

  test("that arrives twice runs once", async () => {
    await using bench = await CommandBench.open();
    const signal = AbortSignal.timeout(20_000);
    bench.channel.hooks.after = (answer, script, count) =>
      count === 1 ? bench.channel.runScript(script, { signal }) : answer;
    expect(await bench.run(command)).toMatchObject({ exitCode: 5, alreadyStarted: false });
    expect(await runs(bench)).toBe(1);
  });

  test.each([0, 1, 60, 130, 160, 200])(
    "whose answer is cut after %i characters runs once",
    async (length) => {
      await using bench = await CommandBench.open();
      bench.channel.hooks.after = (answer, _script, count) =>
        count === 1 ? answer.slice(0, length) : answer;
      const outcome = await bench.run(command);
      expect(outcome.exitCode).toBe(5);
      expect(text(outcome.stdoutBytes)).toBe("out\n");
      expect(await runs(bench)).toBe(1);
    },
  );

  test("of a given ID that was lost runs once among two hosts", async () => {
    await using bench = await CommandBench.open();
    const others = await Promise.all(
      [1, 2, 3, 4].map(async (seed) => {
        bench.channel.hooks.after = (answer, _script, count) => {
          if ((count * 7 + seed) % 3 === 0) throw lost();
          return answer;
        };
        bench.channel.hooks.before = (_script, count) => {
          if ((count * 5 + seed) % 4 === 0) throw lost();
        };
        return bench.run(command, { processId: "step" });
      }),
    );
    expect(others.map(({ exitCode }) => exitCode)).toEqual([5, 5, 5, 5]);
    expect(others.filter(({ alreadyStarted }) => !alreadyStarted)).toHaveLength(1);
    expect(await runs(bench)).toBe(1);
  });

  test("that is refused for its rate waits as long as it is told", async () => {
    await using bench = await CommandBench.open();
    bench.channel.hooks.before = (_script, count) => {
      if (count === 1) throw new RateLimitError("Slowly.", { retryAfterMs: 300, retryable: true });
    };
    const outcome = await bench.run(command);
    expect(outcome.durationMs).toBeGreaterThan(300);
    expect(bench.channel.scripts).toHaveLength(2);
  });

  test("that is refused for its key is not repeated", async () => {
    await using bench = await CommandBench.open();
    bench.channel.hooks.before = () => {
      throw new AuthenticationError("The key is not accepted.");
    };
    await expect(bench.run(command)).rejects.toMatchObject({ code: "AUTHENTICATION_FAILED" });
    expect(bench.channel.scripts).toHaveLength(1);
  });

  test("that reaches nobody until the timeout may have begun", async () => {
    await using bench = await CommandBench.open({}, { timing: { killTimeoutMs: 500 } });
    bench.channel.hooks.before = () => {
      throw lost();
    };
    await expect(bench.run(command, { timeoutMs: 600 })).rejects.toMatchObject({
      code: "COMPLETION_UNKNOWN",
      reason: "unreachable",
    });
    expect(await runs(bench)).toBe(0);
  });

  test("that is proven not to have begun until the timeout says so", async () => {
    await using bench = await CommandBench.open();
    bench.channel.hooks.before = (script) => {
      if (!script.startsWith("exec ")) throw lost();
    };
    await expect(bench.run(command, { timeoutMs: 800 })).rejects.toMatchObject({
      code: "CONNECTION_FAILED",
    });
    expect(await runs(bench)).toBe(0);
  });
});

describe("a command that runs", { timeout: 30_000 }, () => {
  const timing = { firstAnswerSeconds: 0.1, requestTimeoutMs: 1_500, pollSeconds: 1 };

  test("gets through failures of every kind", async () => {
    await using bench = await CommandBench.open(
      {},
      { timing: { ...timing, requestTimeoutMs: 800, pollSeconds: 1 } },
    );
    const halfOpen: Promise<void>[] = [];
    bench.channel.hooks.before = async (_script, count) => {
      if (count === 1) return;
      if (count % 5 === 2) throw lost();
      if (count % 5 === 3) throw new RateLimitError("Slowly.", { retryAfterMs: 10 });
      if (count !== 4) return;
      // No answer comes in time.
      halfOpen.push(sleep(1_500));
      await halfOpen[0];
    };
    bench.channel.hooks.after = (answer, _script, count) =>
      count % 5 === 0 ? answer.slice(0, answer.length / 2) : answer;
    let seen = "";
    const outcome = await bench.run("for i in 1 2 3 4 5 6; do echo $i; sleep 0.4; done; exit 6", {
      onStdout: (chunk) => {
        seen += text(chunk);
      },
    });
    expect(outcome.exitCode).toBe(6);
    expect(seen).toBe("1\n2\n3\n4\n5\n6\n");
    expect(text(outcome.stdoutBytes)).toBe(seen);
    await Promise.all(halfOpen);
  });

  test("is reported as timed out and unconfirmed when it cannot be killed", async () => {
    await using bench = await CommandBench.open(
      {},
      { timing: { ...timing, killTimeoutMs: 700, killRequestTimeoutMs: 300 } },
    );
    let seen = "";
    bench.channel.hooks.before = (_script, count) => {
      if (count > 1 && seen !== "") throw lost();
    };
    const startedAtMs = performance.now();
    await expect(
      bench.run("echo before; sleep 600", {
        timeoutMs: 1_500,
        onStdout: (chunk) => {
          seen += text(chunk);
        },
      }),
    ).rejects.toMatchObject({
      code: "COMPLETION_UNKNOWN",
      reason: "timeout-unconfirmed",
      stdout: "before\n",
    });
    expect(performance.now() - startedAtMs).toBeLessThan(4_000);
    await endAll(bench);
  });

  test("is lost with its sandbox when the provider says so", async () => {
    for (const isGone of [async () => true, undefined]) {
      await using bench = await CommandBench.open({}, { timing, isGone });
      bench.channel.hooks.before = (_script, count) => {
        if (count === 1) return;
        throw isGone === undefined ? new SandboxNotFoundError("There is none.") : lost();
      };
      await expect(bench.run("sleep 600")).rejects.toMatchObject({ code: "SANDBOX_LOST" });
      await endAll(bench);
    }
  });

  test("is unknown when the provider refuses to answer", async () => {
    await using bench = await CommandBench.open({}, { timing });
    bench.channel.hooks.before = (_script, count) => {
      if (count > 1) throw new AuthenticationError("The key is not accepted.");
    };
    await expect(bench.run("sleep 600")).rejects.toMatchObject({
      code: "COMPLETION_UNKNOWN",
      reason: "unreachable",
    });
    await endAll(bench);
  });

  test("is given up at an abort that cannot reach it", async () => {
    await using bench = await CommandBench.open({}, { timing: { ...timing, abortTimeoutMs: 400 } });
    const controller = new AbortController();
    bench.channel.hooks.before = (_script, count) => {
      if (count > 1) throw lost();
    };
    const run = bench.run("sleep 600", { signal: controller.signal });
    await until(() => bench.channel.scripts.length > 1);
    controller.abort(new Error("no more"));
    await expect(run).rejects.toThrow("no more");
    await endAll(bench);
  });
});

/** Ends a command that the runner could not reach any more, so that nothing outlives the test. */
async function endAll(bench: CommandBench): Promise<void> {
  for (const entry of await processesOf(bench.channel.home)) {
    try {
      process.kill(Number(entry.split(" ")[0]), "SIGKILL");
    } catch {
      // It has ended meanwhile.
    }
  }
}
