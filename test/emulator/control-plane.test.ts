import type { Daytona, Sandbox } from "@daytonaio/sdk";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { patiently } from "./patiently.ts";
import { sdkClient } from "./sdk-client.ts";
import { startEmulator } from "./start-emulator.ts";
import { WireClient } from "./wire-client.ts";

let emulator: DaytonaEmulator;
let client: WireClient;
let daytona: Daytona;
let sandbox: Sandbox;
beforeAll(async () => {
  emulator = await startEmulator({ quotas: { totalCpu: 10 } });
  client = new WireClient(emulator);
  daytona = sdkClient(emulator);
  sandbox = await daytona.create({ name: "subject" });
});
afterAll(async () => {
  await emulator.close();
});

async function output(command: string): Promise<string> {
  return (await sandbox.process.executeCommand(command)).result.trim();
}

describe("environment of the daemon", () => {
  test("later processes have what was set and lack what was unset; others do not change", async () => {
    const before = await client.api("GET", "/sandbox/subject");
    expect(await output("echo ${DAYTONA_REGION_ID-gone}")).toBe("us");
    await sandbox.process.createSession("old");
    await sandbox.updateEnv({ NEW: "a b", OTHER: "x" }, { unset: ["DAYTONA_REGION_ID"] });
    expect(await output('echo "$NEW ${DAYTONA_REGION_ID-gone}"')).toBe("a b gone");
    const inSession = await sandbox.process.executeSessionCommand("old", {
      command: 'echo "${NEW-none}"',
    });
    expect(inSession.stdout).toBe("none\n");
    await sandbox.updateEnv({ DAYTONA_REGION_ID: "back" }, { unset: ["NEW"] });
    expect(await output('echo "${NEW-none} $DAYTONA_REGION_ID $OTHER"')).toBe("none back x");
    expect((await client.api("GET", "/sandbox/subject")).body.env).toEqual(before.body.env);
    await expect(sandbox.updateEnv({ "bad name": "x" })).rejects.toMatchObject({ statusCode: 400 });
    await client.toolbox("POST", sandbox.id, "/env", { unsetValuePrefix: "x", set: {} });
    expect(await output('echo "${OTHER-none}"')).toBe("none");
  });

  test("metrics are of the sandbox", async () => {
    const metrics = await sandbox.getMetricsLatest();
    expect(metrics).toMatchObject({ cpuCount: 1, memTotal: 1024 ** 3 });
    for (const value of [metrics.memUsed, metrics.diskTotal, metrics.diskUsed])
      expect(value).toBeGreaterThan(0);
    expect(metrics.cpuUsedPct).toBeGreaterThanOrEqual(0);
    expect(Math.abs(metrics.timestamp.getTime() - Date.now())).toBeLessThan(60_000);
  });
});

describe("secrets", () => {
  test("are kept, listed by pages and changed, and their value is never told", async () => {
    const made = await daytona.secret.create({
      name: "API_KEY",
      value: "very-secret",
      hosts: ["a.example"],
    });
    expect(made).toMatchObject({
      name: "API_KEY",
      hosts: ["a.example"],
      placeholder: expect.stringMatching(/^dtn_secret_/),
    });
    await expect(daytona.secret.create({ name: "API_KEY", value: "x" })).rejects.toMatchObject({
      statusCode: 409,
    });
    await expect(daytona.secret.create({ name: "a b", value: "x" })).rejects.toMatchObject({
      statusCode: 400,
    });
    await daytona.secret.create({ name: "SECOND", value: "x" });
    const first = await daytona.secret.list({ limit: 1 });
    expect(first).toMatchObject({ total: 2, items: [{}], nextCursor: expect.any(String) });
    const rest = await daytona.secret.list({ limit: 1, cursor: first.nextCursor ?? "" });
    expect(rest).toMatchObject({ items: [{}], nextCursor: null });
    expect(new Set([...first.items, ...rest.items].map(({ name }) => name)).size).toBe(2);
    expect(await daytona.secret.update(made.id, { description: "d" })).toMatchObject({
      description: "d",
    });
    expect(JSON.stringify(await daytona.secret.get(made.id))).not.toContain("very-secret");
  });

  test("a sandbox has placeholders, until they are replaced", async () => {
    const [secret] = (await daytona.secret.list({ name: "API_KEY" })).items;
    await sandbox.updateSecrets({ TOKEN: "API_KEY" });
    expect(await output("echo $TOKEN")).toBe(secret?.placeholder);
    await sandbox.stop();
    await sandbox.start();
    expect(await output("echo $TOKEN")).toBe(secret?.placeholder);
    await sandbox.updateSecrets({});
    expect(await output("echo ${TOKEN-none}")).toBe("none");
    await expect(sandbox.updateSecrets({ TOKEN: "none" })).rejects.toMatchObject({
      statusCode: 404,
    });
    await expect(daytona.create({ secrets: { TOKEN: "none" } })).rejects.toMatchObject({
      statusCode: 404,
    });
  });
});

test("a resize follows the rules and keeps the sandbox as it was", async () => {
  const refusals: [Record<string, number>, RegExp][] = [
    [{}, /No resource changes specified/],
    [{ disk: 5 }, /Disk resize can only be performed on a stopped sandbox/],
    [{ cpu: 1 }, /No resource changes specified/],
    [{ cpu: 5 }, /CPU request 5 exceeds maximum/],
  ];
  for (const [resources, message] of refusals) {
    const answer = await client.api("POST", "/sandbox/subject/resize", resources);
    expect([answer.status, answer.body.message]).toEqual([400, expect.stringMatching(message)]);
  }
  const hold = emulator.faults.add({ effect: { type: "hold-state", state: "resizing" } });
  const resized = sandbox.resize({ cpu: 2, memory: 2 });
  await client.reaches("subject", "resizing");
  const busy = await client.api("POST", "/sandbox/subject/stop");
  expect(busy.status).toBe(409);
  hold.remove();
  await resized;
  expect(sandbox).toMatchObject({ state: "started", cpu: 2, memory: 2 });
  await expect(sandbox.resize({ cpu: 1 })).rejects.toMatchObject({ statusCode: 400 });
  await sandbox.stop();
  await sandbox.resize({ cpu: 1, disk: 5 });
  expect(sandbox).toMatchObject({ state: "stopped", cpu: 1, disk: 5 });
  await expect(sandbox.resize({ disk: 4 })).rejects.toMatchObject({
    message: "Sandbox disk size cannot be decreased",
  });
  await sandbox.start();
});

test("SSH accesses are made, checked and revoked", async () => {
  const access = await sandbox.createSshAccess(5);
  expect(access).toMatchObject({
    sandboxId: sandbox.id,
    sshCommand: expect.stringContaining(access.token),
  });
  expect(await sandbox.validateSshAccess(access.token)).toEqual({
    valid: true,
    sandboxId: sandbox.id,
  });
  const second = await sandbox.createSshAccess();
  expect(await sandbox.validateSshAccess(access.token)).toMatchObject({ valid: false });
  await sandbox.revokeSshAccess(second.token);
  expect(await sandbox.validateSshAccess(second.token)).toMatchObject({ valid: false });
  const expired = await sandbox.createSshAccess(-1);
  expect(await sandbox.validateSshAccess(expired.token)).toMatchObject({ valid: false });
});

test("API keys are made with permissions, shown without their value, and deleted", async () => {
  const made = await client.api("POST", "/api-keys", {
    name: "limited",
    permissions: ["read:volumes"],
  });
  expect(made).toMatchObject({
    status: 201,
    body: { name: "limited", value: expect.stringMatching(/^dtn_/), expiresAt: null },
  });
  const limited = new WireClient(emulator, made.body.value);
  const current = await limited.api("GET", "/api-keys/current");
  expect(current.body).toMatchObject({
    name: "limited",
    permissions: ["read:volumes"],
    lastUsedAt: expect.any(String),
  });
  expect(current.body.value).toMatch(/^dtn\*+\w{3}$/);
  expect((await limited.api("GET", "/volumes")).status).toBe(200);
  expect((await limited.api("POST", "/sandbox", {})).status).toBe(403);
  expect((await client.api("POST", "/api-keys", { name: "limited", permissions: [] })).status).toBe(
    409,
  );
  expect(
    (await client.api("POST", "/api-keys", { name: "x", permissions: ["rule:world"] })).status,
  ).toBe(400);
  expect(
    (await client.api("GET", "/api-keys")).body.map(({ name }: { name: string }) => name),
  ).toEqual(["emulator", "limited"]);
  expect((await client.api("DELETE", "/api-keys/limited")).status).toBe(204);
  expect((await limited.api("GET", "/volumes")).status).toBe(401);
  expect((await client.api("GET", "/api-keys/limited")).status).toBe(404);
  const past = { name: "past", permissions: [], expiresAt: "2020-01-01T00:00:00Z" };
  const expired = await client.api("POST", "/api-keys", past);
  expect((await new WireClient(emulator, expired.body.value).api("GET", "/volumes")).status).toBe(
    401,
  );
});

test("organisation, regions and user can be read", async () => {
  const { organizationId } = sandbox;
  const [organization] = (await client.api("GET", "/organizations")).body;
  expect(organization).toMatchObject({ id: organizationId, maxCpuPerSandbox: 4, suspended: false });
  expect((await client.api("GET", `/organizations/${organizationId}`)).body).toEqual(organization);
  expect((await client.api("GET", "/organizations/another")).status).toBe(403);
  const usage = await client.api("GET", `/organizations/${organizationId}/usage`);
  expect(usage.body).toMatchObject({
    currentVolumeUsage: 0,
    regionUsage: [{ regionId: "us", totalCpuQuota: 10, currentCpuUsage: 1, currentDiskUsage: 5 }],
  });
  for (const path of ["/regions", "/shared-regions"])
    expect((await client.api("GET", path)).body).toEqual([
      expect.objectContaining({ id: "us", regionType: "shared" }),
    ]);
  expect((await client.api("GET", "/regions/nowhere")).status).toBe(404);
  expect((await client.api("GET", "/users/me")).body).toMatchObject({ id: organization.createdBy });
  expect((await client.api("GET", `/sandbox/${sandbox.id}/region-quota`)).body).toMatchObject({
    organizationId,
    totalCpuQuota: 10,
  });
});

test("pages, relatives and backups of sandboxes", async () => {
  const { body } = await client.api("GET", "/sandbox/paginated?limit=1&states=started&sort=name");
  expect(body).toMatchObject({
    total: 1,
    page: 1,
    totalPages: 1,
    items: [{ name: "subject", env: {} }],
  });
  expect((await client.api("GET", "/sandbox/paginated?page=2")).body.items).toEqual([]);
  expect((await client.api("GET", "/sandbox/paginated?sort=size")).status).toBe(400);
  for (const relatives of ["forks", "ancestors"])
    expect((await client.api("GET", `/sandbox/subject/${relatives}`)).body).toEqual([]);
  expect((await client.api("GET", "/sandbox/subject/parent")).status).toBe(404);
  expect((await client.api("POST", "/sandbox/subject/fork", {})).status).toBe(422);
  expect((await client.api("POST", "/sandbox/subject/backup")).body.backupState).toBe("InProgress");
  await vi.waitFor(async () => {
    const { backupState, backupCreatedAt } = (await client.api("GET", "/sandbox/subject")).body;
    expect([backupState, backupCreatedAt]).toEqual(["Completed", expect.any(String)]);
  }, patiently);
});
