import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { patiently } from "./patiently.ts";
import { startEmulator } from "./start-emulator.ts";
import { WireClient } from "./wire-client.ts";

let emulator: DaytonaEmulator;
let client: WireClient;
let id: string;
beforeAll(async () => {
  emulator = await startEmulator();
  client = new WireClient(emulator);
  id = await client.create();
});
afterAll(async () => {
  await emulator.close();
});

test.each([
  ["an exit code", "exit 3", { exitCode: 3, result: "" }],
  ["a command that is not found", "no-such-command 2>/dev/null", { exitCode: 127, result: "" }],
  ["the order of both outputs", "echo 1; echo 2 >&2; echo 3", { exitCode: 0, result: "1\n2\n3\n" }],
  ["a script that its own command eats", "cat\necho never", { exitCode: 0, result: "echo never" }],
  [
    "a read of the next line",
    'read x\nhello\necho "got $x"',
    { exitCode: 0, result: "got hello\n" },
  ],
  ["invalid bytes, one by one", "printf 'a\\377\\342\\202b'", { exitCode: 0, result: "a���b" }],
  ["NUL", "printf 'a\\000b'", { exitCode: 0, result: "a\u0000b" }],
  ["a shell that is killed", "echo before; kill -9 $$", { exitCode: -1, result: "before\n" }],
  ["a child that is killed", "sh -c 'kill -9 $$' 2>/dev/null", { exitCode: 137 }],
])("%s", async (_, command, expected) => {
  const answer = await client.execute(id, command);
  expect(answer.status).toBe(200);
  expect(answer.body).toMatchObject(expected);
});

test("cwd and environment", async () => {
  await client.execute(id, "mkdir -p ~/sub");
  const home = (await client.toolbox("GET", id, "/user-home-dir")).body.dir;
  const inSub = await client.execute(id, 'echo "$PWD $A"', { cwd: "sub", envs: { A: "x y" } });
  expect(inSub.body.result).toBe(`${home}/sub x y\n`);
  const byDefault = await client.execute(id, "pwd");
  expect(byDefault.body.result).toBe(
    `${(await client.toolbox("GET", id, "/work-dir")).body.dir}\n`,
  );
});

test("a missing cwd is 200 with exit code -1 and the text of a failed fork", async () => {
  const { status, body } = await client.execute(id, "true", { cwd: "no/such/dir" });
  expect(status).toBe(200);
  expect(body).toEqual({
    exitCode: -1,
    result: expect.stringMatching(/^fork\/exec \S+: no such file or directory$/),
  });
});

test.each([
  ["an empty command", { command: " \n" }],
  ["no command", {}],
  ["a fraction of a second", { command: "true", timeout: 1.5 }],
  ["a negative timeout", { command: "true", timeout: -1 }],
  ["a bad variable name", { command: "true", envs: { "A-B": "1" } }],
])("%s is 400", async (_, body) => {
  expect(await client.toolbox("POST", id, "/process/execute", body)).toMatchObject({
    status: 400,
    body: {
      statusCode: 400,
      code: "BAD_REQUEST",
      source: "DAYTONA_DAEMON",
      path: "/process/execute",
      method: "POST",
    },
  });
});

test("a timeout kills the process group and answers 408 without output", async () => {
  const started = performance.now();
  const answer = await client.execute(id, "echo lost; sh -c 'sleep 60; echo late'; sleep 60", {
    timeout: 1,
  });
  expect(answer).toMatchObject({
    status: 408,
    body: {
      code: "PROCESS_EXECUTION_TIMEOUT",
      message: "request timeout: command execution timeout",
    },
  });
  expect(answer.text).not.toContain("lost");
  expect(performance.now() - started).toBeLessThan(10_000);
});

test("the answer waits for a background child that holds the output", async () => {
  const { body } = await client.execute(id, "(sleep 0.5; echo late) &\necho early");
  expect(body.result).toBe("early\nlate\n");
});

test("each command leads a process group of its own", async () => {
  const { body } = await client.execute(id, "echo $$; cut -d' ' -f5 /proc/$$/stat");
  const [pid, group] = body.result.trim().split("\n");
  expect(group).toBe(pid);
});

test("a client that leaves cancels nothing", async () => {
  const abort = new AbortController();
  const origin = emulator.url.replace(/\/api$/, "");
  const left = fetch(`${origin}/toolbox/${id}/process/execute`, {
    method: "POST",
    headers: { authorization: `Bearer ${emulator.apiKey}` },
    body: JSON.stringify({ command: "touch ~/begun; sleep 0.3; touch ~/finished" }),
    signal: abort.signal,
  });
  await vi.waitFor(async () => {
    expect((await client.execute(id, "ls ~/begun")).body.exitCode).toBe(0);
  }, patiently);
  abort.abort();
  await expect(left).rejects.toThrow();
  await vi.waitFor(async () => {
    expect((await client.execute(id, "ls ~/finished")).body.exitCode).toBe(0);
  }, patiently);
});

test("much output arrives whole", async () => {
  const { body } = await client.execute(id, "head -c 3000000 /dev/zero | tr '\\0' x");
  expect(body.result).toBe("x".repeat(3_000_000));
});

test("the shell is the one that the sandbox prefers", async () => {
  const { body } = await client.execute(id, "readlink /proc/$$/exe; cat /etc/shells");
  const [shell = "", ...shells] = body.result.trim().split("\n");
  const expected = ["zsh", "bash"].find((name) => shells.join("\n").includes(`/bin/${name}`));
  expect(shell.endsWith(expected ?? "sh")).toBe(true);
});

test("0.190 names the timeout differently", async () => {
  await using older = await startEmulator({ profile: "v0.190" });
  const olderClient = new WireClient(older);
  const sandboxId = await olderClient.create();
  const { status, body } = await olderClient.execute(sandboxId, "sleep 30", { timeout: 1 });
  expect(status).toBe(408);
  expect(body.code).toBe("REQUEST_TIMEOUT");
  expect(body).not.toHaveProperty("source");
});

test("a sandbox that does not run", async () => {
  const sandboxId = await client.create();
  await client.api("POST", `/sandbox/${sandboxId}/stop?force=true`);
  await client.reaches(sandboxId, "stopped");
  const stopped = await client.execute(sandboxId, "true");
  expect(stopped.status).toBe(400);
  expect(stopped.body.message).toMatch(/^bad request: failed to resolve container IP after 3/);
  await client.api("POST", `/sandbox/${sandboxId}/archive`);
  await client.reaches(sandboxId, "archived");
  const archived = await client.execute(sandboxId, "true");
  expect(archived.status).toBe(400);
  expect(archived.body.message).toMatch(/^bad request: failed to get runner info/);
  await client.api("DELETE", `/sandbox/${sandboxId}`);
  await client.reaches(sandboxId, "gone");
  expect((await client.execute(sandboxId, "true")).status).toBe(401);
});
