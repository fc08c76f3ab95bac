import type { EmulatorServices } from "../emulator-services.ts";
import type { SandboxEntry } from "../state/sandbox-entry.ts";
import { type ApiCall, type ApiRoutes, sandboxOfCall, sendSandbox } from "./api-call.ts";
import {
  checkArchive,
  checkDelete,
  checkFork,
  checkPause,
  checkRecover,
  checkStart,
  checkStop,
} from "./lifecycle-rules.ts";
import { checkQuotas } from "./quota-rules.ts";
import { waitUntilStarted } from "./wait-until-started.ts";

type Move = (entry: SandboxEntry, call: ApiCall) => void | Promise<void>;

/** Delete, start, stop, archive, recover, pause, fork: check the state, begin the move, answer with the sandbox. */
export function addLifecycleRoutes(routes: ApiRoutes, services: EmulatorServices): void {
  const { lifecycle } = services;
  const sandbox = "/sandbox/{sandboxIdOrName}";
  const move = (perform: Move) => async (call: ApiCall) => {
    const entry = sandboxOfCall(services, call);
    await perform(entry, call);
    sendSandbox(services, call, entry);
  };
  const write = "write:sandboxes" as const;

  routes.add("DELETE", sandbox, {
    permission: "delete:sandboxes",
    handle: move((entry) => {
      checkDelete(entry.record);
      lifecycle.destroy(entry);
    }),
  });
  routes.add("POST", `${sandbox}/start`, {
    permission: write,
    handle: move(async (entry, call) => {
      const { record } = entry;
      if (record.state === "started" && record.desiredState === "started") return;
      checkStart(record);
      checkQuotas(services, record);
      const stopped = record.state === "stopped";
      lifecycle.start(entry);
      if (stopped) await waitUntilStarted(services, entry, call.response);
    }),
  });
  routes.add("POST", `${sandbox}/stop`, {
    permission: write,
    handle: move((entry, call) => {
      checkStop(entry.record);
      lifecycle.stop(entry, { force: call.query.get("force") === "true" });
    }),
  });
  routes.add("POST", `${sandbox}/archive`, {
    permission: write,
    handle: move((entry) => {
      checkArchive(entry.record);
      lifecycle.archive(entry);
    }),
  });
  routes.add("POST", `${sandbox}/recover`, {
    permission: write,
    handle: move(async (entry, call) => {
      checkRecover(entry.record);
      const start = call.query.get("skipStart") !== "true";
      lifecycle.recover(entry, { start });
      if (start) await waitUntilStarted(services, entry, call.response);
    }),
  });
  routes.add("POST", `${sandbox}/pause`, {
    permission: write,
    handle: move(({ record }) => checkPause(record)),
  });
  routes.add("POST", `${sandbox}/fork`, {
    permission: write,
    handle: move(({ record }) => checkFork(record)),
  });
}
