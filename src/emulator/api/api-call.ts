import type { IncomingMessage, ServerResponse } from "node:http";
import type { ApiPermission } from "../emulator-options.ts";
import type { EmulatorServices } from "../emulator-services.ts";
import { sandboxNotFound } from "../http/api-error.ts";
import type { ApiKey } from "../http/api-keys.ts";
import type { MutableLoggedRequest } from "../http/request-log.ts";
import type { RouteTable } from "../http/route-table.ts";
import { sendJson } from "../http/send.ts";
import type { SandboxEntry } from "../state/sandbox-entry.ts";
import { sandboxDto } from "../wire/sandbox-dto.ts";

/** One authenticated request to the control plane. */
export interface ApiCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  readonly params: Readonly<Record<string, string>>;
  readonly key: ApiKey;
  readonly logged: MutableLoggedRequest;
  /** The body of a `POST /sandbox` or `POST /snapshots`, which was read before faults were looked for; else undefined. */
  readonly body: Buffer | undefined;
}

export interface ApiRoute {
  readonly handle: (call: ApiCall) => void | Promise<void>;
  /** Without it: 403. */
  readonly permission?: ApiPermission;
  /** Answered without a key. */
  readonly public?: boolean;
}

export type ApiRoutes = RouteTable<ApiRoute>;

/** The sandbox that the path names, by id or by name, if the caller may see it; else 404. */
export function sandboxOfCall(services: EmulatorServices, call: ApiCall): SandboxEntry {
  const idOrName = call.params.sandboxIdOrName ?? call.params.sandboxId ?? "";
  const entry = services.store.find(idOrName, call.key.organizationId);
  if (!entry || isVanished(services, entry)) throw sandboxNotFound(idOrName);
  call.logged.sandboxId = entry.id;
  return entry;
}

export function isVanished({ faults }: EmulatorServices, entry: SandboxEntry): boolean {
  return faults.suffers("vanish", entry.subject);
}

/** Answers with the whole sandbox. */
export function sendSandbox(services: EmulatorServices, call: ApiCall, entry: SandboxEntry): void {
  sendJson(call.response, 200, dtoOf(services, entry));
}

export function dtoOf({ profile, address }: EmulatorServices, { record }: SandboxEntry) {
  return sandboxDto(record, { profile, toolboxProxyUrl: address().toolboxProxyUrl });
}
