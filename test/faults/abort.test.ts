import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { describe, test } from "vitest";
import type { FaultEffect, FaultMatch } from "../../src/emulator/index.ts";
import { AbortError } from "../../src/index.ts";
import { coversEverything, emulatorsOfFile, serverProfiles } from "../helpers/emulator-fixture.ts";
import { rejection } from "../helpers/rejection.ts";
import { until } from "../helpers/until.ts";

/** A setup that is aborted while one certain request of it is in flight, or while it only waits. */
const withEmulator = emulatorsOfFile();

const moments: readonly (readonly [string, FaultMatch, FaultEffect])[] = [
  [
    "the creation is on its way",
    { surface: "api", method: "POST", path: "/sandbox" },
    { type: "hold-answer" },
  ],
  [
    "the sandbox is looked at",
    { surface: "api", method: "GET", path: "/sandbox/{sandboxIdOrName}" },
    { type: "hang" },
  ],
  ["it is asked whether it answers", { surface: "toolbox" }, { type: "hang" }],
  ["it does not answer yet", {}, { type: "zombie" }],
  [
    "the intervals are set",
    { surface: "api", method: "POST", path: /autodelete/ },
    { type: "hold-answer" },
  ],
];

describe.for(serverProfiles.filter(coversEverything))("server profile %s", (profile) => {
  test.concurrent.for(moments)("while %s", async ([, match, effect], { expect }) => {
    await withEmulator(expect, { profile }, async ({ backend, fault, sandboxes }) => {
      const held = fault(match, effect, effect.type === "zombie" ? {} : { times: 1 });
      const controller = new AbortController();
      const aborted = backend();
      const setup = aborted.setup({ signal: controller.signal });
      await until(() => held.hits > 0, 20_000);
      controller.abort(new Error("The user has closed the tab"));
      const error = await rejection(expect, setup, AbortError, {
        code: "ABORTED",
        operation: "setup",
      });
      expect(error.leaked).toEqual([]);
      expect(error.cause).toMatchObject({ message: "The user has closed the tab" });
      expect(sandboxes()).toEqual([]);
      expect(aborted.sandboxId).toBeUndefined();
      expect((await aborted.status()).state).toBe("none");
    });
  });
});

test.concurrent("while the sandbox is made, after the creation was answered", async ({
  expect,
}) => {
  await withEmulator(expect, { startHoldMs: 50 }, async (fixture) => {
    const { emulator, backend, fault, sandboxes } = fixture;
    fault({}, { type: "hold-state", state: "creating", ms: 1_500 });
    const controller = new AbortController();
    const setup = backend().setup({ signal: controller.signal });
    await until(() => emulator.requests.count({ method: "GET", status: 200 }) > 1, 20_000);
    expect(sandboxes()).toMatchObject([{ state: "creating" }]);
    controller.abort();
    const error = await rejection(expect, setup, AbortError, {
      code: "ABORTED",
      operation: "setup",
    });
    // Daytona refuses the deletion until the sandbox is made, and the clean-up waits for that.
    expect(error.leaked).toEqual([]);
    expect(sandboxes()).toEqual([]);
  });
});

test.concurrent("while a creation that has failed is looked up", async ({ expect }) => {
  await withEmulator(expect, {}, async ({ backend, fault, sandboxes }) => {
    fault({}, { type: "fail-transition", state: "creating", errorReason: "No entrypoint" });
    const match = { surface: "api", method: "GET" } as const;
    const held = fault(match, { type: "hang" }, { times: 1 });
    const controller = new AbortController();
    const setup = backend().setup({ signal: controller.signal });
    await until(() => held.hits > 0, 20_000);
    expect(sandboxes()).toMatchObject([{ state: "error" }]);
    controller.abort();
    const error = await rejection(expect, setup, AbortError, {
      code: "ABORTED",
      operation: "setup",
    });
    expect(error.leaked).toEqual([]);
    expect(sandboxes()).toEqual([]);
  });
});

test.concurrent("while a clone hangs on its remote", async ({ expect }) => {
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => {
    sockets.add(socket);
    // Read to its end, so that the end is noticed.
    socket.resume();
    socket.on("close", () => sockets.delete(socket));
  });
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  const repoUrl = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/silent.git`;
  try {
    await withEmulator(expect, {}, async ({ backend, sandboxes }) => {
      const controller = new AbortController();
      const setup = backend({ repoUrl }).setup({ signal: controller.signal });
      await until(() => sockets.size > 0, 20_000);
      controller.abort();
      const error = await rejection(expect, setup, AbortError, {
        code: "ABORTED",
        operation: "setup",
      });
      expect(error.message).toContain("clone");
      expect(error.leaked).toEqual([]);
      expect(sandboxes()).toEqual([]);
      await until(() => sockets.size === 0);
    });
  } finally {
    silent.close();
    for (const socket of sockets) socket.destroy();
    await once(silent, "close");
  }
});

test.concurrent("before anything: there is no request", async ({ expect }) => {
  await withEmulator(expect, { latencyMs: 1 }, async ({ emulator, backend }) => {
    const signal = AbortSignal.abort(new Error("Too late"));
    const facts = { code: "ABORTED" } as const;
    const setup = backend().setup({ signal });
    await rejection(expect, setup, AbortError, { ...facts, operation: "setup" });
    const reconnect = backend().reconnect(crypto.randomUUID(), { signal });
    await rejection(expect, reconnect, AbortError, { ...facts, operation: "reconnect" });
    expect(emulator.requests.count()).toBe(0);
  });
});

test.concurrent.for(["teardown", "disposal"] as const)(
  "by a %s while the creation is on its way",
  async (how, { expect }) => {
    await withEmulator(expect, {}, async ({ backend, fault, sandboxes }) => {
      const match = { surface: "api", method: "POST", path: "/sandbox" } as const;
      const held = fault(match, { type: "hold-answer" });
      const ended = backend();
      const refused = rejection(expect, ended.setup(), AbortError, {
        code: "ABORTED",
        operation: "setup",
      });
      await until(() => held.hits > 0, 20_000);
      await (how === "teardown" ? ended.teardown() : ended[Symbol.asyncDispose]());
      expect((await refused).leaked).toEqual([]);
      expect(sandboxes()).toEqual([]);
    });
  },
);
