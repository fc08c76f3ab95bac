import { AuthenticationError, PermissionError } from "../../contract/provider-errors.ts";
import type { ResolvedDaytonaConfig } from "./daytona-config.ts";

export interface JsonAnswer {
  readonly status: number;
  /** Undefined when the answer is no JSON. */
  readonly body: unknown;
  readonly isPage: boolean;
  readonly location: string | undefined;
}

/** GET of the control plane for what the SDK has no call for. The key goes to `apiUrl` alone: no redirect is followed. */
export async function getJson(
  { apiUrl, apiKey }: Pick<ResolvedDaytonaConfig, "apiUrl" | "apiKey">,
  path: string,
  signal: AbortSignal,
  options: { readonly anonymous?: boolean } = {},
): Promise<JsonAnswer> {
  const response = await fetch(`${apiUrl}${path}`, {
    headers: {
      Accept: "application/json",
      ...(options.anonymous === true ? {} : { Authorization: `Bearer ${apiKey}` }),
    },
    redirect: "manual",
    signal,
  });
  const text = await response.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  return {
    status: response.status,
    body,
    isPage: /^\s*</.test(text),
    location: response.headers.get("location") ?? undefined,
  };
}

/** Refusals of the key itself. */
export function throwIfRefused({ status, body }: JsonAnswer): void {
  const message = (body as { message?: unknown } | undefined)?.message;
  const words = typeof message === "string" ? message : `status ${status}`;
  if (status === 401) {
    throw new AuthenticationError(`Daytona does not accept the API key (${words}).`);
  }
  if (status === 403) throw new PermissionError(`The API key may not ask for this (${words}).`);
}
