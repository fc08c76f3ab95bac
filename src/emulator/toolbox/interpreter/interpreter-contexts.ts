import { randomUUID } from "node:crypto";
import { DaemonGone } from "../daemon/toolbox-daemon.ts";
import { type ToolboxCall, workDirectory } from "../toolbox-call.ts";
import { InterpreterContext } from "./interpreter-context.ts";

export const defaultContextId = "default";

/** The contexts that a daemon holds: in its memory alone, so they end with it. */
export class InterpreterContexts {
  readonly #contexts = new Map<string, InterpreterContext>();

  /** Those of clients. */
  list(): InterpreterContext[] {
    return [...this.#contexts.values()].filter(({ id }) => id !== defaultContextId);
  }

  /** @throws WorkerStartFailed */
  create(call: ToolboxCall, cwd: string): Promise<InterpreterContext> {
    return this.#add(call, randomUUID(), cwd);
  }

  /**
   * A context whose worker runs; undefined when there is none of that name.
   *
   * @throws WorkerStartFailed
   */
  async find(id: string): Promise<InterpreterContext | undefined> {
    const context = this.#contexts.get(id);
    await context?.start();
    return context;
  }

  /** The real daemon starts it with itself; here it is started when it is first asked for. */
  async default(call: ToolboxCall): Promise<InterpreterContext> {
    return (
      (await this.find(defaultContextId)) ??
      (await this.#add(call, defaultContextId, workDirectory(call.engine)))
    );
  }

  /** False when there is none of that name. */
  async delete(id: string): Promise<boolean> {
    const context = this.#contexts.get(id);
    if (!context) return false;
    this.#contexts.delete(id);
    await context.shutDown();
    return true;
  }

  async #add({ daemon, engine }: ToolboxCall, id: string, cwd: string) {
    const context = new InterpreterContext(id, engine, cwd);
    // Already there for those who ask while it starts.
    this.#contexts.set(id, context);
    try {
      await context.start();
    } catch (error) {
      this.#contexts.delete(id);
      throw error;
    }
    if (daemon.gone.aborted) {
      context.abandon();
      throw new DaemonGone("The daemon ended");
    }
    daemon.gone.addEventListener("abort", () => context.abandon(), { once: true });
    return context;
  }
}
