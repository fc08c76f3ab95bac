import { afterAll, beforeAll, expect, test } from "vitest";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { startEmulator } from "./start-emulator.ts";
import { WireClient } from "./wire-client.ts";

let emulator: DaytonaEmulator;
let client: WireClient;
beforeAll(async () => {
  emulator = await startEmulator();
  client = new WireClient(emulator);
  await client.create({ name: "alpha", labels: { team: "a", kind: "x" } });
  await client.create({ name: "Alphabet", labels: { team: "b", kind: "x" } });
  await client.create({ name: "beta", labels: { team: "a" }, public: true });
  await client.api("POST", "/sandbox/beta/stop?force=true");
  await client.reaches("beta", "stopped");
});
afterAll(async () => {
  await emulator.close();
});

async function names(query: string): Promise<string[]> {
  const { body } = await client.api("GET", `/sandbox?sort=name&order=asc&${query}`);
  return body.items.map(({ name }: { name: string }) => name);
}

test.each([
  ["", ["Alphabet", "alpha", "beta"]],
  ["name=ALPHA", ["Alphabet", "alpha"]],
  ["states=stopped&states=error", ["beta"]],
  ["states=started", ["Alphabet", "alpha"]],
  [`labels=${encodeURIComponent('{"team":"a","kind":"x"}')}`, ["alpha"]],
  ["isPublic=true", ["beta"]],
  ["isRecoverable=true", []],
  ["minCpu=2", []],
  ["maxMemoryGiB=1", ["Alphabet", "alpha", "beta"]],
  ["snapshots=nope", []],
  ["regionIds=us", ["Alphabet", "alpha", "beta"]],
  ["createdAtAfter=2999-01-01T00:00:00Z", []],
  ["lastEventBefore=2999-01-01T00:00:00Z", ["Alphabet", "alpha", "beta"]],
  ["sandboxClasses=container", ["Alphabet", "alpha", "beta"]],
])("filter %j", async (query, expected) => {
  expect(await names(query)).toEqual(expected);
});

test("pages are followed by a cursor that is null at the end", async () => {
  const seen: string[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const page = await client.api(
      "GET",
      `/sandbox?limit=1&sort=createdAt&order=asc&cursor=${encodeURIComponent(cursor)}`,
    );
    expect(page.body.items.length).toBeLessThanOrEqual(1);
    seen.push(...page.body.items.map(({ name }: { name: string }) => name));
    cursor = page.body.nextCursor as string | null;
  }
  expect(seen).toEqual(["alpha", "Alphabet", "beta"]);
});

test("items lack env, volumes and build info", async () => {
  const { body } = await client.api("GET", "/sandbox");
  for (const item of body.items) {
    expect(item).not.toHaveProperty("env");
    expect(item).not.toHaveProperty("volumes");
    expect(item).toMatchObject({ toolboxProxyUrl: expect.any(String), labels: expect.any(Object) });
  }
});

test.each([
  ["labels={", "Invalid labels JSON format"],
  ["cursor=%21%21", "Invalid cursor"],
  ["limit=0", "limit must not be less than 1"],
  ["limit=201", "limit must not be greater than 200"],
  ["sort=age", expect.stringMatching(/^sort must be one of/)],
  ["states=destroyed", expect.stringMatching(/destroyed/)],
])("%s is 400", async (query, message) => {
  expect(await client.api("GET", `/sandbox?${query}`)).toMatchObject({
    status: 400,
    body: { message },
  });
});

test("an archived sandbox that is being started is restoring in lists only", async () => {
  await client.api("POST", "/sandbox/beta/archive");
  await client.reaches("beta", "archived");
  const hold = emulator.faults.add({
    match: { name: "beta" },
    effect: { type: "hold-state", state: "restoring" },
  });
  await client.api("POST", "/sandbox/beta/start");
  expect(await names("states=restoring")).toEqual(["beta"]);
  hold.remove();
  await client.reaches("beta", "started");
});
