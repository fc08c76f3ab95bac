/** Which part of the server a request went to. */
export type RequestSurface = "api" | "toolbox" | "preview" | "storage" | "admin" | "dashboard";

/** One request as the emulator saw it. Holds no header and, except for `POST /sandbox` or `POST /snapshots`, no body. */
export interface LoggedRequest {
  readonly surface: RequestSurface;
  readonly method: string;
  /** Template of the route, such as `/sandbox/{sandboxIdOrName}` or `/toolbox/{sandboxId}/process/execute`. */
  readonly path: string;
  readonly sandboxId: string | undefined;
  readonly at: Date;
  /** Undefined while unanswered, and when the connection was destroyed without an answer. */
  readonly status: number | undefined;
  /** The parsed body of a `POST /sandbox` or `POST /snapshots`, as it was sent; undefined for every other request. */
  readonly body: unknown;
}

export interface RequestFilter {
  readonly surface?: RequestSurface;
  readonly method?: string;
  readonly path?: string | RegExp;
  readonly sandboxId?: string;
  readonly status?: number;
}

export type MutableLoggedRequest = { -readonly [Key in keyof LoggedRequest]: LoggedRequest[Key] };

const mostRequestsKept = 10_000;

/** The requests that reached the emulator, oldest first; the newest 10 000 are kept. */
export class RequestLog {
  #requests: MutableLoggedRequest[] = [];

  /** Used by the server: adds a request whose status is filled in when it is answered. */
  add(request: MutableLoggedRequest): void {
    this.#requests.push(request);
    if (this.#requests.length > mostRequestsKept) this.#requests.shift();
  }

  list(filter: RequestFilter = {}): LoggedRequest[] {
    return this.#requests
      .filter((request) => matches(request, filter))
      .map((request) => ({ ...request }));
  }

  count(filter: RequestFilter = {}): number {
    return this.#requests.filter((request) => matches(request, filter)).length;
  }

  clear(): void {
    this.#requests = [];
  }
}

function matches(request: LoggedRequest, filter: RequestFilter): boolean {
  const { path } = filter;
  if (filter.surface !== undefined && filter.surface !== request.surface) return false;
  if (filter.method !== undefined && filter.method !== request.method) return false;
  if (filter.sandboxId !== undefined && filter.sandboxId !== request.sandboxId) return false;
  if (filter.status !== undefined && filter.status !== request.status) return false;
  if (path === undefined) return true;
  return typeof path === "string" ? path === request.path : path.test(request.path);
}
