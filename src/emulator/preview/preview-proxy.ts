import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { EmulatorServices } from "../emulator-services.ts";
import { DaemonError } from "../http/daemon-error.ts";
import type { Upgrade } from "../http/http-listener.ts";
import type { MutableLoggedRequest } from "../http/request-log.ts";
import { sendEmpty } from "../http/send.ts";
import { markActivity } from "../state/activity.ts";
import { isZombie } from "../state/mishaps.ts";
import type { SandboxEntry } from "../state/sandbox-entry.ts";
import { reachableEngine } from "../toolbox/sandbox-reachability.ts";
import { corsHeaders, preflightHeaders } from "./cors.ts";
import { forward } from "./forward.ts";
import type { PreviewTarget } from "./preview-target.ts";
import {
  authKeyParameter,
  findCredentials,
  type PreviewCookies,
  previewTokenHeader,
} from "./proxy-credentials.ts";
import { answeredByWarning } from "./warning-page.ts";

export interface PreviewExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly upgrade: Upgrade | undefined;
  readonly target: PreviewTarget;
  readonly url: URL;
  readonly logged: MutableLoggedRequest;
}

interface Access {
  readonly entry: SandboxEntry;
  /** Whether the bearer token was ours, and must not reach the app. */
  readonly bearerConsumed: boolean;
  readonly setCookie: string | undefined;
}

// Terminal, toolbox and recordings need a credential even in a public sandbox.
const alwaysProtectedPorts: ReadonlySet<number> = new Set([22_222, 2280, 33_333]);

/** The proxy in front of every port of every sandbox. */
export async function handlePreview(
  services: EmulatorServices,
  cookies: PreviewCookies,
  exchange: PreviewExchange,
): Promise<void> {
  const { request, response, target, url, logged, upgrade } = exchange;
  const preflight = preflightHeaders(request);
  if (preflight) {
    response.writeHead(204, preflight);
    response.end();
    return;
  }
  if (answeredByWarning(request, response, url)) return;
  const access = authenticate(services, cookies, exchange);
  if (!access) {
    redirectToLogin(services, exchange);
    return;
  }
  const { entry } = access;
  logged.sandboxId = entry.id;
  const endActivity = services.profile.previewIsActivity
    ? markActivity(services, entry, request, response)
    : undefined;
  try {
    const connection = await connect(services, entry, target.port);
    if (connection === undefined) {
      sendEmpty(response, 502);
      return;
    }
    await forward(
      {
        request,
        response,
        upgrade,
        path: pathForApp(request, url),
        headers: headersForApp(request, access),
        answerHeaders: corsHeaders(request),
        setCookie: access.setCookie,
        onUpgraded: () => {
          logged.status = 101;
        },
      },
      connection,
    ).catch(() => sendEmpty(response, 502));
  } finally {
    endActivity?.();
  }
}

function authenticate(
  services: EmulatorServices,
  cookies: PreviewCookies,
  { request, url, target }: PreviewExchange,
): Access | undefined {
  const { port, sandboxIdOrToken } = target;
  const named = services.store.byId(sandboxIdOrToken);
  if (named?.record.public && !alwaysProtectedPorts.has(port))
    return { entry: named, bearerConsumed: false, setCookie: undefined };
  const found = findCredentials(services, cookies, request, url.searchParams, sandboxIdOrToken);
  if ("entry" in found)
    return { entry: found.entry, bearerConsumed: found.by === "bearer", setCookie: undefined };
  const signedFor = services.signedPreviews.sandboxId(sandboxIdOrToken, port);
  const entry = signedFor === undefined ? undefined : services.store.byId(signedFor);
  if (!entry) return undefined;
  const setCookie = cookies.issue(sandboxIdOrToken, entry.id);
  return { entry, bearerConsumed: false, setCookie };
}

function redirectToLogin(
  { address }: EmulatorServices,
  { request, response, url }: PreviewExchange,
): void {
  const login = new URL(`${address().origin}/dex/auth`);
  login.searchParams.set("client_id", "daytona");
  login.searchParams.set("response_type", "code");
  login.searchParams.set("state", `http://${request.headers.host ?? ""}${url.pathname}`);
  response.writeHead(307, { location: login.href, "content-length": 0 });
  response.end();
}

/** A connection to the port; undefined when nothing listens there. */
async function connect(
  services: EmulatorServices,
  entry: SandboxEntry,
  port: number,
): Promise<Duplex | undefined> {
  if (isZombie(services, entry)) return undefined;
  const engine = reachableEngine(entry);
  try {
    return await engine.connect(port, { signal: services.closing });
  } catch (error) {
    if (error instanceof DaemonError) throw error;
    return undefined;
  }
}

/** The query is encoded anew when the token was in it, as the real proxy does. */
function pathForApp(request: IncomingMessage, url: URL): string {
  const raw = request.url ?? "/";
  if (!url.searchParams.has(authKeyParameter)) return raw;
  const query = new URLSearchParams(url.searchParams);
  query.delete(authKeyParameter);
  query.sort();
  const text = query.toString();
  return text === "" ? url.pathname : `${url.pathname}?${text}`;
}

function headersForApp(request: IncomingMessage, { bearerConsumed }: Access): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = { ...request.headers };
  delete headers[previewTokenHeader];
  delete headers["x-daytona-disable-cors"];
  delete headers["x-daytona-skip-last-activity-update"];
  if (bearerConsumed) delete headers.authorization;
  headers["x-forwarded-host"] = request.headers.host;
  if (request.headers.upgrade === undefined) headers.connection = "close";
  return headers;
}
