import { describe, test } from "vitest";
import type { FaultEffect } from "../../src/emulator/index.ts";
import { emulatorsOfFile } from "../helpers/emulator-fixture.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { FaultOutcomes } from "./command-outcomes.ts";
import { execute, type ProbeKind, runProbe } from "./command-probe.ts";

/** Answers that are lost, late, cut or wrong, at every request of a command from its start to its end. */
const withEmulator = emulatorsOfFile();
const outcomes = FaultOutcomes.ofFile("Commands whose answers are lost");

const rightResult = "right result, ran once";

const gatewayPage = "<html><body><h1>504 Gateway Time-out</h1></body></html>";

const effects: readonly [string, FaultEffect][] = [
  ["handled, then reset", { type: "handle-then-reset" }],
  ["reset", { type: "reset" }],
  ["cut by a gateway: 408", { type: "cut", afterMs: 10, answer: 408 }],
  ["cut by a gateway: bare 502", { type: "cut", afterMs: 10, answer: 502 }],
  ["cut by a gateway: 504 with HTML", { type: "cut", afterMs: 10, answer: 504 }],
  ["cut by a reset", { type: "cut", afterMs: 10, answer: "reset" }],
  ["answer held", { type: "hold-answer", ms: 700 }],
  ["bare 502, not handled", { type: "respond", status: 502 }],
  ["HTML with status 504", { type: "respond", status: 504, body: gatewayPage }],
  ["HTML with status 200", { type: "respond", status: 200, body: gatewayPage }],
  ["rate limit", { type: "rate-limit", throttler: "authenticated", retryAfterSeconds: 0.2 }],
];

/** Bytes of the answer that arrive: none, the JSON's beginning, within the tag, the report, the output, and nearly all. */
const regions = isLongRun
  ? [0, 1, 14, 30, 60, 90, 120, 150, 180, 210, 260, 320, 400]
  : [0, 14, 60, 120, 210, 320];

/** Which requests are struck. In the order of a start whose answer is lost: start, question, poll. */
const positions: readonly { readonly skip: number; readonly times: number }[] = [
  { skip: 0, times: 1 },
  { skip: 1, times: 1 },
  { skip: 2, times: 1 },
  { skip: 0, times: 2 },
  { skip: 0, times: 3 },
];

const kinds: readonly ProbeKind[] = ["exec", "streamed", "spawn"];

interface Case {
  readonly kind: ProbeKind;
  readonly skip: number;
  readonly times: number;
}

/** The long run has every combination; the short one each effect at a start and at a later request, with the kinds in turn. */
function casesOf(turn: number): Case[] {
  if (isLongRun) {
    return kinds.flatMap((kind) => positions.map((position) => ({ kind, ...position })));
  }
  const kindOf = (index: number) => kinds[(index + turn) % kinds.length] ?? "exec";
  return [
    { kind: kindOf(0), skip: 1, times: 1 },
    { kind: kindOf(1), skip: 0, times: 3 },
  ];
}

describe.concurrent("every request of a command", { timeout: 300_000 }, () => {
  for (const [turn, [fault, effect]] of effects.entries()) {
    test.concurrent(fault, async ({ expect }) => {
      await withEmulator(expect, {}, async (fixture) => {
        const backend = await fixture.ready();
        for (const { kind, skip, times } of casesOf(turn)) {
          const handle = fixture.fault(execute, effect, { skip, times });
          await runProbe(expect, backend, kind);
          outcomes.add(`${fault} (${kind})`, rightResult, handle.hits);
          // An answer that is late and not lost leads to no further question.
          const fewest = effect.type === "hold-answer" ? 1 : times;
          if (skip === 0) expect(handle.hits).toBeGreaterThanOrEqual(fewest);
          handle.remove();
        }
        await backend.teardown();
      });
    });
  }
});

describe.concurrent("an answer that breaks off", { timeout: 300_000 }, () => {
  for (const [turn, kind] of kinds.entries()) {
    test.concurrent(`at every region of it (${kind})`, async ({ expect }) => {
      await withEmulator(expect, {}, async (fixture) => {
        const backend = await fixture.ready();
        // The short run has each region once.
        const tried = regions.filter((_, index) => isLongRun || index % kinds.length === turn);
        for (const bytes of tried) {
          const handle = fixture.fault(execute, { type: "truncate", bytes }, { times: 3 });
          await runProbe(expect, backend, kind);
          expect(handle.hits).toBeGreaterThan(0);
          outcomes.add(`cut after ${bytes} bytes (${kind})`, rightResult, handle.hits);
          handle.remove();
        }
        await backend.teardown();
      });
    });
  }
});

const download = {
  surface: "toolbox",
  method: "GET",
  path: "/toolbox/{sandboxId}/files/download",
} as const;

const downloadEffects: readonly [string, FaultEffect][] = [
  ["handled, then reset", { type: "handle-then-reset" }],
  ["bare 502", { type: "respond", status: 502 }],
  ["HTML with status 504", { type: "respond", status: 504, body: gatewayPage }],
  ["cut before its first byte", { type: "truncate", bytes: 0 }],
  ["cut in its midst", { type: "truncate", bytes: 5 }],
  ["rate limit", { type: "rate-limit", throttler: "authenticated", retryAfterSeconds: 0.2 }],
];

// The probe's output is not UTF-8, so no answer holds it exactly.
test.concurrent("output that has to be read from its file", { timeout: 300_000 }, async ({
  expect,
}) => {
  await withEmulator(expect, {}, async (fixture) => {
    const backend = await fixture.ready();
    for (const [index, [fault, effect]] of downloadEffects.entries()) {
      for (const kind of isLongRun ? kinds : kinds.slice(index % 3, (index % 3) + 1)) {
        const handle = fixture.fault(download, effect, { times: 2 });
        await runProbe(expect, backend, kind);
        expect(handle.hits).toBe(2);
        outcomes.add(`output, ${fault} (${kind})`, rightResult, handle.hits);
        handle.remove();
      }
    }
    await backend.teardown();
  });
});
