import { setTimeout as delay } from "node:timers/promises";
import type { Sandbox } from "@daytonaio/sdk";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { DaytonaEmulator, FaultRule } from "../../src/emulator/index.ts";
import { patiently } from "./patiently.ts";
import { PtyClient } from "./pty-client.ts";
import { sdkClient } from "./sdk-client.ts";
import { startEmulator } from "./start-emulator.ts";
import { refusal } from "./toolbox-socket.ts";
import { WireClient } from "./wire-client.ts";

const ptys = /\/process\/pty\//;
const connections = /\/(create-)?connect$/;

let emulator: DaytonaEmulator;
let sandbox: Sandbox;
let wire: WireClient;
let number = 0;
beforeAll(async () => {
  emulator = await startEmulator();
  sandbox = await sdkClient(emulator).create();
  wire = new WireClient(emulator);
});
afterEach(async () => {
  emulator.faults.clear();
  for (const { id } of await sandbox.process.listPtySessions())
    await sandbox.process.killPtySession(id);
});
afterAll(async () => {
  await emulator.close();
});

async function open(): Promise<PtyClient> {
  number += 1;
  return PtyClient.open(emulator, sandbox.id, `/create-connect?id=pty-${number}`);
}

const current = () => `pty-${number}`;

test.each([
  [
    { end: "close", code: 1000 },
    { code: 1000, reason: "" },
  ],
  [
    { end: "close", code: 1000, reason: "bye" },
    { code: 1000, reason: "bye" },
  ],
  [{ end: "close" }, { code: 1005, reason: "" }],
  [{ end: "reset" }, { code: 1006, reason: "" }],
  [
    { end: "close", code: 1011 },
    { code: 1011, reason: "" },
  ],
  [
    { end: "close", code: 1011, reason: "internal" },
    { code: 1011, reason: "internal" },
  ],
] as const)("an idle connection is cut, %j, and the PTY goes on", async (ending, expected) => {
  emulator.faults.add({
    match: { path: connections },
    effect: { type: "websocket", endAfterIdleMs: 1500, ...ending },
    times: 1,
  });
  const client = await open();
  expect(await client.raw.closed).toEqual(expected);
  expect(client.messages).toEqual([{ type: "control", status: "connected" }]);
  expect((await sandbox.process.getPtySessionInfo(current())).active).toBe(true);
  const again = await PtyClient.open(emulator, sandbox.id, `/${current()}/connect`);
  again.type("exit 4\n");
  expect((await again.raw.closed).reason).toBe('{"exitCode":4,"exitReason":"non-zero exit"}');
});

test.each([401, 404, 409, 426])("a handshake is refused with %i", async (status) => {
  const body = { error: "no" };
  emulator.faults.add({
    match: { path: connections },
    effect: { type: "respond", status, body },
    times: 1,
  });
  const answer = await refusal(emulator, sandbox.id, "/process/pty/create-connect?id=refused");
  expect(answer).toEqual({ status, text: '{"error":"no"}' });
  expect(await sandbox.process.listPtySessions()).toEqual([]);
});

function strike(effect: Omit<Extract<FaultRule["effect"], { type: "pty-connection" }>, "type">) {
  return emulator.faults.add({
    match: { path: connections },
    effect: { type: "pty-connection", ...effect },
    times: 1,
  });
}

test("no sub-protocol is selected, so the PTY stays behind without a client", async () => {
  const fault = strike({ subProtocol: "none" });
  await expect(sandbox.process.createPty({ id: "behind", onData: () => {} })).rejects.toThrow();
  expect(fault.hits).toBe(1);
  await vi.waitFor(async () => {
    expect(await sandbox.process.getPtySessionInfo("behind")).toMatchObject({ active: true });
  }, patiently);
});

test("the exit message is missing", async () => {
  strike({ exitControl: "omitted" });
  const client = await open();
  client.type("exit 5\n");
  const reason = '{"exitCode":5,"exitReason":"non-zero exit"}';
  expect(await client.raw.closed).toEqual({ code: 1011, reason });
  expect(client.messages).toEqual([{ type: "control", status: "connected" }]);
});

test("neither the message nor the close tells the exit", async () => {
  strike({ exitControl: "omitted" });
  number += 1;
  const handle = await sandbox.process.createPty({ id: current(), onData: () => {} });
  await handle.disconnect();
  emulator.faults.add({
    match: { path: connections },
    effect: { type: "websocket", end: "close", code: 1000 },
    times: 1,
  });
  strike({ exitControl: "omitted" });
  const again = await sandbox.process.connectPty(current(), { onData: () => {} });
  await again.sendInput("exit 6\n");
  // What the SDK makes of a close with 1000 and no reason, whatever the exit code was.
  expect((await again.wait()).exitCode).toBe(0);
});

test("the exit message overtakes the last output", async () => {
  strike({ exitControl: "early", lateOutputMs: 300 });
  const client = await open();
  client.type("echo last-$((1 + 1)); exit 0\n");
  await client.raw.closed;
  expect(client.output).toContain("last-2");
  const exited = client.raw.frames.findIndex(({ data }) => data.includes('"exited"'));
  expect(client.raw.frames.slice(exited + 1).some(({ isBinary }) => isBinary)).toBe(true);
});

test("the last output is lost", async () => {
  strike({ lateOutputMs: 2000, losesTail: true });
  const client = await open();
  client.type("echo early-$((1 + 1))\n");
  await client.shows("early-2");
  client.type("echo last-$((1 + 1)); exit 0\n");
  expect((await client.raw.closed).code).toBe(1000);
  expect(client.output).not.toContain("last-2");
});

test.each([
  ["all", 64 * 1024, true],
  ["a part", 20, false],
])("a reconnect repeats %s of what was shown", async (_name, replayBytes, hasBegin) => {
  const first = await open();
  first.type("echo beg''in; seq 1 100; echo e''nd; sleep 1000\n");
  await first.shows("\nend\r\n");
  first.raw.socket.close();
  await first.raw.closed;
  strike({ replayBytes });
  const second = await PtyClient.open(emulator, sandbox.id, `/${current()}/connect`);
  await second.shows("end");
  await delay(50);
  expect(second.output.length).toBe(Math.min(replayBytes, first.output.length));
  expect(first.output.endsWith(second.output)).toBe(true);
  expect(second.output.includes("begin\r\n")).toBe(hasBegin);
});

test("a resize is acknowledged and lost", async () => {
  const client = await open();
  const fault = emulator.faults.add({
    match: { path: ptys },
    effect: { type: "pty-resize", mode: "lost" },
    times: 1,
  });
  const answer = await sandbox.process.resizePtySession(current(), 111, 33);
  expect(answer).toMatchObject({ cols: 111, rows: 33 });
  expect(fault.hits).toBe(1);
  client.type("stty size\n");
  await client.shows("24 80\r\n");
  expect(await sandbox.process.getPtySessionInfo(current())).toMatchObject({ cols: 80, rows: 24 });
});

test("a daemon that crashes takes its PTYs along", async () => {
  const client = await open();
  client.type(
    "sh -c \"trap 'touch /tmp/hung-up; exit' HUP; echo re''ady; while :; do sleep 0.05; done\"\n",
  );
  await client.shows("ready");
  emulator.faults.add({
    match: { path: /\/version$/ },
    effect: { type: "daemon-crash" },
    times: 1,
  });
  expect((await wire.toolbox("GET", sandbox.id, "/version")).status).toBe(502);
  expect((await client.raw.closed).code).toBe(1006);
  expect(await sandbox.process.listPtySessions()).toEqual([]);
  await vi.waitFor(async () => {
    const { exitCode } = await sandbox.process.executeCommand("rm /tmp/hung-up");
    expect(exitCode).toBe(0);
  }, patiently);
});

test("PTY faults can be set over HTTP, and a field that they do not have is refused", async () => {
  const url = `${emulator.url.replace(/\/api$/, "")}/__emulator/faults`;
  const add = (effect: unknown) => wire.request("POST", url, { match: {}, effect, times: 1 });
  expect((await add({ type: "pty-connection", exitControl: "omitted" })).status).toBe(201);
  expect((await add({ type: "pty-resize", mode: "lost" })).status).toBe(201);
  expect((await add({ type: "pty-resize", mode: "slow" })).status).toBe(400);
  expect((await add({ type: "pty-connection", replay: 5 })).status).toBe(400);
});
