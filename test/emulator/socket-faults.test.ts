import type { Sandbox } from "@daytonaio/sdk";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { DaytonaEmulator, FaultEffect } from "../../src/emulator/index.ts";
import { patiently } from "./patiently.ts";
import { sdkClient } from "./sdk-client.ts";
import { startEmulator } from "./start-emulator.ts";
import { refusal, ToolboxSocketClient } from "./toolbox-socket.ts";

let emulator: DaytonaEmulator;
let sandbox: Sandbox;
let short: string;
let endless: string;
beforeAll(async () => {
  emulator = await startEmulator();
  sandbox = await sdkClient(emulator).create();
  const { process } = sandbox;
  for (const id of ["short", "endless"]) await process.createSession(id);
  short = await logsOf("short", "echo häuser; sleep 0.2; echo problem >&2");
  endless = await logsOf("endless", "echo begun; sleep 600");
  await vi.waitFor(async () => {
    expect((await opened(endless)).text()).toBe("begun\n");
    expect((await all(short)).text()).toBe("häuser\nproblem\n");
  }, patiently);
});
afterEach(() => emulator.faults.clear());
afterAll(async () => {
  await emulator.close();
});

async function logsOf(session: string, command: string): Promise<string> {
  const request = { command, runAsync: true };
  const { cmdId } = await sandbox.process.executeSessionCommand(session, request);
  return `/process/session/${session}/command/${cmdId}/logs`;
}

const route = "/toolbox/{sandboxId}/process/session/{sessionId}/command/{commandId}/logs";
function strike(effect: FaultEffect) {
  return emulator.faults.add({ match: { path: route }, times: 1, effect });
}

const follow = (path: string, version?: string) =>
  ToolboxSocketClient.open(emulator, sandbox.id, `${path}?follow=true`, {
    headers: {
      authorization: `Bearer ${emulator.apiKey}`,
      ...(version === undefined ? {} : { "x-daytona-sdk-version": version }),
    },
  });
/** Follows, looks a while, and leaves. */
async function opened(path: string): Promise<ToolboxSocketClient> {
  const client = await follow(path);
  await new Promise((resolve) => setTimeout(resolve, 100));
  client.socket.terminate();
  return client;
}
async function all(path: string): Promise<ToolboxSocketClient> {
  const client = await follow(path);
  await client.closed;
  return client;
}
const marked = "\u0001\u0001\u0001häuser\n\u0002\u0002\u0002problem\n";

describe("a handshake", () => {
  test("is refused with a status", async () => {
    strike({ type: "respond", status: 426, body: { error: "upgrade" } });
    expect(await refusal(emulator, sandbox.id, short)).toEqual({
      status: 426,
      text: '{"error":"upgrade"}',
    });
  });

  test("is dropped, before it is handled or after", async () => {
    strike({ type: "reset" });
    await expect(follow(short)).rejects.toThrow("socket hang up");
    strike({ type: "handle-then-reset" });
    await expect(follow(short)).rejects.toThrow("socket hang up");
  });

  test("is held, and then goes on as if nothing had been", async () => {
    strike({ type: "hold-answer", ms: 300 });
    const started = performance.now();
    const client = await follow(short, "0.218.0");
    expect(performance.now() - started).toBeGreaterThan(290);
    await client.closed;
    expect(client.text()).toContain("häuser");
  });

  test("is accepted, and cut in the middle of a frame", async () => {
    strike({ type: "truncate", bytes: 5 });
    const client = await follow(short);
    expect(await client.closed).toEqual({ code: 1006, reason: "" });
    expect(client.frames).toEqual([]);
  });
});

describe("a connection", () => {
  test("ends early after so many bytes, with a code and a reason", async () => {
    const reason = "too slow";
    strike({ type: "websocket", endAfterBytes: 3, end: "close", code: 1008, reason });
    const client = await follow(endless);
    expect(await client.closed).toEqual({ code: 1008, reason });
    expect(client.text()).toBe("beg");
  });

  test("is reset after a time", async () => {
    strike({ type: "websocket", endAfterMs: 200 });
    const client = await follow(endless);
    expect((await client.closed).code).toBe(1006);
    expect(client.text()).toBe("begun\n");
  });

  test("is cut when it is idle, and closed without a code", async () => {
    strike({ type: "websocket", endAfterIdleMs: 300, end: "close" });
    const client = await follow(endless);
    expect((await client.closed).code).toBe(1005);
  });

  test("hangs: no frame, no pong, no end", async () => {
    const fault = strike({ type: "websocket", endAfterBytes: 6, end: "hang" });
    const client = await follow(short);
    await expect.poll(() => client.bytes().length, patiently).toBe(6);
    let isAnswered = false;
    client.socket.once("pong", () => {
      isAnswered = true;
    });
    client.socket.ping();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect([client.bytes().length, isAnswered, client.socket.readyState]).toEqual([
      6,
      false,
      client.socket.OPEN,
    ]);
    fault.remove();
    expect((await client.closed).code).toBe(1006);
  });

  test("a code or a reason that no close frame carries is refused at once", () => {
    const add = (effect: object) => () =>
      strike({ type: "websocket", end: "close", ...effect } as FaultEffect);
    expect(add({ code: 1006 })).toThrow(TypeError);
    expect(add({ code: 2000 })).toThrow(TypeError);
    expect(add({ reason: "ü".repeat(62) })).toThrow(TypeError);
    expect(add({ endAfterMS: 1 })).toThrow(/endAfterMS/);
    expect(add({ code: 4008, reason: "ü".repeat(61) })).not.toThrow();
  });

  test("ends at its end in another way than the daemon wants", async () => {
    strike({ type: "websocket", end: "close", code: 1011 });
    const client = await all(short);
    expect((await client.closed).code).toBe(1011);
    expect(client.text()).toBe("häuser\nproblem\n");
  });

  test("splits frames in the middle of markers and characters, and delays them", async () => {
    strike({ type: "websocket", splitBytes: 1, delayMs: 5 });
    const started = performance.now();
    const client = await follow(short, "0.218.0");
    await client.closed;
    expect(client.frames.every(({ data }) => data.length === 1)).toBe(true);
    expect(client.text()).toBe(marked);
    expect(performance.now() - started).toBeGreaterThan(5 * marked.length);
    strike({ type: "websocket", splitBytes: 1 });
    const chunks: string[] = [];
    const [, , , session = "", , command = ""] = short.split("/");
    await sandbox.process.getSessionCommandLogs(
      session,
      command,
      (chunk) => chunks.push(chunk),
      () => {},
    );
    // The SDK takes a marker that comes in pieces for output without one, and drops it.
    expect(chunks.join("")).not.toContain("häuser");
  });

  test("joins frames to one that is too large for the SDK", async () => {
    await sandbox.process.createSession("large");
    const path = await logsOf("large", "head -c 140000 /dev/zero | tr '\\0' x; echo");
    await expect.poll(async () => (await all(path)).bytes().length, patiently).toBe(140_001);
    strike({ type: "websocket", joinBytes: 131_072 });
    const client = await all(path);
    expect(client.frames).toHaveLength(2);
    expect(client.frames[0]?.data.length).toBeGreaterThanOrEqual(131_072);
    expect(client.text()).toBe(`${"x".repeat(140_000)}\n`);
  });

  test("a plain request is no matter of a `websocket` effect", async () => {
    const fault = strike({ type: "websocket", endAfterMs: 0 });
    const [, , , session = "", , command = ""] = short.split("/");
    const logs = await sandbox.process.getSessionCommandLogs(session, command);
    expect([logs.stdout, fault.hits]).toEqual(["häuser\n", 0]);
  });
});

describe("a followed log", () => {
  test("replays only a part, and closes at once although the command runs", async () => {
    strike({ type: "log-follow", replayBytes: 3, endAtOnce: true });
    const client = await follow(endless);
    expect(await client.closed).toEqual({ code: 1000, reason: "" });
    expect(client.text()).toBe("");
    strike({ type: "log-follow", replayBytes: 6, endAtOnce: true });
    const later = await follow(endless, "0.218.0");
    await later.closed;
    expect(later.text()).toBe("\u0001\u0001\u0001beg");
  });

  test("lingers after the end", async () => {
    strike({ type: "log-follow", lingerMs: 1000 });
    const started = performance.now();
    const client = await all(short);
    expect(performance.now() - started).toBeGreaterThan(2000);
    expect(client.text()).toBe("häuser\nproblem\n");
  });

  test("loses its markers, and the SDK shows nothing", async () => {
    strike({ type: "log-follow", unlabelled: true });
    const client = await follow(short, "0.218.0");
    await client.closed;
    expect(client.text()).toBe("häuser\nproblem\n");
  });

  test("carries bytes that are not in it, and lacks others", async () => {
    const insert = Buffer.from([0, 255, 1, 1]);
    const splice = { atByte: 4, dropBytes: 7, insertBase64: insert.toString("base64") };
    strike({ type: "log-follow", splice });
    const client = await follow(short, "0.218.0");
    await client.closed;
    const log = Buffer.from(marked);
    expect(client.bytes()).toEqual(Buffer.concat([log.subarray(0, 4), insert, log.subarray(11)]));
  });
});
