import { describe, test } from "vitest";
import { SandboxStateError, SetupError, type SetupEvent, TimeoutError } from "../../src/index.ts";
import { coversEverything, emulatorsOfFile, serverProfiles } from "../helpers/emulator-fixture.ts";
import { rejection } from "../helpers/rejection.ts";
import { until } from "../helpers/until.ts";

/** States that a new sandbox passes through, or does not leave. */
const withEmulator = emulatorsOfFile();
const look = { surface: "api", method: "GET", path: "/sandbox/{sandboxIdOrName}" } as const;

describe.for(serverProfiles)("server profile %s", (profile) => {
  test.concurrent("an error while it is created is the setup's, with its reason", async ({
    expect,
  }) => {
    await withEmulator(expect, { profile }, async ({ backend, fault, sandboxes }) => {
      const errorReason = "The image has no entrypoint";
      fault({}, { type: "fail-transition", state: "creating", errorReason });
      const failing = backend();
      const error = await rejection(expect, failing.setup(), SetupError, {
        code: "SETUP_FAILED",
        operation: "setup",
        retryable: false,
      });
      expect(error).toMatchObject({ step: "wait", leaked: [] });
      expect(error.message).toContain(errorReason);
      expect(error.cause).toBeInstanceOf(SandboxStateError);
      expect(error.cause).toMatchObject({ code: "SANDBOX_STATE", providerState: "error" });
      expect(error.sandboxId).toEqual(expect.any(String));
      expect(failing.sandboxId).toBeUndefined();
      expect(sandboxes()).toEqual([]);
    });
  });

  test.concurrent("stuck in a state that refuses deletion: named, and ended by its own intervals", async ({
    expect,
  }) => {
    // Its own emulator, whose clock can be moved.
    await withEmulator(expect, { profile, startHoldMs: 200 }, async (fixture) => {
      const { emulator, backend, sandboxes, sandboxName } = fixture;
      const held = fixture.fault({}, { type: "hold-state", state: "creating" });
      const setup = backend({ cleanupTimeoutMs: 1_500 }).setup({ timeoutMs: 5_000 });
      const error = await rejection(expect, setup, TimeoutError, {
        code: "TIMEOUT",
        operation: "setup",
        retryable: true,
      });
      const [stuck] = sandboxes();
      expect(error.leaked).toEqual([{ id: stuck?.id, name: sandboxName, state: "creating" }]);
      expect(error.message).toContain(stuck?.id);
      expect(emulator.requests.count({ method: "DELETE", status: 409 })).toBeGreaterThan(1);

      held.remove();
      await until(() => sandboxes()[0]?.state === "started", 10_000);
      emulator.advanceClock(16 * 60_000);
      await until(() => sandboxes()[0]?.state === "stopped", 10_000);
      emulator.advanceClock(61 * 60_000);
      await until(() => sandboxes().length === 0, 10_000);
    });
  });

  if (!coversEverything(profile)) return;

  test.concurrent("an error that can be repaired is, once", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ emulator, ready, fault }) => {
      fault(
        {},
        { type: "fail-transition", state: "creating", errorReason: "Disk", recoverable: true },
        { times: 1 },
      );
      const backend = await ready();
      const recoveries = { sandboxId: backend.sandboxId, path: /\/recover$/ };
      expect(emulator.requests.count(recoveries)).toBe(1);
      await backend.teardown();
    });
  });

  test.concurrent("a state that this version does not know is waited out", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ ready, backend, fault }) => {
      const first = await ready();
      const strange = fault(
        look,
        { type: "rewrite", fields: { state: "defragmenting" } },
        { times: 3 },
      );
      const events: SetupEvent[] = [];
      const second = backend();
      await second.setup({ onEvent: (event) => events.push(event) });
      expect(strange.hits).toBe(3);
      expect(events).toContainEqual(
        expect.objectContaining({ state: "unknown", providerState: "defragmenting" }),
      );
      expect(second.sandboxId).toBe(first.sandboxId);
      await first.teardown();
    });
  });
});

test.concurrent("a build that fails", async ({ expect }) => {
  await withEmulator(expect, {}, async ({ backend, fault }) => {
    fault(
      {},
      {
        type: "fail-transition",
        state: "building_snapshot",
        to: "build_failed",
        errorReason: "manifest unknown",
      },
    );
    const error = await rejection(
      expect,
      backend({ image: "no-such-image:1" }).setup(),
      SetupError,
      {
        code: "SETUP_FAILED",
        operation: "setup",
        retryable: false,
      },
    );
    expect(error).toMatchObject({
      step: "wait",
      leaked: [],
      cause: { code: "SANDBOX_STATE", providerState: "build_failed" },
    });
    expect(error.message).toContain("manifest unknown");
  });
});

test.concurrent("a build that waits for ever is given up in time, and deleted", async ({
  expect,
}) => {
  await withEmulator(expect, {}, async ({ backend, fault, sandboxes }) => {
    fault({}, { type: "hold-state", state: "pending_build" });
    const setup = backend({ image: "debian:12" }).setup({ timeoutMs: 1_500 });
    const error = await rejection(expect, setup, TimeoutError, {
      code: "TIMEOUT",
      operation: "setup",
      retryable: true,
    });
    expect(error.leaked).toEqual([]);
    expect(sandboxes()).toEqual([]);
  });
});
