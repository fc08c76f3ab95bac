import { afterAll, describe, test } from "vitest";
import { createProvider, SandboxError } from "../../src/index.ts";
import { mountsNaming, processesNaming } from "../engine/host-leftovers.ts";
import { coversEverything, emulatorsOfFile, serverProfiles } from "../helpers/emulator-fixture.ts";
import { until } from "../helpers/until.ts";
import { lifecycleCases } from "./lifecycle-cases.ts";

/**
 * Each fault of a sandbox's life: how the call ends that it strikes, how many sandboxes are there at that moment, and that a sweep by
 * their owner leaves none. Counted from the emulator's store, the machine's processes and its mounts.
 */
const withEmulator = emulatorsOfFile();
const rows: string[][] = [];

afterAll(() => {
  const heading = ["fault", "operation", "outcome", "left at once", "after the sweep"];
  const all = [heading, ...rows.sort(([a = ""], [b = ""]) => (a < b ? -1 : 1))];
  const widths = heading.map((_, column) =>
    Math.max(...all.map((row) => row[column]?.length ?? 0)),
  );
  const lines = all.map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "),
  );
  process.stdout.write(["\nFaults of a sandbox's life", ...lines, ""].join("\n"));
});

describe.for(serverProfiles.filter(coversEverything))("server profile %s", (profile) => {
  test.concurrent.for(lifecycleCases)("$fault ($operation)", async (lifecycleCase, { expect }) => {
    const { fault, operation, outcome, leftAtOnce, options, run } = lifecycleCase;
    await withEmulator(expect, { profile, ...options }, async (fixture) => {
      const handles: { remove(): void }[] = [];
      const ended = await run({
        backend: fixture.backend,
        ready: fixture.ready,
        letTimePass: (minutes) => fixture.emulator.advanceClock(minutes * 60_000),
        fault: (...rule) => {
          const handle = fixture.fault(...rule);
          handles.push(handle);
          return handle;
        },
      }).then(
        () => "ok",
        (error: unknown) => (SandboxError.is(error) ? error.code : String(error)),
      );
      expect(ended).toBe(outcome);
      // One that is on its way out is none.
      const left = () => fixture.sandboxes().filter(({ state }) => state !== "destroyed");
      await until(() => left().length <= leftAtOnce, 5_000);
      const ids = left().map(({ id }) => id);
      expect(ids).toHaveLength(leftAtOnce);

      for (const handle of handles) handle.remove();
      await using provider = createProvider("daytona", {
        apiKey: fixture.emulator.apiKey,
        apiUrl: fixture.emulator.url,
      });
      const { owner } = fixture.config;
      await until(async () => {
        await provider.sweep({ owner, dryRun: false, includeRunning: true, idleMs: 0 });
        return fixture.sandboxes().length === 0;
      }, 20_000);
      // Every process of a sandbox has its ID in the environment, every mount in its path.
      await until(() => processesNaming(...ids).length === 0, 10_000);
      expect(ids.flatMap(mountsNaming)).toEqual([]);
      rows.push([`${fault} (${profile})`, operation, ended, String(leftAtOnce), "0"]);
    });
  });
});
