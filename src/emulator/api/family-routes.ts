import type { EmulatorServices } from "../emulator-services.ts";
import { ApiError } from "../http/api-error.ts";
import { sendJson } from "../http/send.ts";
import { backUp } from "../state/back-up.ts";
import { type ApiRoutes, sandboxOfCall, sendSandbox } from "./api-call.ts";

/** Backups, and the forks of a sandbox: none has any, since forking is refused. */
export function addFamilyRoutes(routes: ApiRoutes, services: EmulatorServices): void {
  const sandbox = "/sandbox/{sandboxIdOrName}";
  for (const relatives of ["forks", "ancestors"]) {
    routes.add("GET", `${sandbox}/${relatives}`, {
      handle: (call) => {
        sandboxOfCall(services, call);
        sendJson(call.response, 200, []);
      },
    });
  }
  routes.add("GET", `${sandbox}/parent`, {
    handle: (call) => {
      const { id } = sandboxOfCall(services, call);
      throw new ApiError(404, `Sandbox ${id} has no parent`);
    },
  });
  routes.add("POST", `${sandbox}/backup`, {
    permission: "write:sandboxes",
    handle: (call) => {
      const entry = sandboxOfCall(services, call);
      const { record } = entry;
      if (record.autoDeleteInterval === 0)
        throw new ApiError(400, "Ephemeral sandboxes cannot be backed up");
      if (record.backupState !== "None" && record.backupState !== "Completed")
        throw new ApiError(400, "Sandbox backup is already in progress");
      void backUp(services, entry);
      sendSandbox(services, call, entry);
    },
  });
}
