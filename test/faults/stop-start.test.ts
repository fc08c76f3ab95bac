import { describe, test } from "vitest";
import { SandboxStateError } from "../../src/index.ts";
import { coversEverything, emulatorsOfFile, serverProfiles } from "../helpers/emulator-fixture.ts";
import { rejection } from "../helpers/rejection.ts";
import { until } from "../helpers/until.ts";

/** Sandboxes that are found in every state there is. */
const withEmulator = emulatorsOfFile();

describe.for(serverProfiles)("server profile %s", (profile) => {
  test.concurrent("an archived one is restored, and asked for once", async ({ expect }) => {
    await withEmulator(expect, { profile }, async (fixture) => {
      const { emulator, ready, backend, request, fault, sandboxes } = fixture;
      const first = await ready();
      const { sandboxId } = first;
      await first.writeFile("file", "kept");
      await first.stop();
      await request("POST", `/sandbox/${sandboxId}/archive`);
      await until(() => sandboxes()[0]?.state === "archived");
      fault({ sandboxId }, { type: "hold-state", state: "restoring", ms: 1_000 });
      const second = backend();
      const third = backend();
      await Promise.all([second.reconnect(sandboxId), third.reconnect(sandboxId)]);
      const accepted = { sandboxId, path: /\/start$/, status: 200 };
      expect(emulator.requests.count(accepted)).toBe(1);
      expect(await third.readFile("file", { encoding: "utf8" })).toBe("kept");
      await second.teardown();
    });
  });

  test.concurrent("five clients start one at once", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ ready, backend, fault, sandboxes }) => {
      const first = await ready();
      const { sandboxId } = first;
      const others = [1, 2, 3, 4].map(() => backend());
      for (const other of others) await other.reconnect(sandboxId);
      await first.stop();
      fault({ sandboxId }, { type: "hold-state", state: "starting", ms: 500 });
      const clients = [first, ...others];
      await Promise.all(clients.map((client) => client.start()));
      const said = await Promise.all(clients.map((client) => client.exec("echo up")));
      expect(said.map(({ stdout }) => stdout)).toEqual(Array(5).fill("up\n"));
      expect(sandboxes()).toMatchObject([{ id: sandboxId, state: "started" }]);
      await first.teardown();
    });
  });

  if (!coversEverything(profile)) return;

  test.concurrent("a stopped one is started, unless told not to", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ emulator, ready, backend }) => {
      const first = await ready();
      const { sandboxId } = first;
      await first.writeFile("file", "kept");
      await first.stop();
      const starts = () => emulator.requests.count({ sandboxId, path: /\/start$/ });
      const error = await rejection(
        expect,
        backend().reconnect(sandboxId, { start: "never" }),
        SandboxStateError,
        { code: "SANDBOX_STATE", operation: "reconnect", sandboxId, retryable: false },
      );
      expect(error.providerState).toBe("stopped");
      const stoppedFacts = { code: "SANDBOX_STATE", sandboxId, retryable: false } as const;
      await rejection(expect, first.exec("true"), SandboxStateError, {
        ...stoppedFacts,
        operation: "exec",
      });
      await rejection(expect, first.readFile("file"), SandboxStateError, {
        ...stoppedFacts,
        operation: "readFile",
      });
      expect(starts()).toBe(0);

      const second = backend();
      await second.reconnect(sandboxId);
      expect(starts()).toBe(1);
      expect(await second.readFile("file", { encoding: "utf8" })).toBe("kept");
      await second.teardown();
    });
  });

  test.concurrent("one that is being stopped or started is waited for", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ ready, backend, fault, request }) => {
      const first = await ready();
      const { sandboxId } = first;
      fault({ sandboxId }, { type: "hold-state", state: "stopping", ms: 600 });
      await request("POST", `/sandbox/${sandboxId}/stop`);
      const second = backend();
      await second.reconnect(sandboxId);
      expect((await second.exec("echo up")).stdout).toBe("up\n");
      fault({ sandboxId }, { type: "hold-state", state: "starting", ms: 600 });
      await first.stop();
      const [, stopped] = await Promise.all([first.start(), second.start()]);
      expect(stopped).toBeUndefined();
      // Stopping what is being started waits for its turn.
      await Promise.all([first.stop(), second.stop()]);
      expect((await first.status()).state).toBe("stopped");
      await first.teardown();
    });
  });

  test.concurrent("refusals in between are no failure", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ ready, fault }) => {
      const backend = await ready();
      const change = { surface: "api", method: "POST", path: /\/(start|stop)$/ } as const;
      fault(change, { type: "state-conflict" }, { times: 1 });
      fault(change, { type: "state-conflict", legacy: true }, { times: 1 });
      fault(change, { type: "respond", status: 502 }, { times: 1 });
      fault(change, { type: "handle-then-reset" }, { times: 1 });
      await backend.stop();
      expect((await backend.status()).state).toBe("stopped");
      fault(change, { type: "state-conflict" }, { times: 1 });
      fault(change, { type: "respond", status: 504, body: "<html></html>" }, { times: 1 });
      fault(change, { type: "handle-then-reset" }, { times: 1 });
      await backend.start();
      expect((await backend.exec("echo up")).stdout).toBe("up\n");
      await backend.teardown();
    });
  });

  test.concurrent("a broken one is repaired once where that is offered", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ emulator, ready, fault }) => {
      const backend = await ready();
      const { sandboxId } = backend;
      await backend.stop();
      const recoveries = () => emulator.requests.count({ sandboxId, path: /\/recover$/ });
      const failure = { type: "fail-transition", state: "starting", recoverable: true } as const;
      const reason = "No space left";
      fault({ sandboxId }, { ...failure, errorReason: reason }, { times: 1 });
      await backend.start();
      expect(recoveries()).toBe(1);
      expect((await backend.exec("echo up")).stdout).toBe("up\n");

      await backend.stop();
      fault({ sandboxId }, { ...failure, errorReason: reason }, { times: 2 });
      const error = await rejection(expect, backend.start(), SandboxStateError, {
        code: "SANDBOX_STATE",
        operation: "start",
        sandboxId,
        retryable: false,
      });
      expect(error.message).toContain(reason);
      expect(error.providerState).toBe("error");
      expect(recoveries()).toBe(2);
      expect(await backend.status()).toMatchObject({ state: "error", message: reason });
      await backend.teardown();
    });
  });
});
