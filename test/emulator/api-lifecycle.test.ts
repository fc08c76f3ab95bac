import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { startEmulator } from "./start-emulator.ts";
import { WireClient } from "./wire-client.ts";

let emulator: DaytonaEmulator;
let client: WireClient;
beforeAll(async () => {
  emulator = await startEmulator();
  client = new WireClient(emulator);
});
afterAll(async () => {
  await emulator.close();
});

/** Holds the sandbox of this name in a state until the returned function is called. */
function hold(name: string, state: "creating" | "starting" | "stopping" | "destroying") {
  const fault = emulator.faults.add({ match: { name }, effect: { type: "hold-state", state } });
  return () => fault.remove();
}

describe("states", () => {
  test("create answers the stale state and the sandbox is started", async () => {
    const created = await client.api("POST", "/sandbox", { name: "stale" });
    expect(created.body).toMatchObject({ state: "creating", desiredState: "started" });
    expect((await client.api("GET", "/sandbox/stale")).body.state).toBe("started");
  });

  test("stop shows stopping at once, start waits and answers the started sandbox", async () => {
    const id = await client.create({ name: "stop-start" });
    const stopped = await client.api("POST", `/sandbox/${id}/stop`);
    expect(stopped.body).toMatchObject({ state: "stopping", desiredState: "stopped" });
    await client.reaches(id, "stopped");
    const started = await client.api("POST", `/sandbox/${id}/start`);
    expect(started.body.state).toBe("started");
  });

  test("archive keeps files, and start restores them", async () => {
    const id = await client.create({ name: "archived" });
    await client.execute(id, "echo kept > ~/kept");
    await client.api("POST", `/sandbox/${id}/stop`);
    await client.reaches(id, "stopped");
    expect((await client.api("POST", `/sandbox/${id}/archive`)).body.state).toBe("archiving");
    await client.reaches(id, "archived");
    expect((await client.api("GET", `/sandbox/${id}`)).body).toMatchObject({
      backupState: "Completed",
      backupCreatedAt: expect.any(String),
    });
    // Does not wait, and the single sandbox says archived until its state is another.
    const restoring = await client.api("POST", `/sandbox/${id}/start`);
    expect(["archived", "restoring"]).toContain(restoring.body.state);
    expect(restoring.body.desiredState).toBe("started");
    await client.reaches(id, "started");
    expect((await client.execute(id, "cat ~/kept")).body.result).toBe("kept\n");
  });

  test("a build passes pending_build and building_snapshot, with a log", async () => {
    const hold = emulator.faults.add({
      match: { name: "built" },
      effect: { type: "hold-state", state: "building_snapshot" },
    });
    const created = await client.api("POST", "/sandbox", {
      name: "built",
      buildInfo: { dockerfileContent: "FROM ubuntu:22.04\n" },
      cpu: 2,
      memory: 4,
      disk: 8,
    });
    expect(created.body).toMatchObject({ state: "pending_build", cpu: 2, memory: 4, disk: 8 });
    expect(created.body.buildInfo.dockerfileContent).toBe("FROM ubuntu:22.04\n");
    expect(created.body).not.toHaveProperty("snapshot");
    await client.reaches("built", "building_snapshot");
    const { body } = await client.api("GET", "/sandbox/built/build-logs-url");
    const log = client.request("GET", `${body.url}?follow=true`);
    hold.remove();
    expect((await log).text).toMatch(/FROM ubuntu:22.04[\s\S]*this machine's own system/);
    await client.reaches("built", "started");
  });

  test("a failed start is 400 and leaves a sandbox in error, which recover starts", async () => {
    emulator.faults.add({
      match: { name: "broken" },
      times: 1,
      effect: {
        type: "fail-transition",
        state: "creating",
        errorReason: "out of disk",
        recoverable: true,
      },
    });
    const created = await client.api("POST", "/sandbox", { name: "broken" });
    expect(created).toMatchObject({
      status: 400,
      body: { message: "Sandbox failed to start: out of disk" },
    });
    expect((await client.api("GET", "/sandbox/broken")).body).toMatchObject({
      state: "error",
      errorReason: "out of disk",
      recoverable: true,
    });
    const start = await client.api("POST", "/sandbox/broken/start");
    expect(start.body.message).toBe("Sandbox is in an errored state");
    expect((await client.api("POST", "/sandbox/broken/recover")).body.state).toBe("started");
  });

  test("delete shows destroying, then 404; an errored one is 404 at once", async () => {
    const id = await client.create({ name: "doomed" });
    const release = hold("doomed", "destroying");
    expect((await client.api("DELETE", `/sandbox/${id}`)).body).toMatchObject({
      id,
      state: "destroying",
    });
    expect((await client.api("DELETE", `/sandbox/${id}`)).status).toBe(409);
    release();
    await client.reaches(id, "gone");

    emulator.faults.add({
      match: { name: "doomed-error" },
      times: 1,
      effect: { type: "fail-transition", state: "creating" },
    });
    await client.api("POST", "/sandbox", { name: "doomed-error" });
    expect((await client.api("DELETE", "/sandbox/doomed-error")).status).toBe(200);
    expect((await client.api("GET", "/sandbox/doomed-error")).status).toBe(404);
  });

  test("an ephemeral sandbox is deleted by a stop", async () => {
    const id = await client.create({ autoDeleteInterval: 0 });
    expect((await client.api("POST", `/sandbox/${id}/stop`)).body.state).toBe("destroying");
    await client.reaches(id, "gone");
  });
});

describe("refusals", () => {
  test.each([
    ["POST", "/start", 200, undefined],
    ["POST", "/archive", 400, "Sandbox is not stopped"],
    ["POST", "/recover", 400, "Sandbox is not in a recoverable state"],
    ["POST", "/pause", 422, "Pausing is not supported for this sandbox"],
    ["POST", "/fork", 422, "Forking is not supported for this sandbox"],
  ])("of a started sandbox: %s %s is %i", async (method, path, status, message) => {
    const name = `started${path.replace("/", "-")}`;
    await client.create({ name });
    const answer = await client.api(method, `/sandbox/${name}${path}`);
    expect(answer.status).toBe(status);
    expect(answer.body.message).toBe(message);
  });

  test("of a stopped sandbox: a second stop is 400, pause and fork are 400", async () => {
    const id = await client.create();
    await client.api("POST", `/sandbox/${id}/stop`);
    await client.reaches(id, "stopped");
    const stop = await client.api("POST", `/sandbox/${id}/stop`);
    expect(stop).toMatchObject({
      status: 400,
      body: { message: "Sandbox is not in a stoppable state" },
    });
    expect((await client.api("POST", `/sandbox/${id}/pause`)).status).toBe(400);
    expect((await client.api("POST", `/sandbox/${id}/fork`)).status).toBe(400);
  });

  test.each(["creating", "starting", "stopping"] as const)(
    "while %s, every other change is 409",
    async (state) => {
      const name = `busy-${state}`;
      const release = hold(name, state);
      if (state === "creating") {
        void client.api("POST", "/sandbox", { name });
      } else {
        await client.create({ name });
        if (state === "starting") {
          await client.api("POST", `/sandbox/${name}/stop`);
          await client.reaches(name, "stopped");
          void client.api("POST", `/sandbox/${name}/start`);
        } else {
          await client.api("POST", `/sandbox/${name}/stop`);
        }
      }
      await client.reaches(name, state);
      for (const [method, path] of [
        ["DELETE", ""],
        ["POST", "/stop"],
        ["POST", "/start"],
        ["POST", "/archive"],
      ] as const) {
        const answer = await client.api(method, `/sandbox/${name}${path}`);
        expect([method, path, answer.status]).toEqual([method, path, 409]);
        expect(answer.body.message).toBe("Sandbox state change in progress");
      }
      release();
      await client.reaches(name, state === "stopping" ? "stopped" : "started");
    },
  );
});

describe("start", () => {
  test("makes a new preview token and ends all processes", async () => {
    const id = await client.create();
    const before = await client.api("GET", `/sandbox/${id}/ports/3000/preview-url`);
    await client.execute(id, "sleep 98765 >/dev/null 2>&1 </dev/null &");
    const count = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -c '[s]leep 98765'";
    expect((await client.execute(id, count)).body.result).toBe("1\n");
    await client.api("POST", `/sandbox/${id}/stop?force=true`);
    await client.reaches(id, "stopped");
    await client.api("POST", `/sandbox/${id}/start`);
    const after = await client.api("GET", `/sandbox/${id}/ports/3000/preview-url`);
    expect(after.body.token).not.toBe(before.body.token);
    expect(after.body.token).toHaveLength(32);
    expect((await client.execute(id, count)).body.result).toBe("0\n");
  });
});
