import type { ToolboxSocket } from "../daemon/toolbox-socket.ts";
import type { WorkerMessage } from "./interpreter-worker.ts";

// Daytona v0.190 daemon, interpreter.
const queuedMessages = 1024;
const closeWaitMs = 5000;

/** How long a message may be on its way before the client counts as one that does not read. */
const stallMs = 250;

/** The client of one execution. It never makes the code wait for long: one that reads too slowly is cut off. */
export class InterpreterClient {
  readonly #socket: ToolboxSocket;
  readonly #queue: string[] = [];
  #sending: Promise<void> | undefined;
  #isOver = false;

  constructor(socket: ToolboxSocket) {
    this.#socket = socket;
    void socket.ended.then(() => {
      this.#isOver = true;
    });
  }

  show(message: WorkerMessage): void {
    if (this.#isOver) return;
    if (this.#queue.length >= queuedMessages) {
      this.#queue.length = 0;
      void this.close(1008, "slow consumer");
      return;
    }
    this.#queue.push(JSON.stringify(message));
    this.#sending ??= this.#sendAll();
  }

  /** Until all is sent, or the client does not read: the real daemon sends while it reads, and this gives it the time to. */
  async sentOrStalled(): Promise<void> {
    while (this.#sending !== undefined) {
      const left = this.#queue.length;
      await within(this.#sending, stallMs);
      if (this.#sending !== undefined && this.#queue.length >= left) return;
    }
  }

  /** Closes after all that was shown. Resolves when the connection is over. */
  async close(code: number, reason = ""): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#sending !== undefined) await within(this.#sending, closeWaitMs);
    await within(this.#socket.close(code, reason), closeWaitMs);
    this.#socket.terminate();
  }

  async #sendAll(): Promise<void> {
    for (let text = this.#queue.shift(); text !== undefined; text = this.#queue.shift())
      await this.#socket.send(text);
    this.#sending = undefined;
  }
}

async function within(work: Promise<void>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([work, limit]);
  clearTimeout(timer);
}
