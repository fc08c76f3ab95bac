import { randomBytes, randomUUID } from "node:crypto";
import type { SshAccessDto, SshAccessValidationDto } from "@daytona/api-client";
import type { EmulatorServices } from "../emulator-services.ts";
import { ApiError } from "../http/api-error.ts";
import { sendJson } from "../http/send.ts";
import { type ApiRoutes, sandboxOfCall, sendSandbox } from "./api-call.ts";

/** A port of this machine on which nothing of the emulator listens. */
const gateway = "localhost -p 2222";
const defaultMinutes = 60;

/** Accesses for an SSH gateway, as data: there is no gateway here. One at a time for a sandbox. */
export function addSshAccessRoutes(routes: ApiRoutes, services: EmulatorServices): void {
  const accesses = new Map<string, { readonly sandboxId: string; readonly expiresAt: Date }>();
  const revoke = (sandboxId: string, token?: string) => {
    for (const [known, access] of accesses)
      if (access.sandboxId === sandboxId && (!token || known === token)) accesses.delete(known);
  };

  routes.add("POST", "/sandbox/{sandboxIdOrName}/ssh-access", {
    permission: "write:sandboxes",
    handle: (call) => {
      const { id } = sandboxOfCall(services, call);
      const minutes = Number(call.query.get("expiresInMinutes") ?? defaultMinutes);
      if (!Number.isFinite(minutes))
        throw new ApiError(400, "Validation failed (numeric string is expected)");
      revoke(id);
      const token = randomBytes(32).toString("hex").slice(0, 32);
      const now = services.clock.now();
      const expiresAt = new Date(now.getTime() + minutes * 60_000);
      accesses.set(token, { sandboxId: id, expiresAt });
      sendJson(call.response, 200, {
        id: randomUUID(),
        sandboxId: id,
        token,
        expiresAt: expiresAt.toISOString(),
        createdAt: now.toISOString(),
        updatedAt: now.toISOString(),
        sshCommand: `ssh ${token}@${gateway}`,
      } satisfies Record<keyof SshAccessDto, string>);
    },
  });
  routes.add("DELETE", "/sandbox/{sandboxIdOrName}/ssh-access", {
    permission: "write:sandboxes",
    handle: (call) => {
      const entry = sandboxOfCall(services, call);
      revoke(entry.id, call.query.get("token") ?? undefined);
      sendSandbox(services, call, entry);
    },
  });
  routes.add("GET", "/sandbox/ssh-access/validate", {
    handle: ({ query, response }) => {
      const access = accesses.get(query.get("token") ?? "");
      const isValid =
        access !== undefined &&
        access.expiresAt > services.clock.now() &&
        services.store.byId(access.sandboxId) !== undefined;
      sendJson(response, 200, {
        valid: isValid,
        sandboxId: isValid ? access.sandboxId : null,
      } satisfies Omit<SshAccessValidationDto, "sandboxId"> & { sandboxId: string | null });
    },
  });
}
