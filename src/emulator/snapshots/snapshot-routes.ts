import type { SnapshotDto } from "@daytona/api-client";
import type { ApiCall, ApiRoutes } from "../api/api-call.ts";
import type { EmulatorServices } from "../emulator-services.ts";
import { ApiError } from "../http/api-error.ts";
import { sendEmpty, sendJson } from "../http/send.ts";
import { addCreateSnapshotRoutes } from "./create-snapshot.ts";
import { snapshotDto } from "./snapshot-dto.ts";
import type { SnapshotEntry } from "./snapshot-entry.ts";
import {
  checkActivateSnapshot,
  checkDeactivateSnapshot,
  checkDeleteSnapshot,
} from "./snapshot-rules.ts";
import { addSnapshotSandboxRoute } from "./snapshot-sandbox.ts";

const defaultLimit = 100;
const largestLimit = 200;

/** List, get, delete, activate, deactivate, and the snapshot of a sandbox. */
export function addSnapshotRoutes(routes: ApiRoutes, services: EmulatorServices): void {
  const { snapshots, snapshotLifecycle, clock } = services;
  routes.add("GET", "/snapshots", { handle: (call) => listSnapshots(services, call) });
  routes.add("GET", "/snapshots/{id}", {
    handle: (call) => {
      const { id = "" } = call.params;
      const entry = snapshots.find(id, call.key.organizationId);
      if (!entry) throw notFound(id);
      sendJson(call.response, 200, snapshotDto(entry.record));
    },
  });
  /** Changes take the id alone, and not the name. */
  const own = (call: ApiCall): SnapshotEntry => {
    const { id = "" } = call.params;
    const entry = snapshots.byId(id, call.key.organizationId);
    if (!entry) throw notFound(id);
    return entry;
  };
  routes.add("DELETE", "/snapshots/{id}", {
    permission: "delete:snapshots",
    handle: (call) => {
      const entry = own(call);
      checkDeleteSnapshot(entry);
      snapshotLifecycle.delete(entry);
      sendEmpty(call.response, 200);
    },
  });
  routes.add("POST", "/snapshots/{id}/activate", {
    permission: "write:snapshots",
    handle: (call) => {
      const entry = own(call);
      checkActivateSnapshot(services, entry);
      snapshotLifecycle.activate(entry);
      sendJson(call.response, 200, snapshotDto(entry.record));
    },
  });
  routes.add("POST", "/snapshots/{id}/deactivate", {
    permission: "write:snapshots",
    handle: async (call) => {
      const entry = own(call);
      checkDeactivateSnapshot(entry);
      entry.setState("inactive", clock.now());
      await entry.save();
      sendEmpty(call.response, 204);
    },
  });
  addCreateSnapshotRoutes(routes, services);
  addSnapshotSandboxRoute(routes, services);
}

function listSnapshots({ snapshots }: EmulatorServices, call: ApiCall): void {
  const { query, key } = call;
  const page = pageNumber(query, "page", 1, Number.MAX_SAFE_INTEGER);
  const limit = pageNumber(query, "limit", defaultLimit, largestLimit);
  const [name, source] = [query.get("name"), query.get("sourceSandboxId")];
  const found = snapshots
    .visibleTo(key.organizationId)
    .map(({ record }) => record)
    .filter((record) => name === null || record.name.includes(name))
    .filter((record) => source === null || record.sourceSandboxId === source)
    .map(snapshotDto)
    .toSorted(order(query));
  sendJson(call.response, 200, {
    items: found.slice((page - 1) * limit, page * limit),
    total: found.length,
    page,
    totalPages: Math.ceil(found.length / limit),
  });
}

type Sortable = Pick<SnapshotDto, "name" | "state"> & {
  readonly id: string;
  readonly createdAt: string;
  readonly lastUsedAt: string | null;
};

const sortKeys = ["name", "state", "lastUsedAt", "createdAt"] as const;

/** The last used one first, as Daytona's own list. */
function order(query: URLSearchParams): (a: Sortable, b: Sortable) => number {
  const asked = query.get("sort") ?? "lastUsedAt";
  const sort = sortKeys.find((key) => key === asked);
  if (!sort)
    throw new ApiError(400, `sort must be one of the following values: ${sortKeys.join(", ")}`);
  const direction = (query.get("order") ?? "desc") === "asc" ? 1 : -1;
  const keyOf = (item: Sortable): string => `${item[sort] ?? ""} ${item.createdAt} ${item.id}`;
  return (a, b) => direction * (keyOf(a) < keyOf(b) ? -1 : 1);
}

function pageNumber(query: URLSearchParams, name: string, fallback: number, max: number): number {
  const text = query.get(name);
  if (text === null) return fallback;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new ApiError(400, `${name} must be a number between 1 and ${max}`);
}

function notFound(idOrName: string): ApiError {
  return new ApiError(404, `Snapshot with ID or name ${idOrName} not found`);
}
