import type { Sandbox } from "@daytonaio/sdk";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { patiently } from "./patiently.ts";
import { exitControl, PtyClient } from "./pty-client.ts";
import { sdkClient } from "./sdk-client.ts";
import { startEmulator } from "./start-emulator.ts";
import { refusal } from "./toolbox-socket.ts";
import { watchPty } from "./watch-pty.ts";
import { WireClient } from "./wire-client.ts";

let emulator: DaytonaEmulator;
let sandbox: Sandbox;
let wire: WireClient;
beforeAll(async () => {
  emulator = await startEmulator();
  sandbox = await sdkClient(emulator).create();
  wire = new WireClient(emulator);
});
afterAll(async () => {
  await emulator.close();
});

const create = (id: string, more: Record<string, unknown> = {}) =>
  watchPty((onData) => sandbox.process.createPty({ id, onData, ...more }));

test("the official SDK makes a PTY, types, and learns the exit code", async () => {
  const { handle, shows } = await create("sdk", {
    cols: 101,
    rows: 31,
    cwd: "/tmp",
    envs: { PTY_VALUE: "grün & 100%" },
  });
  expect(handle.isConnected()).toBe(true);
  await handle.sendInput(
    'echo "<$(stty size) $(pwd) $PTY_VALUE $TERM $(tty | cut -c1-9)>" | base64 -w0; echo\n',
  );
  const expected = Buffer.from("<31 101 /tmp grün & 100% xterm-256color /dev/pts/>\n");
  await shows(expected.toString("base64"));
  expect(await sandbox.process.getPtySessionInfo("sdk")).toEqual({
    id: "sdk",
    cwd: "/tmp",
    envs: { PTY_VALUE: "grün & 100%", TERM: "xterm-256color" },
    cols: 101,
    rows: 31,
    createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string,
    active: true,
    lazyStart: false,
  });
  await handle.sendInput("exit 3\n");
  expect(await handle.wait()).toEqual({ exitCode: 3, error: "non-zero exit" });
  expect(handle.isConnected()).toBe(false);
  const gone = sandbox.process.getPtySessionInfo("sdk");
  await expect(gone).rejects.toMatchObject({ statusCode: 404, message: "PTY session not found" });
});

test("Ctrl-C reaches the program in the foreground, and the shell goes on", async () => {
  const { handle, shows } = await create("interrupt");
  await handle.sendInput("sh -c 'echo sleep-\"\"ready; exec sleep 1000'\n");
  await shows("sleep-ready");
  await handle.sendInput(new Uint8Array([3]));
  await handle.sendInput("echo code-$?\n");
  await shows("code-130");
  await handle.sendInput("exit 9\n");
  expect((await handle.wait()).exitCode).toBe(9);
});

test("a resize reaches the programs and the list", async () => {
  const { handle, shows } = await create("size");
  await handle.sendInput("echo re''ady\n");
  await shows("ready");
  const info = await handle.resize(90, 40);
  expect(info).toMatchObject({ id: "size", cols: 90, rows: 40, active: true });
  await handle.sendInput("stty size\n");
  await shows("40 90\r\n");
  const path = "/process/pty/size/resize";
  for (const [body, status, error] of [
    [{ cols: 1001, rows: 24 }, 400, "cols must be less than 1000"],
    [{ cols: 80, rows: 1001 }, 400, "rows must be less than 1000"],
    [{ cols: 80 }, 400, "rows must be at least 1"],
    [{ cols: 0, rows: 24 }, 400, "cols must be at least 1"],
  ] as const) {
    const answer = await wire.toolbox("POST", sandbox.id, path, body);
    expect([answer.status, answer.body]).toEqual([status, { error }]);
  }
  for (const body of [{ cols: -1, rows: 24 }, { cols: "80", rows: 24 }, "no JSON"])
    expect((await wire.toolbox("POST", sandbox.id, path, body)).status).toBe(400);
  const listed = (await sandbox.process.listPtySessions()).find(({ id }) => id === "size");
  expect(listed).toMatchObject({ cols: 90, rows: 40 });
  await handle.kill();
  const gone = await wire.toolbox("POST", sandbox.id, path, { cols: 80, rows: 24 });
  expect([gone.status, gone.body]).toEqual([410, { error: "PTY session size not found" }]);
});

test("a kill ends the shell and all that descends from it", async () => {
  const { handle, shows } = await create("kill");
  await handle.sendInput(
    "sh -c \"trap '' HUP; echo start''ed; exec sleep 987654\" & disown 2>/dev/null\n",
  );
  await shows("started");
  const ended = handle.wait();
  await handle.kill();
  expect(await ended).toEqual({ exitCode: 137, error: "SIGKILL" });
  await vi.waitFor(async () => {
    const { result } = await sandbox.process.executeCommand(
      "pgrep -f 'sleep 98765[4]' || echo none",
    );
    expect(result.trim()).toBe("none");
  }, patiently);
  await expect(handle.kill()).rejects.toMatchObject({ statusCode: 404 });
  expect(await sandbox.process.listPtySessions()).toEqual([]);
});

test("several clients see and type the same, and the shell outlives them", async () => {
  const first = await create("shared");
  const second = await watchPty((onData) => sandbox.process.connectPty("shared", { onData }));
  await second.handle.sendInput("echo from-$((1 + 1))\n");
  await Promise.all([first.shows("from-2"), second.shows("from-2")]);
  await first.handle.disconnect();
  await second.handle.disconnect();
  await vi.waitFor(() => {
    expect(second.handle.isConnected()).toBe(false);
  });
  await expect(first.handle.sendInput("x")).rejects.toThrow("not connected");
  const third = await watchPty((onData) => sandbox.process.connectPty("shared", { onData }));
  await third.handle.sendInput("echo again-$((1 + 1))\n");
  await third.shows("again-2");
  // No replay: what was shown while nobody looked, or to others, is not shown again.
  expect(third.text()).not.toContain("from-2");
  await third.handle.sendInput("exit 0\n");
  expect(await third.handle.wait()).toEqual({ exitCode: 0, error: undefined });
});

test("an id in use, a bad size and bad variables are refused before the upgrade", async () => {
  const { handle } = await create("taken");
  const path = "/process/pty/create-connect";
  const refused = (query: string, protocols = [exitControl]) =>
    refusal(emulator, sandbox.id, `${path}?${query}`, { protocols });
  expect(await refused("id=taken")).toEqual({
    status: 409,
    text: `{"error":"PTY session with ID 'taken' already exists"}`,
  });
  expect(await refused("cols=80")).toEqual({
    status: 400,
    text: '{"error":"session ID is required"}',
  });
  expect(await refused("id=a&cols=1001&rows=24")).toEqual({
    status: 400,
    text: '{"error":"invalid value for cols - must be less than 1000"}',
  });
  expect((await refused("id=a&cols=0&rows=24")).status).toBe(400);
  expect((await refused("id=a&cols=many")).status).toBe(400);
  expect((await refused("id=a", ["X-Daytona-Pty-Envs~e30x", exitControl])).status).toBe(400);
  const list = Buffer.from('["A"]').toString("base64url");
  expect((await refused("id=a", [`X-Daytona-Pty-Envs~${list}`])).status).toBe(400);
  const unauthorized = await refusal(emulator, sandbox.id, `${path}?id=a`, {
    headers: { authorization: "Bearer wrong" },
  });
  expect(unauthorized.status).toBe(401);
  await expect(sandbox.process.createPty({ id: "taken", onData: () => {} })).rejects.toThrow();
  expect((await sandbox.process.listPtySessions()).map(({ id }) => id)).toEqual(["taken"]);
  await handle.kill();
});

test("a plain request for a WebSocket route is a bad request", async () => {
  for (const path of ["/process/pty/some/connect", "/process/pty/create-connect?id=plain"]) {
    const answer = await wire.toolbox("GET", sandbox.id, path);
    expect([answer.status, answer.text]).toEqual([400, "Bad Request\n"]);
  }
  expect(await sandbox.process.listPtySessions()).toEqual([]);
});

test("a shell that cannot start is told after the upgrade, and nothing stays", async () => {
  const failing = sandbox.process.createPty({ id: "nowhere", cwd: "/missing", onData: () => {} });
  await expect(failing).rejects.toThrow(
    /Failed to start PTY session: .*fork\/exec \S+: no such file/,
  );
  const posted = await wire.toolbox("POST", sandbox.id, "/process/pty", {
    id: "nowhere",
    cwd: "/missing",
  });
  expect([posted.status, posted.body]).toEqual([500, { error: "failed to start PTY session" }]);
  expect(await sandbox.process.listPtySessions()).toEqual([]);
});

test("a lazy PTY starts with its first client", async () => {
  const body = { id: "lazy", lazyStart: true, cols: 77, rows: 22 };
  const made = await wire.toolbox("POST", sandbox.id, "/process/pty", body);
  expect([made.status, made.body]).toEqual([201, { sessionId: "lazy" }]);
  const info = await sandbox.process.getPtySessionInfo("lazy");
  expect(info).toMatchObject({ active: false, lazyStart: true, cols: 77 });
  const early = await wire.toolbox("POST", sandbox.id, "/process/pty/lazy/resize", {
    cols: 80,
    rows: 24,
  });
  expect([early.status, early.body]).toEqual([
    500,
    { error: "cannot resize inactive PTY session" },
  ]);
  const { handle, shows } = await watchPty((onData) =>
    sandbox.process.connectPty("lazy", { onData }),
  );
  expect((await sandbox.process.getPtySessionInfo("lazy")).active).toBe(true);
  await handle.sendInput("stty size; exit 7\n");
  await shows("22 77");
  expect(await handle.wait()).toEqual({ exitCode: 7, error: "non-zero exit" });
  const again = await PtyClient.open(emulator, sandbox.id, "/lazy/connect");
  expect((await again.raw.closed).code).toBe(1006);
  expect(again.messages).toEqual([
    {
      type: "control",
      status: "error",
      error: "Failed to connect to PTY session: PTY session lazy not found",
    },
  ]);
});

test("a stop loses every PTY, and a start begins without any", async () => {
  const own = await sdkClient(emulator).create();
  const client = await PtyClient.open(emulator, own.id, "/create-connect?id=kept");
  client.type("echo re''ady\n");
  await client.shows("ready");
  await own.stop();
  expect(await client.raw.closed).toEqual({ code: 1006, reason: "" });
  await own.start();
  expect(await own.process.listPtySessions()).toEqual([]);
  await expect(own.process.getPtySessionInfo("kept")).rejects.toMatchObject({ statusCode: 404 });
  const again = await own.process.createPty({ id: "kept", onData: () => {} });
  expect(again.isConnected()).toBe(true);
  await own.delete();
});

test("without isolation a PTY is one of the machine's", async () => {
  const open = await startEmulator({ isolation: "none" });
  try {
    const own = await sdkClient(open).create();
    // Without it a zsh of an ordinary user asks how it is to be set up.
    await own.process.executeCommand(": > ~/.zshrc");
    const { handle, shows } = await watchPty((onData) =>
      own.process.createPty({ id: "open", cols: 99, rows: 44, onData }),
    );
    await handle.sendInput("stty size; exit 8\n");
    await shows("44 99");
    expect((await handle.wait()).exitCode).toBe(8);
  } finally {
    await open.close();
  }
});
