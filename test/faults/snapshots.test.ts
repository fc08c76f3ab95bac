import { describe, test } from "vitest";
import { createBackend, createProvider } from "../../src/create-backend.ts";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import {
  AbortError,
  PermissionError,
  QuotaError,
  SnapshotError,
  TimeoutError,
} from "../../src/index.ts";
import { coversEverything, emulatorsOfFile, serverProfiles } from "../helpers/emulator-fixture.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { rejection } from "../helpers/rejection.ts";
import { until } from "../helpers/until.ts";

/** Snapshots that are lost, stuck, refused or odd: the class of each error, the source afterwards, and what is left. */
const withEmulator = emulatorsOfFile();
const post = { method: "POST", path: "/sandbox/{sandboxIdOrName}/snapshot" } as const;

function own(emulator: DaytonaEmulator, sandboxId: string): { name: string; state: string }[] {
  return emulator
    .snapshots()
    .filter(({ sourceSandboxId }) => sourceSandboxId === sandboxId)
    .map(({ name, state }) => ({ name, state }));
}

describe.for(serverProfiles.filter(coversEverything))("server profile %s", (profile) => {
  test.skipIf(!coversEverything(profile))(
    "a request that is lost, or whose answer is lost, makes one snapshot",
    async ({ expect }) => {
      await withEmulator(expect, { profile }, async ({ emulator, ready, fault, config }) => {
        const backend = await ready();
        await using provider = createProvider("daytona", access(config));
        const effects = [{ type: "handle-then-reset" }, { type: "reset" }] as const;
        for (const [index, effect] of effects.entries()) {
          const name = `${config.owner}-${index}`;
          const struck = fault(post, effect, { times: 1 });
          const snapshot = await backend.createSnapshot(name);
          expect(struck.hits).toBe(1);
          expect(snapshot).toMatchObject({
            name,
            state: "active",
            sourceSandboxId: backend.sandboxId,
          });
          expect((await backend.status()).state).toBe("running");
          expect(own(emulator, backend.sandboxId)).toEqual([{ name, state: "active" }]);
          await provider.snapshots.delete(name);
        }
        expect(own(emulator, backend.sandboxId)).toEqual([]);
        await backend.teardown();
      });
    },
  );

  test("one that fails says so, and its source runs", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ emulator, ready, config }) => {
      const backend = await ready();
      const name = `${config.owner}-doomed`;
      const failure = emulator.faults.add({
        match: { name },
        effect: { type: "fail-transition", state: "snapshotting", errorReason: "commit failed" },
      });
      const error = await rejection(expect, backend.createSnapshot(name), SnapshotError, {
        code: "SNAPSHOT_FAILED",
        operation: "createSnapshot",
      });
      expect(error).toMatchObject({ reason: "failed", snapshot: name });
      failure.remove();
      // The older server tells nobody why.
      const words = profile === "cloud" ? /commit failed/ : /does not say why/;
      expect(error.message).toMatch(words);
      expect((await backend.exec("echo on")).stdout).toBe("on\n");
      await using provider = createProvider("daytona", access(config));
      await provider.snapshots.delete(name);
      expect(own(emulator, backend.sandboxId)).toEqual([]);
      await backend.teardown();
    });
  });

  test.skipIf(!coversEverything(profile))(
    "one that is stuck ends with the time or the signal, and is named",
    async ({ expect }) => {
      await withEmulator(expect, { profile }, async ({ emulator, ready, config }) => {
        const backend = await ready();
        const name = `${config.owner}-stuck`;
        const hold = emulator.faults.add({
          match: { name },
          effect: { type: "hold-state", state: "snapshotting" },
        });
        const error = await rejection(
          expect,
          backend.createSnapshot(name, { timeoutMs: 3_000 }),
          TimeoutError,
          { code: "TIMEOUT", operation: "createSnapshot" },
        );
        expect(error.message).toContain(name);
        hold.remove();
        await until(async () => (await backend.status()).state === "running", 10_000);
        await using provider = createProvider("daytona", access(config));
        // It came after all, as the error said it might.
        await until(async () => (await provider.snapshots.get(name))?.state === "active", 10_000);
        await provider.snapshots.delete(name);
        if (isLongRun) {
          const again = emulator.faults.add({
            match: { name },
            effect: { type: "hold-state", state: "snapshotting" },
          });
          const controller = new AbortController();
          const promise = backend.createSnapshot(name, { mode: "stop", signal: controller.signal });
          await until(() => again.hits === 1, 20_000);
          controller.abort(new Error("enough"));
          again.remove();
          const aborted = await rejection(expect, promise, AbortError, {
            code: "ABORTED",
            operation: "createSnapshot",
          });
          expect(aborted.message).toContain(name);
          // It was stopped for the snapshot alone.
          expect((await backend.status()).state).toBe("running");
          await until(async () => (await provider.snapshots.get(name))?.state === "active", 10_000);
          await provider.snapshots.delete(name);
        }
        expect(own(emulator, backend.sandboxId)).toEqual([]);
        await backend.teardown();
      });
    },
  );

  test("of two at once with one name, one is refused", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ emulator, ready, config }) => {
      const [one, two] = await Promise.all([
        ready({ name: "fault" }),
        ready({ name: "fault of another" }),
      ]);
      const name = `${config.owner}-both`;
      const outcomes = await Promise.allSettled([one, two].map((b) => b.createSnapshot(name)));
      const refused = outcomes.flatMap((outcome) =>
        outcome.status === "rejected" ? [outcome.reason as unknown] : [],
      );
      expect(refused).toHaveLength(1);
      expect(refused[0]).toBeInstanceOf(SnapshotError);
      expect(refused[0]).toMatchObject({ reason: "name-taken", snapshot: name });
      expect(emulator.snapshots().filter((snapshot) => snapshot.name === name)).toHaveLength(1);
      for (const backend of [one, two]) expect((await backend.status()).state).toBe("running");
      await using provider = createProvider("daytona", access(config));
      await provider.snapshots.delete(name);
      await Promise.all([one.teardown(), two.teardown()]);
    });
  });
});

test("quota, missing rights and a name that is held are told apart", async ({ expect }) => {
  const limited = {
    key: "dtn_limited",
    permissions: ["write:sandboxes", "delete:sandboxes"],
  } as const;
  const options = { quotas: { maxSnapshots: 1 }, apiKeys: [{ key: "dtn_whole" }, limited] };
  await withEmulator(expect, options, async ({ emulator, ready, config }) => {
    const backend = await ready();
    const made = await backend.createSnapshot("the-only-one");
    const quota = await rejection(expect, backend.createSnapshot("one-more"), QuotaError, {
      code: "QUOTA_EXCEEDED",
      operation: "createSnapshot",
    });
    expect(quota.message).toContain("Maximum allowed: 1");

    await using poor = createBackend("daytona", { ...config, apiKey: limited.key });
    await poor.reconnect(backend.sandboxId);
    await rejection(expect, poor.createSnapshot("forbidden"), PermissionError, {
      code: "PERMISSION_DENIED",
      operation: "createSnapshot",
    });
    await using poorProvider = createProvider(
      "daytona",
      access({ ...config, apiKey: limited.key }),
    );
    await rejection(expect, poorProvider.snapshots.delete("the-only-one"), PermissionError, {
      code: "PERMISSION_DENIED",
      operation: "snapshots.delete",
    });
    await using provider = createProvider("daytona", access(config));
    const general = "daytonaio/sandbox:0.6.0";
    await rejection(expect, provider.snapshots.delete(general), PermissionError, {
      code: "PERMISSION_DENIED",
      operation: "snapshots.delete",
    });
    expect((await provider.snapshots.list()).map(({ name }) => name)).toEqual([
      general,
      "the-only-one",
    ]);

    const hold = emulator.faults.add({
      match: { name: "the-only-one" },
      effect: { type: "hold-state", state: "removing" },
    });
    await rejection(
      expect,
      provider.snapshots.delete(made.id, { timeoutMs: 1_500 }),
      TimeoutError,
      { code: "TIMEOUT", operation: "snapshots.delete" },
    );
    await expect(backend.createSnapshot("the-only-one")).rejects.toMatchObject({
      name: "SnapshotError",
      reason: "name-taken",
    });
    hold.remove();
    await provider.snapshots.delete("the-only-one");
    expect(own(emulator, backend.sandboxId)).toEqual([]);
    expect((await backend.status()).state).toBe("running");
    await backend.teardown();
  });
});

test("an inactive snapshot is activated for a setup, once", async ({ expect }) => {
  await withEmulator(expect, {}, async ({ emulator, ready, request, config }) => {
    const source = await ready();
    const name = `${config.owner}-aged`;
    const { id } = await source.createSnapshot(name);
    const deactivate = () =>
      fetch(`${emulator.url}/snapshots/${id}/deactivate`, {
        method: "POST",
        headers: { Authorization: `Bearer ${emulator.apiKey}` },
      });
    expect((await deactivate()).status).toBe(204);
    const copy = await ready({ snapshot: name, name: "copy" });
    expect((await request("GET", `/snapshots/${id}`)).state).toBe("active");
    await copy.teardown();

    // Within ten minutes Daytona does not activate it again.
    expect((await deactivate()).status).toBe(204);
    await using provider = createProvider("daytona", access(config));
    const error = await rejection(expect, provider.snapshots.activate(name), SnapshotError, {
      code: "SNAPSHOT_FAILED",
      operation: "snapshots.activate",
    });
    expect(error.reason).toBe("not-active");
    expect(error.message).toContain("activated recently");
    await provider.snapshots.delete(name);
    await source.teardown();
  });
});

function access({
  apiKey,
  apiUrl,
}: {
  readonly apiKey?: string | undefined;
  readonly apiUrl?: string | undefined;
}) {
  return { apiKey, apiUrl };
}
