import { SandboxStateError } from "../contract/lifecycle-errors.ts";
import { AuthenticationError, ConfigError, PermissionError } from "../contract/provider-errors.ts";
import { notRunning } from "./lifecycle/ensure-running.ts";
import { findTwice, sandboxNotFound } from "./lifecycle/find-sandbox.ts";
import type {
  ByteRange,
  FileUpload,
  SandboxChannel,
  SandboxRecord,
  Transport,
  TransportCall,
} from "./transport.ts";

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
      record = await findTwice(this.#transport, this.#sandboxId, call);
    } catch {
      // Neither the sandbox nor the provider answers; the first failure is the one to report.
      return error;
    }
    if (record === undefined) return sandboxNotFound(this.#sandboxId, "request");
    if (record.state === "running" || error instanceof SandboxStateError) return error;
    return notRunning(record, "request");
  }
}
