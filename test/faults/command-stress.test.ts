import { createHash } from "node:crypto";
import { describe, test } from "vitest";
import type { FaultEffect } from "../../src/emulator/index.ts";
import { OutputLimitError } from "../../src/index.ts";
import { emulatorsOfFile } from "../helpers/emulator-fixture.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { rejection } from "../helpers/rejection.ts";
import { FaultOutcomes } from "./command-outcomes.ts";
import { execute, executePlainly } from "./command-probe.ts";
import { randomNumbers } from "./command-random.ts";

/** Many commands and much output. The short run has a small version of what takes long. */
const withEmulator = emulatorsOfFile();
const outcomes = FaultOutcomes.ofFile("Many commands and much output");

const mebibyte = 1024 * 1024;
const seed = 20_260_102;

/** Records in the sandbox, but for those of its setup, which stay. */
const listRecords = "ls ~/.sandbox-backend/run | grep -v ^setup";

describe("short commands", { timeout: 900_000 }, () => {
  const inARow = isLongRun ? 1_000 : 20;
  const underFaults = isLongRun ? 300 : 8;
  const sideBySide = isLongRun ? 200 : 12;

  test(`${inARow} in a row: none is lost, none runs twice, nothing is left`, async ({ expect }) => {
    await withEmulator(expect, {}, async ({ ready, backend, emulator }) => {
      const first = await ready();
      const { sandboxId } = first;
      for (let number = 1; number <= inARow; number++) {
        const result = await first.exec(`echo ${number} >>all; echo ${number}`);
        expect(result.stdout).toBe(`${number}\n`);
      }
      const numbers = await first.readFile("all", { encoding: "utf8" });
      expect(numbers.split("\n").slice(0, -1).map(Number)).toEqual(
        Array.from({ length: inARow }, (_, index) => index + 1),
      );
      await first[Symbol.asyncDispose]();
      expect(await executePlainly(emulator, sandboxId, listRecords)).toBe("");
      outcomes.add("in a row", "right results, each ran once, nothing left", inARow);
      const last = backend();
      await last.reconnect(sandboxId);
      await last.teardown();
    });
  });

  test(`${underFaults} in a row, each under a random fault (seed ${seed})`, async ({ expect }) => {
    await withEmulator(expect, {}, async ({ ready, fault }) => {
      const backend = await ready();
      const random = randomNumbers(seed);
      const pick = <Item>(items: readonly Item[]): Item =>
        items[Math.floor(random() * items.length)] as Item;
      const effects = (): readonly FaultEffect[] => [
        { type: "handle-then-reset" },
        { type: "reset" },
        { type: "respond", status: 502 },
        { type: "cut", afterMs: Math.floor(random() * 60), answer: pick([408, 502, 504, "reset"]) },
        { type: "truncate", bytes: Math.floor(random() * 400) },
      ];
      for (let number = 1; number <= underFaults; number++) {
        const effect = pick(effects());
        const limits = { skip: pick([0, 0, 1]), times: pick([1, 1, 2]) };
        const handle = fault(execute, effect, limits);
        const result = await backend.exec(`echo ${number} >>all; echo ${number}; sleep 0.1`);
        expect(result.stdout).toBe(`${number}\n`);
        outcomes.add(`random: ${effect.type}`, "right result, ran once", handle.hits);
        handle.remove();
      }
      const numbers = await backend.readFile("all", { encoding: "utf8" });
      expect(numbers.split("\n").slice(0, -1).map(Number)).toEqual(
        Array.from({ length: underFaults }, (_, index) => index + 1),
      );
      await backend.teardown();
    });
  });

  test(`${sideBySide} side by side: each has its own output and code`, async ({ expect }) => {
    await withEmulator(expect, {}, async ({ ready }) => {
      const backend = await ready();
      const results = await Promise.all(
        Array.from({ length: sideBySide }, async (_, number) => {
          let heard = "";
          // Half of them are streamed, and followed by one poll for all.
          const onStdout = (chunk: Uint8Array): void => {
            heard += Buffer.from(chunk).toString();
          };
          const command = `echo ${number} >>all; echo out ${number}; echo err ${number} >&2; sleep 1; echo end ${number}; exit ${number % 200}`;
          const options = { check: false, ...(number % 2 === 0 ? { onStdout } : {}) };
          const { exitCode, stdout, stderr } = await backend.exec(command, options);
          if (number % 2 === 0) expect(heard).toBe(stdout);
          return { exitCode, stdout, stderr };
        }),
      );
      for (const [number, result] of results.entries()) {
        expect(result).toEqual({
          exitCode: number % 200,
          stdout: `out ${number}\nend ${number}\n`,
          stderr: `err ${number}\n`,
        });
      }
      const lines = (await backend.readFile("all", { encoding: "utf8" })).split("\n").slice(0, -1);
      expect(lines.map(Number).sort((one, other) => one - other)).toEqual(
        Array.from({ length: sideBySide }, (_, number) => number),
      );
      outcomes.add("side by side", "right results, each ran once", sideBySide);
      await backend.teardown();
    });
  });
});

/** The most memory that a piece of work took beyond what there was before: buffers of this process, emulator included. */
async function memoryGrowth(work: () => Promise<void>): Promise<number> {
  const used = (): number => process.memoryUsage().arrayBuffers;
  const before = used();
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, used());
  }, 20);
  try {
    await work();
  } finally {
    clearInterval(watch);
  }
  return Math.round((Math.max(most, used()) - before) / mebibyte);
}

/** Buffers that nobody needs any more are collected by the engine when they come to some 64 MiB. */
const mostGrownMiB = 96;

describe("much output", { timeout: 900_000 }, () => {
  for (const [kind, longSize] of [
    ["callback", 64],
    ["stream", 64],
    ["stream", 256],
  ] as const) {
    if (longSize > 64 && !isLongRun) continue;
    const sizeMiB = isLongRun ? longSize : 4;
    test(`${sizeMiB} MiB of random bytes by a ${kind}: same sha256, bounded memory`, async ({
      expect,
    }) => {
      await withEmulator(expect, {}, async ({ ready }) => {
        const backend = await ready();
        const sizeBytes = sizeMiB * mebibyte;
        const command = `head -c ${sizeBytes} /dev/urandom | tee all; sha256sum <all >&2`;
        const hash = createHash("sha256");
        let said = "";
        const grownMiB = await memoryGrowth(async () => {
          if (kind === "callback") {
            const onStdout = (chunk: Uint8Array): void => {
              hash.update(chunk);
            };
            const result = await backend.exec(command, { onStdout, maxOutputBytes: mebibyte });
            expect(result.truncated).toBe(true);
            expect(result.stdoutBytes).toHaveLength(mebibyte);
            said = result.stderr;
          } else {
            const child = await backend.spawn(command);
            for await (const chunk of child.stdout) hash.update(chunk);
            expect(await child.wait()).toMatchObject({ exitCode: 0 });
            said = Buffer.from((await child.output(0, { stream: "stderr" })).bytes).toString();
          }
        });
        expect(said).toBe(`${hash.digest("hex")}  -\n`);
        expect(grownMiB).toBeLessThan(mostGrownMiB);
        outcomes.add(`${sizeMiB} MiB by a ${kind}`, `same sha256, memory +${grownMiB} MiB`);
        await backend.teardown();
      });
    });
  }

  test.runIf(isLongRun)("1 GiB: head and tail are kept, memory is bounded", async ({ expect }) => {
    await withEmulator(expect, {}, async ({ ready }) => {
      const backend = await ready();
      const grownMiB = await memoryGrowth(async () => {
        const result = await backend.exec(
          `echo first; head -c ${1024 * mebibyte} /dev/zero; echo last`,
          { maxOutputBytes: mebibyte, maxLogBytes: 2048 * mebibyte, timeoutMs: 300_000 },
        );
        expect(result.truncated).toBe(true);
        expect(result.stdoutBytes).toHaveLength(mebibyte);
        expect(result.stdout.slice(0, 8)).toBe("first\n\0\0");
        expect(result.stdout.slice(-6)).toBe("\0last\n");
      });
      expect(grownMiB).toBeLessThan(mostGrownMiB);
      outcomes.add("1 GiB", `head and tail, memory +${grownMiB} MiB`);
      await backend.teardown();
    });
  });

  test("more than maxLogBytes: the command is ended, and the disk is bounded", async ({
    expect,
  }) => {
    await withEmulator(expect, {}, async ({ ready, emulator }) => {
      const backend = await ready();
      const limitBytes = (isLongRun ? 64 : 4) * mebibyte;
      // Some 100 MiB a second.
      const command =
        "while :; do head -c 1048576 /dev/zero; head -c 1048576 /dev/zero; sleep 0.02; done";
      const grownMiB = await memoryGrowth(async () => {
        const error = await rejection(
          expect,
          backend.exec(command, { maxLogBytes: limitBytes, maxOutputBytes: mebibyte }),
          OutputLimitError,
          { code: "OUTPUT_LIMIT", operation: "exec" },
        );
        expect(error.limitBytes).toBe(limitBytes);
      });
      const sizes = await executePlainly(
        emulator,
        backend.sandboxId,
        "wc -c ~/.sandbox-backend/run/[0-9a-f]*_0.out | tail -n 1",
      );
      const overMiB = Math.ceil((Number.parseInt(sizes, 10) - limitBytes) / mebibyte);
      expect(overMiB).toBeGreaterThan(0);
      // What it writes until somebody looks: within two seconds even on a busy machine.
      expect(overMiB).toBeLessThan(256);
      expect(grownMiB).toBeLessThan(mostGrownMiB);
      outcomes.add(
        `more than ${limitBytes / mebibyte} MiB allowed`,
        `OutputLimitError, disk +${overMiB} MiB`,
      );
      await backend.teardown();
    });
  });
});
