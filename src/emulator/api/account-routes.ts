import type { EmulatorServices } from "../emulator-services.ts";
import { sendJson } from "../http/send.ts";
import type { ApiRoutes } from "./api-call.ts";
import { defaultTarget } from "./create-rules.ts";

const allPermissions = [
  "write:registries",
  "delete:registries",
  "write:snapshots",
  "delete:snapshots",
  "write:sandboxes",
  "delete:sandboxes",
  "read:volumes",
  "write:volumes",
  "delete:volumes",
];

/** What a key is, and where sandboxes can be. */
export function addAccountRoutes(routes: ApiRoutes, { clock }: EmulatorServices): void {
  const startedAt = clock.now().toISOString();

  routes.add("GET", "/api-keys/current", {
    handle: ({ key, response }) =>
      sendJson(response, 200, {
        name: "emulator",
        value: `${key.key.slice(0, 3)}${"*".repeat(20)}${key.key.slice(-3)}`,
        createdAt: startedAt,
        permissions: key.permissions === undefined ? allPermissions : [...key.permissions],
        lastUsedAt: clock.now().toISOString(),
        expiresAt: null,
        userId: "emulator",
      }),
  });
  const region = {
    id: defaultTarget,
    name: defaultTarget,
    organizationId: null,
    regionType: "shared",
    createdAt: startedAt,
    updatedAt: startedAt,
    proxyUrl: null,
    sshGatewayUrl: null,
    snapshotManagerUrl: null,
  };
  for (const path of ["/regions", "/shared-regions"]) {
    routes.add("GET", path, { handle: ({ response }) => sendJson(response, 200, [region]) });
  }
}
