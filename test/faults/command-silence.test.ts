import { describe, type ExpectStatic, test } from "vitest";
import type { FaultEffect } from "../../src/emulator/index.ts";
import { CommandTimeoutError, CompletionUnknownError, ConnectionError } from "../../src/index.ts";
import { emulatorsOfFile } from "../helpers/emulator-fixture.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { rejection } from "../helpers/rejection.ts";
import { until } from "../helpers/until.ts";
import { FaultOutcomes } from "./command-outcomes.ts";
import { execute, read, runProbe } from "./command-probe.ts";

/** Connections that stay open and bring nothing: half-open ones, and answers that never come. */
const withEmulator = emulatorsOfFile();
const outcomes = FaultOutcomes.ofFile("Commands whose connection falls silent");

const silences: readonly [string, FaultEffect][] = [
  ["never arrived", { type: "hang" }],
  ["answer held for ever", { type: "hold-answer" }],
  ["answer blackholed by a gateway", { type: "cut", afterMs: 100, answer: "hang" }],
];
const command = "echo run >>count; echo before; sleep 0.3; exit 7";

async function expectRuns(
  expect: ExpectStatic,
  backend: { exists(path: string): Promise<boolean>; readFile(path: string): Promise<Uint8Array> },
  runs: number,
): Promise<void> {
  const text = (await backend.exists("count")) ? await backend.readFile("count") : new Uint8Array();
  expect(Buffer.from(text).toString()).toBe("run\n".repeat(runs));
}

describe.concurrent("a start that is silent until the command's timeout", () => {
  test.concurrent("because it never arrived: it is proven that nothing ran", async ({ expect }) => {
    await withEmulator(expect, {}, async ({ ready, fault }) => {
      const backend = await ready();
      fault(execute, { type: "hang" }, { times: 1 });
      await rejection(expect, backend.exec(command, { timeoutMs: 1_200 }), ConnectionError, {
        code: "CONNECTION_FAILED",
        operation: "exec",
        retryable: true,
      });
      outcomes.add("never arrived, until the timeout", "ConnectionError, did not run");
      await expectRuns(expect, backend, 0);
      await backend.teardown();
    });
  });

  for (const [name, effect] of silences.slice(1)) {
    test.concurrent(`with its ${name}: the command had ended, and its result is found`, async ({
      expect,
    }) => {
      await withEmulator(expect, {}, async ({ ready, fault }) => {
        const backend = await ready();
        fault(execute, effect, { times: 1 });
        const result = await backend.exec(command, { timeoutMs: 4_000, check: false });
        expect(result).toMatchObject({ exitCode: 7, stdout: "before\n" });
        outcomes.add(`${name}, until the timeout`, "right result, ran once");
        await expectRuns(expect, backend, 1);
        await backend.teardown();
      });
    });
  }
});

describe.concurrent("a poll that is silent", () => {
  test.concurrent("until the timeout of a command that has ended", async ({ expect }) => {
    await withEmulator(expect, {}, async ({ ready, fault }) => {
      const backend = await ready();
      const silent = fault(execute, { type: "cut", afterMs: 10, answer: "hang" }, { skip: 1 });
      const running = backend.exec(command, {
        timeoutMs: 4_000,
        check: false,
        onStdout: () => undefined,
      });
      await until(() => silent.hits > 0);
      setTimeout(() => silent.remove(), 3_000);
      expect(await running).toMatchObject({ exitCode: 7, stdout: "before\n" });
      outcomes.add("poll blackholed, until the timeout", "right result, ran once");
      await expectRuns(expect, backend, 1);
      await backend.teardown();
    });
  });

  test.concurrent("until the timeout of a command that runs", async ({ expect }) => {
    await withEmulator(expect, {}, async ({ ready, fault }) => {
      const backend = await ready();
      fault(execute, { type: "hang" }, { skip: 1, times: 1 });
      const error = await rejection(
        expect,
        backend.exec("echo before; sleep 600", { timeoutMs: 4_000, onStdout: () => undefined }),
        CommandTimeoutError,
        { code: "COMMAND_TIMEOUT", operation: "exec" },
      );
      expect(error.stdout).toBe("before\n");
      outcomes.add("poll never arrived, until the timeout", "CommandTimeoutError, end proven");
      await backend.teardown();
    });
  });

  test.concurrent("ends a wait in time, and the next one begins anew", async ({ expect }) => {
    await withEmulator(expect, {}, async ({ ready, fault }) => {
      const backend = await ready();
      const child = await backend.spawn(command);
      const silent = fault(execute, { type: "hang" }, { times: 1 });
      const startedAtMs = performance.now();
      await expect(child.wait({ timeoutMs: 700 })).rejects.toMatchObject({ code: "TIMEOUT" });
      expect(performance.now() - startedAtMs).toBeLessThan(5_000);
      expect(silent.hits).toBe(1);
      expect(await child.wait()).toMatchObject({ exitCode: 7 });
      expect(String(await read(child.stdout))).toBe("before\n");
      outcomes.add("poll never arrived, wait given up", "TimeoutError; next wait right");
      await expectRuns(expect, backend, 1);
      await backend.teardown();
    });
  });
});

// The library gives a request up after 30 s, which no option changes.
describe.runIf(isLongRun)("a connection that is silent is given up", { timeout: 300_000 }, () => {
  for (const [name, effect] of silences) {
    for (const skip of [0, 1, 2]) {
      test.concurrent(`${name}, at request ${skip + 1}`, async ({ expect }) => {
        await withEmulator(expect, {}, async ({ ready, fault }) => {
          const backend = await ready();
          const silent = fault(execute, effect, { skip, times: 1 });
          // Answers that are lost, so that the second request is the question what became of the start.
          if (skip > 0) fault(execute, { type: "handle-then-reset" }, { times: 1 });
          for (const kind of ["streamed", "spawn"] as const) await runProbe(expect, backend, kind);
          expect(silent.hits).toBe(1);
          outcomes.add(`${name}, at request ${skip + 1}`, "right result, ran once");
          await backend.teardown();
        });
      });
    }
  }

  test.concurrent("every request to the sandbox: nobody knows whether it ran", async ({
    expect,
  }) => {
    await withEmulator(expect, {}, async ({ ready, fault }) => {
      const backend = await ready();
      const silent = fault(execute, { type: "hang" });
      const error = await rejection(
        expect,
        backend.exec(command, { timeoutMs: 1_000 }),
        CompletionUnknownError,
        { code: "COMPLETION_UNKNOWN", operation: "exec" },
      );
      expect(error.reason).toBe("unreachable");
      outcomes.add("every request silent", 'CompletionUnknownError "unreachable"');
      silent.remove();
      await expectRuns(expect, backend, 0);
      await backend.teardown();
    });
  });
});
