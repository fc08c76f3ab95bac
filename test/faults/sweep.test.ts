import { describe, test } from "vitest";
import {
  ConfigError,
  createProvider,
  PermissionError,
  type SweepOptions,
  type SweepResult,
} from "../../src/index.ts";
import { coversEverything, emulatorsOfFile, serverProfiles } from "../helpers/emulator-fixture.ts";
import { rejection } from "../helpers/rejection.ts";

/** `sweep` deletes what its owner has forgotten, and nothing else. */
const withEmulator = emulatorsOfFile();

function idsOf(result: SweepResult) {
  return {
    dryRun: result.dryRun,
    selected: result.selected.map(({ id }) => id).sort(),
    deleted: result.deleted.map(({ id }) => id).sort(),
    skipped: Object.fromEntries(result.skipped.map(({ sandbox, reason }) => [sandbox.id, reason])),
    failed: result.failed.map(({ sandbox }) => sandbox.id),
  };
}

describe.for(serverProfiles.filter(coversEverything))("server profile %s", (profile) => {
  test.concurrent("what is leased, runs or was used a short while ago is left alone", async ({
    expect,
  }) => {
    await withEmulator(expect, { profile }, async ({ config, ready, sandboxes }) => {
      const { owner, apiKey, apiUrl } = config;
      await using provider = createProvider("daytona", { apiKey, apiUrl });
      const [held, stopped] = await Promise.all([ready(), ready({ name: "second" })]);
      const lease = await held.keepAlive();
      await stopped.stop();
      const all = { owner, includeRunning: true, idleMs: 0 };

      expect(idsOf(await provider.sweep({ owner }))).toEqual({
        dryRun: true,
        selected: [],
        deleted: [],
        skipped: { [held.sandboxId]: "leased", [stopped.sandboxId]: "recently-used" },
        failed: [],
      });
      expect(idsOf(await provider.sweep(all))).toMatchObject({
        dryRun: true,
        selected: [stopped.sandboxId],
        deleted: [],
      });
      expect(sandboxes()).toHaveLength(2);

      expect(idsOf(await provider.sweep({ owner, idleMs: 0, dryRun: false }))).toMatchObject({
        deleted: [stopped.sandboxId],
        skipped: { [held.sandboxId]: "leased" },
      });
      expect((await stopped.status()).state).toBe("deleted");

      await lease.release();
      expect(await lease.ended).toEqual({ reason: "released", error: undefined });
      expect(idsOf(await provider.sweep({ owner, idleMs: 0, dryRun: false }))).toMatchObject({
        deleted: [],
        skipped: { [held.sandboxId]: "running" },
      });
      expect(idsOf(await provider.sweep({ ...all, dryRun: false }))).toMatchObject({
        selected: [held.sandboxId],
        deleted: [held.sandboxId],
        skipped: {},
      });
    });
  });

  test.concurrent("what cannot be deleted is told, and a list that is behind does no harm", async ({
    expect,
  }) => {
    await withEmulator(expect, { profile }, async ({ config, ready, fault, sandboxes }) => {
      const { owner, apiKey, apiUrl } = config;
      await using provider = createProvider("daytona", { apiKey, apiUrl });
      const [first, second] = await Promise.all([
        ready({ labels: { kind: "old" } }),
        ready({ name: "second", labels: { kind: "old" } }),
      ]);
      const all = { owner, includeRunning: true, idleMs: 0, dryRun: false };
      // Listed by an index that is behind, and gone for who asks by ID.
      const ghost = fault(
        { name: second.ref?.name as string, method: "GET", path: "/sandbox/{sandboxIdOrName}" },
        { type: "respond", status: 404, body: { message: "Not found" } },
      );
      const refusal = fault(
        { sandboxId: first.sandboxId, method: "DELETE" },
        { type: "respond", status: 403, body: { message: "Forbidden" } },
      );
      const result = await provider.sweep(all);
      expect(idsOf(result)).toMatchObject({
        deleted: [],
        skipped: { [second.sandboxId]: "gone" },
        failed: [first.sandboxId],
      });
      expect(result.failed[0]?.error).toBeInstanceOf(PermissionError);
      ghost.remove();
      refusal.remove();
      expect(sandboxes()).toHaveLength(2);

      const labelled = { ...all, labels: { kind: "new" } };
      expect(idsOf(await provider.sweep(labelled))).toMatchObject({ selected: [], skipped: {} });
      expect(idsOf(await provider.sweep({ ...all, owner: `${owner}-2` }))).toMatchObject({
        selected: [],
      });
      await Promise.all([first.teardown(), second.teardown()]);
    });
  });

  test.concurrent("what would select too much is refused before any request", async ({
    expect,
  }) => {
    await withEmulator(expect, { profile }, async ({ config, emulator }) => {
      const { apiKey, apiUrl } = config;
      await using provider = createProvider("daytona", { apiKey, apiUrl });
      const before = emulator.requests.count({ method: "GET", path: "/sandbox" });
      const refused: unknown[] = [
        undefined,
        {},
        { owner: "" },
        { owner: "me", labels: {} },
        { owner: "me", olderThan: 3 },
        { owner: "me", idleMs: -1 },
      ];
      for (const options of refused) {
        await rejection(expect, provider.sweep(options as SweepOptions), ConfigError, {
          code: "CONFIG_INVALID",
          operation: "sweep",
        });
      }
      expect(emulator.requests.count({ method: "GET", path: "/sandbox" })).toBe(before);
    });
  });
});
