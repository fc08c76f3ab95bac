import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { DaytonaEmulator, FaultRule } from "../../src/emulator/index.ts";
import { patiently } from "./patiently.ts";
import { startEmulator } from "./start-emulator.ts";
import { WireClient } from "./wire-client.ts";

let emulator: DaytonaEmulator;
let client: WireClient;
let id: string;
beforeAll(async () => {
  emulator = await startEmulator();
  client = new WireClient(emulator);
  id = await client.create({ name: "faulty" });
});
afterEach(() => emulator.faults.clear());
afterAll(async () => {
  await emulator.close();
});

const getSandbox = { method: "GET", path: "/sandbox/{sandboxIdOrName}" } as const;
const execute = "/toolbox/{sandboxId}/process/execute";
const get = () => client.api("GET", `/sandbox/${id}`);

describe("when a rule strikes", () => {
  test("skip, times and hits", async () => {
    const fault = emulator.faults.add({
      match: getSandbox,
      skip: 1,
      times: 2,
      effect: { type: "respond", status: 502 },
    });
    const statuses = [];
    for (let count = 0; count < 4; count += 1) statuses.push((await get()).status);
    expect(statuses).toEqual([200, 502, 502, 200]);
    expect(fault.hits).toBe(2);
  });

  test("for a time, and until it is removed", async () => {
    emulator.faults.add({ forMs: 150, effect: { type: "respond", status: 503 } });
    expect((await get()).status).toBe(503);
    await expect.poll(async () => (await get()).status, patiently).toBe(200);
    const fault = emulator.faults.add({ effect: { type: "respond", status: 503 } });
    expect((await get()).status).toBe(503);
    fault.remove();
    expect((await get()).status).toBe(200);
  });

  test.each<[NonNullable<FaultRule["match"]>, boolean]>([
    [{ surface: "api" }, true],
    [{ surface: "toolbox" }, false],
    [{ method: "POST" }, false],
    [{ path: /\/sandbox\/[\da-f-]{36}$/ }, true],
    [{ path: "/sandbox" }, false],
    [{ name: "faulty" }, true],
    [{ name: "other" }, false],
  ])("match %j: %s", async (match, strikes) => {
    emulator.faults.add({ match, effect: { type: "respond", status: 503 } });
    expect((await get()).status).toBe(strikes ? 503 : 200);
  });

  test("a create is matched by the name that it asks for", async () => {
    emulator.faults.add({ match: { name: "asked" }, effect: { type: "reset" } });
    expect((await client.api("POST", "/sandbox", { name: "not-asked" })).status).toBe(200);
    await expect(client.api("POST", "/sandbox", { name: "asked" })).rejects.toThrow();
    expect(emulator.requests.list({ path: "/sandbox" }).at(-1)).toMatchObject({
      body: { name: "asked" },
      status: undefined,
    });
  });
});

describe("effects on requests", () => {
  test("an empty 502, an HTML 504, JSON with headers", async () => {
    const add = (effect: Extract<FaultRule["effect"], { type: "respond" }>) =>
      emulator.faults.add({ times: 1, effect });
    add({ type: "respond", status: 502 });
    const bare = await get();
    expect([bare.status, bare.text, bare.headers.get("content-type")]).toEqual([502, "", null]);
    add({ type: "respond", status: 504, body: "<html>" });
    const html = await get();
    expect(html.headers.get("content-type")).toMatch("text/html");
    add({ type: "respond", status: 500, body: { message: "x" }, headers: { "x-a": "1" } });
    const json = await get();
    expect([json.body, json.headers.get("x-a")]).toEqual([{ message: "x" }, "1"]);
  });

  test("429 has no plain Retry-After", async () => {
    emulator.faults.add({
      times: 1,
      effect: { type: "rate-limit", throttler: "sandbox-create", retryAfterSeconds: 12 },
    });
    const limited = await client.api("POST", "/sandbox", {});
    expect(limited).toMatchObject({
      status: 429,
      body: { message: "ThrottlerException: Too Many Requests", statusCode: 429 },
    });
    expect(limited.headers.get("retry-after-sandbox-create")).toBe("12");
    expect(limited.headers.get("retry-after")).toBeNull();
  });

  test("a conflict, in the newer and the older form", async () => {
    emulator.faults.add({ times: 1, effect: { type: "state-conflict" } });
    emulator.faults.add({ times: 1, effect: { type: "state-conflict", legacy: true } });
    const message = "Sandbox state change in progress";
    expect(await get()).toMatchObject({ status: 409, body: { message } });
    expect(await get()).toMatchObject({ status: 400, body: { message } });
  });

  test("an ambiguous create: handled, and the connection destroyed", async () => {
    emulator.faults.add({
      match: { method: "POST", path: "/sandbox" },
      times: 1,
      effect: { type: "handle-then-reset" },
    });
    await expect(client.api("POST", "/sandbox", { name: "ambiguous" })).rejects.toThrow();
    expect((await client.api("GET", "/sandbox/ambiguous")).body.state).toBe("started");
    expect(emulator.requests.count({ method: "POST", path: "/sandbox" })).toBeGreaterThan(0);
  });

  test("a reset before anything happens", async () => {
    emulator.faults.add({ times: 1, effect: { type: "reset" } });
    await expect(client.api("POST", "/sandbox", { name: "never" })).rejects.toThrow();
    expect((await client.api("GET", "/sandbox/never")).status).toBe(404);
  });

  test("half-open, until the client gives up or the fault is removed", async () => {
    const fault = emulator.faults.add({ times: 1, effect: { type: "hang" } });
    const hanging = get();
    const outcome = Promise.race([
      hanging.then(
        () => "answered",
        () => "destroyed",
      ),
      new Promise((resolve) => setTimeout(resolve, 150, "hanging")),
    ]);
    expect(await outcome).toBe("hanging");
    fault.remove();
    await expect(hanging).rejects.toThrow();
  });

  test("a delay, and an answer that is held back", async () => {
    for (const type of ["delay", "hold-answer"] as const) {
      emulator.faults.add({ times: 1, effect: { type, ms: 120 } });
      const started = performance.now();
      expect((await get()).body.id).toBe(id);
      expect(performance.now() - started).toBeGreaterThanOrEqual(110);
    }
  });

  test.each([408, 502, 504] as const)(
    "a gateway cuts with %i, and the command goes on",
    async (answer) => {
      emulator.faults.add({
        match: { path: execute },
        times: 1,
        effect: { type: "cut", afterMs: 100, answer },
      });
      const cut = await client.execute(id, `sleep 0.5; touch ~/cut-${answer}`);
      expect(cut.status).toBe(answer);
      await vi.waitFor(async () => {
        expect((await client.execute(id, `ls ~/cut-${answer}`)).body.exitCode).toBe(0);
      }, patiently);
    },
  );

  test("a cut leaves answers alone that come in time", async () => {
    emulator.faults.add({ effect: { type: "cut", afterMs: 30_000 } });
    expect((await client.execute(id, "echo quick")).body.result).toBe("quick\n");
  });

  test("a body that breaks off", async () => {
    await client.execute(id, "head -c 200000 /dev/zero > ~/zeros");
    emulator.faults.add({ times: 1, effect: { type: "truncate", bytes: 1000 } });
    await expect(client.toolbox("GET", id, "/files/download?path=zeros")).rejects.toThrow();
  });

  test("a stale state, and another toolbox, in one sandbox and in lists", async () => {
    emulator.faults.add({
      effect: { type: "rewrite", fields: { state: "creating", toolboxProxyUrl: "http://x" } },
    });
    const stale = { state: "creating", toolboxProxyUrl: "http://x", id };
    expect((await get()).body).toMatchObject(stale);
    expect((await client.api("GET", "/sandbox?name=faulty")).body.items[0]).toMatchObject(stale);
  });
});

describe("effects on sandboxes", () => {
  test("a state is held for a time", async () => {
    emulator.faults.add({
      match: { name: "held" },
      effect: { type: "hold-state", state: "creating", ms: 200 },
    });
    const started = performance.now();
    await client.create({ name: "held" });
    expect(performance.now() - started).toBeGreaterThan(190);
  });

  test("a build fails", async () => {
    emulator.faults.add({
      match: { name: "unbuildable" },
      effect: {
        type: "fail-transition",
        state: "building_snapshot",
        to: "build_failed",
        errorReason: "no such image",
      },
    });
    await client.api("POST", "/sandbox", {
      name: "unbuildable",
      buildInfo: { dockerfileContent: "FROM nope\n" },
    });
    await client.reaches("unbuildable", "build_failed");
    const { body } = await client.api("GET", "/sandbox/unbuildable");
    expect(body).toMatchObject({ errorReason: "no such image", recoverable: false });
  });

  test("a sandbox vanishes", async () => {
    const fault = emulator.faults.add({ match: { sandboxId: id }, effect: { type: "vanish" } });
    expect((await get()).status).toBe(404);
    expect((await client.execute(id, "true")).status).toBe(401);
    expect((await client.api("GET", "/sandbox?name=faulty")).body.items).toEqual([]);
    expect(emulator.sandboxes().map((sandbox) => sandbox.id)).toContain(id);
    fault.remove();
    expect((await get()).status).toBe(200);
  });

  test("a zombie: started, and the toolbox and previews are bare 502", async () => {
    emulator.faults.add({ match: { sandboxId: id }, effect: { type: "zombie" } });
    expect((await get()).body.state).toBe("started");
    expect(await client.execute(id, "true")).toMatchObject({ status: 502, text: "" });
    const { body } = await client.api("GET", `/sandbox/${id}/ports/3000/preview-url`);
    const headers = { "x-daytona-preview-token": body.token };
    expect((await fetch(body.url, { headers })).status).toBe(502);
  });

  test("a sandbox is missing in lists alone", async () => {
    emulator.faults.add({ match: { sandboxId: id }, effect: { type: "unlisted" } });
    expect((await client.api("GET", "/sandbox?name=faulty")).body.items).toEqual([]);
    expect((await get()).status).toBe(200);
  });

  test.each([
    ["ignored", 200],
    ["late", 408],
  ] as const)("a command's timeout that is %s", async (mode, status) => {
    emulator.faults.add({ match: { sandboxId: id }, effect: { type: "exec-timeout", mode } });
    const answer = await client.execute(id, `sleep 1.3; touch ~/past-${mode}`, { timeout: 1 });
    expect(answer.status).toBe(status);
    expect((await client.execute(id, `ls ~/past-${mode}`)).body.exitCode).toBe(0);
  });

  test("the server gives up on a state that is held for longer than it waits", async () => {
    await using fast = await startEmulator({ clockScale: 15 * 60 * 10 });
    fast.faults.add({ effect: { type: "hold-state", state: "creating" } });
    const created = await new WireClient(fast).api("POST", "/sandbox", {});
    expect(created.body.message).toBe("Sandbox failed to start: Timeout while creating sandbox");
  });
});

describe("the admin API", () => {
  const admin = (method: string, path = "", body?: unknown) =>
    client.request(method, `${emulator.url.replace(/\/api$/, "")}/__emulator/faults${path}`, body);

  test("adds, lists and removes faults", async () => {
    const added = await admin("POST", "", {
      match: { path: "/sandbox/{sandboxIdOrName}" },
      effect: { type: "respond", status: 418 },
    });
    expect(added.status).toBe(201);
    expect((await get()).status).toBe(418);
    expect((await admin("GET")).body.faults).toMatchObject([{ id: added.body.id, hits: 1 }]);
    expect((await admin("DELETE", `/${added.body.id}`)).status).toBe(204);
    expect((await get()).status).toBe(200);
    expect((await admin("DELETE", `/${added.body.id}`)).status).toBe(404);
    await admin("POST", "", { effect: { type: "hang" } });
    expect((await admin("DELETE")).status).toBe(204);
    expect((await get()).status).toBe(200);
  });

  test("demands a key and a rule that it knows", async () => {
    const url = `${emulator.url.replace(/\/api$/, "")}/__emulator/faults`;
    expect((await fetch(url)).status).toBe(401);
    expect((await admin("POST", "", { effect: { type: "explode" } })).status).toBe(400);
    expect((await admin("POST", "", { effect: { type: "hang" }, nth: 3 })).status).toBe(400);
  });
});
