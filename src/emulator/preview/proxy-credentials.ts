import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { EmulatorServices } from "../emulator-services.ts";
import { bearerToken } from "../http/api-keys.ts";
import type { SandboxEntry } from "../state/sandbox-entry.ts";

export const previewTokenHeader = "x-daytona-preview-token";
export const authKeyParameter = "DAYTONA_SANDBOX_AUTH_KEY";

const cookieLifetimeMs = 3_600_000;

/** The outcome of looking for credentials: the sandbox that they open, or why they do not. */
export type Credentials =
  | { readonly entry: SandboxEntry; readonly by: "bearer" | "token" | "query" | "cookie" }
  | { readonly failures: readonly string[] };

/** Tries bearer, header, query and cookie, in the order of the Daytona v0.190 proxy. */
export function findCredentials(
  services: EmulatorServices,
  cookies: PreviewCookies,
  request: IncomingMessage,
  query: URLSearchParams,
  sandboxIdOrToken: string,
): Credentials {
  const failures: string[] = [];
  const entry = services.store.byId(sandboxIdOrToken);
  const opens = (token: string) => entry !== undefined && token === entry.record.previewToken;

  if (bearerToken(request) !== undefined) {
    const key = services.keys.ofRequest(request);
    if (key && entry?.record.organizationId === key.organizationId) return { entry, by: "bearer" };
    failures.push("Bearer token is invalid");
  }
  const header = request.headers[previewTokenHeader];
  if (typeof header === "string") {
    if (entry && opens(header)) return { entry, by: "token" };
    failures.push("Auth key header is invalid");
  }
  const parameter = query.get(authKeyParameter);
  if (parameter) {
    if (entry && opens(parameter)) return { entry, by: "query" };
    failures.push("Auth key query parameter is invalid");
  }
  const remembered = cookies.sandboxId(request, sandboxIdOrToken);
  const known = remembered === undefined ? undefined : services.store.byId(remembered);
  if (known) return { entry: known, by: "cookie" };
  return { failures };
}

/** The cookies that a visit with a signed URL leaves behind. They outlive the token. */
export class PreviewCookies {
  readonly #sandboxes = new Map<string, { sandboxId: string; endsAtMs: number }>();

  /** A `Set-Cookie` value for the host of this token. */
  issue(token: string, sandboxId: string): string {
    const value = randomBytes(24).toString("base64url");
    this.#sandboxes.set(`${token} ${value}`, {
      sandboxId,
      endsAtMs: Date.now() + cookieLifetimeMs,
    });
    return `${cookieName(token)}=${value}; Path=/; Max-Age=${cookieLifetimeMs / 1000}; HttpOnly`;
  }

  sandboxId(request: IncomingMessage, sandboxIdOrToken: string): string | undefined {
    const value = cookieOf(request, cookieName(sandboxIdOrToken));
    const found = this.#sandboxes.get(`${sandboxIdOrToken} ${value}`);
    return found && found.endsAtMs > Date.now() ? found.sandboxId : undefined;
  }
}

export function cookieOf(request: IncomingMessage, name: string): string | undefined {
  const pairs = (request.headers.cookie ?? "").split(";").map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

function cookieName(sandboxIdOrToken: string): string {
  return `daytona-sandbox-auth-${sandboxIdOrToken}`;
}
