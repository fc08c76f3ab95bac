import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ClientRequest } from "node:http";
import { untilAborted } from "../../core/delay.ts";

const requestStart = "http.client.request.start";

interface Scope {
  readonly requests: Set<ClientRequest>;
  isEnded: boolean;
}

/**
 * Gives the SDK's calls, which take no signal, one: Node tells of every HTTP request with the asynchronous context that it was
 * made in, so the requests of one call can be found and closed. Without it an abandoned request would keep the host process
 * alive until its own time-out.
 */
export class CancellableRequests {
  readonly #storage = new AsyncLocalStorage<Scope>();
  readonly #scopes = new Set<Scope>();
  readonly #onRequest = (event: unknown): void => {
    const scope = this.#storage.getStore();
    const { request } = event as { request?: ClientRequest };
    if (scope === undefined || request === undefined) return;
    if (scope.isEnded) {
      request.destroy();
      return;
    }
    scope.requests.add(request);
    request.once("close", () => scope.requests.delete(request));
  };

  constructor() {
    subscribe(requestStart, this.#onRequest);
  }

  /** Runs a call of the SDK; when the signal ends first, rejects with its reason and closes the call's requests. */
  async run<Value>(signal: AbortSignal, call: () => Promise<Value>): Promise<Value> {
    const scope: Scope = { requests: new Set(), isEnded: signal.aborted };
    if (scope.isEnded) throw signal.reason;
    this.#scopes.add(scope);
    try {
      return await untilAborted(this.#storage.run(scope, call), signal);
    } finally {
      this.#end(scope);
    }
  }

  close(): void {
    unsubscribe(requestStart, this.#onRequest);
    for (const scope of [...this.#scopes]) this.#end(scope);
  }

  #end(scope: Scope): void {
    scope.isEnded = true;
    this.#scopes.delete(scope);
    for (const request of scope.requests) request.destroy();
  }
}
