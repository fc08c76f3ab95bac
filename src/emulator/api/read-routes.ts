import type { EmulatorServices } from "../emulator-services.ts";
import { ApiError } from "../http/api-error.ts";
import { sendEmpty, sendJson } from "../http/send.ts";
import { type ApiRoutes, sandboxOfCall, sendSandbox } from "./api-call.ts";
import { streamBuildLog } from "./build-log.ts";
import { defaultSnapshot, longestAutoArchiveMinutes } from "./create-rules.ts";
import { newSigningKey } from "./create-sandbox.ts";

/** Reads of one sandbox and of the server itself. */
export function addReadRoutes(routes: ApiRoutes, services: EmulatorServices): void {
  const { profile } = services;

  routes.add("GET", "/sandbox/{sandboxIdOrName}", {
    handle: (call) => sendSandbox(services, call, sandboxOfCall(services, call)),
  });
  routes.add("GET", "/sandbox/{sandboxId}/toolbox-proxy-url", {
    handle: (call) => {
      sandboxOfCall(services, call);
      sendJson(call.response, 200, { url: services.address().toolboxProxyUrl });
    },
  });
  routes.add("GET", "/sandbox/{sandboxIdOrName}/build-logs-url", {
    handle: (call) => {
      const { id, record } = sandboxOfCall(services, call);
      if (!record.build) throw new ApiError(404, `Sandbox ${id} has no build info`);
      sendJson(call.response, 200, {
        url: `${services.address().origin}/sandboxes/${id}/build-logs`,
      });
    },
  });
  routes.add("GET", "/sandbox/{sandboxIdOrName}/build-logs", {
    handle: async (call) => {
      const { id, record } = sandboxOfCall(services, call);
      if (!record.build) throw new ApiError(404, `Sandbox ${id} has no build info`);
      // As the real server: of a sandbox that is started there is nothing to tell any more.
      if (record.state === "started") sendEmpty(call.response, 200);
      else
        await streamBuildLog(
          services,
          record.build,
          call.response,
          call.query.get("follow") === "true",
        );
    },
  });
  if (profile.newerRoutes) {
    routes.add("GET", "/sandbox/{sandboxId}/signing-key", {
      handle: (call) =>
        sendJson(call.response, 200, sandboxOfCall(services, call).record.signingKey),
    });
    routes.add("POST", "/sandbox/{sandboxId}/signing-key/rotate", {
      permission: "write:sandboxes",
      handle: async (call) => {
        const entry = sandboxOfCall(services, call);
        entry.record.signingKey = newSigningKey();
        await entry.save();
        sendJson(call.response, 200, entry.record.signingKey);
      },
    });
  }
  routes.add("GET", "/config", {
    public: true,
    handle: (call) => sendJson(call.response, 200, serverConfig(services)),
  });
  for (const path of ["/health", "/health/ready"]) {
    routes.add("GET", path, {
      public: true,
      handle: (call) =>
        sendJson(call.response, 200, { status: "ok", info: {}, error: {}, details: {} }),
    });
  }
}

function serverConfig({ profile, address }: EmulatorServices): Record<string, unknown> {
  const { origin, toolboxProxyUrl } = address();
  const port = new URL(origin).port;
  return {
    version: profile.version,
    oidc: { issuer: `${origin}/dex`, clientId: "daytona", audience: "daytona" },
    linkedAccountsEnabled: false,
    announcements: {},
    proxyTemplateUrl: `http://{{PORT}}-{{sandboxId}}.localhost:${port}`,
    proxyToolboxUrl: toolboxProxyUrl,
    defaultSnapshot,
    dashboardUrl: origin,
    maxAutoArchiveInterval: longestAutoArchiveMinutes,
    maintananceMode: false,
    environment: "local",
  };
}
