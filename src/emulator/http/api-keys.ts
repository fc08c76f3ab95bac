import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { ApiKeyOptions, ApiPermission } from "../emulator-options.ts";

export interface ApiKey {
  readonly key: string;
  readonly organizationId: string;
  /** Undefined: every permission. */
  readonly permissions: ReadonlySet<ApiPermission> | undefined;
}

// Fixed, so that an emulator started again on the same directory still owns its sandboxes.
const defaultOrganizationId = "7f0e9a54-0000-4000-8000-000000000009";

/** The keys that the emulator accepts. */
export class ApiKeys {
  readonly #keys: ReadonlyMap<string, ApiKey>;
  /** The first key. */
  readonly primary: ApiKey;

  constructor(options: readonly ApiKeyOptions[] | undefined) {
    const given = options?.length ? options : [{ key: `dtn_${randomBytes(32).toString("hex")}` }];
    const keys = given.map(({ key, organizationId, permissions }) => ({
      key,
      organizationId: organizationId ?? defaultOrganizationId,
      permissions: permissions && new Set(permissions),
    }));
    this.#keys = new Map(keys.map((key) => [key.key, key]));
    this.primary = keys[0] as ApiKey;
  }

  /** The key of the request's `Authorization: Bearer` header, when it is one of ours. */
  ofRequest(request: IncomingMessage): ApiKey | undefined {
    const token = bearerToken(request);
    return token === undefined ? undefined : this.ofToken(token);
  }

  ofToken(token: string): ApiKey | undefined {
    return this.#keys.get(token);
  }
}

export function bearerToken(request: IncomingMessage): string | undefined {
  const header = request.headers.authorization;
  return header?.startsWith("Bearer ") ? header.slice("Bearer ".length).trim() : undefined;
}
