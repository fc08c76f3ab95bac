import { expect, test } from "vitest";
import { startEmulator } from "./start-emulator.ts";
import { WireClient } from "./wire-client.ts";

const otherOrganization = "11111111-0000-4000-8000-000000000001";

test("keys, permissions and organisations", async () => {
  await using emulator = await startEmulator({
    apiKeys: [
      { key: "full" },
      { key: "writer", permissions: ["write:sandboxes"] },
      { key: "stranger", organizationId: otherOrganization },
    ],
  });
  expect(emulator.environment).toEqual({
    DAYTONA_API_URL: emulator.url,
    DAYTONA_API_KEY: "full",
  });
  const full = new WireClient(emulator);
  const writer = new WireClient(emulator, "writer");
  const stranger = new WireClient(emulator, "stranger");
  const nobody = new WireClient(emulator, "wrong");

  const id = await writer.create({ name: "mine" });
  expect(await nobody.api("GET", `/sandbox/${id}`)).toMatchObject({
    status: 401,
    body: { statusCode: 401, error: "Unauthorized", message: "Invalid credentials" },
  });
  expect((await writer.api("DELETE", `/sandbox/${id}`)).status).toBe(403);
  expect(await stranger.api("GET", `/sandbox/${id}`)).toMatchObject({
    status: 404,
    body: { message: `Sandbox with ID or name ${id} not found` },
  });
  expect((await stranger.api("GET", "/sandbox")).body.items).toEqual([]);
  // Names are unique per organisation only.
  expect((await stranger.api("POST", "/sandbox", { name: "mine" })).status).toBe(200);

  expect(await stranger.toolbox("GET", id, "/version")).toMatchObject({
    status: 401,
    body: {
      statusCode: 401,
      source: "DAYTONA_PROXY",
      code: "UNAUTHORIZED",
      message: "unauthorized: authentication failed: Bearer token is invalid",
    },
  });
  const bare = await fetch(`${emulator.url.replace(/\/api$/, "")}/toolbox/${id}/version`);
  expect(bare.status).toBe(401);
  expect(await bare.json()).toMatchObject({
    message: expect.stringMatching(/^unauthorized: missing authentication: /),
  });
  // Permissions concern the control plane only.
  expect((await writer.toolbox("GET", id, "/version")).status).toBe(200);

  const config = await fetch(`${emulator.url}/config`);
  expect(await config.json()).toMatchObject({
    maintananceMode: false,
    defaultSnapshot: "daytonaio/sandbox:0.6.0",
  });
  expect((await fetch(`${emulator.url}/health`)).status).toBe(200);
  expect((await full.api("DELETE", `/sandbox/${id}`)).status).toBe(200);
});

test("paths outside the API are the dashboard with status 200, unknown ones inside are 404", async () => {
  await using emulator = await startEmulator();
  const client = new WireClient(emulator);
  const outside = await client.request("GET", emulator.url.replace(/\/api$/, "/v1/sandbox"));
  expect(outside.status).toBe(200);
  expect(outside.headers.get("content-type")).toMatch("text/html");
  expect(await client.api("GET", "/nothing")).toMatchObject({
    status: 404,
    body: { message: "Cannot GET /api/nothing", path: "/api/nothing" },
  });
});

test("the daemon's preview token opens the toolbox too", async () => {
  await using emulator = await startEmulator();
  const client = new WireClient(emulator);
  const id = await client.create();
  const { body } = await client.api("GET", `/sandbox/${id}/ports/1/preview-url`);
  const version = `${emulator.url.replace(/\/api$/, "")}/toolbox/${id}/version`;
  const byHeader = await fetch(version, { headers: { "x-daytona-preview-token": body.token } });
  expect(byHeader.status).toBe(200);
  expect((await fetch(`${version}?DAYTONA_SANDBOX_AUTH_KEY=${body.token}`)).status).toBe(200);
  expect((await fetch(`${version}?DAYTONA_SANDBOX_AUTH_KEY=x`)).status).toBe(401);
});
