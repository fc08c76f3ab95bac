import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { patiently } from "./patiently.ts";
import { startEmulator } from "./start-emulator.ts";
import { WireClient } from "./wire-client.ts";

const app = `
const http = require("http");
const server = http.createServer((request, response) => {
  if (request.url === "/events") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: 1\\n\\n");
    setTimeout(() => response.end("data: 2\\n\\n"), 300);
    return;
  }
  if (request.url === "/broken") { request.socket.destroy(); return; }
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    response.setHeader("x-app", "yes");
    response.setHeader("set-cookie", ["a=1", "b=2"]);
    response.statusCode = request.url === "/teapot" ? 418 : 200;
    const body = Buffer.concat(chunks).toString();
    response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body }));
  });
});
server.on("upgrade", (request, socket, head) => {
  const key = request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const accept = require("crypto").createHash("sha1").update(key).digest("base64");
  socket.write("HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n" +
    "Sec-WebSocket-Accept: " + accept + "\\r\\n\\r\\n");
  // An unmasked text frame, and the raw client frames are left unread.
  const text = "hello " + request.url;
  socket.write(Buffer.concat([Buffer.from([0x81, text.length]), Buffer.from(text)]));
  socket.on("data", () => {});
  socket.on("error", () => {});
});
server.listen(5173, "127.0.0.1");
`;

let emulator: DaytonaEmulator;
let client: WireClient;
let id: string;
let url: string;
let token: string;
beforeAll(async () => {
  emulator = await startEmulator();
  client = new WireClient(emulator);
  id = await client.create({ name: "previewed" });
  await startApp(id);
  ({ url, token } = (await client.api("GET", `/sandbox/${id}/ports/5173/preview-url`)).body);
});
afterAll(async () => {
  await emulator.close();
});

async function startApp(sandboxId: string): Promise<void> {
  const file = `cat > ~/app.cjs <<'APP'\n${app}\nAPP\n`;
  await client.execute(sandboxId, file);
  await client.execute(sandboxId, "node ~/app.cjs >~/app.log 2>&1 </dev/null &");
  await vi.waitFor(async () => {
    const { body } = await client.toolbox("GET", sandboxId, "/port/5173/in-use");
    expect(body.isInUse).toBe(true);
  }, patiently);
}

const withToken = () => ({ headers: { "x-daytona-preview-token": token } });

describe("what reaches the app", () => {
  test("method, path, query, body and headers; the token does not", async () => {
    const response = await fetch(`${url}/a/%2F?b=%20c`, {
      method: "POST",
      body: "the body",
      headers: { ...withToken().headers, "x-mine": "1" },
    });
    expect(response.headers.get("x-app")).toBe("yes");
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    const seen = await response.json();
    expect(seen).toMatchObject({
      method: "POST",
      url: "/a/%2F?b=%20c",
      body: "the body",
      headers: { "x-mine": "1", host: new URL(url).host, "x-forwarded-host": new URL(url).host },
    });
    expect(seen).not.toHaveProperty(["headers", "x-daytona-preview-token"]);
  });

  test("the app's own status", async () => {
    expect((await fetch(`${url}/teapot`, withToken())).status).toBe(418);
  });

  test("events arrive as they are sent", async () => {
    const response = await fetch(`${url}/events`, withToken());
    const reader = response.body?.getReader();
    const first = await reader?.read();
    expect(Buffer.from(first?.value ?? []).toString()).toBe("data: 1\n\n");
    const second = await reader?.read();
    expect(Buffer.from(second?.value ?? []).toString()).toBe("data: 2\n\n");
  });

  test("WebSockets", async () => {
    const socket = new WebSocket(`${url.replace("http", "ws")}/ws`, withToken());
    const [message] = await once(socket, "message");
    expect(String(message)).toBe("hello /ws");
    socket.terminate();
    await once(socket, "close");
    expect(emulator.requests.count({ surface: "preview", path: "/ws", status: 101 })).toBe(1);
  });

  test("the host name of the real service works as well", async () => {
    const { port } = new URL(emulator.url);
    const body = await new Promise<string>((resolve, reject) => {
      const request = httpRequest(
        {
          host: "127.0.0.1",
          port,
          path: "/by-host",
          headers: { host: `5173-${id}.localhost:${port}`, "x-daytona-preview-token": token },
        },
        (response) => {
          response.setEncoding("utf8");
          response.once("data", resolve);
        },
      );
      request.once("error", reject);
      request.end();
    });
    expect(JSON.parse(body)).toMatchObject({ url: "/by-host" });
  });
});

describe("credentials", () => {
  test("an API key is taken away, another bearer goes on to the app", async () => {
    const withKey = { authorization: `Bearer ${emulator.apiKey}` };
    const byKey = await (await fetch(url, { headers: withKey })).json();
    expect(byKey).not.toHaveProperty("headers.authorization");
    const both = { ...withToken().headers, authorization: "Bearer of-the-app" };
    const byToken = await (await fetch(url, { headers: both })).json();
    expect(byToken).toHaveProperty("headers.authorization", "Bearer of-the-app");
  });

  test("the query's key is taken away and the rest is encoded anew", async () => {
    const seen = await (
      await fetch(`${url}/q?z=a%20b&DAYTONA_SANDBOX_AUTH_KEY=${token}&a=1`)
    ).json();
    expect(seen).toMatchObject({ url: "/q?a=1&z=a+b" });
  });

  test.each([
    ["none", {}],
    ["a wrong token", { "x-daytona-preview-token": "wrong" }],
    ["a wrong key", { authorization: "Bearer wrong" }],
  ])("%s leads to the login page of another origin", async (_, headers: Record<string, string>) => {
    const response = await fetch(`${url}/x`, { headers, redirect: "manual" });
    expect(response.status).toBe(307);
    const location = new URL(response.headers.get("location") ?? "");
    expect(location.origin).toBe(new URL(emulator.url).origin);
    expect(location.origin).not.toBe(new URL(url).origin);
  });

  test("a WebSocket without a credential is 307 too", async () => {
    const socket = new WebSocket(url.replace("http", "ws"));
    const [error] = await once(socket, "error");
    expect(String(error)).toMatch("307");
  });

  test("a public sandbox needs none, except for the protected ports", async () => {
    await client.api("POST", `/sandbox/${id}/public/true`);
    expect((await fetch(url)).status).toBe(200);
    const toolbox = await client.api("GET", `/sandbox/${id}/ports/2280/preview-url`);
    expect((await fetch(toolbox.body.url, { redirect: "manual" })).status).toBe(307);
    await client.api("POST", `/sandbox/${id}/public/false`);
    expect((await fetch(url, { redirect: "manual" })).status).toBe(307);
  });
});

describe("signed URLs", () => {
  const sign = async (seconds: number, port = 5173) =>
    (
      await client.api(
        "GET",
        `/sandbox/${id}/ports/${port}/signed-preview-url?expiresInSeconds=${seconds}`,
      )
    ).body;

  test("open one port without a header, set a cookie that outlives them, and expire", async () => {
    const signed = await sign(60);
    expect(signed).toEqual({
      sandboxId: id,
      port: 5173,
      token: expect.stringMatching(/^[a-z\d]{16}$/),
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    });
    const first = await fetch(signed.url);
    expect(first.status).toBe(200);
    const cookie = first.headers.getSetCookie().find((value) => value.startsWith("daytona-"));
    expect(cookie).toContain(`daytona-sandbox-auth-${signed.token}=`);
    const expire = `/sandbox/${id}/ports/5173/signed-preview-url/${signed.token}/expire`;
    expect((await client.api("POST", expire)).status).toBe(200);
    expect((await fetch(signed.url, { redirect: "manual" })).status).toBe(307);
    const remembered = { cookie: cookie?.split(";")[0] ?? "" };
    expect((await fetch(signed.url, { headers: remembered })).status).toBe(200);
  });

  test("end with their time", async () => {
    const { url: signedUrl } = await sign(1);
    expect((await fetch(signedUrl)).status).toBe(200);
    await expect
      .poll(async () => (await fetch(signedUrl, { redirect: "manual" })).status, patiently)
      .toBe(307);
  });

  test.each(["0", "86401", "1.5", "x"])("an expiry of %s is 400", async (seconds) => {
    const path = `/sandbox/${id}/ports/5173/signed-preview-url?expiresInSeconds=${seconds}`;
    expect((await client.api("GET", path)).status).toBe(400);
  });

  test.each(["0", "65536", "abc"])("port %s is 400", async (port) => {
    const answer = await client.api("GET", `/sandbox/${id}/ports/${port}/preview-url`);
    expect(answer).toMatchObject({ status: 400, body: { message: "Invalid port" } });
  });
});

describe("for browsers", () => {
  const browser =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36";

  test("a page of warning comes first, with status 200", async () => {
    const headers = { ...withToken().headers, "user-agent": browser };
    const warning = await fetch(`${url}/x?y=1`, { headers });
    expect(warning.status).toBe(200);
    expect(await warning.text()).toContain("/accept-daytona-preview-warning?redirect=%2Fx%3Fy%3D1");
    const skip = { ...headers, "x-daytona-skip-preview-warning": "true" };
    expect((await fetch(url, { headers: skip })).headers.get("x-app")).toBe("yes");
    const accepted = await fetch(`${url}/accept-daytona-preview-warning?redirect=%2Fx`, {
      method: "POST",
      headers,
      redirect: "manual",
    });
    expect(accepted.status).toBe(302);
    expect(accepted.headers.get("location")).toBe("/x");
    const cookie = accepted.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    expect((await fetch(url, { headers: { ...headers, cookie } })).headers.get("x-app")).toBe(
      "yes",
    );
  });

  test("CORS is answered for every origin, unless it is switched off", async () => {
    const origin = "http://elsewhere.example";
    const plain = await fetch(url, { headers: { ...withToken().headers, origin } });
    expect(plain.headers.get("access-control-allow-origin")).toBe(origin);
    const off = { ...withToken().headers, origin, "x-daytona-disable-cors": "true" };
    const without = await fetch(url, { headers: off });
    expect(without.headers.get("access-control-allow-origin")).toBeNull();
    const preflight = await fetch(url, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-headers": "x-mine" },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-headers")).toBe("x-mine");
  });
});

describe("failures", () => {
  test("nothing listens, or the app breaks off: 502 without a body", async () => {
    const closed = await client.api("GET", `/sandbox/${id}/ports/5999/preview-url`);
    for (const target of [closed.body.url, `${url}/broken`]) {
      const response = await fetch(target, withToken());
      expect(response.status).toBe(502);
      expect(await response.text()).toBe("");
    }
  });

  test("a start makes the token void; a stopped sandbox is 400", async () => {
    const other = await client.create();
    const before = (await client.api("GET", `/sandbox/${other}/ports/5173/preview-url`)).body;
    await client.api("POST", `/sandbox/${other}/stop?force=true`);
    await client.reaches(other, "stopped");
    const headers = { "x-daytona-preview-token": before.token };
    const stopped = await fetch(before.url, { headers });
    expect(stopped.status).toBe(400);
    expect(await stopped.json()).toMatchObject({
      message: expect.stringMatching(/^bad request: failed to resolve container IP/),
    });
    await client.api("POST", `/sandbox/${other}/start`);
    expect((await fetch(before.url, { headers, redirect: "manual" })).status).toBe(307);
  });
});
