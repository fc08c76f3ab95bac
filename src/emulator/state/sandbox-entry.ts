import { EventEmitter, once } from "node:events";
import type { EngineSandbox } from "../../engine/engine-types.ts";
import { ToolboxDaemon } from "../toolbox/daemon/toolbox-daemon.ts";
import { ShellChoice } from "../toolbox/shell.ts";
import { ImageSandbox } from "./image-sandbox.ts";
import type { SandboxRecord, StoredState } from "./sandbox-record.ts";

/** Key of our record in the engine's metadata. */
export const metadataKey = "daytona";

/** A sandbox as the emulator holds it: the record, and the engine's sandbox once there is one. */
export class SandboxEntry {
  readonly record: SandboxRecord;
  engine: EngineSandbox | undefined;
  /** Aborts the state transition that is under way. */
  transition: AbortController | undefined;
  /** Whether this emulator made the sandbox, rather than found it in its directory. */
  readonly madeHere: boolean;
  /** What faults are compared with: the name is the one it was made with, also when a delete has renamed it. */
  readonly subject: { readonly sandboxId: string; readonly name: string };
  /** Whether the entry point is a process of the sandbox's own, of which the daemon knows nothing. */
  runsEntrypointItself = false;
  readonly shell = new ShellChoice();
  #daemon = new ToolboxDaemon();
  readonly #changes = new EventEmitter().setMaxListeners(0);
  /** Told of each new state. */
  onStateChange: (oldState: StoredState) => void = () => {};
  /** Told of each new desired state, no later than of the state that follows from it. */
  onDesiredStateChange: (oldState: SandboxRecord["desiredState"]) => void = () => {};
  #announcedDesiredState: SandboxRecord["desiredState"];
  #saving: Promise<void> = Promise.resolve();

  constructor(record: SandboxRecord, engine: EngineSandbox | undefined) {
    this.record = record;
    this.engine = engine;
    this.#announcedDesiredState = record.desiredState;
    this.madeHere = engine === undefined;
    this.subject = { sandboxId: record.id, name: record.name };
  }

  /** The sandbox as the daemon of its image sees it. */
  get inside(): EngineSandbox | undefined {
    const { image } = this.record;
    if (!this.engine || !image) return this.engine;
    return new ImageSandbox(this.engine, image.runAs, image.config.workDir);
  }

  get id(): string {
    return this.record.id;
  }

  get daemon(): ToolboxDaemon {
    return this.#daemon;
  }

  /** Ends the daemon, with all that it keeps in memory. Another one takes its place, which answers after `downMs`. */
  replaceDaemon(downMs = 0): void {
    const ended = this.#daemon;
    this.#daemon = new ToolboxDaemon(downMs);
    ended.end();
  }

  setState(state: StoredState, now: Date): void {
    const oldState = this.record.state;
    this.record.state = state;
    this.record.updatedAt = now.toISOString();
    this.record.lastActivityAt = now.toISOString();
    this.#changes.emit("change");
    const oldDesiredState = this.#announcedDesiredState;
    this.#announcedDesiredState = this.record.desiredState;
    if (oldDesiredState !== this.record.desiredState) this.onDesiredStateChange(oldDesiredState);
    if (oldState !== state) this.onStateChange(oldState);
  }

  /** Resolves when the predicate holds, or when the signal aborts. */
  async waitFor(predicate: (record: SandboxRecord) => boolean, signal: AbortSignal): Promise<void> {
    while (!predicate(this.record) && !signal.aborted) {
      try {
        await once(this.#changes, "change", { signal });
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
  }

  /** Writes the record beside the sandbox's files, one write after another. */
  save(): Promise<void> {
    const write = async () => {
      await this.engine?.setMetadata({ [metadataKey]: structuredClone(this.record) });
    };
    this.#saving = this.#saving.then(write, write);
    return this.#saving;
  }
}
