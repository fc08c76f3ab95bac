import { createHash } from "node:crypto";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import type { Sandbox } from "@daytonaio/sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { patiently } from "./patiently.ts";
import { sdkClient } from "./sdk-client.ts";
import { startEmulator } from "./start-emulator.ts";
import { refusal, ToolboxSocketClient } from "./toolbox-socket.ts";
import { WireClient } from "./wire-client.ts";

let emulator: DaytonaEmulator;
let sandbox: Sandbox;
let client: WireClient;
beforeAll(async () => {
  emulator = await startEmulator();
  sandbox = await sdkClient(emulator).create();
  client = new WireClient(emulator);
  await sandbox.process.createSession("logs");
});
afterAll(async () => {
  await emulator.close();
});

async function start(command: string): Promise<string> {
  const request = { command, runAsync: true };
  return (await sandbox.process.executeSessionCommand("logs", request)).cmdId as string;
}

const logsOf = (command: string) => `/process/session/logs/command/${command}/logs`;

async function finished(command: string): Promise<string> {
  const { cmdId } = await sandbox.process.executeSessionCommand("logs", { command });
  return cmdId as string;
}

const marked = "\u0001\u0001\u0001out\n\u0002\u0002\u0002problem\n";
const bothOutputs = "echo out; sleep 0.2; echo problem >&2";

test.each<[string, Record<string, string>, unknown]>([
  ["0.218.0", {}, { output: marked, stdout: "out\n", stderr: "problem\n" }],
  ["0.167.0", {}, { output: marked, stdout: "out\n", stderr: "problem\n" }],
  ["0.168.0-rc.1", {}, { output: marked, stdout: "out\n", stderr: "problem\n" }],
  ["0.0.0-dev", {}, { output: marked, stdout: "out\n", stderr: "problem\n" }],
  ["0.166.9", {}, marked],
  ["0.26.0", {}, "out\nproblem\n"],
  ["nonsense", {}, marked],
  ["", {}, "out\nproblem\n"],
  ["", { "x-daytona-split-output": "true" }, marked],
])("an SDK of version %j with %j gets its form", async (version, more, expected) => {
  const headers = { ...(version ? { "x-daytona-sdk-version": version } : {}), ...more };
  const path = "/process/session/logs/exec";
  const exec = await client.toolbox("POST", sandbox.id, path, { command: bothOutputs }, headers);
  const log = await client.toolbox("GET", sandbox.id, logsOf(exec.body.cmdId), undefined, headers);
  expect(log.body ?? log.text).toEqual(expected);
  const parts =
    typeof expected === "object" ? expected : { output: expected, stdout: null, stderr: null };
  expect(exec.body).toEqual({ cmdId: exec.body.cmdId, exitCode: 0, ...(parts as object) });
});

test("a log is followed through the official SDK, and ends with the command", async () => {
  const command = await start(
    "echo early; read go; echo $go; echo problem >&2; printf 'h\\303\\244'",
  );
  const output: string[] = [];
  const errors: string[] = [];
  const followed = sandbox.process.getSessionCommandLogs(
    "logs",
    command,
    (chunk) => output.push(chunk),
    (chunk) => errors.push(chunk),
  );
  await expect.poll(() => output.join(""), patiently).toBe("early\n");
  await sandbox.process.sendSessionCommandInput("logs", command, "go on");
  await followed;
  expect(output.join("")).toBe("early\ngo on\ngo on\nhä\n");
  expect(errors.join("")).toBe("problem\n");
});

test("frames are binary, of at most 1024 bytes, and bring the whole log", async () => {
  const command = await finished("seq 1 400; head -c 5000 /dev/zero | tr '\\0' x; echo");
  const socket = await ToolboxSocketClient.open(
    emulator,
    sandbox.id,
    `${logsOf(command)}?follow=true`,
    {
      headers: {
        authorization: `Bearer ${emulator.apiKey}`,
        "x-daytona-sdk-version": "0.218.0",
      },
    },
  );
  expect(await socket.closed).toEqual({ code: 1000, reason: "" });
  expect(socket.frames.every(({ isBinary, data }) => isBinary && data.length <= 1024)).toBe(true);
  const { output } = (await sandbox.process.getSessionCommandLogs("logs", command)) as {
    output: string;
  };
  const digest = (data: string | Buffer) => createHash("sha256").update(data).digest("hex");
  expect(digest(socket.bytes())).toBe(digest(output));
});

test("without a version markers are taken out, also where frames split them", async () => {
  const command = await finished(
    "for i in $(seq 1 300); do echo 12345; echo 12345 >&2; done; echo end",
  );
  const socket = await ToolboxSocketClient.open(
    emulator,
    sandbox.id,
    `${logsOf(command)}?follow=true`,
  );
  await socket.closed;
  expect(socket.text()).toMatch(/^(12345\n|end\n)+$/);
  expect(socket.bytes()).toHaveLength(600 * 6 + 4);
});

test("without `follow` the socket closes after what is there", async () => {
  const command = await start("echo first; sleep 60");
  await expect
    .poll(async () => {
      const socket = await ToolboxSocketClient.open(emulator, sandbox.id, logsOf(command));
      return [(await socket.closed).code, socket.text()];
    }, patiently)
    .toEqual([1000, "first\n"]);
  await sandbox.process.deleteSession("logs");
  await sandbox.process.createSession("logs");
});

test("a deleted session closes its followers with 1000", async () => {
  await sandbox.process.createSession("doomed");
  const request = { command: "echo on; sleep 60", runAsync: true };
  const { cmdId } = await sandbox.process.executeSessionCommand("doomed", request);
  const path = `/process/session/doomed/command/${cmdId}/logs?follow=true`;
  const socket = await ToolboxSocketClient.open(emulator, sandbox.id, path);
  await sandbox.process.deleteSession("doomed");
  expect(await socket.closed).toEqual({ code: 1000, reason: "" });
});

test("a client without headers: token in the query, version as a sub-protocol", async () => {
  const command = await finished("echo out");
  const { token } = await sandbox.getPreviewLink(1);
  const path = `${logsOf(command)}?follow=true&DAYTONA_SANDBOX_AUTH_KEY=${token}`;
  const protocols = ["X-Daytona-SDK-Version~0.218.0"];
  const socket = await ToolboxSocketClient.open(emulator, sandbox.id, path, {
    headers: {},
    protocols: ["something-else", ...protocols],
  });
  expect(socket.socket.protocol).toBe(protocols[0]);
  await socket.closed;
  expect(socket.text()).toBe("\u0001\u0001\u0001out\n");
  // The library gives up when no protocol that it offers is chosen.
  await expect(
    ToolboxSocketClient.open(emulator, sandbox.id, path, { headers: {}, protocols: ["other"] }),
  ).rejects.toThrow("Server sent no subprotocol");
});

test("a refused handshake is an ordinary answer", async () => {
  const command = await finished("true");
  const refused = async (path: string, headers?: Record<string, string>) => {
    const { status, text: body } = await refusal(
      emulator,
      sandbox.id,
      path,
      headers ? { headers } : {},
    );
    return [status, body ? (JSON.parse(body).message as string) : body];
  };
  expect(
    await refused(`${logsOf(command)}?follow=true`, { authorization: "Bearer wrong" }),
  ).toEqual([401, "unauthorized: authentication failed: Bearer token is invalid"]);
  expect(await refused(logsOf("none"))).toEqual([404, "not found: command not found"]);
  await expect(
    sandbox.process.getSessionCommandLogs(
      "logs",
      "none",
      () => {},
      () => {},
    ),
  ).rejects.toBeDefined();
  const stopped = await client.create();
  await client.api("POST", `/sandbox/${stopped}/stop?force=true`);
  await client.reaches(stopped, "stopped");
  expect((await refusal(emulator, stopped, logsOf(command))).status).toBe(400);
  const route = "/process/session/{sessionId}/command/{commandId}/logs";
  const requests = emulator.requests.list({ path: `/toolbox/{sandboxId}${route}` });
  expect(new Set(requests.map(({ status }) => status))).toEqual(new Set([101, 200, 401, 404, 400]));
});

test("an upgrade that is no WebSocket handshake is 400", async () => {
  const command = await finished("true");
  // Without the key that RFC 6455 asks for.
  const lines = [
    `GET /toolbox/${sandbox.id}${logsOf(command)} HTTP/1.1`,
    "host: 127.0.0.1",
    `authorization: Bearer ${emulator.apiKey}`,
    "connection: upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
  ];
  const socket = connect(Number(new URL(emulator.url).port), "127.0.0.1");
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 Bad Request/);
});

test("open sockets end when the sandbox stops, and when the emulator closes", async () => {
  await using other = await startEmulator();
  const box = await sdkClient(other).create();
  const open = async () => {
    await box.process.createSession("s");
    const request = { command: "sleep 60", runAsync: true };
    const { cmdId } = await box.process.executeSessionCommand("s", request);
    const path = `/process/session/s/command/${cmdId}/logs?follow=true`;
    return ToolboxSocketClient.open(other, box.id, path);
  };
  const first = await open();
  await box.stop(60, true);
  expect((await first.closed).code).toBe(1006);
  await box.start();
  const second = await open();
  await other.close();
  expect((await second.closed).code).toBe(1006);
});
