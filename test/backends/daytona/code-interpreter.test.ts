import { spawnSync } from "node:child_process";
import { describe, test } from "vitest";
import {
  AbortError,
  CommandTimeoutError,
  CompletionUnknownError,
  ContextNotFoundError,
  createBackend,
  SandboxLostError,
  SandboxNotFoundError,
  SandboxStateError,
  WorkingDirectoryNotFoundError,
} from "../../../src/index.ts";
import { startEmulator } from "../../emulator/start-emulator.ts";
import { emulatorsOfFile } from "../../helpers/emulator-fixture.ts";
import { isLongRun } from "../../helpers/long-run.ts";
import { rejection } from "../../helpers/rejection.ts";
import { until } from "../../helpers/until.ts";

const hasPython = spawnSync("python3", ["--version"]).status === 0;
const hasMatplotlib = spawnSync("python3", ["-c", "import matplotlib"]).status === 0;
const profiles = isLongRun ? (["cloud", "v0.190"] as const) : (["cloud"] as const);
const executePath = "/toolbox/{sandboxId}/process/interpreter/execute";

describe.runIf(hasPython).each(profiles)("codeInterpreter on %s, with python3", (profile) => {
  const withEmulator = emulatorsOfFile();

  test("output, the last value, exceptions, variables, directories, environment", async ({
    expect,
  }) => {
    await withEmulator(expect, { profile }, async (fixture) => {
      const backend = await fixture.ready({ env: { OF_SANDBOX: "s" } });
      const { codeInterpreter } = backend;
      const pieces: string[] = [];
      const code = [
        "import os, subprocess, sys",
        "print('héllo', os.getcwd(), os.environ['OF_SANDBOX'], os.environ['OF_RUN'])",
        "print('to err', file=sys.stderr)",
        "sys.stdout.flush(); os.system('echo of a subprocess')",
        "x = [1, 2]",
        "x",
      ].join("\n");
      const result = await codeInterpreter.runCode(code, {
        env: { OF_RUN: "r" },
        onStdout: (text) => pieces.push(text),
      });
      const stdout = `héllo ${backend.workDir} s r\nof a subprocess\n`;
      expect(result).toEqual({
        stdout,
        stderr: "to err\n",
        truncated: false,
        error: undefined,
        results: [{ text: "[1, 2]", data: {} }],
        charts: [],
        durationMs: expect.any(Number),
      });
      expect(pieces.join("")).toBe(stdout);

      const errors: unknown[] = [];
      const failed = await codeInterpreter.runCode("x.append(3)\nint(str(x))", {
        onError: (error) => errors.push(error),
      });
      expect(failed.error).toEqual({
        name: "ValueError",
        value: "invalid literal for int() with base 10: '[1, 2, 3]'",
        traceback: [
          "Traceback (most recent call last):",
          '  File "<code-2>", line 2, in <module>',
          "    int(str(x))",
          "ValueError: invalid literal for int() with base 10: '[1, 2, 3]'\n",
        ].join("\n"),
      });
      expect(errors).toEqual([failed.error]);
      const exits = await codeInterpreter.runCode("print('bye'); import sys; sys.exit(3)");
      expect(exits).toMatchObject({ stdout: "bye\n", error: { name: "SystemExit", value: "3" } });

      const context = await codeInterpreter.createContext({ cwd: "/tmp", env: { C: "c" } });
      expect(context).toMatchObject({ cwd: "/tmp", language: "python", active: true });
      const inContext = await codeInterpreter.runCode(
        "import os; print(os.getcwd(), os.environ['C'], 'x' in globals(), sorted(globals()))",
        { context },
      );
      expect(inContext.stdout).toMatch(/^\/tmp c False \['__builtins__', [^s]*'os'\]\n$/);
      const listed = await codeInterpreter.listContexts();
      // One is the backend's own.
      expect(listed.map(({ id }) => id)).toHaveLength(2);
      await codeInterpreter.deleteContext(context);
      await codeInterpreter.deleteContext(context);
      const unknown = await rejection(
        expect,
        codeInterpreter.runCode("1", { context }),
        ContextNotFoundError,
        { code: "CONTEXT_NOT_FOUND", operation: "runCode", sandboxId: backend.sandboxId },
      );
      expect(unknown.contextId).toBe(context.id);
      const nowhere = codeInterpreter.createContext({ cwd: "/not/there" });
      await rejection(expect, nowhere, WorkingDirectoryNotFoundError, {
        code: "WORKING_DIRECTORY_NOT_FOUND",
        operation: "createContext",
      });
      await backend[Symbol.asyncDispose]();
      const other = fixture.backend();
      await other.reconnect(backend.sandboxId);
      expect(await other.codeInterpreter.listContexts()).toEqual([]);
      const left = await other.exec("ls ~/.sandbox-backend/run | grep ^code- || true");
      expect(left.stdout).toBe("");
      await other.teardown();
    });
  });

  test("timeouts, interrupts, aborts, and code that ends its interpreter", async ({ expect }) => {
    await withEmulator(expect, { profile }, async (fixture) => {
      const backend = await fixture.ready();
      const { codeInterpreter } = backend;
      const facts = { operation: "runCode", sandboxId: backend.sandboxId } as const;
      await codeInterpreter.runCode("kept = 1");
      const slow = codeInterpreter.runCode("import os; print('begun'); os.system('sleep 60')", {
        timeoutMs: 1_000,
      });
      const timedOut = await rejection(expect, slow, CommandTimeoutError, {
        ...facts,
        code: "COMMAND_TIMEOUT",
      });
      expect(timedOut).toMatchObject({ stdout: "begun\n", terminated: true });
      // Interrupted as Ctrl-C does it, so the context lives.
      expect((await codeInterpreter.runCode("kept")).results).toMatchObject([{ text: "1" }]);

      const context = await codeInterpreter.createContext();
      let begun = false;
      const running = codeInterpreter.runCode("import time; print('begun'); time.sleep(60)", {
        context,
        onStdout: () => {
          begun = true;
        },
      });
      await until(() => begun);
      // Any other process of the host may do it.
      const other = fixture.backend();
      await other.reconnect(backend.sandboxId);
      expect(await other.codeInterpreter.interrupt(context)).toBe(1);
      expect((await running).error?.name).toBe("KeyboardInterrupt");
      expect(await codeInterpreter.interrupt(context)).toBe(0);

      const controller = new AbortController();
      const aborted = codeInterpreter.runCode("import time; print(1); time.sleep(60)", {
        signal: controller.signal,
        onStdout: () => controller.abort(),
      });
      await rejection(expect, aborted, AbortError, { ...facts, code: "ABORTED" });

      const stubborn = [
        "import time",
        "while True:",
        "    try: time.sleep(60)",
        "    except KeyboardInterrupt: pass",
      ].join("\n");
      const killed = codeInterpreter.runCode(stubborn, { context, timeoutMs: 500 });
      await rejection(expect, killed, CommandTimeoutError, { ...facts, code: "COMMAND_TIMEOUT" });
      await rejection(expect, codeInterpreter.runCode("1", { context }), ContextNotFoundError, {
        ...facts,
        code: "CONTEXT_NOT_FOUND",
      });

      const ends = [
        "import os; print('last'); os._exit(0)",
        "import os; print('last'); os.abort()",
      ];
      for (const end of isLongRun ? ends : ends.slice(0, 1)) {
        const gone = await rejection(expect, codeInterpreter.runCode(end), CompletionUnknownError, {
          ...facts,
          code: "COMPLETION_UNKNOWN",
        });
        expect(gone).toMatchObject({ reason: "record-missing", stdout: "last\n" });
        // The next one gets a context of its own, at once.
        expect((await codeInterpreter.runCode("1 + 1")).results).toMatchObject([{ text: "2" }]);
      }
      const sleeping = await backend.exec("pgrep -f '[s]leep 60' || true");
      expect(sleeping.stdout).toBe("");
      await backend.teardown();
    });
  });

  test("a lost connection loses nothing; a server that only says so runs nothing", async ({
    expect,
  }) => {
    await withEmulator(expect, { profile }, async (fixture) => {
      const backend = await fixture.ready();
      const { codeInterpreter } = backend;
      await codeInterpreter.runCode("ran = 0");
      const cuts = [
        { type: "websocket", endAfterMs: 300, end: "reset" },
        { type: "websocket", endAfterMs: 300, end: "close", code: 1000 },
        { type: "websocket", endAfterMs: 300, end: "close", code: 1008, reason: "slow consumer" },
      ] as const;
      for (const [index, effect] of cuts.slice(0, isLongRun ? cuts.length : 1).entries()) {
        const fault = fixture.fault({ path: executePath }, effect, { times: 1 });
        const result = await codeInterpreter.runCode(
          "import time\nfor i in range(10):\n    print(i, 'ä' * 1000)\n    time.sleep(0.1)\nran += 1\nran",
        );
        expect(result.stdout.split("\n").map((line) => line.slice(0, 3))).toEqual([
          ..."0123456789".split("").map((digit) => `${digit} ä`),
          "",
        ]);
        expect(result.results).toMatchObject([{ text: String(index + 1) }]);
        expect(fault.hits).toBe(1);
      }
      fixture.fault(
        { path: executePath },
        { type: "interpreter-execute", mode: "not-run" },
        { times: 1 },
      );
      await expect(codeInterpreter.runCode("ran = -1")).rejects.toMatchObject({
        code: "CONNECTION_FAILED",
        retryable: true,
        message: "The connection was lost before the code began. It did not run.",
      });
      expect((await codeInterpreter.runCode("ran")).results).toMatchObject([
        { text: isLongRun ? "3" : "1" },
      ]);
      await backend.teardown();
    });
  });

  test("a sandbox that stops or goes while code runs, and one that does not run", async ({
    expect,
  }) => {
    await withEmulator(expect, { profile }, async (fixture) => {
      const backend = await fixture.ready();
      const { codeInterpreter } = backend;
      const facts = { operation: "runCode", sandboxId: backend.sandboxId } as const;
      const sleeping = async (): Promise<{ readonly end: Promise<unknown> }> => {
        let begun = false;
        const end = codeInterpreter.runCode("import time; print('begun'); time.sleep(60)", {
          onStdout: () => {
            begun = true;
          },
        });
        end.catch(() => undefined);
        await until(() => begun);
        return { end };
      };
      const stopped = await sleeping();
      await backend.stop();
      // The stop may have been quick enough for nobody to record the end, or not: then it is the recorded one, and no success.
      const outcome = await stopped.end.catch((error: unknown) => error);
      if (outcome instanceof Error) {
        expect(outcome).toBeInstanceOf(CompletionUnknownError);
        const unknown = { ...facts, code: "COMPLETION_UNKNOWN", reason: "unreachable" };
        expect(outcome).toMatchObject({ ...unknown, stdout: "begun\n" });
      } else {
        expect(outcome).toMatchObject({ stdout: "begun\n", error: { name: expect.any(String) } });
      }
      const refused = codeInterpreter.runCode("1");
      await rejection(expect, refused, SandboxStateError, { ...facts, code: "SANDBOX_STATE" });
      await backend.start();
      // The context of the last run of the sandbox is gone with its variables.
      await rejection(expect, codeInterpreter.runCode("1"), ContextNotFoundError, {
        ...facts,
        code: "CONTEXT_NOT_FOUND",
      });
      expect((await codeInterpreter.runCode("1 + 1")).results).toMatchObject([{ text: "2" }]);
      const lost = await sleeping();
      await backend.teardown();
      await rejection(expect, lost.end, SandboxLostError, { ...facts, code: "SANDBOX_LOST" });
      await rejection(expect, codeInterpreter.runCode("1"), SandboxNotFoundError, {
        ...facts,
        code: "SANDBOX_NOT_FOUND",
      });
    });
  });

  test("large output whole, as text and in callbacks; results of any size", async ({ expect }) => {
    await withEmulator(expect, { profile }, async (fixture) => {
      const backend = await fixture.ready();
      const { codeInterpreter } = backend;
      const lines = isLongRun ? 400_000 : 60_000;
      let seen = 0;
      let cut = 0;
      const result = await codeInterpreter.runCode(
        `for i in range(${lines}): print('line 🌍', i)\n'y' * 3_000_000`,
        {
          onStdout: (text) => {
            seen += text.length;
            if (!text.isWellFormed() || text.includes("\ufffd")) cut += 1;
          },
        },
      );
      const expected = Array.from({ length: lines }, (_, index) => `line 🌍 ${index}\n`).join("");
      expect(result.stdout === expected).toBe(true);
      expect([seen, cut]).toEqual([expected.length, 0]);
      expect(result.results[0]?.text.length).toBe(3_000_002);
      const long = await codeInterpreter.runCode("print('x' * 2_000_000, end='')", {
        maxOutputBytes: 1000,
      });
      expect([long.stdout.includes("x".repeat(500)), long.truncated]).toEqual([true, true]);
      await backend.teardown();
    });
  });
});

describe("charts of codeInterpreter", () => {
  test.skipIf(!hasMatplotlib)(
    "as data and PNG, where python3 has matplotlib",
    async ({ expect }) => {
      // Also where it is installed in a folder of its own, which only a sandbox without isolation sees.
      const { PYTHONPATH } = process.env;
      await using emulator = await startEmulator(PYTHONPATH ? { isolation: "none" } : {});
      await using backend = createBackend("daytona", {
        apiKey: emulator.apiKey,
        apiUrl: emulator.url,
        workDir: "~/workspace",
        env: PYTHONPATH ? { PYTHONPATH } : {},
      });
      await backend.setup();
      const code = `
import datetime
import matplotlib.pyplot as plt
plt.plot([datetime.date(2026, 1, 1), datetime.date(2026, 1, 2)], [1, float("inf")], label="growth")
plt.plot([1, 2], [3, 4])
plt.axhline(2)
plt.title("Lines"); plt.xlabel("day"); plt.ylabel("height")
plt.show()
plt.bar(["a", "b"], [1, 2.5]); plt.show()
plt.barh(["c"], [7]); plt.show()
plt.pie([3, 1], labels=["most", "rest"]); plt.show()
figure, (left, right) = plt.subplots(1, 2)
figure.suptitle("Both")
left.scatter([1, 2], [3, 4])
right.boxplot([[1, 2, 3, 4, 100]])
print("left open")
`;
      const { charts, stdout, stderr, error } = await backend.codeInterpreter.runCode(code);
      expect({ stdout, stderr, error }).toEqual({
        stdout: "left open\n",
        stderr: "",
        error: undefined,
      });
      expect(charts.map(({ type }) => type)).toEqual([
        "line",
        "bar",
        "bar",
        "pie",
        "composite_chart",
      ]);
      const [line, bar, flat, pie, both] = charts;
      expect(line).toMatchObject({
        title: "Lines",
        xLabel: "day",
        yLabel: "height",
        // What is no finite number is left out; a line across the whole chart is no data.
        elements: [
          { label: "growth", points: [["2026-01-01", 1]] },
          {
            label: "",
            points: [
              [1, 3],
              [2, 4],
            ],
          },
        ],
      });
      expect(bar?.elements).toEqual([
        { label: "a", group: "", value: 1 },
        { label: "b", group: "", value: 2.5 },
      ]);
      expect(flat?.elements).toEqual([{ label: "c", group: "", value: 7 }]);
      expect(pie?.elements).toEqual([
        { label: "most", angle: 270, radius: 1 },
        { label: "rest", angle: 90, radius: 1 },
      ]);
      expect(both).toMatchObject({ title: "Both", elements: [{ chart: { type: "scatter" } }, {}] });
      expect(both?.elements[1]?.chart?.elements).toEqual([
        {
          label: "",
          min: 1,
          firstQuartile: 2,
          median: 3,
          thirdQuartile: 4,
          max: 4,
          outliers: [100],
        },
      ]);
      for (const { png } of charts) expect(Buffer.from(png).subarray(1, 4).toString()).toBe("PNG");
      const failing = "plt.plot([1, 2]); 1 / 0";
      const failed = await backend.codeInterpreter.runCode(failing);
      expect([failed.error?.name, failed.charts.length]).toEqual(["ZeroDivisionError", 1]);
      await backend.teardown();
    },
  );
});
