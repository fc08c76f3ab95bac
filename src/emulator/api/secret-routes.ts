import type {
  CreateSecret,
  ListSecretsResponse,
  Secret,
  UpdateSandboxSecrets,
  UpdateSecret,
} from "@daytona/api-client";
import * as z from "zod/mini";
import type { EmulatorServices } from "../emulator-services.ts";
import { ApiError } from "../http/api-error.ts";
import { sendEmpty, sendJson } from "../http/send.ts";
import { sandboxEnvironment } from "../state/sandbox-environment.ts";
import { placeholderPrefix, type SecretRecord } from "../state/secrets.ts";
import { environmentOf } from "../toolbox/environment/environment-of.ts";
import { parseApiBody } from "../wire/parse-body.ts";
import { type ApiCall, type ApiRoutes, sandboxOfCall, sendSandbox } from "./api-call.ts";

const hosts = z.optional(z.array(z.string()));

const createSchema = z.object({
  name: z.string().check(z.regex(/^[A-Za-z0-9_-]+$/, "must match /^[A-Za-z0-9_-]+$/")),
  value: z.string().check(z.minLength(1)),
  description: z.optional(z.string()),
  hosts,
} satisfies { [Field in keyof CreateSecret]-?: z.ZodMiniType });

const updateSchema = z.object({
  value: z.optional(z.string().check(z.minLength(1))),
  description: z.optional(z.string()),
  hosts,
} satisfies { [Field in keyof UpdateSecret]-?: z.ZodMiniType });

const mountsSchema = z.object({
  secrets: z.array(z.record(z.string(), z.string())),
} satisfies { [Field in keyof UpdateSandboxSecrets]-?: z.ZodMiniType });

const mostPerPage = 200;
const defaultPerPage = 100;
const sortFields = ["name", "createdAt", "updatedAt"] as const;

/** Secrets as data: sandboxes get placeholders, and nothing replaces those on the way out. */
export function addSecretRoutes(routes: ApiRoutes, services: EmulatorServices): void {
  const { secrets, clock } = services;
  const manage = "manage:secrets" as const;
  const ofCall = ({ key, params }: ApiCall): SecretRecord => {
    const { secretId = "" } = params;
    const found = secrets.ofOrganization(key.organizationId).find(({ id }) => id === secretId);
    if (!found) throw new ApiError(404, `Secret with ID ${secretId} not found`);
    return found;
  };

  routes.add("POST", "/secret", {
    permission: manage,
    handle: async (call) => {
      const body = await parseApiBody(call.request, createSchema);
      const { organizationId } = call.key;
      if (secrets.ofOrganization(organizationId).some(({ name }) => name === body.name))
        throw new ApiError(409, `Secret with name ${body.name} already exists`);
      const { name, value, description, hosts: allowed = [] } = body;
      const given = { organizationId, name, value, description, hosts: allowed };
      sendJson(call.response, 201, secretDto(secrets.add(given, clock.now())));
    },
  });
  routes.add("GET", "/secret", {
    handle: ({ key, response }) =>
      sendJson(response, 200, secrets.ofOrganization(key.organizationId).map(secretDto)),
  });
  routes.add("GET", "/secret/paginated", {
    handle: ({ key, query, response }) =>
      sendJson(response, 200, page(secrets.ofOrganization(key.organizationId), query)),
  });
  routes.add("GET", "/secret/{secretId}", {
    handle: (call) => sendJson(call.response, 200, secretDto(ofCall(call))),
  });
  routes.add("PATCH", "/secret/{secretId}", {
    permission: manage,
    handle: async (call) => {
      const record = ofCall(call);
      const body = await parseApiBody(call.request, updateSchema);
      record.value = body.value ?? record.value;
      record.description = body.description ?? record.description;
      record.hosts = body.hosts ?? record.hosts;
      record.updatedAt = clock.now().toISOString();
      sendJson(call.response, 200, secretDto(record));
    },
  });
  routes.add("DELETE", "/secret/{secretId}", {
    permission: manage,
    handle: (call) => {
      secrets.remove(ofCall(call));
      sendEmpty(call.response, 204);
    },
  });
  routes.add("PUT", "/sandbox/{sandboxIdOrName}/secrets", {
    permission: "write:sandboxes",
    handle: async (call) => {
      const entry = sandboxOfCall(services, call);
      const body = await parseApiBody(call.request, mountsSchema);
      const placeholders = secretPlaceholders(services, call.key.organizationId, body.secrets);
      const { record, daemon } = entry;
      const environment = environmentOf(daemon, record);
      record.secretPlaceholders = placeholders;
      environment.change(
        { set: placeholders, unset: [], unsetValuePrefix: placeholderPrefix },
        sandboxEnvironment(record),
      );
      await entry.save();
      sendSandbox(services, call, entry);
    },
  });
}

/**
 * Environment variables with the placeholders of the secrets that they name.
 *
 * @throws ApiError 400 for a bad variable, 404 for an unknown secret.
 */
export function secretPlaceholders(
  { secrets }: EmulatorServices,
  organizationId: string,
  mounts: readonly Readonly<Record<string, string>>[],
): Record<string, string> {
  const own = secrets.ofOrganization(organizationId);
  const placeholders: Record<string, string> = {};
  for (const [variable, name] of mounts.flatMap((mount) => Object.entries(mount))) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(variable))
      throw new ApiError(400, `Invalid environment variable name: ${variable}`);
    const secret = own.find((record) => record.name === name);
    if (!secret) throw new ApiError(404, `Secret with name ${name} not found`);
    placeholders[variable] = secret.placeholder;
  }
  return placeholders;
}

/** The generated type has `Date`s; JSON has text. */
type WireSecret = Omit<Secret, "createdAt" | "updatedAt"> & {
  createdAt: string;
  updatedAt: string;
};

function secretDto(record: SecretRecord): WireSecret {
  const { id, name, description, hosts: allowed, placeholder, createdAt, updatedAt } = record;
  return {
    id,
    name,
    ...(description === undefined ? {} : { description }),
    hosts: [...allowed],
    placeholder,
    createdAt,
    updatedAt,
  };
}

/** The cursor is the place in the order, which is the same as long as nothing is added or removed. */
function page(
  records: readonly SecretRecord[],
  query: URLSearchParams,
): Omit<ListSecretsResponse, "items"> & { items: WireSecret[] } {
  const limit = Number(query.get("limit") ?? defaultPerPage);
  if (!Number.isInteger(limit) || limit < 1 || limit > mostPerPage)
    throw new ApiError(400, `limit must be a number between 1 and ${mostPerPage}`);
  const sort = sortFields.find((field) => field === query.get("sort")) ?? "createdAt";
  const direction = query.get("order") === "asc" ? 1 : -1;
  const name = query.get("name")?.toLowerCase() ?? "";
  const found = records
    .filter((record) => record.name.toLowerCase().includes(name))
    .toSorted((one, other) => direction * one[sort].localeCompare(other[sort]));
  const cursor = query.get("cursor");
  const start = cursor ? Number(Buffer.from(cursor, "base64").toString("utf8")) : 0;
  if (!Number.isInteger(start) || start < 0) throw new ApiError(400, "Invalid cursor");
  const end = start + limit;
  return {
    items: found.slice(start, end).map(secretDto),
    total: found.length,
    nextCursor: end < found.length ? Buffer.from(String(end)).toString("base64") : null,
  };
}
