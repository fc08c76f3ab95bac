import type { Pty } from "sandbox-backend";
import type { WebSocket } from "ws";

/** Bytes of input that wait for the sandbox; more are left to the browser, which then holds them back. */
const mostWaitingBytes = 256 * 1024;

/**
 * What is typed, in its order, and at most once. What comes while something is on its way goes together afterwards, so that fast
 * typing does not wait for one answer per key. After a loss what waits is dropped, so that no command runs with a hole in it.
 */
export class TypedInput {
  readonly #socket: WebSocket;
  readonly #pty: Pty;
  readonly #onLoss: (error: unknown) => void;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isSending = false;

  constructor(socket: WebSocket, pty: Pty, onLoss: (error: unknown) => void) {
    this.#socket = socket;
    this.#pty = pty;
    this.#onLoss = onLoss;
  }

  write(data: Uint8Array): void {
    this.#waiting.push(data);
    this.#waitingBytes += data.length;
    if (this.#waitingBytes > mostWaitingBytes) this.#socket.pause();
    if (!this.#isSending) void this.#send();
  }

  async #send(): Promise<void> {
    this.#isSending = true;
    while (this.#waiting.length > 0) {
      const data = Buffer.concat(this.#waiting);
      this.#waiting = [];
      this.#waitingBytes = 0;
      if (this.#socket.isPaused) this.#socket.resume();
      try {
        await this.#pty.write(data);
      } catch (error) {
        this.#waiting = [];
        this.#waitingBytes = 0;
        if (this.#socket.isPaused) this.#socket.resume();
        this.#onLoss(error);
      }
    }
    this.#isSending = false;
  }
}
