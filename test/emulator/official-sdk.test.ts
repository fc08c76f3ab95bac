import type { Daytona, Sandbox } from "@daytonaio/sdk";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { patiently } from "./patiently.ts";
import { sdkClient } from "./sdk-client.ts";
import { startEmulator } from "./start-emulator.ts";

let emulator: DaytonaEmulator;
let daytona: Daytona;
let sandbox: Sandbox;
let home: string;
beforeAll(async () => {
  emulator = await startEmulator();
  daytona = sdkClient(emulator);
  sandbox = await daytona.create({ name: "official", labels: { purpose: "test" } });
  home = (await sandbox.getUserHomeDir()) ?? "";
});
afterAll(async () => {
  await emulator.close();
});

test("create from an image streams the build log", async () => {
  const lines: string[] = [];
  const built = await daytona.create(
    { image: "debian:12", resources: { cpu: 2 } },
    { onSnapshotCreateLogs: (line) => lines.push(line) },
  );
  expect(built.state).toBe("started");
  expect(built.cpu).toBe(2);
  expect(lines.join("\n")).toMatch(/FROM debian:12[\s\S]*this machine's own system/);
  await built.delete(60, true);
});

test("get and list find it by id, name and label", async () => {
  expect((await daytona.get(sandbox.id)).name).toBe("official");
  expect((await daytona.get("official")).id).toBe(sandbox.id);
  const listed = [];
  for await (const item of daytona.list({ labels: { purpose: "test" } })) listed.push(item.id);
  expect(listed).toEqual([sandbox.id]);
  await expect(daytona.get("nobody")).rejects.toMatchObject({ statusCode: 404 });
});

test("labels, intervals and activity", async () => {
  expect(await sandbox.setLabels({ purpose: "test", more: "x" })).toMatchObject({ more: "x" });
  await sandbox.setAutostopInterval(30);
  await sandbox.setAutoArchiveInterval(60);
  await sandbox.setAutoDeleteInterval(120);
  await sandbox.refreshActivity();
  await sandbox.refreshData();
  expect(sandbox).toMatchObject({
    autoStopInterval: 30,
    autoArchiveInterval: 60,
    autoDeleteInterval: 120,
  });
});

test.each([
  "plain",
  "with space",
  'quo"te',
  "back\\slash",
  "new\nline",
  "percent%41",
  "ünïcödé 🚀",
  "-leading-dash",
])("the file name %j makes the round trip", async (name) => {
  const content = Buffer.from(name);
  await sandbox.fs.uploadFile(content, `${home}/names/${name}`);
  expect(await sandbox.fs.downloadFile(`${home}/names/${name}`)).toEqual(content);
  const listed = await sandbox.fs.listFiles(`${home}/names`);
  expect(listed.map((file) => file.name)).toContain(name);
});

test("files that are missing have typed errors", async () => {
  await expect(sandbox.fs.getFileDetails(`${home}/nope`)).rejects.toMatchObject({
    statusCode: 404,
    code: "FILE_NOT_FOUND",
  });
  const [missing, present] = await sandbox.fs.downloadFiles([
    { source: `${home}/nope` },
    { source: `${home}/names/plain` },
  ]);
  expect(missing?.error).toMatch(/file not found/);
  expect(String(present?.result)).toBe("plain");
});

test("signed file URLs work without a key, until they are rotated", async () => {
  const upload = await sandbox.uploadUrl(`${home}/signed`);
  expect((await fetch(upload, { method: "POST", body: "by anybody" })).status).toBe(200);
  const download = await sandbox.downloadUrl(`${home}/signed`);
  expect(await (await fetch(download)).text()).toBe("by anybody");
  expect((await fetch(download.replace("signed", "names%2Fplain"))).status).toBe(401);
  await sandbox.rotateSigningKey();
  expect((await fetch(download)).status).toBe(401);
});

test("a command that times out", async () => {
  await expect(
    sandbox.process.executeCommand("sleep 30", undefined, undefined, 1),
  ).rejects.toMatchObject({ statusCode: 408, code: "PROCESS_EXECUTION_TIMEOUT" });
});

test("stop, start, archive, start", async () => {
  await sandbox.stop();
  expect(sandbox.state).toBe("stopped");
  await sandbox.start();
  expect(sandbox.state).toBe("started");
  await sandbox.stop();
  await sandbox.archive();
  await vi.waitFor(async () => {
    await sandbox.refreshData();
    expect(sandbox.state).toBe("archived");
  }, patiently);
  await sandbox.start();
  expect(sandbox.state).toBe("started");
  expect(String(await sandbox.fs.downloadFile(`${home}/signed`))).toBe("by anybody");
});

test("what is missing says so", async () => {
  await expect(sandbox.computerUse.start()).rejects.toMatchObject({
    statusCode: 501,
    message: "The emulator does not implement POST /computeruse/start",
  });
});

test("a client with the event socket works as well", async () => {
  await using listening = await listeningClient();
  expect((await listening.get("official")).id).toBe(sandbox.id);
});

async function listeningClient(): Promise<Daytona> {
  const { Daytona: Client } = await import("@daytonaio/sdk");
  return new Client({ apiKey: emulator.apiKey, apiUrl: emulator.url, target: "us" });
}
