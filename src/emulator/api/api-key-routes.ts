import { randomBytes } from "node:crypto";
import type {
  ApiKeyList,
  ApiKeyResponse,
  CreateApiKey,
  CreateApiKeyPermissionsEnum,
} from "@daytona/api-client";
import * as z from "zod/mini";
import type { ApiPermission } from "../emulator-options.ts";
import type { EmulatorServices } from "../emulator-services.ts";
import { ApiError } from "../http/api-error.ts";
import type { ApiKey } from "../http/api-keys.ts";
import { sendEmpty, sendJson } from "../http/send.ts";
import { parseApiBody } from "../wire/parse-body.ts";
import type { ApiCall, ApiRoutes } from "./api-call.ts";
import { onlyUser } from "./organization-routes.ts";

const permissions = [
  "write:sandboxes",
  "delete:sandboxes",
  "write:snapshots",
  "delete:snapshots",
  "read:volumes",
  "write:volumes",
  "delete:volumes",
  "write:registries",
  "delete:registries",
  "write:regions",
  "delete:regions",
  "read:runners",
  "write:runners",
  "delete:runners",
  "read:audit_logs",
  "manage:api_keys",
  "manage:secrets",
  "read:limits",
  "manage:sso",
  "read:billing",
  "manage:billing",
] as const satisfies readonly (ApiPermission & CreateApiKeyPermissionsEnum)[];

const createSchema = z.object({
  name: z.string().check(z.minLength(1)),
  permissions: z.array(z.enum(permissions)),
  expiresAt: z.nullish(z.iso.datetime({ offset: true })),
} satisfies { [Field in keyof CreateApiKey]-?: z.ZodMiniType });

/** API keys (Daytona v0.190 API, API key controller). The one user owns the organisation, so every key may do this. */
export function addApiKeyRoutes(routes: ApiRoutes, { keys }: EmulatorServices): void {
  const ofCall = ({ key, params }: ApiCall): ApiKey => {
    const own = keys.ofOrganization(key.organizationId);
    const found = own.find(({ name }) => name === params.name);
    if (!found) throw new ApiError(404, "API key not found");
    return found;
  };
  const remove = (call: ApiCall) => {
    keys.remove(ofCall(call));
    sendEmpty(call.response, 204);
  };

  routes.add("POST", "/api-keys", {
    handle: async (call) => {
      const body = await parseApiBody(call.request, createSchema);
      const { organizationId } = call.key;
      if (keys.ofOrganization(organizationId).some(({ name }) => name === body.name))
        throw new ApiError(409, "API key with this name already exists");
      const made: ApiKey = {
        key: `dtn_${randomBytes(32).toString("hex")}`,
        organizationId,
        permissions: new Set(body.permissions),
        name: body.name,
        createdAt: new Date(),
        expiresAt: body.expiresAt ? new Date(body.expiresAt) : undefined,
        lastUsedAt: undefined,
      };
      keys.add(made);
      sendJson(call.response, 201, {
        ...shared(made),
        value: made.key,
      } satisfies Wire<ApiKeyResponse>);
    },
  });
  routes.add("GET", "/api-keys", {
    handle: ({ key, response }) =>
      sendJson(response, 200, keys.ofOrganization(key.organizationId).map(listed)),
  });
  routes.add("GET", "/api-keys/current", {
    handle: ({ key, response }) => sendJson(response, 200, listed(key)),
  });
  routes.add("GET", "/api-keys/{name}", {
    handle: (call) => sendJson(call.response, 200, listed(ofCall(call))),
  });
  routes.add("DELETE", "/api-keys/{name}", { handle: remove });
  routes.add("DELETE", "/api-keys/{userId}/{name}", {
    handle: (call) => {
      if (call.params.userId !== onlyUser.id) throw new ApiError(404, "API key not found");
      remove(call);
    },
  });
}

/** The generated types have `Date`s; JSON has text. */
type Wire<Dto> = {
  [Field in keyof Dto]: Extract<Dto[Field], Date> extends never
    ? Dto[Field]
    : Exclude<Dto[Field], Date> | string;
};

function listed(key: ApiKey): Wire<ApiKeyList> {
  const value = `${key.key.slice(0, 3)}********************${key.key.slice(-3)}`;
  const lastUsedAt = key.lastUsedAt?.toISOString() ?? null;
  return { ...shared(key), value, lastUsedAt, userId: onlyUser.id };
}

function shared(key: ApiKey) {
  return {
    name: key.name,
    createdAt: key.createdAt.toISOString(),
    permissions: [...(key.permissions ?? permissions)],
    expiresAt: key.expiresAt?.toISOString() ?? null,
  };
}
