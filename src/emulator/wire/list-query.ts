import type { SandboxListItem } from "@daytona/api-client";
import { ApiError } from "../http/api-error.ts";

const sortFields = ["name", "cpu", "memoryGib", "diskGib", "lastActivityAt", "createdAt"] as const;
export type SortField = (typeof sortFields)[number];

export interface ListCursor {
  readonly value: string | number;
  readonly id: string;
}

/** Query of `GET /sandbox` (Daytona openapi API), checked. */
export interface ListQuery {
  readonly accepts: (item: SandboxListItem) => boolean;
  readonly sort: SortField;
  readonly descending: boolean;
  readonly limit: number;
  readonly after: ListCursor | undefined;
}

const mostPerPage = 200;
const defaultPerPage = 100;

export function parseListQuery(query: URLSearchParams): ListQuery {
  const sort = oneOf(query, "sort", sortFields) ?? "lastActivityAt";
  const order = oneOf(query, "order", ["asc", "desc"]) ?? "desc";
  const limit = integer(query, "limit", 1) ?? defaultPerPage;
  if (limit > mostPerPage) throw new ApiError(400, `limit must not be greater than ${mostPerPage}`);
  const filters = filtersOf(query);
  return {
    accepts: (item) => filters.every((filter) => filter(item)),
    sort,
    descending: order === "desc",
    limit,
    after: cursorOf(query.get("cursor")),
  };
}

export function encodeCursor(cursor: ListCursor): string {
  return Buffer.from(JSON.stringify(cursor)).toString("base64");
}

export function sortValue(item: SandboxListItem, field: SortField): string | number {
  switch (field) {
    case "name":
      return item.name;
    case "cpu":
      return item.cpu;
    case "memoryGib":
      return item.memory;
    case "diskGib":
      return item.disk;
    case "lastActivityAt":
      return item.lastActivityAt ?? "";
    case "createdAt":
      return item.createdAt ?? "";
  }
}

type Filter = (item: SandboxListItem) => boolean;

function filtersOf(query: URLSearchParams): Filter[] {
  const filters: Filter[] = [];
  const prefix = (name: "id" | "name") => {
    const wanted = query.get(name)?.toLowerCase();
    if (wanted) filters.push((item) => item[name].toLowerCase().startsWith(wanted));
  };
  const anyOf = (name: string, value: (item: SandboxListItem) => string | undefined) => {
    const wanted = query.getAll(name);
    if (wanted.length > 0) filters.push((item) => wanted.includes(value(item) ?? ""));
  };
  const range = (name: string, value: (item: SandboxListItem) => number) => {
    const least = integer(query, `min${name}`, 0);
    const most = integer(query, `max${name}`, 0);
    if (least !== undefined) filters.push((item) => value(item) >= least);
    if (most !== undefined) filters.push((item) => value(item) <= most);
  };
  const period = (name: string, value: (item: SandboxListItem) => string | undefined) => {
    const after = date(query, `${name}After`);
    const before = date(query, `${name}Before`);
    const at = (item: SandboxListItem) => Date.parse(value(item) ?? "");
    if (after !== undefined) filters.push((item) => at(item) > after);
    if (before !== undefined) filters.push((item) => at(item) < before);
  };
  const flag = (name: string, value: (item: SandboxListItem) => boolean) => {
    const wanted = query.get(name);
    if (wanted !== null) filters.push((item) => value(item) === (wanted === "true"));
  };

  prefix("id");
  prefix("name");
  const labels = labelsOf(query.get("labels"));
  filters.push((item) => labels.every(([name, value]) => item.labels[name] === value));
  if (query.getAll("states").includes("destroyed"))
    throw new ApiError(400, "each value in states must not be destroyed");
  anyOf("states", ({ state }) => state);
  anyOf("snapshots", ({ snapshot }) => snapshot);
  anyOf("regionIds", ({ target }) => target);
  anyOf("sandboxClasses", ({ sandboxClass }) => sandboxClass);
  range("Cpu", ({ cpu }) => cpu);
  range("MemoryGiB", ({ memory }) => memory);
  range("DiskGiB", ({ disk }) => disk);
  range("Gpu", ({ gpu }) => gpu);
  period("createdAt", ({ createdAt }) => createdAt);
  period("lastEvent", ({ lastActivityAt }) => lastActivityAt);
  period("autoDestroyAt", ({ autoDestroyAt }) => autoDestroyAt);
  flag("isPublic", (item) => item.public);
  flag("isRecoverable", ({ recoverable }) => recoverable === true);
  return filters;
}

function labelsOf(text: string | null): [string, unknown][] {
  if (!text) return [];
  try {
    return Object.entries(JSON.parse(text) as Record<string, unknown>);
  } catch {
    throw new ApiError(400, "Invalid labels JSON format");
  }
}

function cursorOf(text: string | null): ListCursor | undefined {
  if (!text) return undefined;
  try {
    const { value, id } = JSON.parse(Buffer.from(text, "base64").toString("utf8")) as ListCursor;
    if (typeof id === "string" && ["string", "number"].includes(typeof value)) return { value, id };
  } catch {
    // Not base64 of JSON: refused below like any other bad cursor.
  }
  throw new ApiError(400, "Invalid cursor");
}

function integer(query: URLSearchParams, name: string, least: number): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (!/^\d+$/.test(text)) throw new ApiError(400, `${name} must be an integer number`);
  const value = Number(text);
  if (value < least) throw new ApiError(400, `${name} must not be less than ${least}`);
  return value;
}

function date(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new ApiError(400, `${name} must be a Date instance`);
  return at;
}

function oneOf<Value extends string>(
  query: URLSearchParams,
  name: string,
  values: readonly Value[],
): Value | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const found = values.find((value) => value === text);
  if (found === undefined)
    throw new ApiError(400, `${name} must be one of the following values: ${values.join(", ")}`);
  return found;
}
