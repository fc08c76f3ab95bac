import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { accessDenied } from "./storage-error.ts";

/** Daytona v0.190: an hour. */
const lifetimeMs = 60 * 60_000;

export interface PushAccess {
  readonly accessKey: string;
  readonly secret: string;
  readonly sessionToken: string;
  readonly organizationId: string;
  readonly expiresAtMs: number;
}

/**
 * The credentials that `GET /object-storage/push-access` hands out, each for the objects of one organisation. A request proves
 * itself by access key and session token; its signature is not calculated again.
 */
export class PushAccesses {
  readonly #byAccessKey = new Map<string, PushAccess>();

  grant(organizationId: string): PushAccess {
    const now = Date.now();
    for (const [key, { expiresAtMs }] of this.#byAccessKey)
      if (expiresAtMs <= now) this.#byAccessKey.delete(key);
    const access: PushAccess = {
      accessKey: `EMULATOR${randomBytes(6).toString("hex").toUpperCase()}`,
      secret: randomBytes(20).toString("hex"),
      sessionToken: randomBytes(32).toString("base64url"),
      organizationId,
      expiresAtMs: now + lifetimeMs,
    };
    this.#byAccessKey.set(access.accessKey, access);
    return access;
  }

  /** @throws StorageError 403 for credentials that were not handed out, or that have expired. */
  ofRequest(request: IncomingMessage): PushAccess {
    const { authorization = "" } = request.headers;
    const [, accessKey = ""] = /^AWS4-HMAC-SHA256 Credential=([^/,]+)\//.exec(authorization) ?? [];
    const access = this.#byAccessKey.get(accessKey);
    if (!access) throw accessDenied();
    if (request.headers["x-amz-security-token"] !== access.sessionToken) throw accessDenied();
    if (access.expiresAtMs <= Date.now()) throw accessDenied("The provided token has expired.");
    return access;
  }
}
