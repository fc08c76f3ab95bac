import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { LocalEngine } from "../../src/engine/local-engine.ts";
import { startEmulator } from "./start-emulator.ts";
import { WireClient } from "./wire-client.ts";

let emulator: DaytonaEmulator;
let client: WireClient;
beforeAll(async () => {
  emulator = await startEmulator({
    quotas: { totalCpu: 5, totalMemoryGiB: 9, totalDiskGiB: 16 },
  });
  client = new WireClient(emulator);
});
afterAll(async () => {
  await emulator.close();
});

const { available } = await LocalEngine.probe();
const build = { buildInfo: { dockerfileContent: "FROM debian:12\n" } };

test("the answer is the whole sandbox, with defaults", async () => {
  const { body } = await client.api("POST", "/sandbox", { env: { A: "1" }, labels: { l: "v" } });
  expect(body).toEqual({
    id: expect.stringMatching(/^[\da-f-]{36}$/),
    organizationId: expect.any(String),
    name: body.id,
    snapshot: "daytonaio/sandbox:0.6.0",
    user: "daytona",
    env: { A: "1" },
    labels: { l: "v" },
    public: false,
    networkBlockAll: false,
    target: "us",
    cpu: 1,
    gpu: 0,
    memory: 1,
    disk: 3,
    state: "creating",
    desiredState: "started",
    recoverable: false,
    backupState: "None",
    autoStopInterval: 15,
    autoPauseInterval: 0,
    autoArchiveInterval: 10_080,
    autoDeleteInterval: -1,
    volumes: [],
    createdAt: expect.any(String),
    updatedAt: expect.any(String),
    lastActivityAt: expect.any(String),
    sandboxClass: "container",
    daemonVersion: expect.any(String),
    runnerId: expect.any(String),
    toolboxProxyUrl: `${emulator.url.replace(/\/api$/, "")}/toolbox`,
  });
  const environment = await client.execute(body.id, 'echo "$A $DAYTONA_SANDBOX_ID"');
  expect(environment.body.result).toBe(`1 ${body.id}\n`);
  expect(emulator.requests.list({ method: "POST", path: "/sandbox" }).at(-1)).toMatchObject({
    sandboxId: body.id,
    status: 200,
    body: { env: { A: "1" }, labels: { l: "v" } },
  });
  await client.api("DELETE", `/sandbox/${body.id}`);
});

test.each([
  ["a snapshot that does not exist", { snapshot: "nope" }, 400, /^Snapshot nope not found\. Did/],
  ["resources with a snapshot", { cpu: 2 }, 400, /^Cannot specify Sandbox resources/],
  ["a snapshot with a build", { ...build, snapshot: "x" }, 400, /^Cannot specify a snapshot/],
  ["an unknown region", { target: "mars" }, 404, /^Region not found$/],
  ["a name with a URL", { name: "see https://x" }, 400, /must not contain HTML tags/],
  ["a name with a tag", { name: "<b>x</b>" }, 400, /must not contain HTML tags/],
  ["resources that are no integers", { ...build, cpu: 1.5 }, 400, /^cpu: /],
  ["labels that are no text", { labels: { a: 1 } }, 400, /^labels\.a: /],
  ["a negative auto-stop", { autoStopInterval: -1 }, 400, /^Auto-stop interval must be/],
  ["a bad network", { networkAllowList: "1.2.3.4" }, 400, /Missing CIDR prefix length/],
  ["a bad domain", { domainAllowList: "no domain" }, 400, /^Invalid domain/],
  [
    "a mount over a system directory",
    { volumes: [{ volumeId: "v", mountPath: "/etc/x" }] },
    400,
    /cannot mount to system directory/,
  ],
  [
    "an unknown volume",
    { volumes: [{ volumeId: "v", mountPath: "/data" }] },
    available ? 404 : 501,
    available ? /^Volume 'v' not found$/ : /without isolation/,
  ],
  ["too much cpu", { ...build, cpu: 5 }, 400, /^CPU request 5 exceeds maximum .* \(4\)\./],
  ["too much memory", { ...build, memory: 9 }, 400, /^Memory request 9GB exceeds .*\(8GB\)\./],
  ["too much disk", { ...build, disk: 11 }, 400, /^Disk request 11GB exceeds .*\(10GB\)\./],
  ["an unknown secret", { secrets: [{ A: "b" }] }, 404, /^Secret with name b not found$/],
])("%s is refused", async (_, body, status, message) => {
  const answer = await client.api("POST", "/sandbox", body);
  expect(answer.status).toBe(status);
  expect(answer.body).toEqual({
    path: "/api/sandbox",
    timestamp: expect.any(String),
    statusCode: status,
    error: expect.any(String),
    message: expect.stringMatching(message),
  });
  expect(emulator.sandboxes().filter(({ desiredState }) => desiredState === "started")).toEqual([]);
});

test("a body that is not JSON is 400", async () => {
  const response = await fetch(`${emulator.url}/sandbox`, {
    method: "POST",
    headers: { authorization: `Bearer ${emulator.apiKey}`, "content-type": "application/json" },
    body: "{",
  });
  expect(response.status).toBe(400);
});

describe("quotas of the organisation", () => {
  test("count running cpu and memory, and the disk of all that are not archived", async () => {
    const ids = [];
    for (const name of ["one", "two"]) {
      ids.push(
        (await client.api("POST", "/sandbox", { ...build, name, cpu: 2, memory: 4 })).body.id,
      );
      await client.reaches(name, "started");
    }
    const create = (more: Record<string, unknown>) =>
      client.api("POST", "/sandbox", { ...build, ...more });
    expect((await create({ cpu: 2 })).body.message).toMatch(/^Total CPU limit exceeded\. .*: 5\./);
    expect((await create({ memory: 2 })).body.message).toMatch(/^Total memory limit .*: 9GiB\./);
    await client.api("POST", "/sandbox/one/stop");
    await client.reaches("one", "stopped");
    // A stopped one holds disk only.
    expect((await create({ name: "three", cpu: 2, memory: 2, disk: 10 })).status).toBe(200);
    await client.reaches("three", "started");
    expect((await create({ disk: 3 })).body.message).toMatch(
      /^Total disk limit exceeded\. Maximum allowed: 16GiB\.\nConsider archiving/,
    );
    expect((await client.api("POST", "/sandbox/one/start")).body.message).toMatch(
      /^Total CPU limit/,
    );
    for (const id of ["one", "two", "three"]) {
      await client.api("DELETE", `/sandbox/${id}`);
      await client.reaches(id, "gone");
    }
  });
});

describe("names", () => {
  test("are unique in an organisation, and taken until the sandbox is gone", async () => {
    const id = await client.create({ name: "feature/x y" });
    expect((await client.api("GET", `/sandbox/${encodeURIComponent("feature/x y")}`)).body.id).toBe(
      id,
    );
    const again = await client.api("POST", "/sandbox", { name: "feature/x y" });
    expect(again).toMatchObject({
      status: 409,
      body: { message: "Sandbox with name feature/x y already exists" },
    });
    const held = emulator.faults.add({
      match: { sandboxId: id },
      effect: { type: "hold-state", state: "destroying" },
    });
    const deleted = await client.api("DELETE", `/sandbox/${id}`);
    expect(deleted.body.name).toBe("feature/x y");
    expect((await client.api("POST", "/sandbox", { name: "feature/x y" })).status).toBe(409);
    held.remove();
    await client.reaches(id, "gone");
    expect((await client.api("POST", "/sandbox", { name: "feature/x y" })).status).toBe(200);
    await client.api("DELETE", `/sandbox/${encodeURIComponent("feature/x y")}`);
  });
});

describe("server 0.190", () => {
  test("renames at delete, ignores unknown fields, answers 201 for intervals", async () => {
    await using older = await startEmulator({ profile: "v0.190" });
    const olderClient = new WireClient(older);
    const created = await olderClient.api("POST", "/sandbox", {
      name: "old",
      ttlMinutes: 5,
      autoPauseInterval: 5,
      secrets: [{ A: "b" }],
    });
    expect(created.status).toBe(200);
    expect(created.body).not.toHaveProperty("autoDestroyAt");
    expect(created.body).not.toHaveProperty("autoPauseInterval");
    const { id } = created.body;
    expect((await olderClient.api("POST", `/sandbox/${id}/autostop/30`)).status).toBe(201);
    expect((await olderClient.api("POST", `/sandbox/${id}/last-activity`)).status).toBe(201);
    expect(await olderClient.api("POST", `/sandbox/${id}/ttl/5`)).toMatchObject({
      status: 404,
      body: { message: `Cannot POST /api/sandbox/${id}/ttl/5` },
    });
    const deleted = await olderClient.api("DELETE", `/sandbox/${id}`);
    expect(deleted.body.name).toMatch(/^DESTROYED_old_\d+$/);
    expect((await olderClient.api("POST", "/sandbox", { name: "old" })).status).toBe(200);
  });
});

test("intervals, labels, ttl and network settings change the sandbox", async () => {
  const id = await client.create({ labels: { a: "1" } });
  expect(
    (await client.api("PUT", `/sandbox/${id}/labels`, { labels: { b: "2" } })).body.labels,
  ).toEqual({ b: "2" });
  for (const path of ["autostop/7", "autoarchive/0", "autodelete/9", "autopause/0"])
    expect((await client.api("POST", `/sandbox/${id}/${path}`)).status).toBe(200);
  const ttl = await client.api("POST", `/sandbox/${id}/ttl/60`);
  expect(Date.parse(ttl.body.autoDestroyAt) - Date.parse(ttl.body.createdAt)).toBe(3_600_000);
  expect((await client.api("POST", `/sandbox/${id}/autostop/-1`)).status).toBe(400);
  const network = await client.api("POST", `/sandbox/${id}/network-settings`, {
    networkAllowList: "10.0.0.0/8",
  });
  expect(network.body).toMatchObject({
    autoStopInterval: 7,
    autoArchiveInterval: 43_200,
    autoDeleteInterval: 9,
    networkBlockAll: false,
    networkAllowList: "10.0.0.0/8",
  });
  expect((await client.api("POST", `/sandbox/${id}/last-activity`)).text).toBe("");
  await client.api("DELETE", `/sandbox/${id}`);
});
