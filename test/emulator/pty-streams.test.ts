import { createHash } from "node:crypto";
import type { Sandbox } from "@daytonaio/sdk";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { patiently } from "./patiently.ts";
import { exitControl, PtyClient } from "./pty-client.ts";
import { sdkClient } from "./sdk-client.ts";
import { startEmulator } from "./start-emulator.ts";
import { watchPty } from "./watch-pty.ts";

/** For many megabytes through a machine that is busy. */
const veryPatiently = { ...patiently, timeout: 45_000 };

let emulator: DaytonaEmulator;
let sandbox: Sandbox;
beforeAll(async () => {
  emulator = await startEmulator();
  sandbox = await sdkClient(emulator).create();
});
afterAll(async () => {
  await emulator.close();
});

const create = (id: string, more: Record<string, unknown> = {}) =>
  watchPty((onData) => sandbox.process.createPty({ id, onData, ...more }));

test("the frames are as the protocol has them: connected, output, exited, close", async () => {
  const client = await PtyClient.open(emulator, sandbox.id, "/create-connect?id=frames");
  expect(client.raw.socket.protocol).toBe(exitControl);
  client.type("exit 0\n");
  expect(await client.raw.closed).toEqual({ code: 1000, reason: '{"exitCode":0}' });
  expect(client.messages).toEqual([
    { type: "control", status: "connected" },
    { type: "control", status: "exited", exitCode: 0 },
  ]);
  expect(client.raw.frames[0]?.isBinary).toBe(false);
  expect(client.raw.frames.at(-1)?.isBinary).toBe(false);
  expect(client.output).toContain("exit");

  const silent = await PtyClient.open(emulator, sandbox.id, "/create-connect?id=silent", []);
  expect(silent.raw.socket.protocol).toBe("");
  silent.raw.socket.send("kill -USR1 $$\n");
  const reason = '{"exitCode":-1,"exitReason":"non-zero exit"}';
  expect(await silent.raw.closed).toEqual({ code: 1011, reason });
  expect(silent.messages).toEqual([{ type: "control", status: "connected" }]);
});

test("every byte of a large output arrives, up to the last before the exit", async () => {
  const bytes = 3 * 1024 * 1024;
  const { handle, text } = await create("large", { envs: { PS1: "" } });
  await handle.sendInput(
    `stty raw -echo; printf 'BEG''IN'; head -c ${bytes} /dev/zero | tr '\\0' x; printf 'E''ND'; exec true\n`,
  );
  expect((await handle.wait()).exitCode).toBe(0);
  await vi.waitFor(() => {
    expect(text()).toContain("END");
  }, patiently);
  const body = text().slice(text().indexOf("BEGIN") + 5, text().indexOf("END"));
  expect(hash(body)).toBe(hash("x".repeat(bytes)));
});

test("input of many messages arrives whole, although its reader is slow", async () => {
  const client = await PtyClient.open(emulator, sandbox.id, "/create-connect?id=input");
  const message = Buffer.alloc(2 * 1024, "0123456789abcdef");
  const count = 1500;
  client.type(
    `stty raw -echo; echo re""ady; sleep 1; head -c ${message.length * count} | sha256sum; exec true\n`,
  );
  await client.shows("ready");
  for (let index = 0; index < count; index += 1) client.type(message);
  await client.shows(hash(Buffer.concat(Array.from({ length: count }, () => message))));
  expect((await client.raw.closed).code).toBe(1000);
});

test("input of more than 64 KiB at once closes the connection, not the PTY", async () => {
  const client = await PtyClient.open(emulator, sandbox.id, "/create-connect?id=huge");
  await client.says(1);
  client.type(Buffer.alloc(64 * 1024 + 1));
  expect((await client.raw.closed).code).toBe(1009);
  expect((await sandbox.process.getPtySessionInfo("huge")).active).toBe(true);
  await sandbox.process.killPtySession("huge");
});

test("a client that does not read is cut off, and others are not held up", async () => {
  const slow = await PtyClient.open(emulator, sandbox.id, "/create-connect?id=slow");
  const quick = await PtyClient.open(emulator, sandbox.id, "/slow/connect");
  await Promise.all([slow.says(1), quick.says(1)]);
  slow.raw.socket.pause();
  const bytes = 24 * 1024 * 1024;
  let seen = 0;
  quick.raw.socket.on("message", (data: Buffer) => {
    seen += data.length;
  });
  quick.type(`head -c ${bytes} /dev/zero | tr '\\0' x; printf 'E''ND'\n`);
  await vi.waitFor(() => {
    expect(seen).toBeGreaterThan(bytes);
  }, veryPatiently);
  await quick.shows("END");
  slow.raw.socket.resume();
  const { code } = await slow.raw.closed;
  expect([1006, 1008]).toContain(code);
  expect(slow.output.length).toBeLessThan(bytes);
  quick.type("exit\n");
  expect((await quick.raw.closed).code).toBe(1000);
});

function hash(data: string | Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}
