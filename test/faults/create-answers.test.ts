import { describe, test } from "vitest";
import { RateLimitError, SetupError, TimeoutError } from "../../src/index.ts";
import { coversEverything, emulatorsOfFile, serverProfiles } from "../helpers/emulator-fixture.ts";
import { rejection } from "../helpers/rejection.ts";

/** What can happen to the answer of the request that creates a sandbox. */
const withEmulator = emulatorsOfFile();
const create = { surface: "api", method: "POST", path: "/sandbox" } as const;
const look = { surface: "api", method: "GET" } as const;

describe.for(serverProfiles)("server profile %s", (profile) => {
  test.concurrent("lost after the sandbox was made: there is one, and it is used", async ({
    expect,
  }) => {
    await withEmulator(expect, { profile }, async ({ ready, fault, sandboxes, creations }) => {
      const lost = fault(create, { type: "handle-then-reset" }, { times: 1 });
      const backend = await ready();
      expect(lost.hits).toBe(1);
      expect(creations()).toBe(1);
      expect(sandboxes().map(({ id }) => id)).toEqual([backend.sandboxId]);
      expect((await backend.exec("echo used")).stdout).toBe("used\n");
      await backend.teardown();
    });
  });

  test.concurrent("server failures in a row, then an answer", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ ready, fault, creations, sandboxes }) => {
      const page = "<html><body><h1>Bad Gateway</h1></body></html>";
      fault(create, { type: "respond", status: 500, body: { message: "Oops" } }, { times: 1 });
      fault(create, { type: "respond", status: 502, body: page }, { times: 1 });
      fault(create, { type: "respond", status: 503 }, { times: 1 });
      const backend = await ready();
      expect(creations()).toBe(4);
      expect(sandboxes()).toHaveLength(1);
      await backend.teardown();
    });
  });

  if (!coversEverything(profile)) return;

  test.concurrent("lost before and after, three times", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ ready, fault, sandboxes, creations }) => {
      fault(create, { type: "reset" }, { times: 2 });
      fault(create, { type: "handle-then-reset" }, { times: 1 });
      const backend = await ready();
      expect(creations()).toBe(3);
      expect(sandboxes().map(({ id }) => id)).toEqual([backend.sandboxId]);
      await backend.teardown();
    });
  });

  test.concurrent("cut off by a gateway while the work goes on", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ ready, fault, sandboxes }) => {
      fault({}, { type: "hold-state", state: "creating", ms: 500 });
      fault(create, { type: "cut", afterMs: 100 }, { times: 1 });
      const backend = await ready();
      expect(sandboxes().map(({ id }) => id)).toEqual([backend.sandboxId]);
      await backend.teardown();
    });
  });

  test.concurrent("made, and not told before the setup's time is over", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ backend, fault, sandboxes, creations }) => {
      const held = fault(create, { type: "hold-answer" }, { times: 1 });
      const late = backend();
      const error = await rejection(expect, late.setup({ timeoutMs: 1_500 }), TimeoutError, {
        code: "TIMEOUT",
        operation: "setup",
        retryable: true,
      });
      expect(error).toMatchObject({ timeoutMs: 1_500, leaked: [] });
      expect(late.sandboxId).toBeUndefined();
      expect(creations()).toBe(1);
      expect(sandboxes()).toEqual([]);
      held.remove();
      // The object is as good as new.
      await late.setup();
      await late.teardown();
    });
  });

  test.concurrent("refused by a rate limit: waits as long as it was told", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ ready, fault, creations }) => {
      fault(
        create,
        { type: "rate-limit", throttler: "sandbox-create", retryAfterSeconds: 1 },
        { times: 2 },
      );
      const startedAtMs = performance.now();
      const backend = await ready();
      expect(performance.now() - startedAtMs).toBeGreaterThan(2_000);
      expect(creations()).toBe(3);
      await backend.teardown();
    });
  });

  test.concurrent("looks that fail while it is waited for", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ ready, fault, sandboxes }) => {
      const answered = fault(create, { type: "cut", afterMs: 1 }, { times: 1 });
      const failing = fault(look, { type: "respond", status: 502 }, { times: 3 });
      const backend = await ready();
      expect(answered.hits).toBe(1);
      expect(failing.hits).toBe(3);
      expect(sandboxes()).toHaveLength(1);
      await backend.teardown();
    });
  });
});

test.concurrent("never answered: the name is watched for the clean-up's time", async ({
  expect,
}) => {
  await withEmulator(expect, {}, async ({ backend, fault, sandboxName }) => {
    fault(create, { type: "hang" });
    const cleanupTimeoutMs = 1_000;
    const timeoutMs = 1_000;
    const startedAtMs = performance.now();
    const setup = backend({ cleanupTimeoutMs }).setup({ timeoutMs });
    const error = await rejection(expect, setup, TimeoutError, {
      code: "TIMEOUT",
      operation: "setup",
      retryable: true,
    });
    const tookMs = performance.now() - startedAtMs;
    expect(tookMs).toBeGreaterThan(timeoutMs + cleanupTimeoutMs - 50);
    expect(tookMs).toBeLessThan(timeoutMs + cleanupTimeoutMs + 2_000);
    // Nobody knows whether it will appear, so its name is told.
    expect(error.leaked).toEqual([{ id: undefined, name: sandboxName, state: undefined }]);
    expect(error.message).toContain(sandboxName);
  });
});

test.concurrent("server failures without an end", async ({ expect }) => {
  await withEmulator(expect, {}, async ({ backend, fault, creations, sandboxName }) => {
    fault(create, { type: "respond", status: 503 });
    const error = await rejection(expect, backend({ cleanupTimeoutMs: 600 }).setup(), SetupError, {
      code: "SETUP_FAILED",
      operation: "setup",
      retryable: true,
    });
    expect(error).toMatchObject({ step: "create", cause: { code: "CONNECTION_FAILED" } });
    expect(error.leaked).toEqual([{ id: undefined, name: sandboxName, state: undefined }]);
    expect(creations()).toBe(4);
  });
});

test.concurrent("a rate limit without an end leaves nothing to look for", async ({ expect }) => {
  await withEmulator(expect, {}, async ({ backend, fault, creations }) => {
    fault(create, { type: "rate-limit", throttler: "sandbox-create", retryAfterSeconds: 0 });
    const error = await rejection(expect, backend().setup(), RateLimitError, {
      code: "RATE_LIMITED",
      operation: "setup",
      retryable: true,
    });
    expect(error.retryAfterMs).toBe(0);
    expect(creations()).toBe(4);
  });
});
