import { spawnSync } from "node:child_process";
import type { Sandbox } from "@daytonaio/sdk";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { sdkClient } from "./sdk-client.ts";
import { startEmulator } from "./start-emulator.ts";
import { ToolboxSocketClient } from "./toolbox-socket.ts";
import { WireClient } from "./wire-client.ts";

const hasPython = spawnSync("python3", ["--version"]).status === 0;
const profiles = isLongRun ? (["cloud", "v0.190"] as const) : (["cloud"] as const);
const executePath = "/process/interpreter/execute";
const contextPath = "/process/interpreter/context";

describe.runIf(hasPython).each(profiles)("the interpreter of %s, with python3", (profile) => {
  let emulator: DaytonaEmulator;
  let sandbox: Sandbox;
  let client: WireClient;
  beforeAll(async () => {
    emulator = await startEmulator({ profile });
    client = new WireClient(emulator);
    sandbox = await sdkClient(emulator).create({});
  });
  afterAll(async () => {
    await emulator.close();
  });

  const run = (code: string, options: Parameters<Sandbox["codeInterpreter"]["runCode"]>[1] = {}) =>
    sandbox.codeInterpreter.runCode(code, options);

  /** What a client that speaks the protocol itself sees of one execution. */
  async function execute(message: string | object) {
    const socket = await ToolboxSocketClient.open(emulator, sandbox.id, executePath);
    socket.socket.send(typeof message === "string" ? message : JSON.stringify(message));
    const end = await socket.closed;
    const messages = socket.frames.map(({ data }) => JSON.parse(data.toString("utf8")));
    return { ...end, messages };
  }

  test("output arrives while the code runs, errors with name, value and the code's own frames", async () => {
    const seen: string[] = [];
    const result = await run(
      "import sys\nprint('héllo 🌍')\nprint('to err', file=sys.stderr)\n1/0",
      {
        onStdout: ({ output }) => void seen.push(`out ${output}`),
        onStderr: ({ output }) => void seen.push(`err ${output}`),
        onError: ({ name }) => void seen.push(`error ${name}`),
      },
    );
    expect(result).toEqual({
      stdout: "héllo 🌍\n",
      stderr: "to err\n",
      error: {
        name: "ZeroDivisionError",
        value: "division by zero",
        traceback:
          'Traceback (most recent call last):\n  File "<stdin>", line 4\nZeroDivisionError: division by zero\n',
      },
    });
    expect(seen).toEqual(["out héllo 🌍\n", "err to err\n", "error ZeroDivisionError"]);
  });

  test("variables last in their context; environment lasts for one execution", async () => {
    const interpreter = sandbox.codeInterpreter;
    const [one, two] = await Promise.all([
      interpreter.createContext(),
      interpreter.createContext("/tmp"),
    ]);
    expect(one).toMatchObject({ language: "python", active: true, id: expect.any(String) });
    await run("x = 1", { context: one });
    await run("import os; x = os.environ['A'] + os.getcwd()", { context: two, envs: { A: "a" } });
    expect((await run("print(x)", { context: one })).stdout).toBe("1\n");
    const second = await run("print(x, 'A' in os.environ)", { context: two });
    expect(second.stdout).toBe("a/tmp False\n");
    expect((await run("print(x)")).error?.name).toBe("NameError");

    const listed = await interpreter.listContexts();
    expect(listed.map(({ id }) => id).toSorted()).toEqual([one.id, two.id].toSorted());
    await Promise.all([one, two].map((context) => interpreter.deleteContext(context)));
    expect(await interpreter.listContexts()).toEqual([]);
    await expect(run("1", { context: one })).rejects.toThrow(/context not found.*1008/);
    await expect(interpreter.deleteContext(one)).rejects.toMatchObject({ statusCode: 404 });
  });

  test("each frame has every field; one execution after another; a leaving client ends nothing", async () => {
    const context = await sandbox.codeInterpreter.createContext();
    const left = await ToolboxSocketClient.open(emulator, sandbox.id, executePath);
    const slow = "import time\ntime.sleep(0.3)\ny = 'done'";
    left.socket.send(JSON.stringify({ code: slow, contextId: context.id }));
    // Written, so that the server has it first.
    await vi.waitFor(() => expect(left.socket.bufferedAmount).toBe(0));
    const next = execute({ code: "print(y)", contextId: context.id });
    left.socket.terminate();
    expect(await next).toEqual({
      code: 1000,
      reason: "",
      messages: [
        { type: "stdout", text: "done\n", name: "", value: "", traceback: "" },
        { type: "control", text: "completed", name: "", value: "", traceback: "" },
      ],
    });
    await sandbox.codeInterpreter.deleteContext(context);
  });

  test("a timeout interrupts, and looks like a success; code that will not yield is killed", async () => {
    const yielding = "import time\nprint('begun')\ntime.sleep(60)";
    const interrupted = await execute({ code: yielding, timeout: 1 });
    expect(interrupted).toMatchObject({
      code: 4008,
      messages: [{ text: "begun\n" }, { text: "interrupted" }],
    });
    const context = await sandbox.codeInterpreter.createContext();
    await run("kept = 1", { context });
    const stubborn = [
      "import time",
      "while True:",
      "    try: time.sleep(60)",
      "    except KeyboardInterrupt: pass",
    ].join("\n");
    const killed = run(stubborn, { context, timeout: 1 });
    await expect(killed).rejects.toMatchObject({ name: "DaytonaTimeoutError" });
    await vi.waitFor(async () => {
      const [listed] = await sandbox.codeInterpreter.listContexts();
      expect(listed?.active).toBe(false);
    });
    // A new worker of the same name has forgotten everything.
    expect((await run("kept", { context })).error?.name).toBe("NameError");
    await sandbox.codeInterpreter.deleteContext(context);
  });

  test("sys.exit completes; os._exit looks like an empty success and blocks its context", async () => {
    const context = await sandbox.codeInterpreter.createContext();
    expect(await run("import sys; sys.exit(3)", { context })).toEqual({ stdout: "", stderr: "" });
    const gone = await execute({ code: "import os; os._exit(0)", contextId: context.id });
    expect(gone).toEqual({ code: 1001, reason: "worker process ended", messages: [] });
    const waiting = await ToolboxSocketClient.open(emulator, sandbox.id, executePath);
    waiting.socket.send(JSON.stringify({ code: "print(1)", contextId: context.id }));
    const first = await Promise.race([
      waiting.closed,
      new Promise((resolve) => setTimeout(resolve, 500, "nothing")),
    ]);
    expect(first).toBe("nothing");
    waiting.socket.terminate();
    await sandbox.codeInterpreter.deleteContext(context);
  });

  test("what subprocesses print is lost", async () => {
    const said = await run("import os\nos.system('echo lost')\nprint('kept')");
    expect(said.stdout).toBe("kept\n");
  });

  test.runIf(isLongRun)("a line of more than 1 MiB is never shown, nor what follows", async () => {
    const context = await sandbox.codeInterpreter.createContext();
    const long = await execute({
      code: "print('before')\nprint('x' * 2_000_000)\nprint('after')",
      contextId: context.id,
      timeout: 1,
    });
    expect(long).toMatchObject({ code: 4008, messages: [{ text: "before\n" }] });
    await sandbox.codeInterpreter.deleteContext(context);
  });

  test("requests that are none, and refusals", async () => {
    expect(await execute("{")).toMatchObject({ code: 1002, reason: "invalid JSON payload" });
    expect(await execute({})).toMatchObject({ code: 1008, reason: "code is required" });
    expect(await execute({ code: "1", timeout: -1 })).toMatchObject({
      code: 1008,
      reason: "timeout must be greater than or equal to 0",
    });
    const create = (body: object) => client.toolbox("POST", sandbox.id, contextPath, body);
    const answers = await Promise.all([
      create({ language: "ruby" }),
      create({ cwd: "/not/there" }),
      client.toolbox("DELETE", sandbox.id, `${contextPath}/default`),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([400, 500, 400]);
    // The older daemon answers with a status alone.
    if (profile === "v0.190") expect(answers.map(({ text }) => text)).toEqual(["", "", ""]);
    else
      expect(answers.map(({ body }) => body.message)).toEqual([
        "unsupported language: ruby (only 'python' is supported currently)",
        "failed to start context: failed to start Python worker: chdir /not/there: no such file or directory",
        "cannot delete default context",
      ]);
  });

  test("faults: never run, worker killed, socket cut, daemon dead", async () => {
    const strike = (effect: Parameters<DaytonaEmulator["faults"]["add"]>[0]["effect"]) =>
      emulator.faults.add({
        match: { path: `/toolbox/{sandboxId}${executePath}` },
        effect,
        times: 1,
      });
    strike({ type: "interpreter-execute", mode: "not-run" });
    expect(await run("print('run'); ran = 1")).toEqual({ stdout: "", stderr: "" });
    expect((await run("ran")).error?.name).toBe("NameError");

    strike({ type: "interpreter-execute", mode: "worker-dies", afterMs: 200 });
    const dead = await execute({ code: "import time; time.sleep(60)" });
    expect(dead).toMatchObject({ code: 1001, reason: "worker process ended" });

    strike({ type: "websocket", endAfterMs: 100, end: "reset" });
    expect((await execute({ code: "import time; time.sleep(0.3); ran = 2" })).code).toBe(1006);
    await vi.waitFor(async () => expect((await run("print(ran)")).stdout).toBe("2\n"));

    const context = await sandbox.codeInterpreter.createContext();
    emulator.faults.add({
      match: { path: `/toolbox/{sandboxId}${contextPath}` },
      effect: { type: "daemon-crash" },
      times: 1,
    });
    await expect(sandbox.codeInterpreter.listContexts()).rejects.toMatchObject({ statusCode: 502 });
    expect(await sandbox.codeInterpreter.listContexts()).toEqual([]);
    await expect(run("1", { context })).rejects.toThrow("context not found");
  });
});
