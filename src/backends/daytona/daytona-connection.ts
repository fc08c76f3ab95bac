import { ProtocolError } from "../../contract/provider-errors.ts";
import type { TransportCall } from "../../core/transport.ts";
import { CancellableRequests } from "./cancellable-requests.ts";
import type { ResolvedDaytonaConfig } from "./daytona-config.ts";
import { classifyDaytonaError } from "./daytona-errors.ts";
import {
  createDaytonaClient,
  type DaytonaClient,
  type DaytonaSandbox,
  type DaytonaSdk,
  loadSdk,
} from "./daytona-sdk.ts";

/** No single request may take longer: the SDK's own default is a day. */
const requestTimeoutMs = 60_000;

/** One client of the SDK, made at first use, and its handles of sandboxes. */
export class DaytonaConnection {
  readonly #config: ResolvedDaytonaConfig;
  readonly #requests = new CancellableRequests();
  readonly #handles = new Map<string, DaytonaSandbox>();
  #client: Promise<DaytonaClient> | undefined;
  #sdk: Promise<DaytonaSdk> | undefined;

  constructor(config: ResolvedDaytonaConfig) {
    this.#config = config;
  }

  /** For what the SDK has no call for. */
  get access(): Pick<ResolvedDaytonaConfig, "apiUrl" | "apiKey"> {
    return this.#config;
  }

  get apiKey(): string {
    return this.#config.apiKey;
  }

  /** Runs a call of the SDK under the caller's signal. */
  request<Value>(call: TransportCall, run: () => Promise<Value>): Promise<Value> {
    return this.#requests.run(call.signal, run);
  }

  /** The sandbox as the last answer about it had it. */
  known(sandboxId: string): DaytonaSandbox | undefined {
    return this.#handles.get(sandboxId);
  }

  /** A handle of that sandbox, as fresh as the last answer about it. */
  async sandbox(sandboxId: string, call: TransportCall): Promise<DaytonaSandbox> {
    const known = this.#handles.get(sandboxId);
    if (known !== undefined) return known;
    const found = await this.refresh(sandboxId, call);
    if (found !== undefined) return found;
    // Whether it is gone is for the layer above to prove, which asks twice.
    throw new ProtocolError(`Daytona has no sandbox ${sandboxId}.`, { sandboxId });
  }

  /** What Daytona says now; undefined when it says that there is none. */
  async refresh(sandboxIdOrName: string, call: TransportCall): Promise<DaytonaSandbox | undefined> {
    try {
      const client = await this.client();
      const sandbox = await this.request(call, () => client.get(sandboxIdOrName));
      return this.keep(sandbox);
    } catch (error) {
      if (call.signal.aborted) throw call.signal.reason;
      if ((error as { statusCode?: unknown } | undefined)?.statusCode === 404) return undefined;
      throw classifyDaytonaError(error, "api");
    }
  }

  /** Remembers a handle, after a look whether the answer was one: a wrong address answers with a page and status 200. */
  keep(sandbox: DaytonaSandbox): DaytonaSandbox {
    if (typeof sandbox?.id !== "string" || sandbox.id === "") {
      throw new ProtocolError(
        `${this.#config.apiUrl} did not answer like Daytona's API. Check \`apiUrl\`: it ends in /api as a rule.`,
      );
    }
    this.#handles.set(sandbox.id, sandbox);
    return sandbox;
  }

  /** The SDK as a module, loaded once. */
  async sdk(): Promise<DaytonaSdk> {
    this.#sdk ??= loadSdk(this.#config.sdk);
    try {
      return await this.#sdk;
    } catch (error) {
      this.#sdk = undefined;
      throw error;
    }
  }

  async client(): Promise<DaytonaClient> {
    const { apiKey, apiUrl, target } = this.#config;
    this.#client ??= createDaytonaClient(() => this.sdk(), {
      apiKey,
      apiUrl,
      target,
      requestTimeoutMs,
    });
    try {
      return await this.#client;
    } catch (error) {
      // A failed load may be repaired, by an installation for instance; the next call tries again.
      this.#client = undefined;
      throw error;
    }
  }

  close(): void {
    this.#requests.close();
    this.#handles.clear();
  }
}
