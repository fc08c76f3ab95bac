import { describe, test } from "vitest";
import type { FaultEffect } from "../../src/emulator/index.ts";
import { ConnectionError } from "../../src/index.ts";
import { emulatorsOfFile } from "../helpers/emulator-fixture.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { rejection } from "../helpers/rejection.ts";
import { FaultOutcomes } from "./command-outcomes.ts";
import { execute, executePlainly, read } from "./command-probe.ts";

/** Lost answers of what is done to a process that runs: written to, killed, read, attached to, listed, forgotten. */
const withEmulator = emulatorsOfFile();
const outcomes = FaultOutcomes.ofFile("Lost answers of what is done to a process");

const effects: readonly [string, FaultEffect][] = [
  ["handled, then reset", { type: "handle-then-reset" }],
  ["reset", { type: "reset" }],
  ["cut by a gateway: 408", { type: "cut", afterMs: 10, answer: 408 }],
  ["cut by a gateway: bare 502", { type: "cut", afterMs: 10, answer: 502 }],
  ["cut by a gateway: 504 with HTML", { type: "cut", afterMs: 10, answer: 504 }],
  ["cut in its midst", { type: "truncate", bytes: 60 }],
  ["answer held", { type: "hold-answer", ms: 500 }],
  ["bare 502, not handled", { type: "respond", status: 502 }],
  ["rate limit", { type: "rate-limit", throttler: "authenticated", retryAfterSeconds: 0.2 }],
];
/** The short run has a representative of each kind of loss. */
const tried = effects.filter((_, index) => isLongRun || [0, 5].includes(index));

/** Text that travels in a script, and bytes that are uploaded before. */
const pieces = [
  Buffer.from("it's $one\n"),
  Buffer.concat([Buffer.from([0, 255, 10]), Buffer.alloc(40_000, "x\n")]),
  Buffer.from("last"),
];

describe.concurrent("input that is written", { timeout: 300_000 }, () => {
  for (const [fault, effect] of tried) {
    test.concurrent(`arrives once: ${fault}`, async ({ expect }) => {
      await withEmulator(expect, {}, async (fixture) => {
        const backend = await fixture.ready();
        // With the uploads, and without.
        const matches = [{ surface: "toolbox" } as const, execute];
        for (const times of isLongRun ? [1, 2, 3] : [2]) {
          for (const match of isLongRun ? matches : matches.slice(0, 1)) {
            const child = await backend.spawn("cat", { stdin: "open" });
            let hits = 0;
            for (const piece of pieces) {
              const handle = fixture.fault(match, effect, { times });
              await child.write(piece);
              hits += handle.hits;
              handle.remove();
            }
            const closing = fixture.fault(match, effect, { times });
            await child.closeInput();
            hits += closing.hits;
            closing.remove();
            const received = await read(child.stdout);
            expect(received.equals(Buffer.concat(pieces))).toBe(true);
            expect(await child.wait()).toMatchObject({ exitCode: 0 });
            expect(hits).toBeGreaterThanOrEqual(4);
            outcomes.add(`write, ${fault}`, "all bytes, once and in order", hits);
          }
        }
        await backend.teardown();
      });
    });
  }
});

describe.concurrent("a kill", { timeout: 300_000 }, () => {
  for (const [fault, effect] of tried) {
    test.concurrent(`is repeated until its end is proven: ${fault}`, async ({ expect }) => {
      await withEmulator(expect, {}, async (fixture) => {
        const backend = await fixture.ready();
        const child = await backend.spawn(
          "trap '' TERM; echo on; sleep 600 & sleep 601; sleep 602",
        );
        await child.stdout.getReader().read();
        const handle = fixture.fault(execute, effect, { times: 2 });
        expect(await child.kill()).toBe(true);
        outcomes.add(`kill(), ${fault}`, "true, end proven", handle.hits);
        handle.remove();
        expect(await child.wait()).toMatchObject({ exitCode: 137, signal: "SIGKILL" });
        await backend.teardown();
      });
    });
  }

  test.concurrent("by one signal is sent at most once", async ({ expect }) => {
    await withEmulator(expect, {}, async (fixture) => {
      const backend = await fixture.ready();
      const child = await backend.spawn(
        "trap 'echo usr1' USR1; echo ready; while [ ! -e go ]; do sleep 0.1; done",
      );
      const reader = child.stdout.getReader();
      await reader.read();
      for (const [type, times] of [
        ["handle-then-reset", 1],
        ["reset", 0],
      ] as const) {
        const handle = fixture.fault(execute, { type }, { times: 1 });
        await rejection(expect, child.kill("SIGUSR1"), ConnectionError, {
          code: "CONNECTION_FAILED",
          operation: "process.kill",
          retryable: true,
        });
        expect(handle.hits).toBe(1);
        outcomes.add(`kill("SIGUSR1"), ${type}`, `ConnectionError, signalled ${times} times`);
      }
      await backend.writeFile("go", "");
      await child.wait();
      reader.releaseLock();
      expect(String((await child.output()).bytes)).toBe("ready\nusr1\n");
      await backend.teardown();
    });
  });
});

describe.concurrent("a question", { timeout: 300_000 }, () => {
  for (const [fault, effect] of tried) {
    test.concurrent(`is asked again: ${fault}`, async ({ expect }) => {
      await withEmulator(expect, {}, async (fixture) => {
        const backend = await fixture.ready();
        const child = await backend.spawn("printf '0123456789\\377'; sleep 600", { id: "asked" });
        await child.stdout.getReader().read();
        const struck = async <Value>(ask: () => Promise<Value>): Promise<Value> => {
          const handle = fixture.fault(execute, effect, { times: 2 });
          const answer = await ask();
          outcomes.add(`output, list, attach: ${fault}`, "right answer", handle.hits);
          expect(handle.hits).toBeGreaterThan(0);
          handle.remove();
          return answer;
        };
        const output = await struck(() => child.output(8));
        expect(output).toMatchObject({ nextOffset: 11, sizeBytes: 11 });
        expect(Buffer.from(output.bytes).toString("latin1")).toBe("89\xff");
        const list = await struck(() => backend.listProcesses());
        expect(list).toMatchObject([{ id: "asked", state: "running", startedBy: "spawn" }]);
        const attached = await struck(() => backend.attachProcess("asked", { stdoutOffset: 10 }));
        const { value } = await attached.stdout.getReader().read();
        expect([...(value ?? [])]).toEqual([255]);
        expect(await attached.kill("SIGKILL")).toBe(true);
        await backend.teardown();
      });
    });
  }
});

test.concurrent("records whose removal was on its way with a lost start are removed in the end", async ({
  expect,
}) => {
  await withEmulator(expect, {}, async (fixture) => {
    const { emulator, ready, fault } = fixture;
    const backend = await ready();
    const { sandboxId } = backend;
    // From eight on a start takes their removal along.
    for (let count = 0; count < 8; count++) await backend.exec(":");
    const types = ["handle-then-reset", "reset"] as const;
    for (const type of types) {
      fault(execute, { type }, { times: 1 });
      expect((await backend.exec("echo out")).stdout).toBe("out\n");
      outcomes.add(`start that also forgets records: ${type}`, "right result, all forgotten");
    }
    await backend[Symbol.asyncDispose]();
    const names = await executePlainly(emulator, sandboxId, "ls ~/.sandbox-backend/run");
    // Those of the setup stay, so that another host does not prepare the sandbox again.
    const left = names.split("\n").filter((name) => name !== "" && !name.startsWith("setup"));
    // A start that was given up and still arrives must find its claim taken.
    expect(left.map((name) => name.replace(/^[0-9a-f]{24}_0/, ""))).toEqual([".claim", ".claim"]);
    const other = fixture.backend();
    await other.reconnect(sandboxId);
    await other.teardown();
  });
});
