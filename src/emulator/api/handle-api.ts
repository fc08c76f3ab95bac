import type { IncomingMessage, ServerResponse } from "node:http";
import type { EmulatorServices } from "../emulator-services.ts";
import { ApiError } from "../http/api-error.ts";
import type { MutableLoggedRequest } from "../http/request-log.ts";
import type { RouteMatch } from "../http/route-table.ts";
import { RouteTable } from "../http/route-table.ts";
import { addSnapshotRoutes } from "../snapshots/snapshot-routes.ts";
import type { ApiRoute, ApiRoutes } from "./api-call.ts";
import { addApiKeyRoutes } from "./api-key-routes.ts";
import { addCreateRoute } from "./create-sandbox.ts";
import { addFamilyRoutes } from "./family-routes.ts";
import { addLifecycleRoutes } from "./lifecycle-routes.ts";
import { addListRoute } from "./list-route.ts";
import { addObjectStorageRoutes } from "./object-storage-routes.ts";
import { addOrganizationRoutes } from "./organization-routes.ts";
import { addPaginatedRoute } from "./paginated-route.ts";
import { addPreviewRoutes } from "./preview-routes.ts";
import { addReadRoutes } from "./read-routes.ts";
import { addResizeRoute } from "./resize-route.ts";
import { addSecretRoutes } from "./secret-routes.ts";
import { addSettingsRoutes } from "./settings-routes.ts";
import { addSshAccessRoutes } from "./ssh-access-routes.ts";
import { newerApiRoutes, unimplementedApiRoutes } from "./unimplemented-api-routes.ts";
import { addVolumeRoutes } from "./volume-routes.ts";

/** All routes of the control plane; those that are missing answer 501 and name themselves. */
export function apiRoutes(services: EmulatorServices): ApiRoutes {
  const routes: ApiRoutes = new RouteTable();
  addListRoute(routes, services);
  addCreateRoute(routes, services);
  addReadRoutes(routes, services);
  addLifecycleRoutes(routes, services);
  addSettingsRoutes(routes, services);
  addPreviewRoutes(routes, services);
  addSnapshotRoutes(routes, services);
  addVolumeRoutes(routes, services);
  addObjectStorageRoutes(routes, services);
  addApiKeyRoutes(routes, services);
  addOrganizationRoutes(routes, services);
  addSshAccessRoutes(routes, services);
  addPaginatedRoute(routes, services);
  addFamilyRoutes(routes, services);
  if (services.profile.newerRoutes) {
    addResizeRoute(routes, services);
    addSecretRoutes(routes, services);
  }
  for (const [method, path] of unimplementedApiRoutes) {
    if (!services.profile.newerRoutes && newerApiRoutes.has(`${method} ${path}`)) continue;
    routes.add(method, path, {
      handle: () => {
        throw new ApiError(501, `The emulator does not implement ${method} ${path}`);
      },
    });
  }
  return routes;
}

/** Authenticates, checks the permission, and lets the route answer. */
export async function handleApi(
  services: EmulatorServices,
  match: RouteMatch<ApiRoute> | undefined,
  exchange: {
    readonly request: IncomingMessage;
    readonly response: ServerResponse;
    readonly url: URL;
    readonly logged: MutableLoggedRequest;
    readonly body: Buffer | undefined;
  },
): Promise<void> {
  const { request, response, url, logged, body } = exchange;
  const key = services.keys.ofRequest(request);
  if (!match) throw new ApiError(404, `Cannot ${request.method} ${url.pathname}`);
  const { handle, permission, public: isPublic } = match.value;
  if (!key && !isPublic) throw new ApiError(401, "Invalid credentials");
  if (key?.permissions && permission && !key.permissions.has(permission))
    throw new ApiError(403, "Forbidden resource");
  await handle({
    request,
    response,
    query: url.searchParams,
    params: match.params,
    key: key ?? services.keys.primary,
    logged,
    body,
  });
}
