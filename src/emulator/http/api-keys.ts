import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { ApiKeyOptions, ApiPermission } from "../emulator-options.ts";

export interface ApiKey {
  readonly key: string;
  readonly organizationId: string;
  /** Undefined: every permission. */
  readonly permissions: ReadonlySet<ApiPermission> | undefined;
  readonly name: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | undefined;
  lastUsedAt: Date | undefined;
}

// Fixed, so that an emulator started again on the same directory still owns its sandboxes.
const defaultOrganizationId = "7f0e9a54-0000-4000-8000-000000000009";

/** The keys that the emulator accepts. */
export class ApiKeys {
  readonly #keys: Map<string, ApiKey>;
  /** The first key. */
  readonly primary: ApiKey;

  constructor(options: readonly ApiKeyOptions[] | undefined) {
    const given = options?.length ? options : [{ key: `dtn_${randomBytes(32).toString("hex")}` }];
    const createdAt = new Date();
    const keys = given.map(
      ({ key, organizationId, permissions }, index): ApiKey => ({
        key,
        organizationId: organizationId ?? defaultOrganizationId,
        permissions: permissions && new Set(permissions),
        name: index === 0 ? "emulator" : `emulator-${index + 1}`,
        createdAt,
        expiresAt: undefined,
        lastUsedAt: undefined,
      }),
    );
    this.#keys = new Map(keys.map((key) => [key.key, key]));
    this.primary = keys[0] as ApiKey;
  }

  /** The key of the request's `Authorization: Bearer` header, when it is one of ours. */
  ofRequest(request: IncomingMessage): ApiKey | undefined {
    const token = bearerToken(request);
    return token === undefined ? undefined : this.ofToken(token);
  }

  ofToken(token: string): ApiKey | undefined {
    const key = this.#keys.get(token);
    if (key === undefined || (key.expiresAt && key.expiresAt.getTime() <= Date.now()))
      return undefined;
    key.lastUsedAt = new Date();
    return key;
  }

  ofOrganization(organizationId: string): ApiKey[] {
    return [...this.#keys.values()].filter((key) => key.organizationId === organizationId);
  }

  add(key: ApiKey): void {
    this.#keys.set(key.key, key);
  }

  /** From now on nobody gets in with it. */
  remove({ key }: ApiKey): void {
    this.#keys.delete(key);
  }
}

export function bearerToken(request: IncomingMessage): string | undefined {
  const header = request.headers.authorization;
  return header?.startsWith("Bearer ") ? header.slice("Bearer ".length).trim() : undefined;
}
