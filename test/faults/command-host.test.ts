import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, test } from "vitest";
import { emulatorsOfFile } from "../helpers/emulator-fixture.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { startHost } from "./command-host-process.ts";
import { FaultOutcomes } from "./command-outcomes.ts";
import { read } from "./command-probe.ts";
import { randomNumbers } from "./command-random.ts";

/** Hosts that are killed with SIGKILL while a process of theirs runs, and other ones that take over by its ID. */
const withEmulator = emulatorsOfFile();
const outcomes = FaultOutcomes.ofFile("Processes whose host is killed");

/** Each run starts a process that loads the SDK, which is most of its time. */
const runs = isLongRun ? 30 : 1;
const random = randomNumbers(20_260_101);
const killPoints = Array.from({ length: runs }, () => ({
  // While the start is on its way, or in the midst of the output.
  readingMs: Math.round(random() * 2_500),
  writingMs: Math.round(random() * 2_500),
}));

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "killed-host-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const command =
  "echo run >>count; for i in 1 2 3 4 5 6 7 8 9 10; do head -c 12345 /dev/urandom | tee -a all; sleep 0.15; done; exit 9";

describe.concurrent("a host that is killed", { timeout: 120_000 }, () => {
  for (const [index, { readingMs }] of killPoints.entries()) {
    test.concurrent(`${readingMs} ms after it began to spawn and read`, async ({ expect }) => {
      await withEmulator(expect, {}, async ({ ready, backend, config }) => {
        const first = await ready();
        const { sandboxId } = first;
        const outputPath = join(folder, `output-${index}`);
        const job = { config, sandboxId, processId: "build", command, outputPath };
        const host = startHost(job);
        await host.says("spawning");
        await sleep(readingMs);
        await host.kill();
        const received = await readFile(outputPath).catch(() => Buffer.alloc(0));

        const successor = backend();
        await successor.reconnect(sandboxId);
        // Whether or not its start reached the sandbox: it runs once.
        await successor.spawn(command, { id: "build" });
        const child = await successor.attachProcess("build", { stdoutOffset: received.length });
        const rest = await read(child.stdout);
        expect(await child.wait()).toMatchObject({ exitCode: 9 });
        const all = await successor.readFile("all");
        expect(all).toHaveLength(123_450);
        expect(sha256(Buffer.concat([received, rest]))).toBe(sha256(all));
        expect(await successor.readFile("count", { encoding: "utf8" })).toBe("run\n");
        outcomes.add("killed while it reads", "same bytes and exit code, ran once");
        await successor.teardown();
      });
    });
  }

  for (const { writingMs } of killPoints) {
    test.concurrent(`${writingMs} ms after its process had begun to be written to`, async ({
      expect,
    }) => {
      await withEmulator(expect, {}, async ({ ready, backend, config }) => {
        const first = await ready();
        const { sandboxId } = first;
        const host = startHost({ config, sandboxId, processId: "reader", command: "cat" });
        await host.says("spawned");
        await sleep(writingMs);
        await host.kill();
        const acknowledged = host.facts.filter(({ type }) => type === "written").length;

        const successor = backend();
        await successor.reconnect(sandboxId);
        const child = await successor.attachProcess("reader");
        await child.closeInput();
        const lines = String(await read(child.stdout)).split("\n");
        expect(await child.wait()).toMatchObject({ exitCode: 0 });
        // Whole lines, in order, each once: all that were acknowledged, and perhaps the one that was on its way.
        expect(lines.pop()).toBe("");
        expect(lines.map((line) => Number.parseInt(line, 10))).toEqual(
          lines.map((_, at) => at + 1),
        );
        for (const [at, line] of lines.entries()) {
          expect(line.length).toBe(`${at + 1} `.length + ((at + 1) % 4 === 0 ? 20_000 : 0));
        }
        expect([acknowledged, acknowledged + 1]).toContain(lines.length);
        outcomes.add("killed while it writes", "what was acknowledged arrived, once");
        await successor.teardown();
      });
    });
  }
});
