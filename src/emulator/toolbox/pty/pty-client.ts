import type { PtyEffect } from "../../faults/pty-effects.ts";
import type { ToolboxSocket } from "../daemon/toolbox-socket.ts";
import { closeOf, type PtyExit } from "./pty-exit.ts";

// Daytona v0.190 daemon, PTY.
const queuedMessages = 256;
const writeWaitMs = 10_000;

export type ConnectionFault = Extract<PtyEffect, { type: "pty-connection" }>;

export interface PtyClientOptions {
  /** Whether it has asked to be told of the end by a message. */
  readonly wantsExitMessage: boolean;
  readonly fault: ConnectionFault | undefined;
}

/** Go writes the fields of a map in the order of their names. */
export function controlMessage(message: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ ...message, type: "control" });
}

/** One client of a PTY. It never makes the PTY or other clients wait: one that reads too slowly is cut off. */
export class PtyClient {
  readonly #socket: ToolboxSocket;
  readonly #options: PtyClientOptions;
  readonly #queue: (string | Buffer)[] = [];
  readonly #heldBack: { readonly output: Buffer; readonly timer: NodeJS.Timeout }[] = [];
  #sending: Promise<void> | undefined;
  #isOver = false;

  constructor(socket: ToolboxSocket, options: PtyClientOptions) {
    this.#socket = socket;
    this.#options = options;
    void socket.ended.then(() => this.#leave());
  }

  /** A control message. */
  tell(message: Readonly<Record<string, unknown>>): void {
    this.#enqueue(controlMessage(message));
  }

  show(output: Buffer): void {
    const { lateOutputMs } = this.#options.fault ?? {};
    if (lateOutputMs === undefined) {
      this.#enqueue(output);
      return;
    }
    const timer = setTimeout(() => {
      this.#heldBack.shift();
      this.#enqueue(output);
    }, lateOutputMs);
    this.#heldBack.push({ output, timer });
  }

  /** Tells of the end after all output, and closes. */
  async end(exit: PtyExit): Promise<void> {
    if (this.#isOver) return;
    const { wantsExitMessage, fault } = this.#options;
    const isEarly = fault?.exitControl === "early";
    const isTold = wantsExitMessage && fault?.exitControl !== "omitted";
    const tail = this.#takeHeldBack();
    if (isTold && isEarly) this.tell({ ...exit, status: "exited" });
    if (!fault?.losesTail && tail.length > 0) this.#enqueue(Buffer.concat(tail));
    if (isTold && !isEarly) this.tell({ ...exit, status: "exited" });
    await this.#sent();
    const { code, reason } = closeOf(exit);
    await this.#close(code, reason);
  }

  #enqueue(entry: string | Buffer): void {
    if (this.#isOver) return;
    if (this.#queue.length >= queuedMessages) {
      void this.#cutOff();
      return;
    }
    this.#queue.push(entry);
    this.#sending ??= this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    for (let entry = this.#queue.shift(); entry !== undefined; entry = this.#queue.shift())
      await this.#socket.send(entry);
    this.#sending = undefined;
  }

  /** Waits for what is queued, as long as the daemon waits for one write. */
  async #sent(): Promise<void> {
    await this.#within(this.#sending ?? Promise.resolve());
  }

  async #cutOff(): Promise<void> {
    this.#queue.length = 0;
    await this.#close(1008, "slow consumer");
  }

  async #close(code: number, reason: string): Promise<void> {
    this.#leave();
    await this.#within(this.#socket.close(code, reason));
    this.#socket.terminate();
  }

  #leave(): void {
    this.#isOver = true;
    this.#takeHeldBack();
  }

  #takeHeldBack(): Buffer[] {
    return this.#heldBack.splice(0).map(({ output, timer }) => {
      clearTimeout(timer);
      return output;
    });
  }

  async #within(work: Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, writeWaitMs);
    });
    await Promise.race([work, limit, this.#socket.ended]);
    clearTimeout(timer);
  }
}
