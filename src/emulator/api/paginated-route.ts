import type { EmulatorServices } from "../emulator-services.ts";
import { ApiError } from "../http/api-error.ts";
import { sendJson } from "../http/send.ts";
import { parseListQuery } from "../wire/list-query.ts";
import { sandboxDto, sandboxListItemDto, type WireSandbox } from "../wire/sandbox-dto.ts";
import type { ApiCall, ApiRoutes } from "./api-call.ts";
import { isListed } from "./list-route.ts";

const sortFields = [
  "id",
  "name",
  "state",
  "snapshot",
  "region",
  "updatedAt",
  "createdAt",
  "lastActivityAt",
] as const;

/** The older list, by page number, of whole sandboxes. */
export function addPaginatedRoute(routes: ApiRoutes, services: EmulatorServices): void {
  routes.add("GET", "/sandbox/paginated", { handle: (call) => listPage(services, call) });
}

/** The generated client knows this answer no more. */
interface Page {
  readonly items: readonly WireSandbox[];
  readonly total: number;
  readonly page: number;
  readonly totalPages: number;
}

function listPage(services: EmulatorServices, { query, key, response }: ApiCall): void {
  const page = whole(query, "page", 1);
  const limit = whole(query, "limit", 100);
  if (limit > 200) throw new ApiError(400, "limit must not be greater than 200");
  const sort = query.get("sort") ?? "createdAt";
  const field = sortFields.find((name) => name === sort);
  if (field === undefined)
    throw new ApiError(400, `sort must be one of the following values: ${sortFields.join(", ")}`);
  const direction = query.get("order") === "asc" ? 1 : -1;
  const { profile, store } = services;
  const surroundings = { profile, toolboxProxyUrl: services.address().toolboxProxyUrl };
  const { accepts } = parseListQuery(filtersOnly(query));
  const found = store
    .ofOrganization(key.organizationId)
    .filter((entry) => isListed(services, entry, query.get("includeErroredDeleted") === "true"))
    .filter(({ record }) => accepts(sandboxListItemDto(record, surroundings)))
    .map(({ record }) => sandboxDto(record, surroundings))
    .toSorted(
      (one, other) => direction * sortText(one, field).localeCompare(sortText(other, field)),
    );
  sendJson(response, 200, {
    items: found.slice((page - 1) * limit, page * limit),
    total: found.length,
    page,
    totalPages: Math.ceil(found.length / limit),
  } satisfies Page);
}

/** The filters of both lists are the same, but for the name of one. */
function filtersOnly(query: URLSearchParams): URLSearchParams {
  const filters = new URLSearchParams(query);
  for (const name of ["sort", "order", "limit", "page", "cursor"]) filters.delete(name);
  for (const region of query.getAll("regions")) filters.append("regionIds", region);
  return filters;
}

function sortText(sandbox: WireSandbox, field: (typeof sortFields)[number]): string {
  return String((field === "region" ? sandbox.target : sandbox[field]) ?? "");
}

function whole(query: URLSearchParams, name: string, usual: number): number {
  const text = query.get(name);
  if (text === null) return usual;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new ApiError(400, `${name} must not be less than 1`);
  return value;
}
