import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Daytona, Sandbox } from "@daytonaio/sdk";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { LocalEngine } from "../../src/engine/local-engine.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { patiently } from "./patiently.ts";
import { sdkClient } from "./sdk-client.ts";
import { startEmulator } from "./start-emulator.ts";

let emulator: DaytonaEmulator;
let daytona: Daytona;
beforeAll(async () => {
  emulator = await startEmulator({ quotas: { volumes: 3 } });
  daytona = sdkClient(emulator);
});
afterAll(async () => {
  await emulator.close();
});

async function reaches(name: string, state: string): Promise<void> {
  await vi.waitFor(() => {
    const found = emulator.volumes().find((volume) => volume.name === name);
    expect(found?.state ?? "gone").toBe(state);
  }, patiently);
}

async function readyVolume(name: string) {
  await daytona.volume.create(name);
  await reaches(name, "ready");
  return daytona.volume.get(name);
}

async function output(sandbox: Sandbox, command: string): Promise<string> {
  return (await sandbox.process.executeCommand(command)).result;
}

// Volumes are mounted, which needs isolation.
const { available } = await LocalEngine.probe();

test.skipIf(!available)("a volume is created, found, listed and deleted", async () => {
  const hold = emulator.faults.add({ effect: { type: "hold-state", state: "pending_create" } });
  const created = await daytona.volume.get("plain", true);
  expect(created).toMatchObject({ name: "plain", state: "pending_create", errorReason: null });
  await expect(daytona.volume.create("plain")).rejects.toMatchObject({
    statusCode: 400,
    message: "Volume with name plain already exists",
  });
  await expect(daytona.volume.delete(created)).rejects.toMatchObject({ statusCode: 400 });
  await expect(
    daytona.create({ volumes: [{ volumeId: "plain", mountPath: "/data" }] }),
  ).rejects.toMatchObject({
    statusCode: 400,
    message: "Volume 'plain' is not in a ready state. Current state: pending_create",
  });
  hold.remove();
  await reaches("plain", "ready");
  expect(await daytona.volume.list()).toEqual([await daytona.volume.get("plain")]);
  await daytona.volume.delete(created);
  await reaches("plain", "gone");
  await expect(daytona.volume.get("plain")).rejects.toMatchObject({ statusCode: 404 });
  expect(emulator.sandboxes()).toEqual([]);
});

test.skipIf(!available)("what goes wrong is a state with a reason; the quota counts", async () => {
  emulator.faults.add({
    match: { name: "broken" },
    effect: { type: "fail-transition", state: "pending_create", errorReason: "no bucket" },
  });
  const broken = await daytona.volume.create("broken");
  await reaches("broken", "error");
  expect(await daytona.volume.get("broken")).toMatchObject({ errorReason: "no bucket" });
  await daytona.volume.create("two");
  await daytona.volume.create("three");
  await expect(daytona.volume.create("four")).rejects.toMatchObject({
    statusCode: 400,
    message: "Volume quota exceeded. Maximum allowed: 3",
  });
  await expect(daytona.volume.create("<b>bold</b>")).rejects.toMatchObject({ statusCode: 400 });
  await reaches("two", "ready");
  await reaches("three", "ready");
  for (const name of ["two", "three"]) await daytona.volume.delete(await daytona.volume.get(name));
  await daytona.volume.delete(broken);
  for (const name of ["broken", "two", "three"]) await reaches(name, "gone");
});

describe.skipIf(!available)("mounted", () => {
  test("files outlive a sandbox, are shared, and keep the volume from being deleted", async () => {
    const volume = await readyVolume("shared");
    const whole = { volumeId: volume.id, mountPath: "/mnt/whole" };
    const part = { volumeId: "shared", mountPath: "/home/part", subpath: "team/a" };
    const [one, two] = await Promise.all([
      daytona.create({ volumes: [whole] }),
      daytona.create({ volumes: [part] }),
    ]);
    expect(one.volumes).toEqual([whole]);
    expect(two.volumes).toEqual([{ ...part, volumeId: volume.id }]);
    expect((await daytona.volume.get("shared")).lastUsedAt).toEqual(expect.any(String));
    await output(one, "mkdir -p /mnt/whole/team/a && echo one > /mnt/whole/team/a/file");
    expect(await output(two, "cat /home/part/file; ls /home/part")).toBe("one\nfile\n");
    await expect(daytona.volume.delete(volume)).rejects.toMatchObject({
      statusCode: 409,
      message: expect.stringContaining("in use by one or more sandboxes"),
    });
    await one.delete(60, true);
    await two.stop();
    await two.start();
    expect(await output(two, "cat /home/part/file")).toBe("one\n");
    await two.delete(60, true);
    await daytona.volume.delete(volume);
    await reaches("shared", "gone");
  });

  test.runIf(isLongRun)(
    "an emulator that is started again still has them, one that is not kept leaves nothing",
    async () => {
      const directory = await mkdtemp(join(tmpdir(), "volumes-"));
      try {
        const first = await startEmulator({ directory, keepSandboxes: true });
        await sdkClient(first).volume.create("kept");
        await vi.waitFor(() => expect(first.volumes()[0]?.state).toBe("ready"), patiently);
        await first.close();
        await using second = await startEmulator({ directory });
        const client = sdkClient(second);
        const volume = await client.volume.get("kept");
        const sandbox = await client.create({
          volumes: [{ volumeId: "kept", mountPath: "/data" }],
        });
        expect(await output(sandbox, "touch /data/x && ls /data")).toBe("x\n");
        await sandbox.delete(60, true);
        await client.volume.delete(volume);
        await vi.waitFor(() => expect(second.volumes()).toEqual([]), patiently);
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    },
  );
});
