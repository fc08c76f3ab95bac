import type { Sandbox } from "@daytonaio/sdk";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { DaytonaEmulator, FaultEffect } from "../../src/emulator/index.ts";
import { patiently } from "./patiently.ts";
import { sdkClient } from "./sdk-client.ts";
import { startEmulator } from "./start-emulator.ts";
import { ToolboxSocketClient } from "./toolbox-socket.ts";
import { WireClient } from "./wire-client.ts";

let emulator: DaytonaEmulator;
let sandbox: Sandbox;
let client: WireClient;
let count = 0;
let session: string;
beforeAll(async () => {
  emulator = await startEmulator();
  sandbox = await sdkClient(emulator).create();
  client = new WireClient(emulator);
});
beforeEach(async () => {
  session = `session-${++count}`;
  await sandbox.process.createSession(session);
});
afterEach(() => emulator.faults.clear());
afterAll(async () => {
  await emulator.close();
});

const execute = (command: string, more: object = {}) =>
  client.toolbox("POST", sandbox.id, "/process/execute", { command, ...more });
const exec = (command: string, more: object = {}) =>
  client.toolbox("POST", sandbox.id, `/process/session/${session}/exec`, { command, ...more });
const start = async (command: string) => (await exec(command, { runAsync: true })).body.cmdId;
const output = async (command: string) =>
  (await client.toolbox("GET", sandbox.id, `/process/session/${session}/command/${command}/logs`))
    .text;
const exitCode = async (command: string) =>
  (await sandbox.process.getSessionCommand(session, command)).exitCode;

const execRoute = "/toolbox/{sandboxId}/process/session/{sessionId}/exec";
function once(effect: FaultEffect, path = execRoute) {
  return emulator.faults.add({ match: { sandboxId: sandbox.id, path }, times: 1, effect });
}

/** Whether the promise is still pending after a while. */
async function isPending(promise: Promise<unknown>, ms = 500): Promise<boolean> {
  const late = new Promise<"late">((resolve) => setTimeout(resolve, ms, "late"));
  return (await Promise.race([promise, late])) === "late";
}

describe("commands of a session", () => {
  test("the exit code never appears, of one command", async () => {
    const fault = once({ type: "session-exec", mode: "no-exit-code" });
    const command = await start("echo ran");
    const next = await exec("echo next");
    expect(next.body).toMatchObject({ exitCode: 0, output: "next\n" });
    expect([await output(command), await exitCode(command)]).toEqual(["ran\n", undefined]);
    expect(fault.hits).toBe(1);
  });

  test("202, and nothing runs", async () => {
    once({ type: "session-exec", mode: "not-run" });
    const command = await start("touch ~/not-run-at-all");
    expect((await exec("ls ~/not-run-at-all")).body.exitCode).not.toBe(0);
    expect([await output(command), await exitCode(command)]).toEqual(["", undefined]);
  });

  test("the shell is killed under a command", async () => {
    once({ type: "session-exec", mode: "shell-dies", afterMs: 300 });
    const command = await start("echo $$; sleep 61");
    await expect.poll(() => output(command), patiently).toMatch(/^\d+\n$/);
    const shell = Number(await output(command));
    const isThere = async (test: string) => (await execute(test)).body.exitCode === 0;
    await expect.poll(() => isThere(`kill -0 ${shell}`), patiently).toBe(false);
    expect(await isThere("pgrep -xf 'sleep 61'")).toBe(true);
    const later = await exec("touch ~/after-death", { runAsync: true });
    expect([202, 500]).toContain(later.status);
    expect((await execute("ls ~/after-death")).body.exitCode).toBeGreaterThan(0);
    expect(await exitCode(command)).toBeUndefined();
  });

  test("a synchronous command whose input stays open", async () => {
    const reads = "cat; echo end";
    expect((await exec(reads)).body.output).toBe("end\n");
    once({ type: "session-input", mode: "left-open" });
    const waiting = exec(reads);
    expect(await isPending(waiting)).toBe(true);
    await sandbox.process.deleteSession(session);
    await waiting;
  });

  test("an input that ends after the first write", async () => {
    once({ type: "session-input", mode: "ends-after-first" });
    const command = await start("cat; echo end");
    await vi.waitFor(
      () => sandbox.process.sendSessionCommandInput(session, command, "one"),
      patiently,
    );
    await expect.poll(() => exitCode(command), patiently).toBe(0);
    expect(await output(command)).toBe("one\none\nend\n");
  });
});

describe("the timeout of a command", () => {
  const path = "/toolbox/{sandboxId}/process/execute";

  test("kills the shell alone; a child lives on", async () => {
    once({ type: "exec-timeout", mode: "shell-only" }, path);
    const script = "sh -c 'sleep 2; touch ~/survived' >/dev/null 2>&1 & wait";
    expect((await execute(script, { timeout: 1 })).status).toBe(408);
    await expect
      .poll(async () => (await execute("ls ~/survived")).body.exitCode, patiently)
      .toBe(0);
  });

  test("strikes the route that the rule names, and no other", async () => {
    const fault = once(
      { type: "exec-timeout", mode: "ignored" },
      "/toolbox/{sandboxId}/process/code-run",
    );
    expect((await execute("sleep 30", { timeout: 1 })).status).toBe(408);
    expect(fault.hits).toBe(0);
  });
});

describe("the daemon dies", () => {
  const path = "/toolbox/{sandboxId}/process/execute";

  test("before the call: a bare 502, sessions forgotten", async () => {
    const running = execute("sleep 1; touch ~/outlived");
    await expect
      .poll(async () => (await execute("pgrep -x sleep")).body.exitCode, patiently)
      .toBe(0);
    once({ type: "daemon-crash" }, path);
    const struck = await execute("touch ~/never");
    expect([struck.status, struck.text]).toEqual([502, ""]);
    const lost = await running;
    expect([lost.status, lost.text]).toEqual([502, ""]);
    expect(await sandbox.process.listSessions()).toEqual([]);
    await expect
      .poll(async () => (await execute("ls ~/outlived")).body.exitCode, patiently)
      .toBe(0);
    expect((await execute("ls ~/never")).body.exitCode).not.toBe(0);
    expect((await client.api("GET", `/sandbox/${sandbox.id}`)).body.state).toBe("started");
  });

  test("under the call, with everything in the sandbox, and is away for a while", async () => {
    const command = await start("sleep 60");
    const followed = await ToolboxSocketClient.open(
      emulator,
      sandbox.id,
      `/process/session/${session}/command/${command}/logs?follow=true`,
    );
    once({ type: "daemon-crash", afterMs: 200, downMs: 500, processes: "killed" }, path);
    const struck = await execute("touch ~/begun; sleep 2; touch ~/ended");
    expect(struck.status).toBe(502);
    expect((await followed.closed).code).toBe(1006);
    expect((await execute("true")).status).toBe(502);
    await expect.poll(async () => (await execute("ls ~/begun")).body?.exitCode, patiently).toBe(0);
    expect((await execute("pgrep -xf 'sleep (2|60)'")).body.exitCode).toBe(1);
    expect((await execute("ls ~/ended")).body.exitCode).not.toBe(0);
  });

  test("a zombie stops by itself and nothing says why", async () => {
    const id = await client.create();
    emulator.faults.add({
      match: { sandboxId: id },
      effect: { type: "zombie", stopsAfterMs: 300 },
    });
    expect((await client.toolbox("GET", id, "/version")).status).toBe(502);
    expect((await client.api("GET", `/sandbox/${id}`)).body.state).toBe("started");
    await client.reaches(id, "stopped");
    const { body } = await client.api("GET", `/sandbox/${id}`);
    expect(body).toMatchObject({ state: "stopped", desiredState: "stopped" });
    expect(body.errorReason ?? null).toBeNull();
  });
});

test("over the admin API, and a field that an effect does not have is refused", async () => {
  const admin = (effect: object) =>
    client.request("POST", `${emulator.url.replace(/\/api$/, "")}/__emulator/faults`, {
      match: { path: execRoute },
      times: 1,
      effect,
    });
  expect((await admin({ type: "session-exec", mode: "not-run" })).status).toBe(201);
  const command = await start("echo never");
  expect((await exec("echo next")).body.output).toBe("next\n");
  expect(await output(command)).toBe("");
  expect((await admin({ type: "session-exec", mode: "not-run", afterMS: 1 })).status).toBe(400);
  expect((await admin({ type: "session-exec", mode: "sometimes" })).status).toBe(400);
});
