import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DaytonaEmulator, ServerProfileName } from "../../src/emulator/index.ts";
import openApiRoutes from "../fixtures/daytona/openapi-routes.json" with { type: "json" };
import { startEmulator } from "./start-emulator.ts";
import { type WireAnswer, WireClient } from "./wire-client.ts";

const values: Readonly<Record<string, string>> = {
  port: "3000",
  interval: "15",
  ttlMinutes: "15",
  isPublic: "false",
};

function filled(path: string, sandbox: string): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    name.startsWith("sandboxId") ? sandbox : (values[name] ?? "some-id"),
  );
}

/** Rows of the tables in the documentation: `| GET | /config | done |`. */
async function documentedRoutes(): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(new URL("../../docs/emulator.md", import.meta.url), "utf8");
  const rows = text.matchAll(/^\| (GET|POST|PUT|PATCH|DELETE) \| `([^`]+)` \| (done|501) \|$/gm);
  return new Map([...rows].map(([, method, path, state]) => [`${method} ${path}`, state ?? ""]));
}

/** What is odd about an answer: a crash, the dashboard, an error without its shape, a 501 that is not documented. */
function oddity(answer: WireAnswer, route: string, documented: string | undefined) {
  const { status, body, text, headers } = answer;
  if (status === 500) return `crash: ${text}`;
  if (headers.get("content-type")?.includes("text/html")) return "the dashboard";
  if ((status === 501) !== (documented === "501")) return `${status}, documented: ${documented}`;
  if (status === 501)
    return body.message === `The emulator does not implement ${route}` ? undefined : text;
  // A route that only takes WebSockets.
  if (status === 400 && headers.get("sec-websocket-version") === "13") return undefined;
  // The daemon's bulk calls have bodies of their own.
  if (status < 400 || body?.error || body?.errors) return undefined;
  return body?.statusCode === status && typeof body.path === "string" ? undefined : text;
}

describe("every route of the newer server", () => {
  let emulator: DaytonaEmulator;
  let client: WireClient;
  beforeAll(async () => {
    emulator = await startEmulator();
    client = new WireClient(emulator);
  });
  afterAll(async () => {
    await emulator.close();
  });

  test("is in the documentation", async () => {
    const documented = [...(await documentedRoutes()).keys()].toSorted();
    const toolbox = openApiRoutes.toolbox.map((route) =>
      route.replace(" ", " /toolbox/{sandboxId}"),
    );
    expect(documented).toEqual([...openApiRoutes.api, ...toolbox].toSorted());
  });

  test("of the API is answered in its shape, or 501 and names itself", async () => {
    const documented = await documentedRoutes();
    await client.create({ name: "api" });
    const oddities: unknown[] = [];
    for (const route of openApiRoutes.api) {
      const [method = "", path = ""] = route.split(" ");
      const body = method === "GET" ? undefined : {};
      const answer = await client.api(method, filled(path, "api"), body);
      const odd = oddity(answer, route, documented.get(route));
      if (odd !== undefined) oddities.push([route, odd]);
      if (route === "DELETE /sandbox/{sandboxIdOrName}") {
        await client.reaches("api", "gone");
        await client.create({ name: "api" });
      }
    }
    expect(oddities).toEqual([]);
  });

  test("of the toolbox is answered in its shape, or 501 and names itself", async () => {
    const documented = await documentedRoutes();
    const id = await client.create();
    const oddities: unknown[] = [];
    for (const route of openApiRoutes.toolbox) {
      const [method = "", path = ""] = route.split(" ");
      const body = method === "GET" || method === "DELETE" ? undefined : {};
      const answer = await client.toolbox(method, id, filled(path, id), body);
      const odd = oddity(answer, route, documented.get(`${method} /toolbox/{sandboxId}${path}`));
      if (odd !== undefined) oddities.push([route, odd]);
    }
    expect(oddities).toEqual([]);
  });
});

describe.each<ServerProfileName>(["cloud", "v0.190"])("routes that %s has", (profile) => {
  let emulator: DaytonaEmulator;
  let client: WireClient;
  let id: string;
  beforeAll(async () => {
    emulator = await startEmulator({ profile });
    client = new WireClient(emulator);
    id = await client.create();
  });
  afterAll(async () => {
    await emulator.close();
  });

  test.each([
    ["POST", "/env"],
    ["GET", "/system/metrics"],
    ["POST", "/git/init"],
    ["POST", "/git/config/user"],
    ["POST", "/files/upload-v2"],
  ])("%s %s exists on the newer daemon only", async (method, path) => {
    const body = method === "GET" ? undefined : {};
    const { status, text } = await client.toolbox(method, id, path, body);
    if (profile === "cloud") expect(text).not.toBe("404 page not found");
    else expect([status, text]).toEqual([404, "404 page not found"]);
  });

  test.each([
    ["GET", "/signing-key"],
    ["PUT", "/secrets"],
    ["POST", "/autopause/5"],
  ])("%s %s exists on the newer API only", async (method, path) => {
    const body = method === "GET" ? undefined : {};
    const answer = await client.api(method, `/sandbox/${id}${path}`, body);
    if (profile === "cloud") expect(answer.status).not.toBe(404);
    else
      expect(answer).toMatchObject({
        status: 404,
        body: { message: `Cannot ${method} /api/sandbox/${id}${path}` },
      });
  });

  test("an unknown toolbox route is plain text", async () => {
    const answer = await client.toolbox("GET", id, "/no/such/route");
    expect([answer.status, answer.text]).toEqual([404, "404 page not found"]);
    expect(answer.headers.get("content-type")).toBe("text/plain");
  });
});
