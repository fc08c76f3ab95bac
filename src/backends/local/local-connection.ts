import { setMaxListeners } from "node:events";
import { mkdir, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { addAbortSignal, type Readable } from "node:stream";
import { AbortError } from "../../contract/lifecycle-errors.ts";
import type { SandboxError } from "../../contract/sandbox-error.ts";
import { untilAborted } from "../../core/delay.ts";
import { sandboxNotFound } from "../../core/lifecycle/find-sandbox.ts";
import type { TransportCall } from "../../core/transport.ts";
import type { EngineSandbox } from "../../engine/engine-types.ts";
import type { LocalEngine } from "../../engine/local-engine.ts";
import { SandboxActivity } from "./local-activity.ts";
import type { ResolvedLocalConfig } from "./local-config.ts";
import { type EngineModule, loadEngine } from "./local-engine-loader.ts";
import { classifyLocalError, type LocalLayer } from "./local-errors.ts";
import { SandboxNames } from "./local-names.ts";

/** The engine on the configured folder. */
export interface OpenEngine {
  readonly module: EngineModule;
  readonly engine: LocalEngine;
  readonly names: SandboxNames;
  readonly activity: SandboxActivity;
  /** A file that is as old as the last sweep. */
  readonly sweepStamp: string;
}

/** One engine, opened at first use. An open engine holds nothing that keeps the process alive. */
export class LocalConnection {
  readonly #directory: string;
  readonly #isolation: ResolvedLocalConfig["isolation"];
  readonly #closing = new AbortController();
  #opening: Promise<OpenEngine> | undefined;

  constructor({ directory, isolation }: ResolvedLocalConfig) {
    // A sandbox of one kind means nothing to an engine of the other.
    this.#directory = join(directory, isolation);
    this.#isolation = isolation;
    // Any number of requests may be on their way; more than ten are no leak that Node has to warn of.
    setMaxListeners(0, this.#closing.signal);
  }

  /** The engine, for work that goes on when its caller gives up. Rejects when the signal has ended. */
  async open(call: TransportCall): Promise<OpenEngine> {
    call.signal.throwIfAborted();
    if (this.#closing.signal.aborted) throw disposed();
    // What was refused may be allowed by the next time, by a setting of the machine for instance.
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#bounded(this.#opening, call);
  }

  /** Runs a call of the engine under the caller's signal; given up, it goes on to its end. */
  async request<Value>(
    call: TransportCall,
    classify: LocalLayer | ((error: unknown) => SandboxError),
    run: (open: OpenEngine) => Promise<Value>,
  ): Promise<Value> {
    const open = await this.open(call);
    call.signal.throwIfAborted();
    try {
      return await this.#bounded(run(open), call);
    } catch (error) {
      if (call.signal.aborted) throw call.signal.reason;
      throw typeof classify === "string" ? classifyLocalError(error, classify) : classify(error);
    }
  }

  /** The sandbox with that ID, to be used: that counts as activity. */
  async sandbox(sandboxId: string, call: TransportCall): Promise<EngineSandbox> {
    const sandbox = await this.request(call, "sandbox", async ({ engine, activity }) => {
      const found = await engine.get(sandboxId);
      if (found !== undefined) await activity.mark(sandboxId);
      return found;
    });
    if (sandbox === undefined) throw sandboxNotFound(sandboxId, "request");
    return sandbox;
  }

  /** Ends the stream with an error when the call or this connection ends first. */
  bindStream(stream: Readable, call: TransportCall): void {
    addAbortSignal(call.signal, stream);
    addAbortSignal(this.#closing.signal, stream);
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(disposed());
    const open = await this.#opening?.catch(() => undefined);
    await open?.engine.close();
  }

  async #bounded<Value>(promise: Promise<Value>, call: TransportCall): Promise<Value> {
    try {
      return await untilAborted(untilAborted(promise, call.signal), this.#closing.signal);
    } catch (error) {
      if (this.#closing.signal.aborted && !call.signal.aborted) throw disposed();
      throw error;
    }
  }

  async #open(): Promise<OpenEngine> {
    const module = await loadEngine();
    const directory = join(this.#directory, "engine");
    let made: string | undefined;
    try {
      made = await mkdir(directory, { recursive: true, mode: 0o700 });
      const engine = await module.LocalEngine.open({ directory, isolation: this.#isolation });
      try {
        const names = await SandboxNames.open(join(this.#directory, "names"), module);
        const activity = await SandboxActivity.open(join(this.#directory, "activity"));
        return { module, engine, names, activity, sweepStamp: join(this.#directory, "last-sweep") };
      } catch (error) {
        await engine.close();
        throw error;
      }
    } catch (error) {
      if (made !== undefined) await removeEmptyFolders(directory, made);
      throw classifyLocalError(error, "directory");
    }
  }
}

/** Each is told to another caller, who is named in it. */
function disposed(): AbortError {
  return new AbortError("The backend was disposed of.");
}

/** Takes back folders that were made for nothing, from the innermost one to `outermost`. */
async function removeEmptyFolders(innermost: string, outermost: string): Promise<void> {
  for (let folder = innermost; folder.length >= outermost.length; folder = dirname(folder)) {
    try {
      await rmdir(folder);
    } catch {
      // Somebody else has put something there meanwhile.
      return;
    }
  }
}
