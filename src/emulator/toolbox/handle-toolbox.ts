import type { IncomingMessage, ServerResponse } from "node:http";
import { isVanished } from "../api/api-call.ts";
import type { EmulatorServices } from "../emulator-services.ts";
import { DaemonError } from "../http/daemon-error.ts";
import type { MutableLoggedRequest } from "../http/request-log.ts";
import { type RouteMatch, RouteTable } from "../http/route-table.ts";
import { sendEmpty, sendText } from "../http/send.ts";
import { findCredentials, type PreviewCookies } from "../preview/proxy-credentials.ts";
import { markActivity } from "../state/activity.ts";
import type { SandboxEntry } from "../state/sandbox-entry.ts";
import { addBulkDownloadRoute } from "./bulk-download.ts";
import { addBulkUploadRoute } from "./bulk-upload.ts";
import { addDownloadRoute } from "./download.ts";
import { addExecuteRoute } from "./execute.ts";
import { addFileRoutes } from "./file-routes.ts";
import { errorCode } from "./go-text.ts";
import { addInfoRoutes } from "./info-routes.ts";
import { reachableEngine } from "./sandbox-reachability.ts";
import { addSearchRoutes } from "./search-routes.ts";
import { isSignedFileUrl } from "./signed-file-url.ts";
import type { ToolboxRoute, ToolboxRoutes } from "./toolbox-call.ts";
import { newerToolboxRoutes, unimplementedToolboxRoutes } from "./unimplemented-toolbox-routes.ts";
import { addUploadRoutes } from "./upload.ts";

/** All routes of the daemon; those that are missing answer 501 and name themselves. */
export function toolboxRoutes({ profile }: EmulatorServices): ToolboxRoutes {
  const routes: ToolboxRoutes = new RouteTable();
  addInfoRoutes(routes);
  addExecuteRoute(routes);
  addFileRoutes(routes);
  addSearchRoutes(routes);
  addDownloadRoute(routes);
  addBulkDownloadRoute(routes);
  addBulkUploadRoute(routes);
  addUploadRoutes(routes, { newer: profile.newerRoutes });
  for (const [method, path] of unimplementedToolboxRoutes) {
    if (!profile.newerRoutes && newerToolboxRoutes.has(`${method} ${path}`)) continue;
    const message = `The emulator does not implement ${method} ${path}`;
    routes.add(method, path, {
      handle: () => {
        throw new DaemonError({ status: 501, code: "NOT_IMPLEMENTED", message });
      },
    });
  }
  return routes;
}

/** The proxy in front of the daemon: authenticates, finds the sandbox, counts activity, and lets the route answer. */
export async function handleToolbox(
  services: EmulatorServices,
  cookies: PreviewCookies,
  match: RouteMatch<ToolboxRoute> | undefined,
  exchange: {
    readonly request: IncomingMessage;
    readonly response: ServerResponse;
    readonly url: URL;
    readonly sandboxId: string;
    readonly logged: MutableLoggedRequest;
  },
): Promise<void> {
  const { request, response, url, logged } = exchange;
  const entry = authenticate(services, cookies, match, exchange);
  logged.sandboxId = entry.id;
  const endActivity = markActivity(services, entry, request, response);
  try {
    if (services.faults.suffers("zombie", entry.subject)) {
      sendEmpty(response, 502);
      return;
    }
    const engine = reachableEngine(entry);
    if (!match) {
      sendText(response, 404, "404 page not found", "text/plain");
      return;
    }
    await match.value.handle({
      request,
      response,
      query: url.searchParams,
      params: match.params,
      entry,
      engine,
      profile: services.profile,
      faults: services.faults,
    });
  } catch (error) {
    if (!isDaemonGone(error) || response.headersSent) throw error;
    sendEmpty(response, 502);
  } finally {
    endActivity();
  }
}

/** The sandbox stopped under the request: the daemon breaks off, and the proxy answers a bare 502. */
function isDaemonGone(error: unknown): boolean {
  return ["SANDBOX_STOPPED", "SANDBOX_NOT_FOUND"].includes(errorCode(error) ?? "");
}

function authenticate(
  services: EmulatorServices,
  cookies: PreviewCookies,
  match: RouteMatch<ToolboxRoute> | undefined,
  { request, url, sandboxId }: { request: IncomingMessage; url: URL; sandboxId: string },
): SandboxEntry {
  const query = url.searchParams;
  const entry = services.store.byId(sandboxId);
  const vanished = entry !== undefined && isVanished(services, entry);
  const signable = match?.template === "/files/download" || match?.template === "/files/upload-v2";
  const method = request.method === "HEAD" ? "GET" : (request.method ?? "");
  if (services.profile.newerRoutes && entry && signable && !vanished) {
    if (isSignedFileUrl(entry.record.signingKey, method, query)) return entry;
  }
  const found = findCredentials(services, cookies, request, query, sandboxId);
  if ("entry" in found && !vanished) return found.entry;
  const failures = "failures" in found ? found.failures : ["Bearer token is invalid"];
  const reason =
    failures.length > 0
      ? `authentication failed: ${failures.join(",")}`
      : "missing authentication: provide a preview access token (via header, query parameter, or cookie) or use an API key or JWT";
  throw new DaemonError({
    status: 401,
    code: "UNAUTHORIZED",
    message: `unauthorized: ${reason}`,
    source: "DAYTONA_PROXY",
  });
}
