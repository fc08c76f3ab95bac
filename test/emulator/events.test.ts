import { Daytona } from "@daytonaio/sdk";
import { io, type Socket } from "socket.io-client";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { patiently } from "./patiently.ts";
import { startEmulator } from "./start-emulator.ts";
import { WireClient } from "./wire-client.ts";

const otherKey = { key: "other", organizationId: "7f0e9a54-0000-4000-8000-00000000000b" };

let emulator: DaytonaEmulator;
const sockets: Socket[] = [];
beforeAll(async () => {
  emulator = await startEmulator({ apiKeys: [{ key: "own" }, otherKey] });
});
afterEach(() => {
  emulator.faults.clear();
  for (const socket of sockets.splice(0)) socket.disconnect();
});
afterAll(async () => {
  await emulator.close();
});

type Event = readonly [name: string, payload: Record<string, unknown>];

async function listen(token: string): Promise<Event[]> {
  const events: Event[] = [];
  const socket = connect(token);
  socket.onAny((name: string, payload: Record<string, unknown>) => events.push([name, payload]));
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
  });
  return events;
}

function connect(token: string): Socket {
  const { origin } = new URL(emulator.url);
  const socket = io(origin, {
    path: "/api/socket.io/",
    transports: ["websocket"],
    reconnection: false,
    auth: { token },
  });
  sockets.push(socket);
  return socket;
}

/** The SDK as it is by default: it waits with events beside its polls. */
function listeningClient(): Daytona {
  return new Daytona({ apiKey: "own", apiUrl: emulator.url, target: "us" });
}

test("events have the real forms, and reach the organisation alone", async () => {
  const [own, other] = await Promise.all([listen("own"), listen("other")]);
  const client = new WireClient(emulator);
  const id = await client.create({ name: "announced" });
  await client.api("POST", `/sandbox/${id}/stop`);
  await client.reaches(id, "stopped");
  await client.api("DELETE", `/sandbox/${id}`);
  await client.reaches(id, "gone");
  await vi.waitFor(() => {
    expect(own.at(-1)?.[1]).toMatchObject({ newState: "destroyed" });
  }, patiently);
  expect(own[0]).toEqual([
    "sandbox.created",
    expect.objectContaining({
      id,
      name: "announced",
      state: "creating",
      toolboxProxyUrl: expect.any(String),
      env: {},
    }),
  ]);
  const states = own.filter(([name]) => name === "sandbox.state.updated");
  expect(states.map(([, { oldState, newState }]) => [oldState, newState])).toEqual([
    ["creating", "started"],
    ["started", "stopping"],
    ["stopping", "stopped"],
    ["stopped", "destroying"],
    ["destroying", "destroyed"],
  ]);
  expect(states[1]?.[1].sandbox).toMatchObject({
    id,
    state: "stopping",
    organizationId: expect.any(String),
  });
  const desired = own.filter(([name]) => name === "sandbox.desired-state.updated");
  expect(desired.map(([, payload]) => payload.newDesiredState)).toEqual(["stopped", "destroyed"]);

  await client.api("POST", "/volumes", { name: "announced" });
  await vi.waitFor(() => {
    expect(own.at(-1)).toMatchObject(["volume.state.updated", { newState: "ready" }]);
  }, patiently);
  expect(own.map(([name]) => name)).toContain("volume.created");
  expect(other).toEqual([]);
});

test("without a key nobody listens", async () => {
  await expect(listen("nobody's")).rejects.toThrow("Unauthorized");
  const { origin } = new URL(emulator.url);
  const polling = await fetch(`${origin}/api/socket.io/?EIO=4&transport=polling`);
  expect(polling.status).toBe(400);
});

test("the SDK's waiting ends by an event when what it polls is stale", async () => {
  await using daytona = listeningClient();
  const sandbox = await daytona.create();
  const stale = emulator.faults.add({
    match: { method: "GET", path: "/sandbox/{sandboxIdOrName}", sandboxId: sandbox.id },
    effect: { type: "rewrite", fields: { state: "stopping" } },
  });
  await sandbox.stop(30);
  expect(sandbox.state).toBe("stopped");
  expect(stale.hits).toBeGreaterThan(0);
});

const withoutEvents = [
  ["lost", { effect: { type: "events" } }],
  ["late", { effect: { type: "events", delayMs: 60_000 } }],
  ["never connected", { match: { path: "/socket.io" }, effect: { type: "hang" } }],
  ["refused", { match: { path: "/socket.io" }, effect: { type: "respond", status: 404 } }],
] as const;

test.each(isLongRun ? withoutEvents : withoutEvents.slice(0, 1))(
  "with events %s the SDK's polls do",
  async (_, rule) => {
    const fault = emulator.faults.add(rule);
    await using daytona = listeningClient();
    const sandbox = await daytona.create();
    await sandbox.stop();
    expect(sandbox.state).toBe("stopped");
    expect(fault.hits).toBeGreaterThan(0);
    await sandbox.delete(60, true);
  },
);

test("an emulator that closes ends the connections", async () => {
  const closing = await startEmulator({ apiKeys: [{ key: "own" }] });
  const { origin } = new URL(closing.url);
  const socket = io(origin, {
    path: "/api/socket.io/",
    transports: ["websocket"],
    reconnection: false,
    auth: { token: "own" },
  });
  sockets.push(socket);
  await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
  const ended = new Promise<string>((resolve) => socket.once("disconnect", resolve));
  await closing.close();
  expect(await ended).toMatch(/transport close|io server disconnect/);
});
