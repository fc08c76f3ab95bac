import * as z from "zod/mini";
import type { EmulatorServices } from "../emulator-services.ts";
import { ApiError } from "../http/api-error.ts";
import { sendEmpty, sendJson } from "../http/send.ts";
import type { SandboxEntry } from "../state/sandbox-entry.ts";
import type { SandboxRecord } from "../state/sandbox-record.ts";
import { parseApiBody } from "../wire/parse-body.ts";
import { type ApiCall, type ApiRoutes, dtoOf, sandboxOfCall } from "./api-call.ts";
import { checkDomainAllowList, checkNetworkAllowList } from "./create-rules.ts";
import { autoArchiveMinutes } from "./create-sandbox.ts";

const labelsSchema = z.object({ labels: z.record(z.string(), z.string()) });
const networkSchema = z.object({
  networkBlockAll: z.optional(z.boolean()),
  networkAllowList: z.optional(z.string()),
  domainAllowList: z.optional(z.string()),
});

/** Labels, intervals, last activity, network and public flag: changes of the record alone. */
export function addSettingsRoutes(routes: ApiRoutes, services: EmulatorServices): void {
  const sandbox = "/sandbox/{sandboxIdOrName}";
  const { profile } = services;

  const change =
    (status: number, apply: (entry: SandboxEntry, call: ApiCall) => void | Promise<void>) =>
    async (call: ApiCall) => {
      const entry = sandboxOfCall(services, call);
      await apply(entry, call);
      entry.record.updatedAt = services.clock.now().toISOString();
      await entry.save();
      sendJson(call.response, status, dtoOf(services, entry));
    };
  const add = (
    method: "POST" | "PUT",
    path: string,
    status: number,
    apply: (entry: SandboxEntry, call: ApiCall) => void | Promise<void>,
  ) => {
    routes.add(method, path, { permission: "write:sandboxes", handle: change(status, apply) });
  };
  const addInterval = (name: string, apply: (record: SandboxRecord, minutes: number) => void) => {
    add("POST", `${sandbox}/${name}/{interval}`, profile.intervalStatus, ({ record }, call) =>
      apply(record, minutesOf(call)),
    );
  };

  add("PUT", `${sandbox}/labels`, 200, async ({ record }, call) => {
    record.labels = (await parseApiBody(call.request, labelsSchema)).labels;
  });
  addInterval("autostop", (record, minutes) => {
    if (minutes < 0) throw new ApiError(400, "Auto-stop interval must be non-negative");
    record.autoStopInterval = minutes;
  });
  addInterval("autoarchive", (record, minutes) => {
    if (minutes < 0) throw new ApiError(400, "Auto-archive interval must be non-negative");
    record.autoArchiveInterval = autoArchiveMinutes(minutes);
  });
  addInterval("autodelete", (record, minutes) => {
    record.autoDeleteInterval = minutes;
  });
  if (profile.newerRoutes) {
    addInterval("autopause", (record, minutes) => {
      if (minutes < 0) throw new ApiError(400, "Auto-pause interval must be non-negative");
      record.autoPauseInterval = minutes;
    });
    add("POST", `${sandbox}/ttl/{ttlMinutes}`, 200, ({ record }, call) => {
      const minutes = minutesOf(call);
      if (minutes < 0) throw new ApiError(400, "TTL must be non-negative");
      const endMs = Date.parse(record.createdAt) + minutes * 60_000;
      record.autoDestroyAt = minutes === 0 ? undefined : new Date(endMs).toISOString();
    });
  }
  add("POST", `${sandbox}/public/{isPublic}`, profile.intervalStatus, ({ record }, call) => {
    record.public = call.params.isPublic === "true";
  });
  add("POST", `${sandbox}/network-settings`, 200, async ({ record }, call) => {
    applyNetwork(record, await parseApiBody(call.request, networkSchema));
  });
  routes.add("POST", "/sandbox/{sandboxId}/last-activity", {
    handle: (call) => {
      sandboxOfCall(services, call).record.lastActivityAt = services.clock.now().toISOString();
      sendEmpty(call.response, profile.intervalStatus);
    },
  });
}

function minutesOf({ params }: ApiCall): number {
  const text = params.interval ?? params.ttlMinutes ?? "";
  if (!/^-?\d+$/.test(text))
    throw new ApiError(400, "Validation failed (numeric string is expected)");
  return Number(text);
}

/** An allow list ends a full block; `networkBlockAll: false` without a list removes the list. */
function applyNetwork(record: SandboxRecord, body: z.infer<typeof networkSchema>): void {
  if (body.networkAllowList) checkNetworkAllowList(body.networkAllowList);
  if (body.domainAllowList) checkDomainAllowList(body.domainAllowList);
  if (body.networkBlockAll !== undefined) {
    record.networkBlockAll = body.networkBlockAll;
    record.networkAllowList = undefined;
  }
  if (body.networkAllowList !== undefined) {
    record.networkAllowList = body.networkAllowList;
    record.networkBlockAll = false;
  }
  if (body.domainAllowList !== undefined) record.domainAllowList = body.domainAllowList;
}
