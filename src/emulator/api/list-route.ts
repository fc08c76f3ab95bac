import type { SandboxListItem } from "@daytona/api-client";
import type { EmulatorServices } from "../emulator-services.ts";
import { sendJson } from "../http/send.ts";
import type { SandboxEntry } from "../state/sandbox-entry.ts";
import { encodeCursor, type ListQuery, parseListQuery, sortValue } from "../wire/list-query.ts";
import { sandboxListItemDto } from "../wire/sandbox-dto.ts";
import { type ApiCall, type ApiRoutes, isVanished } from "./api-call.ts";

export function addListRoute(routes: ApiRoutes, services: EmulatorServices): void {
  routes.add("GET", "/sandbox", { handle: (call) => listSandboxes(services, call) });
}

function listSandboxes(services: EmulatorServices, call: ApiCall): void {
  const query = parseListQuery(call.query);
  const includeErroredDeleted = call.query.get("includeErroredDeleted") === "true";
  const surroundings = {
    profile: services.profile,
    toolboxProxyUrl: services.address().toolboxProxyUrl,
  };
  const items = services.store
    .ofOrganization(call.key.organizationId)
    .filter((entry) => isListed(services, entry, includeErroredDeleted))
    .map(({ record }) => sandboxListItemDto(record, surroundings))
    .filter(query.accepts);
  sendJson(call.response, 200, pageOf(items, query));
}

/** One page in order, and where the next one begins: after the sort value and id of the last item. */
function pageOf(items: SandboxListItem[], { sort, descending, limit, after }: ListQuery) {
  const direction = descending ? -1 : 1;
  const keyOf = (item: SandboxListItem) => ({ value: sortValue(item, sort), id: item.id });
  const compare = (a: { value: string | number; id: string }, b: typeof a) =>
    direction * (order(a.value, b.value) || order(a.id, b.id));
  const sorted = items.toSorted((a, b) => compare(keyOf(a), keyOf(b)));
  const rest = after ? sorted.filter((item) => compare(keyOf(item), after) > 0) : sorted;
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  const nextCursor = last && rest.length > page.length ? encodeCursor(keyOf(last)) : null;
  return { items: page, nextCursor };
}

function order(a: string | number, b: string | number): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

export function isListed(
  services: EmulatorServices,
  entry: SandboxEntry,
  includeErroredDeleted: boolean,
): boolean {
  const { state, desiredState } = entry.record;
  const errored = state === "error" || state === "build_failed";
  if (errored && desiredState === "destroyed" && !includeErroredDeleted) return false;
  if (isVanished(services, entry)) return false;
  return !services.faults.suffers("unlisted", entry.subject);
}
