import { afterEach, describe, expect, test, vi } from "vitest";
import type {
  DaytonaEmulator,
  DaytonaEmulatorOptions,
  ServerProfileName,
} from "../../src/emulator/index.ts";
import { LocalEngine } from "../../src/engine/local-engine.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { patiently } from "./patiently.ts";
import { sdkClient } from "./sdk-client.ts";
import { startEmulator } from "./start-emulator.ts";
import { WireClient } from "./wire-client.ts";

const profiles: readonly ServerProfileName[] = ["cloud", "v0.190"];

let emulator: DaytonaEmulator;
afterEach(async () => {
  await emulator.close();
});

async function start(options: DaytonaEmulatorOptions): Promise<WireClient> {
  emulator = await startEmulator(options);
  return new WireClient(emulator);
}

/** Waits until the snapshot shows this state; `gone` is 404. */
async function reaches(client: WireClient, idOrName: string, state: string): Promise<void> {
  await vi.waitFor(async () => {
    const { status, body } = await client.api("GET", `/snapshots/${idOrName}`);
    expect(status === 404 ? "gone" : body.state).toBe(state);
  }, patiently);
}

/** What a client sees of the organisation's own snapshots. */
function ownSnapshots(): { name: string; state: string }[] {
  return emulator
    .snapshots()
    .filter(({ general }) => !general)
    .map(({ name, state }) => ({ name, state }));
}

const { available } = await LocalEngine.probe();

describe.each(isLongRun ? profiles : profiles.slice(0, 1))(
  "snapshots of server %s, by the official SDK",
  (profile) => {
    // Its files have absolute paths, which without isolation are the machine's.
    test.skipIf(!available)(
      "are made of a sandbox, listed, used, deactivated, activated and deleted",
      async () => {
        const client = await start({ profile });
        await using daytona = sdkClient(emulator);
        const source = await daytona.create({ envVars: { SECRET: "of the source" } });
        await source.process.executeCommand(
          "mkdir -p /root/d && echo kept >/root/d/file && echo tmp >/tmp/scratch; (sleep 300 >/dev/null 2>&1 &)",
        );
        await source.createSnapshot("team/tools:1");
        expect(source.state).toBe("started");
        const snapshot = await daytona.snapshot.get("team/tools:1");
        expect(snapshot).toMatchObject({
          state: "active",
          general: false,
          cpu: 1,
          mem: 1,
          disk: 3,
        });
        expect(snapshot.sourceSandboxId).toBe(source.id);
        await source.process.executeCommand("echo later >/root/d/file");

        const listed = await daytona.snapshot.list(1, 1);
        expect(listed).toMatchObject({ total: 2, page: 1, totalPages: 2 });
        expect(listed.items).toHaveLength(1);
        const ofSource = await client.api("GET", `/snapshots?sourceSandboxId=${source.id}`);
        expect(ofSource.body.items.map(({ name }: { name: string }) => name)).toEqual([
          "team/tools:1",
        ]);

        const byName = await daytona.create({ snapshot: "team/tools:1" });
        const byId = await daytona.create({ snapshot: snapshot.id });
        expect(byId.snapshot).toBe("team/tools:1");
        for (const sandbox of [byName, byId]) {
          const { result } = await sandbox.process.executeCommand(
            'cat /root/d/file; ls -A /tmp; echo "$SECRET|$DAYTONA_SANDBOX_SNAPSHOT"; ps -e -o args | grep -c "[s]leep 300"',
          );
          expect(result).toBe("kept\n|team/tools:1\n0\n");
        }

        const deactivate = await client.api("POST", `/snapshots/${snapshot.id}/deactivate`);
        expect(deactivate.status).toBe(204);
        await expect(daytona.create({ snapshot: "team/tools:1" })).rejects.toThrow(
          "Snapshot team/tools:1 is inactive",
        );
        await daytona.snapshot.activate(snapshot);
        await reaches(client, snapshot.id, "active");
        await client.api("POST", `/snapshots/${snapshot.id}/deactivate`);
        const tooSoon = await client.api("POST", `/snapshots/${snapshot.id}/activate`);
        expect([tooSoon.status, tooSoon.body.message]).toEqual([
          400,
          expect.stringContaining("activated recently"),
        ]);

        await daytona.snapshot.delete(snapshot);
        await reaches(client, snapshot.id, "gone");
        expect(ownSnapshots()).toEqual([]);
        // What stands on it goes on.
        await byId.stop();
        await byId.start();
        expect((await byId.process.executeCommand("cat /root/d/file")).result).toBe("kept\n");
      },
    );

    test("are refused with the server's words", async () => {
      const client = await start({ profile, quotas: { maxSnapshots: 1 } });
      const id = await client.create();
      const make = (name: string) => client.api("POST", `/sandbox/${id}/snapshot`, { name });
      expect((await make("bad name!")).status).toBe(400);
      expect((await client.api("POST", `/sandbox/${id}/snapshot`, {})).status).toBe(400);
      expect((await client.api("POST", "/sandbox/nobody/snapshot", { name: "x" })).status).toBe(
        404,
      );
      expect((await make("one")).body.state).toBe("snapshotting");
      const during = await client.api("POST", `/sandbox/${id}/stop`);
      expect([during.status, during.body.message]).toEqual([
        409,
        "Sandbox state change in progress",
      ]);
      await client.reaches(id, "started");
      const full = await make("two");
      expect([full.status, full.body.message]).toEqual([
        400,
        "Snapshot quota exceeded. Maximum allowed: 1",
      ]);
      const general = (await client.api("GET", "/snapshots/daytonaio/sandbox:0.6.0")).body;
      const generalByName = await client.api(
        "GET",
        `/snapshots/${encodeURIComponent("daytonaio/sandbox:0.6.0")}`,
      );
      expect(generalByName.body.general, JSON.stringify(general)).toBe(true);
      expect((await client.api("DELETE", `/snapshots/${generalByName.body.id}`)).status).toBe(403);
      // A name is no id.
      expect((await client.api("DELETE", "/snapshots/one")).status).toBe(404);
      expect((await client.api("POST", "/snapshots/one/activate")).status).toBe(404);
      expect((await client.api("GET", "/snapshots?limit=1000")).status).toBe(400);
      const missing = await client.api("POST", "/sandbox", { snapshot: "nothing" });
      expect([missing.status, missing.body.message]).toEqual([
        400,
        "Snapshot nothing not found. Did you add it through the Daytona Dashboard?",
      ]);
    });
  },
);

test("a taken name is refused by the newer server, and told to nobody by the older one", async () => {
  const newer = await start({ profile: "cloud" });
  const one = await newer.create();
  await newer.api("POST", `/sandbox/${one}/snapshot`, { name: "taken" });
  await newer.reaches(one, "started");
  const again = await newer.api("POST", `/sandbox/${one}/snapshot`, { name: "taken" });
  expect([again.status, again.body.message]).toEqual([
    409,
    'Snapshot with name "taken" already exists for this organization',
  ]);
  if (!isLongRun) return;
  await emulator.close();

  const older = await start({ profile: "v0.190" });
  const two = await older.create();
  for (const _ of [1, 2]) {
    const made = await older.api("POST", `/sandbox/${two}/snapshot`, { name: "taken" });
    expect(made.status).toBe(200);
    await older.reaches(two, "started");
  }
  expect(ownSnapshots()).toEqual([{ name: "taken", state: "active" }]);
});

test("a snapshot that fails leaves the sandbox as it was: an error on the newer server, nothing on the older", async () => {
  for (const profile of profiles) {
    const client = await start({ profile });
    emulator.faults.add({
      match: { name: "doomed" },
      effect: { type: "fail-transition", state: "snapshotting", errorReason: "no space left" },
    });
    const id = await client.create();
    await client.api("POST", `/sandbox/${id}/stop`);
    await client.reaches(id, "stopped");
    await client.api("POST", `/sandbox/${id}/snapshot`, { name: "doomed" });
    await client.reaches(id, "stopped");
    const { status, body } = await client.api("GET", "/snapshots/doomed");
    if (profile === "cloud") {
      expect(body).toMatchObject({ state: "error", errorReason: "no space left" });
    } else expect(status).toBe(404);
    await emulator.close();
  }
});

test("the toolbox stands still while a snapshot is made, and the name stays taken while one is removed", async () => {
  const client = await start({ profile: "cloud", stateDelaysMs: { snapshotting: 300 } });
  const id = await client.create();
  await client.api("POST", `/sandbox/${id}/snapshot`, { name: "held" });
  const during = client.execute(id, "echo after");
  expect((await client.api("GET", `/sandbox/${id}`)).body.state).toBe("snapshotting");
  expect((await during).body.result).toBe("after\n");
  expect((await client.api("GET", `/sandbox/${id}`)).body.state).toBe("started");

  const hold = emulator.faults.add({
    match: { name: "held" },
    effect: { type: "hold-state", state: "removing" },
  });
  const { id: snapshotId } = (await client.api("GET", "/snapshots/held")).body;
  await client.api("DELETE", `/snapshots/${snapshotId}`);
  await reaches(client, "held", "removing");
  expect((await client.api("POST", `/sandbox/${id}/snapshot`, { name: "held" })).status).toBe(409);
  hold.remove();
  await reaches(client, "held", "gone");
  expect(ownSnapshots()).toEqual([]);
});

test("permissions for snapshots are their own, and another organisation sees none of them", async () => {
  const key = "dtn_whole";
  const noDelete = "dtn_no_delete";
  const other = "dtn_other";
  const client = await start({
    apiKeys: [
      { key },
      { key: noDelete, permissions: ["write:sandboxes", "write:snapshots"] },
      { key: other, organizationId: "11111111-2222-4333-8444-555555555555" },
    ],
  });
  const id = await client.create();
  await client.api("POST", `/sandbox/${id}/snapshot`, { name: "ours" });
  await client.reaches(id, "started");
  const { id: snapshotId } = (await client.api("GET", "/snapshots/ours")).body;
  const limited = new WireClient(emulator, noDelete);
  expect((await limited.api("DELETE", `/snapshots/${snapshotId}`)).status).toBe(403);
  const stranger = new WireClient(emulator, other);
  expect((await stranger.api("GET", `/snapshots/${snapshotId}`)).status).toBe(404);
  expect((await stranger.api("DELETE", `/snapshots/${snapshotId}`)).status).toBe(404);
  expect((await stranger.api("GET", "/snapshots")).body.total).toBe(1);
  expect((await stranger.api("POST", "/sandbox", { snapshot: snapshotId })).status).toBe(400);
});
