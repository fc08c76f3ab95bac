import type { Sandbox } from "@daytonaio/sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { exitControl, PtyClient } from "./pty-client.ts";
import { sdkClient } from "./sdk-client.ts";
import { startEmulator } from "./start-emulator.ts";
import { refusal } from "./toolbox-socket.ts";
import { WireClient } from "./wire-client.ts";

let emulator: DaytonaEmulator;
let sandbox: Sandbox;
let wire: WireClient;
beforeAll(async () => {
  emulator = await startEmulator({ profile: "v0.190" });
  sandbox = await sdkClient(emulator).create();
  wire = new WireClient(emulator);
});
afterAll(async () => {
  await emulator.close();
});

test("there is no create-connect: the path is taken for a session", async () => {
  expect(await refusal(emulator, sandbox.id, "/process/pty/create-connect?id=a")).toEqual({
    status: 404,
    text: '{"error":"PTY session not found"}',
  });
  await expect(sandbox.process.createPty({ id: "a", onData: () => {} })).rejects.toThrow();
  expect(await sandbox.process.listPtySessions()).toEqual([]);
});

test("connects without a sub-protocol, which the newer SDK does not take", async () => {
  const made = await wire.toolbox("POST", sandbox.id, "/process/pty", { id: "b", cwd: "/tmp" });
  expect([made.status, made.body]).toEqual([201, { sessionId: "b" }]);
  const again = await wire.toolbox("POST", sandbox.id, "/process/pty", { id: "b" });
  expect(again.status).toBe(409);
  await expect(sandbox.process.connectPty("b", { onData: () => {} })).rejects.toThrow();
  await expect(PtyClient.open(emulator, sandbox.id, "/b/connect", [exitControl])).rejects.toThrow(
    "Server sent no subprotocol",
  );
  const version = "X-Daytona-SDK-Version~0.100.0";
  const browser = await PtyClient.open(emulator, sandbox.id, "/b/connect", [exitControl, version]);
  expect(browser.raw.socket.protocol).toBe(version);
  const plain = await PtyClient.open(emulator, sandbox.id, "/b/connect", []);
  plain.type("pwd\n");
  await plain.shows("/tmp\r\n");
  plain.type("exit 143\n");
  const end = { code: 1011, reason: '{"exitCode":143,"exitReason":"SIGTERM"}' };
  expect(await plain.raw.closed).toEqual(end);
  expect(await browser.raw.closed).toEqual(end);
  expect(plain.messages).toEqual([{ type: "control", status: "connected" }]);
  expect(await sandbox.process.listPtySessions()).toEqual([]);
});

test.each([
  ["exit 0", 1000, '{"exitCode":0}'],
  ["exit 1", 1011, '{"exitCode":1,"exitReason":"non-zero exit"}'],
  ["exit 130", 1011, '{"exitCode":130,"exitReason":"Ctrl+C"}'],
  ["exit 137", 1011, '{"exitCode":137,"exitReason":"SIGKILL"}'],
  ["exit 138", 1011, '{"exitCode":138,"exitReason":"signal 10"}'],
  ["kill -KILL $$", 1011, '{"exitCode":-1,"exitReason":"non-zero exit"}'],
] as const)("the end by %s closes with %i", async (command, code, reason) => {
  await wire.toolbox("POST", sandbox.id, "/process/pty", { id: "end" });
  const client = await PtyClient.open(emulator, sandbox.id, "/end/connect", []);
  client.type(`${command}\n`);
  expect(await client.raw.closed).toEqual({ code, reason });
});
