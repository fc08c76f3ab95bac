import type { IncomingMessage, ServerResponse } from "node:http";
import { isVanished } from "../api/api-call.ts";
import type { EmulatorServices } from "../emulator-services.ts";
import type { FaultSubject } from "../faults/active-fault.ts";
import type { SocketFault } from "../faults/socket-fault.ts";
import { DaemonError } from "../http/daemon-error.ts";
import type { Upgrade } from "../http/http-listener.ts";
import type { MutableLoggedRequest } from "../http/request-log.ts";
import { type RouteMatch, RouteTable } from "../http/route-table.ts";
import { sendEmpty, sendText } from "../http/send.ts";
import { acceptWebSocket, type HandshakeOptions } from "../http/web-socket.ts";
import { findCredentials, type PreviewCookies } from "../preview/proxy-credentials.ts";
import { markActivity } from "../state/activity.ts";
import { isZombie } from "../state/mishaps.ts";
import type { SandboxEntry } from "../state/sandbox-entry.ts";
import { addBulkDownloadRoute } from "./bulk-download.ts";
import { addBulkUploadRoute } from "./bulk-upload.ts";
import { addCodeRunRoute } from "./code-run/code-run.ts";
import { crashesBefore } from "./daemon/daemon-crash.ts";
import { DaemonGone } from "./daemon/toolbox-daemon.ts";
import { ToolboxSocket } from "./daemon/toolbox-socket.ts";
import { addDownloadRoute } from "./download.ts";
import { addEnvRoute } from "./environment/env-route.ts";
import { environmentOf } from "./environment/environment-of.ts";
import { addExecuteRoute } from "./execute.ts";
import { addFileRoutes } from "./file-routes.ts";
import { addGitRoutes } from "./git/git-routes.ts";
import { errorCode } from "./go-text.ts";
import { addInfoRoutes } from "./info-routes.ts";
import { addInterpreterRoutes } from "./interpreter/interpreter-routes.ts";
import { addPtyRoutes } from "./pty/pty-routes.ts";
import { reachableEngine } from "./sandbox-reachability.ts";
import { addSearchRoutes } from "./search-routes.ts";
import { addSessionRoutes } from "./session/session-routes.ts";
import { isSignedFileUrl } from "./signed-file-url.ts";
import { addSystemRoutes } from "./system-routes.ts";
import type { ToolboxCall, ToolboxRoute, ToolboxRoutes } from "./toolbox-call.ts";
import { unimplementedToolboxRoutes } from "./unimplemented-toolbox-routes.ts";
import { addUploadRoutes } from "./upload.ts";

/** All routes of the daemon; those that are missing answer 501 and name themselves. */
export function toolboxRoutes({ profile }: EmulatorServices): ToolboxRoutes {
  const routes: ToolboxRoutes = new RouteTable();
  addInfoRoutes(routes);
  addExecuteRoute(routes);
  addCodeRunRoute(routes);
  addSessionRoutes(routes);
  addInterpreterRoutes(routes);
  addPtyRoutes(routes, { newer: profile.newerRoutes });
  addFileRoutes(routes);
  addSearchRoutes(routes);
  addSystemRoutes(routes, { newer: profile.newerRoutes });
  if (profile.newerRoutes) addEnvRoute(routes);
  addGitRoutes(routes, { newer: profile.newerRoutes });
  addDownloadRoute(routes);
  addBulkDownloadRoute(routes);
  addBulkUploadRoute(routes);
  addUploadRoutes(routes, { newer: profile.newerRoutes });
  for (const [method, path] of unimplementedToolboxRoutes) {
    const message = `The emulator does not implement ${method} ${path}`;
    routes.add(method, path, {
      handle: () => {
        throw new DaemonError({ status: 501, code: "NOT_IMPLEMENTED", message });
      },
    });
  }
  return routes;
}

interface ToolboxExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly upgrade: Upgrade | undefined;
  readonly sandboxId: string;
  readonly logged: MutableLoggedRequest;
  readonly subject: FaultSubject;
  readonly socketFault: SocketFault | undefined;
}

/** The proxy in front of the daemon: authenticates, finds the sandbox, counts activity, and lets the route answer. */
export async function handleToolbox(
  services: EmulatorServices,
  cookies: PreviewCookies,
  found: RouteMatch<ToolboxRoute> | undefined,
  exchange: ToolboxExchange,
): Promise<void> {
  const { request, response, logged } = exchange;
  const match = found && isReachable(found) ? found : undefined;
  const entry = authenticate(services, cookies, match, exchange);
  logged.sandboxId = entry.id;
  const endActivity = markActivity(services, entry, request, response);
  try {
    if (isZombie(services, entry)) {
      sendEmpty(response, 502);
      return;
    }
    // A container stands still while its files are taken.
    await entry.waitFor(({ state }) => state !== "snapshotting", services.closing);
    const { daemon } = entry;
    const engine = environmentOf(daemon, entry.record).applyTo(reachableEngine(entry));
    if (daemon.isDown || crashesBefore(services, entry, exchange.subject)) {
      sendEmpty(response, 502);
      return;
    }
    if (!match) {
      sendText(response, 404, "404 page not found", "text/plain");
      return;
    }
    await daemon.whileAlive(answer(services, match, exchange, { entry, engine, daemon }));
  } catch (error) {
    if (!isDaemonGone(error) || response.headersSent) throw error;
    sendEmpty(response, 502);
  } finally {
    endActivity();
  }
}

/** Lets the route answer a request, or take a WebSocket. */
async function answer(
  { profile, faults }: EmulatorServices,
  { value: route, params }: RouteMatch<ToolboxRoute>,
  { request, response, url, subject, upgrade, logged, socketFault }: ToolboxExchange,
  sandbox: Pick<ToolboxCall, "entry" | "engine" | "daemon">,
): Promise<void> {
  const query = url.searchParams;
  const call = { request, response, query, params, profile, faults, subject, ...sandbox };
  if (!upgrade || !route.upgrade) {
    await route.handle(call);
    return;
  }
  let socket: ToolboxSocket | undefined;
  const accept = (options: HandshakeOptions = {}) => {
    const webSocket = acceptWebSocket(request, response, upgrade, options);
    logged.status = 101;
    socket = new ToolboxSocket(webSocket, sandbox.daemon.gone, socketFault);
    return socket;
  };
  try {
    await route.upgrade({ ...call, accept });
  } finally {
    // A route that failed leaves no open connection behind; 1011 is what its failure is to the client.
    if (socket?.isOpen) await socket.close(1011);
  }
}

/** The router of the real daemon decodes a path before it splits it: a parameter with a slash in it is another path. */
function isReachable({ params }: RouteMatch<ToolboxRoute>): boolean {
  return !Object.values(params).some((value) => value.includes("/"));
}

/** The sandbox stopped under the request, or its daemon ended: the daemon breaks off, and the proxy answers a bare 502. */
function isDaemonGone(error: unknown): boolean {
  if (error instanceof DaemonGone) return true;
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
