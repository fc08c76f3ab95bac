import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ClientRequest } from "node:http";
import { untilAborted } from "../../core/delay.ts";

interface Scope {
  readonly requests: Set<ClientRequest>;
  isEnded: boolean;
}

/**
 * One for all connections: up to Node 22 every promise and timer of the host process goes through each storage there is, and
 * through one that is no longer used too.
 */
const storage = new AsyncLocalStorage<Scope>();
const requestStart = "http.client.request.start";
let connections = 0;

function onRequest(event: unknown): void {
  const scope = storage.getStore();
  const { request } = event as { request?: ClientRequest };
  if (scope === undefined || request === undefined) return;
  if (scope.isEnded) {
    request.destroy();
    return;
  }
  scope.requests.add(request);
  request.once("close", () => scope.requests.delete(request));
}

/**
 * Gives the SDK's calls, which take no signal, one: Node tells of every HTTP request with the asynchronous context that it was
 * made in, so the requests of one call can be found and closed. Without it an abandoned request would keep the host process
 * alive until its own time-out.
 */
export class CancellableRequests {
  readonly #scopes = new Set<Scope>();
  #isClosed = false;

  constructor() {
    connections += 1;
    if (connections === 1) subscribe(requestStart, onRequest);
  }

  /** Runs a call of the SDK; when the signal ends first, rejects with its reason and closes the call's requests. */
  async run<Value>(signal: AbortSignal, call: () => Promise<Value>): Promise<Value> {
    const scope: Scope = { requests: new Set(), isEnded: signal.aborted };
    if (scope.isEnded) throw signal.reason;
    this.#scopes.add(scope);
    try {
      return await untilAborted(storage.run(scope, call), signal);
    } finally {
      this.#end(scope);
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const scope of [...this.#scopes]) this.#end(scope);
    connections -= 1;
    if (connections > 0) return;
    unsubscribe(requestStart, onRequest);
    storage.disable();
  }

  #end(scope: Scope): void {
    scope.isEnded = true;
    this.#scopes.delete(scope);
    for (const request of scope.requests) request.destroy();
  }
}
