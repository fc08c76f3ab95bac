import type { Daytona, Sandbox } from "@daytonaio/sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DaytonaEmulator, ServerProfileName } from "../../src/emulator/index.ts";
import { patiently } from "./patiently.ts";
import { sdkClient } from "./sdk-client.ts";
import { startEmulator } from "./start-emulator.ts";
import { WireClient } from "./wire-client.ts";

describe.each<ServerProfileName>(["cloud", "v0.190"])("through the official SDK, %s", (profile) => {
  let emulator: DaytonaEmulator;
  let daytona: Daytona;
  let sandbox: Sandbox;
  let client: WireClient;
  let process: Sandbox["process"];
  beforeAll(async () => {
    emulator = await startEmulator({ profile });
    daytona = sdkClient(emulator);
    sandbox = await daytona.create();
    ({ process } = sandbox);
    client = new WireClient(emulator);
  });
  afterAll(async () => {
    await emulator.close();
  });

  const exec = (session: string, command: string) =>
    process.executeSessionCommand(session, { command });
  const start = async (session: string, command: string, more: object = {}) => {
    const started = await process.executeSessionCommand(session, {
      command,
      runAsync: true,
      ...more,
    });
    return started.cmdId as string;
  };
  /** Right after its start a command has no input to write to yet, which is a 500. */
  const input = (session: string, command: string, data: string) =>
    expect
      .poll(async () => {
        const path = `/process/session/${session}/command/${command}/input`;
        return (await client.toolbox("POST", sandbox.id, path, { data })).status;
      }, patiently)
      .toBe(204);
  const ended = (session: string, command: string) =>
    expect
      .poll(async () => (await process.getSessionCommand(session, command)).exitCode, patiently)
      .toBeTypeOf("number");

  test("a session is created once, listed and deleted", async () => {
    await process.createSession("life");
    await expect(process.createSession("life")).rejects.toMatchObject({ statusCode: 409 });
    expect(await process.listSessions()).toEqual([{ sessionId: "life", commands: [] }]);
    await process.deleteSession("life");
    expect(await process.listSessions()).toEqual([]);
    await expect(process.getSession("life")).rejects.toMatchObject({
      statusCode: 404,
      code: profile === "cloud" ? "PROCESS_NOT_FOUND" : "NOT_FOUND",
      message: "not found: session not found",
    });
    await expect(process.deleteSession("life")).rejects.toMatchObject({ statusCode: 404 });
  });

  test("a synchronous command: both outputs, the markers, the exit code, no input", async () => {
    await process.createSession("sync");
    const result = await exec("sync", "echo out; echo problem >&2; cat; printf tail; (exit 3)");
    expect(result).toMatchObject({ stdout: "out\ntail\n", stderr: "problem\n", exitCode: 3 });
    // The order between the two is lost.
    for (const line of ["\u0001\u0001\u0001out\n", "\u0001\u0001\u0001tail\n"])
      expect(result.output).toContain(line);
    expect(result.output).toContain("\u0002\u0002\u0002problem\n");
    expect(await process.getSessionCommand("sync", result.cmdId as string)).toEqual({
      id: result.cmdId,
      command: "echo out; echo problem >&2; cat; printf tail; (exit 3)",
      exitCode: 3,
    });
  });

  test("directory, variables and functions persist; NUL is lost", async () => {
    await process.createSession("state");
    await exec("state", "cd /tmp; greeting=hello; greet() { echo $greeting $1; }");
    expect((await exec("state", "pwd; greet you")).stdout).toBe("/tmp\nhello you\n");
    const quirk = await exec("state", "printf 'a\\000b\\n'");
    // zsh keeps a NUL in a variable, and its printf prints it; the other shells drop it.
    expect(["ab\n", "a\u0000b\n"]).toContain(quirk.stdout);
  });

  test("an asynchronous command runs behind the one before it", async () => {
    await process.createSession("queue");
    const first = await start("queue", "read line; echo got $line");
    const second = await start("queue", "echo second");
    expect(await process.getSessionCommandLogs("queue", second)).toMatchObject({ stdout: "" });
    expect((await process.getSessionCommand("queue", second)).exitCode).toBeUndefined();
    await input("queue", first, "a line");
    await ended("queue", second);
    expect(await process.getSessionCommandLogs("queue", first)).toMatchObject({
      stdout: "a line\ngot a line\n",
      stderr: "",
    });
    expect((await process.getSession("queue")).commands.map(({ id }) => id).toSorted()).toEqual(
      [first, second].toSorted(),
    );
  });

  test("input without an echo, and input that comes too late", async () => {
    await process.createSession("input");
    const command = await start("input", "read a; read b; echo $b $a", { suppressInputEcho: true });
    await input("input", command, "one");
    await process.sendSessionCommandInput("input", command, "two\n");
    await ended("input", command);
    expect(await process.getSessionCommandLogs("input", command)).toMatchObject({
      stdout: "two one\n",
    });
    await expect(process.sendSessionCommandInput("input", command, "late")).rejects.toMatchObject({
      statusCode: 410,
      code: profile === "cloud" ? "COMMAND_ALREADY_COMPLETED" : "GONE",
      message: "gone: command has already completed with exit code 0",
    });
  });

  test("the short time in which nobody has seen the end is a 500", async () => {
    await process.createSession("race");
    const command = await start("race", "echo quick");
    await exec("race", "true");
    await expect(process.sendSessionCommandInput("race", command, "x")).rejects.toMatchObject({
      statusCode: 500,
      message: expect.stringMatching(/^internal server error: failed to open input pipe: open .*/),
    });
  });

  test("`exit` ends the shell: no exit code, and nothing runs any more", async () => {
    await process.createSession("exits");
    const command = await start("exits", "echo before; exit 42");
    await expect
      .poll(async () => (await process.getSessionCommandLogs("exits", command)).stdout, patiently)
      .toBe("before\n");
    const path = "/process/session/exits/exec";
    const request = { command: "touch ~/never", runAsync: true };
    const later = await client.toolbox("POST", sandbox.id, path, request);
    // zsh leaves the session's pipe to its background jobs, and what nobody reads is accepted all the same.
    expect([202, 500]).toContain(later.status);
    await expect
      .poll(async () => (await process.executeCommand("ls ~/never")).exitCode, patiently)
      .toBeGreaterThan(0);
    expect((await process.getSessionCommand("exits", command)).exitCode).toBeUndefined();
    expect((await process.getSession("exits")).sessionId).toBe("exits");
  });

  test("a synchronous call whose command ends the shell never ends; the pipe is broken", async () => {
    await process.createSession("hangs");
    const shell = (await exec("hangs", "echo $$")).stdout?.trim();
    const path = "/process/session/hangs/exec";
    const hanging = client.toolbox("POST", sandbox.id, path, { command: "exit 42" });
    await expect
      .poll(async () => (await process.executeCommand(`kill -0 ${shell}`)).exitCode, patiently)
      .toBeGreaterThan(0);
    const request = { command: "true", runAsync: true };
    expect(await client.toolbox("POST", sandbox.id, path, request)).toMatchObject({
      status: 500,
      body: {
        message:
          "failed to execute command: bad request: failed to write command: write |1: broken pipe",
      },
    });
    const late = new Promise((resolve) => setTimeout(resolve, 300, "late"));
    expect(await Promise.race([hanging, late])).toBe("late");
    await process.deleteSession("hangs");
    expect((await hanging).status).toBe(500);
  });

  test("a session that is deleted ends its processes and the call that waits for them", async () => {
    await process.createSession("deleted");
    const answer = client.toolbox("POST", sandbox.id, "/process/session/deleted/exec", {
      command: "sleep 4711",
    });
    const sleeping = () => process.executeCommand("pgrep -xf 'sleep 4711'");
    await expect.poll(async () => (await sleeping()).exitCode, patiently).toBe(0);
    await process.deleteSession("deleted");
    // The shell outlives SIGTERM for a moment, and may still write how its command ended.
    const { status, body } = await answer;
    expect([status, body.exitCode ?? body.message]).toEqual(
      status === 200
        ? [200, 143]
        : [500, "failed to execute command: bad request: session cancelled"],
    );
    expect((await sleeping()).exitCode).toBe(1);
    expect((await process.executeCommand("ls ~/.daytona/sessions/deleted")).exitCode).not.toBe(0);
  });

  test("what does not exist, and what may not be done", async () => {
    const call = (method: string, path: string, body?: unknown) =>
      client.toolbox(method, sandbox.id, `/process/session${path}`, body);
    await process.createSession("errors");
    expect((await call("GET", "/errors/command/none")).status).toBe(404);
    expect((await call("GET", "/errors/command/none/logs")).status).toBe(404);
    expect((await call("POST", "/errors/command/none/input", { data: "x" })).status).toBe(404);
    expect(await call("POST", "/none/exec", { command: "true" })).toMatchObject({
      status: 500,
      body: {
        message: "failed to execute command: not found: session not found",
        timestamp: "0001-01-01T00:00:00Z",
        path: "",
      },
    });
    const empty = await call("POST", "/errors/exec", { command: " " });
    expect([empty.status, empty.text === ""]).toEqual([400, profile === "v0.190"]);
    expect(await call("POST", "", {})).toMatchObject({
      status: 400,
      body: { code: "INVALID_REQUEST_BODY" },
    });
    expect((await call("POST", "", { sessionId: "entrypoint" })).status).toBe(400);
    expect((await call("DELETE", "/entrypoint")).status).toBe(400);
    expect((await call("POST", "/entrypoint/exec", { command: "true" })).status).toBe(400);
    expect((await call("POST", "", { sessionId: "with/slash" })).status).toBe(201);
    expect((await call("GET", "/with%2Fslash")).text).toBe("404 page not found");
  });

  test("the entrypoint has a session of its own, which is not listed", async () => {
    expect(await process.getEntrypointSession()).toEqual({
      sessionId: "entrypoint",
      commands: [{ id: "entrypoint_command", command: "sleep infinity" }],
    });
    expect(await process.getEntrypointLogs()).toEqual({ output: "", stdout: "", stderr: "" });
    expect((await process.listSessions()).map(({ sessionId }) => sessionId)).not.toContain(
      "entrypoint",
    );
  });

  test("a stop and start forgets all sessions; their files stay", async () => {
    const other = await daytona.create();
    await other.process.createSession("lost");
    await other.process.executeSessionCommand("lost", { command: "echo x" });
    await other.stop();
    await other.start();
    expect(await other.process.listSessions()).toEqual([]);
    const files = await other.process.executeCommand("ls ~/.daytona/sessions/lost/*/output.log");
    expect(files.exitCode).toBe(0);
    await other.process.createSession("lost");
    expect((await other.process.getSession("lost")).commands).toEqual([]);
  });
});
