import { setTimeout as delay } from "node:timers/promises";
import type { WebSocket } from "ws";
import type { SocketEffect } from "./fault-types.ts";

type Write = (data: string | Buffer) => Promise<void>;

/** What a `websocket` effect does to one connection. */
export class SocketFault {
  readonly #effect: SocketEffect;
  readonly #closing: AbortSignal;
  readonly #removed: AbortSignal;
  #webSocket: WebSocket | undefined;
  #sentBytes = 0;
  #collected: Buffer[] = [];
  #isOver = false;
  #isHanging = false;
  #idle: NodeJS.Timeout | undefined;

  /**
   * @param closing - Aborts when nothing is to be waited for any more.
   * @param removed - Aborts when the fault is removed: a connection that it lets hang is reset.
   */
  constructor(effect: SocketEffect, closing: AbortSignal, removed: AbortSignal) {
    this.#effect = effect;
    this.#closing = closing;
    this.#removed = removed;
  }

  /** Whether nothing goes either way any more, although the connection is there. */
  get isHanging(): boolean {
    return this.#isHanging;
  }

  attach(webSocket: WebSocket): void {
    this.#webSocket = webSocket;
    const { endAfterMs } = this.#effect;
    const timer =
      endAfterMs === undefined ? undefined : setTimeout(() => this.#endEarly(), endAfterMs);
    webSocket.once("close", () => {
      this.#isOver = true;
      clearTimeout(timer);
      clearTimeout(this.#idle);
    });
    this.seen();
    if (this.#effect.endAfterBytes === 0) this.#endEarly();
  }

  /** Something went over the connection. */
  seen(): void {
    const { endAfterIdleMs } = this.#effect;
    clearTimeout(this.#idle);
    if (endAfterIdleMs === undefined || this.#isOver) return;
    this.#idle = setTimeout(() => this.#endEarly(), endAfterIdleMs);
  }

  async send(data: string | Buffer, write: Write): Promise<void> {
    if (typeof data === "string") {
      await this.#sendCollected(write);
      await this.#sendFrame(data, write);
      return;
    }
    this.#collected.push(data);
    const bytes = this.#collected.reduce((sum, { length }) => sum + length, 0);
    if (bytes >= (this.#effect.joinBytes ?? 0)) await this.#sendCollected(write);
  }

  /** The end that the daemon wants: `pass` when it is to close as it would without the fault. */
  async end(write: Write): Promise<"ended" | "pass"> {
    await this.#sendCollected(write);
    if (this.#isOver) return "ended";
    if (this.#effect.end === undefined) return "pass";
    this.#endWith(this.#effect.end);
    return "ended";
  }

  async #sendCollected(write: Write): Promise<void> {
    const data = Buffer.concat(this.#collected.splice(0));
    const { splitBytes = Math.max(1, data.length) } = this.#effect;
    for (let from = 0; from < data.length; from += splitBytes)
      await this.#sendFrame(data.subarray(from, from + splitBytes), write);
  }

  async #sendFrame(data: string | Buffer, write: Write): Promise<void> {
    const { delayMs, endAfterBytes = Number.POSITIVE_INFINITY } = this.#effect;
    if (delayMs !== undefined) await this.#wait(delayMs);
    if (this.#isOver) return;
    const left = endAfterBytes - this.#sentBytes;
    const length = Buffer.byteLength(data);
    const frame = length <= left ? data : shortened(data, left);
    this.#sentBytes += Math.min(length, left);
    await write(frame);
    this.seen();
    if (this.#sentBytes >= endAfterBytes) this.#endEarly();
  }

  async #wait(ms: number): Promise<void> {
    try {
      await delay(ms, undefined, { signal: this.#closing });
    } catch (error) {
      if (!this.#closing.aborted) throw error;
    }
  }

  #endEarly(): void {
    if (!this.#isOver) this.#endWith(this.#effect.end ?? "reset");
  }

  #endWith(end: "close" | "reset" | "hang"): void {
    this.#isOver = true;
    const { code, reason } = this.#effect;
    if (end === "close") this.#webSocket?.close(code, reason);
    else if (end === "reset") this.#webSocket?.terminate();
    else {
      this.#isHanging = true;
      // Not even pings are answered.
      this.#webSocket?.pause();
      const letGo = () => this.#webSocket?.terminate();
      if (this.#removed.aborted) letGo();
      else this.#removed.addEventListener("abort", letGo, { once: true });
    }
  }
}

function shortened(data: string | Buffer, bytes: number): string | Buffer {
  if (typeof data !== "string") return data.subarray(0, bytes);
  return Buffer.from(data).toString("utf8", 0, bytes);
}
