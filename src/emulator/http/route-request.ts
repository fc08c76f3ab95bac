import type { IncomingMessage } from "node:http";
import type { ApiRoute, ApiRoutes } from "../api/api-call.ts";
import type { BuildLogTarget } from "../api/build-log.ts";
import type { EmulatorServices } from "../emulator-services.ts";
import type { FaultSubject } from "../faults/active-fault.ts";
import { storagePath } from "../object-storage/handle-storage.ts";
import type { PreviewTarget } from "../preview/preview-target.ts";
import type { ToolboxRoute, ToolboxRoutes } from "../toolbox/toolbox-call.ts";
import type { MutableLoggedRequest, RequestSurface } from "./request-log.ts";
import type { RouteMatch } from "./route-table.ts";

interface Routed {
  readonly logged: MutableLoggedRequest;
  /** What faults are compared with. */
  readonly subject: FaultSubject;
}

/** Which part of the server a request is for. */
export type RoutedRequest = Routed &
  (
    | { readonly kind: "preview"; readonly target: PreviewTarget }
    | { readonly kind: "api"; readonly match: RouteMatch<ApiRoute> | undefined }
    | {
        readonly kind: "toolbox";
        readonly match: RouteMatch<ToolboxRoute> | undefined;
        readonly sandboxId: string;
        /** As the daemon sees it, without the proxy's prefix. */
        readonly path: string;
      }
    | { readonly kind: "build-log"; readonly target: BuildLogTarget }
    | { readonly kind: "storage" }
    | { readonly kind: "events" }
    | { readonly kind: "admin" }
    | { readonly kind: "dashboard" }
  );

interface Tables {
  readonly api: ApiRoutes;
  readonly toolbox: ToolboxRoutes;
  readonly services: EmulatorServices;
}

export function routeRequest(
  request: IncomingMessage,
  url: URL,
  previewTarget: PreviewTarget | undefined,
  tables: Tables,
): RoutedRequest {
  const { pathname } = url;
  const method = request.method ?? "GET";
  const record = (surface: RequestSurface, template: string, idOrName?: string): Routed =>
    recordOf(tables.services, { surface, method, template, path: pathname, idOrName });

  if (previewTarget) {
    const { port, sandboxIdOrToken } = previewTarget;
    const sandboxId =
      tables.services.signedPreviews.sandboxId(sandboxIdOrToken, port) ?? sandboxIdOrToken;
    return { kind: "preview", target: previewTarget, ...record("preview", pathname, sandboxId) };
  }
  if (/^\/api\/socket\.io\/?$/.test(pathname))
    return { kind: "events", ...record("api", "/socket.io") };
  const api = /^\/api(\/.*)?$/.exec(pathname);
  if (api) {
    const match = tables.api.find(method, api[1] ?? "/");
    const { sandboxIdOrName, sandboxId } = match?.params ?? {};
    const idOrName = sandboxIdOrName ?? sandboxId;
    return { kind: "api", match, ...record("api", match?.template ?? pathname, idOrName) };
  }
  const toolbox = /^\/toolbox\/([^/]+)(\/.*)?$/.exec(pathname);
  if (toolbox) {
    const [, sandboxId = "", path = "/"] = toolbox;
    const match = tables.toolbox.find(method, path);
    const template = match ? `/toolbox/{sandboxId}${match.template}` : pathname;
    return { kind: "toolbox", match, sandboxId, path, ...record("toolbox", template, sandboxId) };
  }
  const buildLog = /^\/(sandboxes|snapshots)\/([\w-]+)\/build-logs$/.exec(pathname);
  if (buildLog) {
    const [, kind, id = ""] = buildLog;
    const of = kind === "sandboxes" ? "sandbox" : "snapshot";
    const template = `/${kind}/{${of}Id}/build-logs`;
    const sandboxId = of === "sandbox" ? id : undefined;
    return { kind: "build-log", target: { of, id }, ...record("api", template, sandboxId) };
  }
  if (pathname.startsWith(`${storagePath}/`))
    return { kind: "storage", ...record("storage", pathname) };
  if (pathname.startsWith("/__emulator/")) return { kind: "admin", ...record("admin", pathname) };
  return { kind: "dashboard", ...record("dashboard", pathname) };
}

function recordOf(
  { store }: EmulatorServices,
  seen: {
    readonly surface: RequestSurface;
    readonly method: string;
    readonly template: string;
    readonly path: string;
    readonly idOrName: string | undefined;
  },
): Routed {
  const { surface, method, template, path, idOrName } = seen;
  const entry =
    idOrName === undefined
      ? undefined
      : (store.byId(idOrName) ?? store.all().find(({ record }) => record.name === idOrName));
  const sandboxId = entry?.id;
  const name = entry?.subject.name ?? idOrName;
  return {
    logged: {
      surface,
      method,
      path: template,
      sandboxId,
      at: new Date(),
      status: undefined,
      body: undefined,
    },
    subject: { surface, method, template, path, sandboxId, name },
  };
}
