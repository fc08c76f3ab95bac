import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { patiently } from "./patiently.ts";
import { startEmulator } from "./start-emulator.ts";
import { WireClient } from "./wire-client.ts";

const minute = 60_000;

describe("idle intervals", () => {
  let emulator: DaytonaEmulator;
  let client: WireClient;
  beforeAll(async () => {
    emulator = await startEmulator();
    client = new WireClient(emulator);
  });
  afterAll(async () => {
    await emulator.close();
  });

  test("auto-stop, then auto-archive", async () => {
    const id = await client.create({ autoStopInterval: 15, autoArchiveInterval: 60 });
    emulator.advanceClock(14 * minute);
    expect((await client.api("GET", `/sandbox/${id}`)).body.state).toBe("started");
    emulator.advanceClock(2 * minute);
    await client.reaches(id, "stopped");
    emulator.advanceClock(61 * minute);
    await client.reaches(id, "archived");
  });

  test("auto-delete counts while stopped", async () => {
    const id = await client.create({ autoDeleteInterval: 30 });
    await client.api("POST", `/sandbox/${id}/stop?force=true`);
    await client.reaches(id, "stopped");
    emulator.advanceClock(29 * minute);
    expect((await client.api("GET", `/sandbox/${id}`)).body.state).toBe("stopped");
    emulator.advanceClock(2 * minute);
    await client.reaches(id, "gone");
  });

  test("an ephemeral sandbox is deleted by auto-stop, another one by its TTL", async () => {
    const ephemeral = await client.create({ autoDeleteInterval: 0 });
    const mortal = await client.create({ autoStopInterval: 0, ttlMinutes: 45 });
    const immortal = await client.create({ autoStopInterval: 0 });
    emulator.advanceClock(16 * minute);
    await client.reaches(ephemeral, "gone");
    emulator.advanceClock(30 * minute);
    await client.reaches(mortal, "gone");
    expect((await client.api("GET", `/sandbox/${immortal}`)).body.state).toBe("started");
  });

  test("toolbox requests and last-activity are activity; a skipped one and previews are not", async () => {
    const id = await client.create({ autoStopInterval: 15 });
    const idleMinutes = async () => {
      const { body } = await client.api("GET", `/sandbox/${id}`);
      return Math.round((Date.now() - Date.parse(body.lastActivityAt)) / minute);
    };
    emulator.advanceClock(10 * minute);
    const preview = await client.api("GET", `/sandbox/${id}/ports/3000/preview-url`);
    await fetch(preview.body.url, { headers: { "x-daytona-preview-token": preview.body.token } });
    const toolbox = `${emulator.url.replace(/\/api$/, "")}/toolbox/${id}/version`;
    const authorization = `Bearer ${emulator.apiKey}`;
    const skip = { authorization, "x-daytona-skip-last-activity-update": "true" };
    await fetch(toolbox, { headers: skip });
    expect(await idleMinutes()).toBe(10);
    await fetch(toolbox, { headers: { authorization } });
    expect(await idleMinutes()).toBe(0);
    emulator.advanceClock(10 * minute);
    await client.api("POST", `/sandbox/${id}/last-activity`);
    expect(await idleMinutes()).toBe(0);
  });

  test("a scaled clock needs no help", async () => {
    await using fast = await startEmulator({ clockScale: 1200, previewIsActivity: true });
    const fastClient = new WireClient(fast);
    const created = await fastClient.api("POST", "/sandbox", { autoStopInterval: 10 });
    await fastClient.reaches(created.body.id, "stopped");
    expect(fast.sandboxes()[0]?.state).toBe("stopped");
  });
});

describe("an emulator that is started again on the same directory", () => {
  test("finds its sandboxes by id, with names, labels and files", async () => {
    const directory = await mkdtemp(join(tmpdir(), "emulator-restart-"));
    try {
      const apiKeys = [{ key: "stable" }];
      const first = await startEmulator({ directory, apiKeys, keepSandboxes: true });
      const firstClient = new WireClient(first);
      const running = await firstClient.create({ name: "running", labels: { a: "b" } });
      const stopped = await firstClient.create({ name: "stopped" });
      await firstClient.execute(running, "echo kept > ~/file");
      await firstClient.api("PUT", `/sandbox/${running}/labels`, { labels: { c: "d" } });
      await firstClient.api("POST", `/sandbox/${stopped}/stop?force=true`);
      await firstClient.reaches(stopped, "stopped");
      await first.close();

      const second = await startEmulator({ directory, apiKeys });
      const client = new WireClient(second);
      expect((await client.api("GET", `/sandbox/${running}`)).body).toMatchObject({
        name: "running",
        labels: { c: "d" },
        state: "started",
      });
      expect((await client.execute(running, "cat ~/file")).body.result).toBe("kept\n");
      expect((await client.api("GET", "/sandbox/stopped")).body.state).toBe("stopped");
      // It deletes only what it made itself, unless it is told to.
      for (const id of [running, stopped]) {
        expect((await client.api("DELETE", `/sandbox/${id}`)).status).toBe(200);
        await client.reaches(id, "gone");
      }
      await second.close();
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  test("keepSandboxes needs a directory", async () => {
    await expect(startEmulator({ keepSandboxes: true })).rejects.toThrow(/directory/);
  });
});

test("close ends held requests, deletes what is being created, and leaves no folder", async () => {
  const folders = async () =>
    (await readdir(tmpdir())).filter((name) => name.startsWith("daytona-emulator-"));
  const before = await folders();
  const emulator = await startEmulator();
  const client = new WireClient(emulator);
  await client.create();
  emulator.faults.add({
    match: { name: "held" },
    effect: { type: "hold-state", state: "creating" },
  });
  emulator.faults.add({ match: { method: "GET" }, effect: { type: "hang" } });
  const outcomes = Promise.allSettled([
    client.api("POST", "/sandbox", { name: "held" }),
    client.api("GET", "/sandbox"),
  ]);
  await expect.poll(() => emulator.sandboxes().length, patiently).toBe(2);
  await emulator.close();
  await emulator.close();
  expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect((await folders()).filter((name) => !before.includes(name))).toEqual([]);
});
