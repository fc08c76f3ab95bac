import { describe, test } from "vitest";
import { CompletionUnknownError, type ProcessExit, SandboxLostError } from "../../src/index.ts";
import { emulatorsOfFile } from "../helpers/emulator-fixture.ts";
import { rejection } from "../helpers/rejection.ts";
import { until } from "../helpers/until.ts";
import { FaultOutcomes } from "./command-outcomes.ts";
import { execute, executePlainly, read } from "./command-probe.ts";

/** What happens to a sandbox, or to the daemon in it, while commands run. */
const withEmulator = emulatorsOfFile();
const outcomes = FaultOutcomes.ofFile("Commands in sandboxes that something happens to");

/** Ends the poll that is on its way, so that the next one meets the trouble. */
const talker = "echo started; sleep 0.7; echo more; sleep 600";

const unknown = { code: "COMPLETION_UNKNOWN", retryable: false } as const;

/** Callbacks that know what was said. */
function listener(): { said: string; readonly onStdout: (chunk: Uint8Array) => void } {
  const heard = {
    said: "",
    onStdout: (chunk: Uint8Array): void => {
      heard.said += Buffer.from(chunk).toString();
    },
  };
  return heard;
}

describe.concurrent("a sandbox that vanishes", () => {
  test.concurrent("loses the commands that run in it", async ({ expect }) => {
    await withEmulator(expect, {}, async ({ ready, fault }) => {
      const backend = await ready();
      const { sandboxId } = backend;
      const heard = listener();
      const running = backend.exec(talker, { onStdout: heard.onStdout });
      const child = await backend.spawn("sleep 600");
      const facts = { code: "SANDBOX_LOST", sandboxId, retryable: false } as const;
      const lost = [
        rejection(expect, running, SandboxLostError, { ...facts, operation: "exec" }),
        rejection(expect, child.wait(), SandboxLostError, { ...facts, operation: "process.wait" }),
      ];
      await until(() => heard.said.startsWith("started\n"));
      const vanished = fault({ sandboxId }, { type: "vanish" });
      await Promise.all(lost);
      outcomes.add("sandbox vanishes", "SandboxLostError", lost.length);
      vanished.remove();
      await backend.teardown();
    });
  });
});

describe.concurrent("a sandbox that does not answer and is then found stopped", () => {
  test.concurrent("leaves the end of its commands unknown", async ({ expect }) => {
    await withEmulator(expect, {}, async ({ ready, fault, hasNamespaces, describe: look }) => {
      const backend = await ready();
      const { sandboxId } = backend;
      const heard = listener();
      const running = backend.exec(talker, { onStdout: heard.onStdout });
      const child = await backend.spawn("echo one; sleep 600");
      const failed = [
        rejection(expect, running, CompletionUnknownError, { ...unknown, operation: "exec" }),
        rejection(expect, child.wait(), CompletionUnknownError, {
          ...unknown,
          operation: "process.wait",
        }),
      ];
      await until(() => heard.said.startsWith("started\n"));
      const zombie = fault({ sandboxId }, { type: "zombie", stopsAfterMs: 700 });
      const [error] = await Promise.all(failed);
      expect(error?.reason).toBe("unreachable");
      expect(error?.stdout).toMatch(/^started\n/);
      await until(async () => (await look(sandboxId)).state === "stopped");
      outcomes.add("zombie, then stopped", 'CompletionUnknownError "unreachable"', 2);
      zombie.remove();
      await backend.start();
      const again = await backend.attachProcess(child.id);
      const restarted = await rejection(expect, again.wait(), CompletionUnknownError, {
        ...unknown,
        operation: "process.wait",
      });
      // A sandbox that is the machine itself has not restarted with it.
      expect(restarted.reason).toBe(hasNamespaces ? "sandbox-restarted" : "record-missing");
      expect(String((await again.output()).bytes)).toBe("one\n");
      outcomes.add("attached after it was started", `CompletionUnknownError "${restarted.reason}"`);
      await backend.teardown();
    });
  });
});

test.concurrent("a sandbox that is stopped and started under commands never tells of a success", async ({
  expect,
}) => {
  await withEmulator(expect, {}, async ({ ready, backend }) => {
    const first = await ready();
    const heard = listener();
    const running = first.exec("echo started; sleep 600", { onStdout: heard.onStdout }).then(
      () => "succeeded",
      (error: { code?: string }) => error.code,
    );
    const child = await first.spawn("echo one; sleep 600");
    await until(() => heard.said.startsWith("started\n"));
    const other = backend();
    await other.reconnect(first.sandboxId);
    await other.stop();
    await other.start();
    // Either the shell's death by the stop was recorded, or nobody knows.
    const isKnown = (exit: ProcessExit): string => `exit code ${exit.exitCode}`;
    const [executed, ended] = await Promise.all([
      running,
      (await first.attachProcess(child.id))
        .wait()
        .then(isKnown, (error: { reason?: string }) => error.reason),
    ]);
    expect(["COMPLETION_UNKNOWN", "COMMAND_FAILED"]).toContain(executed);
    expect(["sandbox-restarted", "exit code 143", "exit code 137"]).toContain(ended);
    outcomes.add("stopped and started under exec", executed ?? "");
    outcomes.add("stopped and started under spawn", ended ?? "");
    await first.teardown();
  });
});

describe.concurrent("a daemon that dies", () => {
  // Its output needs ranged reads, is written before, during and after the crash, and ends with a code nobody would invent.
  const command =
    "echo run >>count; for i in 1 2 3 4 5 6; do head -c 20000 /dev/urandom; sleep 0.3; done | tee all; exit 9";

  for (const [name, skip] of [
    ["its start", 0],
    ["a poll", 1],
  ] as const) {
    test.concurrent(`during ${name}: the command is followed to its end`, async ({ expect }) => {
      await withEmulator(expect, {}, async ({ ready, fault, emulator }) => {
        const backend = await ready();
        const crash = fault(
          execute,
          { type: "daemon-crash", afterMs: 150, downMs: 800, processes: "survive" },
          { skip, times: 1 },
        );
        const result = await backend.exec(command, {
          check: false,
          ...(skip === 0 ? {} : { onStdout: () => undefined }),
        });
        expect(crash.hits).toBe(1);
        expect(result.exitCode).toBe(9);
        expect(result.stdoutBytes).toHaveLength(120_000);
        expect(Buffer.from(await backend.readFile("all")).equals(result.stdoutBytes)).toBe(true);
        expect(
          await executePlainly(emulator, backend.sandboxId, `cat ${backend.workDir}/count`),
        ).toBe("run\n");
        outcomes.add(`daemon dies during ${name}`, "right result, ran once");
        await backend.teardown();
      });
    });
  }

  test.concurrent("and takes all processes along: the end is unknown", async ({ expect }) => {
    await withEmulator(expect, {}, async ({ ready, fault }) => {
      const backend = await ready();
      const child = await backend.spawn("echo one; sleep 600");
      const output = child.stdout.getReader();
      fault(
        execute,
        { type: "daemon-crash", downMs: 300, processes: "killed" },
        { skip: 1, times: 1 },
      );
      const heard = listener();
      const error = await rejection(
        expect,
        backend.exec("echo started; sleep 600", { onStdout: heard.onStdout }),
        CompletionUnknownError,
        { ...unknown, operation: "exec" },
      );
      expect(["record-missing", "sandbox-restarted"]).toContain(error.reason);
      expect(error.stdout).toBe("started\n");
      outcomes.add(
        "daemon dies with all processes, exec",
        `CompletionUnknownError "${error.reason}"`,
      );
      const waited = await rejection(expect, child.wait(), CompletionUnknownError, {
        ...unknown,
        operation: "process.wait",
      });
      expect(waited.reason).toBe(error.reason);
      // What it had written is read before the stream tells that nobody knows whether that is all.
      expect(String(Buffer.from((await output.read()).value ?? []))).toBe("one\n");
      await expect(output.read()).rejects.toMatchObject({ reason: error.reason });
      outcomes.add(
        "daemon dies with all processes, spawn",
        `CompletionUnknownError "${waited.reason}"`,
      );
      await backend.teardown();
    });
  });
});

test.concurrent("a command whose processes are all killed, with what would have recorded its end, is unknown", async ({
  expect,
}) => {
  await withEmulator(expect, {}, async ({ ready, emulator }) => {
    const backend = await ready();
    const child = await backend.spawn("echo one; sleep 600");
    const heard = String(Buffer.from((await child.stdout.getReader().read()).value ?? []));
    expect(heard).toBe("one\n");
    const waited = rejection(expect, child.wait(), CompletionUnknownError, {
      ...unknown,
      operation: "process.wait",
    });
    // As for want of memory: the keeper and the command's group, at one blow.
    const record = `~/.sandbox-backend/run/${child.id}_0.pid`;
    await executePlainly(
      emulator,
      backend.sandboxId,
      `read -r kind pid start group waiter keeper rest <${record}; kill -9 "$keeper" "-$group"`,
    );
    expect((await waited).reason).toBe("record-missing");
    expect(await backend.listProcesses()).toMatchObject([
      { id: child.id, state: "unknown", exitCode: undefined },
    ]);
    outcomes.add("keeper and command killed", 'CompletionUnknownError "record-missing"');
    await backend.teardown();
  });
});

describe.concurrent("the daemon's own time-outs", () => {
  for (const mode of ["ignored", "late", "shell-only"] as const) {
    test.concurrent(`are not relied on: ${mode}`, async ({ expect }) => {
      await withEmulator(expect, {}, async ({ ready, fault, emulator }) => {
        const backend = await ready();
        const broken = fault(execute, { type: "exec-timeout", mode });
        const command = "trap '' TERM; echo before; sleep 600 & sleep 601; echo never";
        await expect(backend.exec(command, { timeoutMs: 2_500 })).rejects.toMatchObject({
          code: "COMMAND_TIMEOUT",
          stdout: "before\n",
        });
        expect(broken.hits).toBe(0);
        const left = await executePlainly(
          emulator,
          backend.sandboxId,
          "grep -ls 'sleep.60[01]' /proc/[0-9]*/cmdline",
        );
        expect(left).toBe("");
        outcomes.add(`time-out of the daemon: ${mode}`, "CommandTimeoutError, nothing left");
        await backend.teardown();
      });
    });
  }
});

test.concurrent("no session is ever used, and none of its troubles concern a command", async ({
  expect,
}) => {
  await withEmulator(expect, {}, async ({ ready, fault, emulator }) => {
    const backend = await ready();
    const { sandboxId } = backend;
    const troubles = [
      fault({}, { type: "session-exec", mode: "no-exit-code" }),
      fault({}, { type: "session-input", mode: "left-open" }),
      fault({}, { type: "session-input", mode: "ends-after-first" }),
      fault({}, { type: "log-follow", endAtOnce: true, unlabelled: true }),
    ];
    // Its input is at its end, and stays open, as the caller says; whatever the daemon's own input does.
    expect((await backend.exec("cat; echo end; exit 0")).stdout).toBe("end\n");
    expect((await backend.exec("set -e; cat; echo end", { stdin: "in\n" })).stdout).toBe(
      "in\nend\n",
    );
    const child = await backend.spawn("while read -r line; do echo got $line; done; echo end", {
      stdin: "open",
    });
    for (const line of ["1", "2", "3", "4"]) {
      await child.write(`${line}\n`);
      await until(async () => String((await child.output()).bytes).includes(`got ${line}\n`));
    }
    await child.closeInput();
    expect(String(await read(child.stdout))).toBe("got 1\ngot 2\ngot 3\ngot 4\nend\n");
    expect(await child.wait()).toMatchObject({ exitCode: 0 });
    const routes = emulator.requests.list({ sandboxId, surface: "toolbox" });
    expect(routes.length).toBeGreaterThan(5);
    expect(routes.filter(({ path }) => path.includes("session"))).toEqual([]);
    expect(troubles.map(({ hits }) => hits)).toEqual([0, 0, 0, 0]);
    outcomes.add("troubles of sessions, logs and their input", "right results, none concerned");
    await backend.teardown();
  });
});
