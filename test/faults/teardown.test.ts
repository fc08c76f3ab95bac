import { describe, test } from "vitest";
import { AbortError, SandboxNotFoundError, TeardownError } from "../../src/index.ts";
import { coversEverything, emulatorsOfFile, serverProfiles } from "../helpers/emulator-fixture.ts";
import { rejection } from "../helpers/rejection.ts";
import { until } from "../helpers/until.ts";

/** `teardown` goes on until the sandbox is proven gone, or says what is left. */
const withEmulator = emulatorsOfFile();
const remove = { surface: "api", method: "DELETE" } as const;
const look = { surface: "api", method: "GET" } as const;

describe.for(serverProfiles)("server profile %s", (profile) => {
  test.concurrent("a deletion that is refused and fails is asked for again", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ ready, fault, sandboxes }) => {
      const backend = await ready();
      const troubles = [
        fault(remove, { type: "state-conflict" }, { times: 1 }),
        fault(remove, { type: "state-conflict", legacy: true }, { times: 1 }),
        fault(remove, { type: "respond", status: 502 }, { times: 1 }),
        fault(remove, { type: "respond", status: 500, body: { message: "Oops" } }, { times: 1 }),
      ];
      const unseen = fault(look, { type: "respond", status: 502 }, { times: 2 });
      await backend.teardown();
      expect(troubles.map(({ hits }) => hits)).toEqual([1, 1, 1, 1]);
      expect(unseen.hits).toBe(2);
      expect(sandboxes()).toEqual([]);
    });
  });

  test.concurrent("a sandbox that does not go away is named, and a second call goes on", async ({
    expect,
  }) => {
    await withEmulator(expect, { profile }, async ({ ready, fault, sandboxes, sandboxName }) => {
      const backend = await ready();
      const { sandboxId } = backend;
      const held = fault({ sandboxId }, { type: "hold-state", state: "destroying" });
      const error = await rejection(expect, backend.teardown({ timeoutMs: 1_500 }), TeardownError, {
        code: "TEARDOWN_FAILED",
        operation: "teardown",
        sandboxId,
        retryable: true,
      });
      expect(error.leaked).toEqual([{ id: sandboxId, name: sandboxName, state: "destroying" }]);
      expect(error.message).toContain(sandboxId);
      const again = backend.teardown();
      held.remove();
      await again;
      expect(sandboxes()).toEqual([]);
    });
  });

  if (!coversEverything(profile)) return;

  test.concurrent("a deletion whose answer is lost", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ ready, fault, sandboxes }) => {
      const backend = await ready();
      const lost = fault(remove, { type: "handle-then-reset" }, { times: 1 });
      await backend.teardown();
      expect(lost.hits).toBe(1);
      expect(sandboxes()).toEqual([]);
    });
  });

  test.concurrent("twice, at once, and by two clients", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ ready, backend, sandboxes }) => {
      const first = await ready();
      const { sandboxId } = first;
      const second = backend();
      await second.reconnect(sandboxId);
      await Promise.all([first.teardown(), first.teardown(), second.teardown()]);
      expect(sandboxes()).toEqual([]);
      await first.teardown();
      const facts = { code: "SANDBOX_NOT_FOUND", sandboxId } as const;
      await rejection(expect, first.exec("true"), SandboxNotFoundError, {
        ...facts,
        operation: "exec",
      });
    });
  });
});

test.concurrent("while the sandbox is being stopped", async ({ expect }) => {
  await withEmulator(expect, {}, async ({ ready, fault, request, sandboxes, emulator }) => {
    const backend = await ready();
    const { sandboxId } = backend;
    fault({ sandboxId }, { type: "hold-state", state: "stopping", ms: 800 });
    await request("POST", `/sandbox/${sandboxId}/stop`);
    await backend.teardown();
    expect(emulator.requests.count({ method: "DELETE", sandboxId, status: 409 })).toBeGreaterThan(
      0,
    );
    expect(sandboxes()).toEqual([]);
  });
});

test.concurrent("a stopped and a broken sandbox", async ({ expect }) => {
  await withEmulator(expect, {}, async ({ ready, fault, request, sandboxes }) => {
    const stopped = await ready({ name: "stopped" });
    await stopped.stop();
    await stopped.teardown();

    const broken = await ready({ name: "broken" });
    await broken.stop();
    fault(
      { name: broken.ref?.name ?? "", sandboxId: broken.sandboxId },
      { type: "fail-transition", state: "starting" },
    );
    await request("POST", `/sandbox/${broken.sandboxId}/start`);
    expect((await broken.status()).state).toBe("error");
    await broken.teardown();
    // Gone for clients at once, and from the store a little later.
    await until(() => sandboxes().length === 0, 5_000);
  });
});

test.concurrent("aborted: what was asked for goes on", async ({ expect }) => {
  await withEmulator(expect, {}, async ({ ready, fault }) => {
    const backend = await ready();
    const { sandboxId } = backend;
    const held = fault({ sandboxId }, { type: "hold-state", state: "destroying" });
    const controller = new AbortController();
    const aborted = rejection(expect, backend.teardown({ signal: controller.signal }), AbortError, {
      code: "ABORTED",
      operation: "teardown",
      sandboxId,
    });
    const { state } = await backend.status();
    expect(["running", "stopping"]).toContain(state);
    controller.abort();
    await aborted;
    held.remove();
    await backend.teardown();
  });
});
