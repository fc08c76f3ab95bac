import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import type { ServerMessage } from "../../examples/web-terminal/protocol.ts";
import { type DaytonaEmulator, startDaytonaEmulator } from "../../src/emulator/index.ts";
import { LocalEngine } from "../../src/engine/local-engine.ts";
import { PageClient, terminalUrl } from "./page-client.ts";
import { runWebTerminal, startWebTerminal, type WebTerminalServer } from "./web-terminal-server.ts";

const size = { rows: 24, cols: 80 };
/** What the example lets be on its way to one page, and one chunk more. */
const mostUndrawnBytes = 512 * 1024 + 1024 * 1024;

let folder: string;
let emulator: DaytonaEmulator;
let server: WebTerminalServer;
let args: readonly string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "web-terminal-test-"));
  const probe = await LocalEngine.probe();
  // Without namespaces an absolute path would be one of this machine's.
  args = probe.available ? [] : ["--work-dir", "~/workspace"];
  emulator = await startDaytonaEmulator({ isolation: probe.available ? "namespaces" : "none" });
  server = await startWebTerminal({
    port: 0,
    stateFolder: folder,
    env: emulator.environment,
    args,
  });
});

afterAll(async () => {
  if (server?.child.exitCode === null) await server.end("SIGKILL");
  await emulator?.close();
  await rm(folder, { recursive: true, force: true });
});

test.each([
  ["the page itself", {}, 200],
  ["the page, by another name of this machine", { host: "localhost" }, 200],
  ["a name that somebody else resolves to this machine", { host: "evil.example" }, 403],
  ["another origin", { origin: "http://evil.example" }, 403],
  ["an origin that hides itself", { origin: "null" }, 403],
  ["another page of this machine", { "sec-fetch-site": "same-site" }, 403],
  ["a frame of another site", { "sec-fetch-site": "cross-site" }, 403],
  ["an address without the token", { path: "/" }, 404],
  ["an address with another token", { path: `/${"x".repeat(32)}/` }, 403],
  ["the API with another token", { path: `/${"x".repeat(32)}/api/status` }, 403],
  ["a file outside of the page", { asset: "..%2fmain.ts" }, 404],
  ["a file of the page's folder that is no asset", { asset: "tsconfig.json" }, 404],
] as const)("a request from %s", async (_title, given, status) => {
  const { path, asset, host, ...headers } = given as Readonly<Record<string, string>>;
  const { port, pathname } = new URL(server.url);
  const wanted = path ?? (asset === undefined ? pathname : `${pathname}assets/${asset}`);
  const answer = await new Promise<number | undefined>((resolve, reject) => {
    request(
      {
        host: "127.0.0.1",
        port,
        path: wanted,
        headers: { ...headers, host: `${host ?? "127.0.0.1"}:${port}` },
      },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    )
      .on("error", reject)
      .end();
  });
  expect(answer).toBe(status);
});

test.each([
  ["another origin", { origin: "http://evil.example" }],
  ["no origin", {}],
  ["another port of this machine", { origin: "http://127.0.0.1:1" }],
])("a WebSocket from %s is refused", async (_title, options) => {
  const socket = new WebSocket(terminalUrl(server.url), options);
  const error = await new Promise<Error>((resolve) => {
    socket.on("error", resolve);
  });
  expect(error.message).toContain("403");
});

test("nonsense from a page ends its connection, and nothing else", async () => {
  const client = await PageClient.open(server.url);
  client.sayText('{"type":"attach","offset":-1}');
  expect(await client.closed).toBe(1008);
  expect((await fetch(server.url)).status).toBe(200);
});

test("a page that draws slowly holds up no other, and is sent no more than it draws", async () => {
  const quick = await attached();
  const slow = await attached();
  const bytes = 12 * 1024 * 1024;
  quick.drawsEverything();
  quick.type(
    `head -c ${bytes / 2} /dev/urandom | od -An -v -tx1 -w64 | head -c ${bytes}; echo done-$((1 + 1))\r`,
  );
  await until(() => quick.tail.includes("done-2"));
  expect(quick.receivedBytes).toBeGreaterThan(bytes);
  expect(slow.receivedBytes).toBeLessThan(mostUndrawnBytes);
  slow.drawsEverything();
  await until(() => slow.tail.includes("done-2"));
  const common = slow.received.lastIndexOf("done-2");
  expect(sha256(slow.received.subarray(0, common))).toBe(
    sha256(quick.received.subarray(0, common)),
  );
  for (const client of [quick, slow]) client.close();
});

test("a paste of 4 MiB arrives whole", async () => {
  const client = await attached();
  client.drawsEverything();
  const paste = Buffer.from(randomBytes(3 * 1024 * 1024).toString("base64"));
  client.type(
    `stty raw -echo; printf 'now-%s' 1; head -c ${paste.length} | sha256sum; stty sane\r`,
  );
  await until(() => client.tail.includes("now-1"));
  for (let start = 0; start < paste.length; start += 32 * 1024) {
    client.type(paste.subarray(start, start + 32 * 1024));
  }
  await until(() => client.tail.includes(sha256(paste)));
  expect(client.messages.filter(({ type }) => type === "notice")).toEqual([]);
  client.close();
});

test("only its owner can read the state, and Ctrl-C leaves the sandbox until --teardown", async () => {
  const files = await readdir(folder);
  expect(files).toHaveLength(1);
  const { mode } = await stat(join(folder, files[0] ?? ""));
  expect(mode & 0o777).toBe(0o600);
  const client = await attached();
  expect(await server.end("SIGINT")).toBe(0);
  expect(await client.closed).toBe(1006);
  const [sandbox] = emulator.sandboxes();
  expect(sandbox?.state).toBe("started");
  expect(server.printed()).toContain(`Sandbox ${sandbox?.id} is left`);
  const options = { port: 0, stateFolder: folder, env: emulator.environment };
  const { exitCode, printed } = await runWebTerminal({ ...options, args: ["--teardown"] });
  expect(printed).toBe(`Sandbox ${sandbox?.id} is deleted.\n`);
  expect(exitCode).toBe(0);
  expect(emulator.sandboxes()).toEqual([]);
  expect(await readdir(folder)).toEqual([]);
});

/** A page that shows the terminal from its beginning. */
async function attached(): Promise<PageClient> {
  const client = await PageClient.open(server.url);
  client.say({ type: "attach", terminalId: undefined, offset: 0, isActive: true, ...size });
  await until(() => client.messages.some(isAttached));
  return client;
}

function isAttached({ type }: ServerMessage): boolean {
  return type === "attached";
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function until(isSo: () => boolean): Promise<void> {
  const giveUpAtMs = Date.now() + 45_000;
  while (!isSo()) {
    if (Date.now() > giveUpAtMs) throw new Error("It did not come.");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
