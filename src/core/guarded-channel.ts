import { SandboxStateError } from "../contract/lifecycle-errors.ts";
import { AuthenticationError, ConfigError, PermissionError } from "../contract/provider-errors.ts";
import { SandboxError } from "../contract/sandbox-error.ts";
import { delay } from "./delay.ts";
import { notRunning } from "./lifecycle/ensure-running.ts";
import { findTwice, isGoingAway, sandboxNotFound } from "./lifecycle/find-sandbox.ts";
import { backoffMs } from "./retry.ts";
import type {
  ByteRange,
  FileUpload,
  SandboxChannel,
  SandboxRecord,
  Transport,
  TransportCall,
} from "./transport.ts";

/** How long a deletion that is under way may take until it is reported as a state instead. */
const goingAwayMs = 10_000;

/**
 * A channel whose failures say what is wrong with the sandbox: the words of a failing provider are no proof of anything, so
 * the provider is asked for the sandbox's state. Gone, stopped and unreachable become three different errors.
 */
export class GuardedChannel implements SandboxChannel {
  readonly #transport: Transport;
  readonly #channel: SandboxChannel;
  readonly #sandboxId: string;

  constructor(transport: Transport, sandboxId: string) {
    this.#transport = transport;
    this.#channel = transport.openChannel(sandboxId);
    this.#sandboxId = sandboxId;
  }

  runScript(script: string, call: TransportCall): Promise<string> {
    return this.#guard(call, () => this.#channel.runScript(script, call));
  }

  read(path: string, range: ByteRange | undefined, call: TransportCall) {
    return this.#guard(call, () => this.#channel.read(path, range, call));
  }

  upload(files: readonly FileUpload[], call: TransportCall): Promise<void> {
    return this.#guard(call, () => this.#channel.upload(files, call));
  }

  /** Not explained: whoever asks goes on without. Undefined where the provider has none. */
  get openTerminal(): SandboxChannel["openTerminal"] {
    return this.#channel.openTerminal?.bind(this.#channel);
  }

  get listTerminals(): SandboxChannel["listTerminals"] {
    if (this.#channel.listTerminals === undefined) return undefined;
    return (call) =>
      this.#guard(call, async () => (await this.#channel.listTerminals?.(call)) ?? []);
  }

  async #guard<Value>(call: TransportCall, request: () => Promise<Value>): Promise<Value> {
    try {
      return await request();
    } catch (error) {
      const isCertain =
        call.signal.aborted ||
        error instanceof AuthenticationError ||
        error instanceof PermissionError ||
        error instanceof ConfigError;
      if (isCertain) throw error;
      throw await this.#explain(error, call);
    }
  }

  async #explain(error: unknown, call: TransportCall): Promise<unknown> {
    let record: SandboxRecord | undefined;
    try {
      record = await this.#findSettled(call);
    } catch {
      // Neither the sandbox nor the provider answers; the first failure is the one to report, unless the caller's time is over.
      return call.signal.aborted ? call.signal.reason : error;
    }
    if (record === undefined) return because(error, sandboxNotFound(this.#sandboxId, "request"));
    if (record.state === "running" || error instanceof SandboxStateError) return error;
    return because(error, notRunning(record, "request"));
  }

  /** The sandbox, or undefined when it is gone. One that is just being deleted is looked at until it is. */
  async #findSettled(call: TransportCall): Promise<SandboxRecord | undefined> {
    const startedAtMs = performance.now();
    for (let attempt = 0; ; attempt++) {
      const record = await findTwice(this.#transport, this.#sandboxId, call);
      const isLast = performance.now() - startedAtMs > goingAwayMs;
      if (record === undefined || !isGoingAway(record) || isLast) return record;
      await delay(backoffMs(attempt), call.signal);
    }
  }
}

/** Keeps the first failure as the cause: only it tells whether the request may have begun. */
function because(cause: unknown, explained: SandboxError): SandboxError {
  if (!SandboxError.is(cause)) return explained;
  return Object.defineProperty(explained, "cause", { value: cause, configurable: true });
}
