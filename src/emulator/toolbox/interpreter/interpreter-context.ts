import type { InterpreterContext as ContextInfo } from "@daytona/toolbox-api-client";
import type { EngineSandbox } from "../../../engine/engine-types.ts";
import type { InterpreterClient } from "./interpreter-client.ts";
import { InterpreterWorker, type WorkerMessage } from "./interpreter-worker.ts";

// Daytona v0.190 daemon, interpreter.
const graceMs = 2000;

/** Messages that are shown before the client gets time to take them. */
const messagesAtOnce = 256;

export interface Execution {
  readonly code: string;
  readonly envs: Readonly<Record<string, string>>;
  /** 0: none. */
  readonly timeoutMs: number;
  readonly client: InterpreterClient;
}

/** How an execution ended, in the daemon's eyes. An error of the code counts as `ended`. */
type Outcome = "ended" | "timeout";

/** A namespace in which code runs, one execution after another. It lives in a worker process and ends with it. */
export class InterpreterContext {
  readonly id: string;
  readonly #engine: EngineSandbox;
  readonly #cwd: string;
  readonly #createdAt = new Date();
  #worker: InterpreterWorker | undefined;
  #starting: Promise<void> | undefined;
  #client: InterpreterClient | undefined;
  #finish: ((outcome: Outcome) => void) | undefined;
  #queue: Promise<void> = Promise.resolve();

  /** @param cwd - Absolute. */
  constructor(id: string, engine: EngineSandbox, cwd: string) {
    this.id = id;
    this.#engine = engine;
    this.#cwd = cwd;
  }

  get info(): ContextInfo {
    return {
      id: this.id,
      cwd: this.#cwd,
      createdAt: this.#createdAt.toISOString(),
      active: this.#worker?.isRunning === true,
      language: "python",
    };
  }

  /**
   * Starts the worker, also a new one after the end of the last. What was executed before is then forgotten.
   *
   * @throws WorkerStartFailed
   */
  start(): Promise<void> {
    if (this.#worker?.isRunning) return Promise.resolve();
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  /** Executes when all that came before is over. Resolves when its client is closed. */
  execute(execution: Execution): Promise<void> {
    this.#queue = this.#queue.then(() => this.#execute(execution));
    return this.#queue;
  }

  /** The worker alone is killed, as when the kernel runs out of memory. */
  killWorker(): void {
    this.#worker?.signal("SIGKILL");
  }

  /** Ends the worker, by force if need be. */
  async shutDown(): Promise<void> {
    const worker = this.#worker;
    if (!worker?.isRunning) return;
    worker.signal("SIGTERM");
    if (!(await worker.endsWithin(graceMs))) {
      worker.signal("SIGKILL");
      await worker.endsWithin(graceMs);
    }
    await this.#closeClient(1001, "context shutdown");
  }

  /** As the end of the daemon does it. */
  abandon(): void {
    this.#worker?.abandon();
    this.#finish?.("ended");
  }

  async #start(): Promise<void> {
    const worker = await InterpreterWorker.start(this.#engine, this.#cwd, {
      onMessages: (messages) => this.#take(messages),
      onEnd: (failed) => {
        void this.#closeClient(1001, "worker process ended");
        // As in the real daemon: after a clean exit nobody tells the execution, which waits for its timeout.
        if (failed) this.#finish?.("ended");
      },
    });
    this.#worker = worker;
  }

  async #execute({ code, envs, timeoutMs, client }: Execution): Promise<void> {
    this.#client = client;
    const outcome = await this.#outcome(code, envs, timeoutMs);
    await this.#closeClient(outcome === "timeout" ? 4008 : 1000);
  }

  async #outcome(
    code: string,
    envs: Readonly<Record<string, string>>,
    timeoutMs: number,
  ): Promise<Outcome> {
    const finished = new Promise<Outcome>((resolve) => {
      this.#finish = resolve;
    });
    const isTaken = this.#worker?.isRunning === true && (await this.#worker.give(code, envs));
    if (!isTaken) return "ended";
    const timers: NodeJS.Timeout[] = [];
    if (timeoutMs > 0) {
      const interrupt = () => {
        this.#worker?.signal("SIGINT");
        timers.push(setTimeout(kill, graceMs));
      };
      const kill = () => {
        this.#worker?.signal("SIGKILL");
        this.#finish?.("timeout");
      };
      timers.push(setTimeout(interrupt, timeoutMs));
    }
    const outcome = await finished;
    this.#finish = undefined;
    for (const timer of timers) clearTimeout(timer);
    return outcome;
  }

  async #take(messages: readonly WorkerMessage[]): Promise<void> {
    for (const [index, message] of messages.entries()) {
      this.#client?.show(message);
      if (message.type === "control")
        this.#finish?.(message.text === "interrupted" ? "timeout" : "ended");
      // The real daemon takes an error for the end, too; what is between it and the control message it does not wait for.
      if (index % messagesAtOnce === messagesAtOnce - 1) await this.#client?.sentOrStalled();
    }
    await this.#client?.sentOrStalled();
  }

  async #closeClient(code: number, reason?: string): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.close(code, reason);
  }
}
