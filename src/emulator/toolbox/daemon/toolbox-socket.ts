import type { WebSocket } from "ws";
import type { SocketFault } from "../../faults/socket-fault.ts";

/** A message of the client, and whether it came as text. */
export type MessageHandler = (data: Buffer, isText: boolean) => void;

/** How a connection ended, as our side sees it. 1006: without a close frame. */
export interface SocketEnd {
  readonly code: number;
  readonly reason: string;
}

// As the real daemon, which closes the connection right after its close frame, but with time for the client to answer.
const closeAnswerMs = 1000;

/** The daemon's side of a WebSocket. Everything that is sent passes the fault that strikes the connection, if any. */
export class ToolboxSocket {
  /** Resolves when the connection is over, whoever ended it. Never rejects. */
  readonly ended: Promise<SocketEnd>;
  readonly #webSocket: WebSocket;
  readonly #fault: SocketFault | undefined;
  #handler: MessageHandler | undefined;
  #early: Parameters<MessageHandler>[] = [];
  #isOpen = true;
  #pauses = 0;
  #sent: Promise<void> = Promise.resolve();

  constructor(webSocket: WebSocket, gone: AbortSignal, fault: SocketFault | undefined) {
    this.#webSocket = webSocket;
    this.#fault = fault;
    const terminate = () => webSocket.terminate();
    this.ended = new Promise((resolve) => {
      webSocket.once("close", (code, reason) => {
        this.#isOpen = false;
        gone.removeEventListener("abort", terminate);
        resolve({ code, reason: reason.toString("utf8") });
      });
    });
    // Of a broken frame or a reset connection; `close` follows.
    webSocket.on("error", () => {});
    webSocket.on("message", (data, isBinary) => {
      if (fault?.isHanging) return;
      fault?.seen();
      this.#receive(bytesOf(data), !isBinary);
    });
    if (gone.aborted) terminate();
    else gone.addEventListener("abort", terminate, { once: true });
    fault?.attach(webSocket);
  }

  /** Whether sending still makes sense. A connection that a fault lets hang counts as open: the daemon cannot know. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Takes the client's messages, those that came before too. Without a handler they are kept. */
  onMessage(handler: MessageHandler): void {
    this.#handler = handler;
    for (const message of this.#early.splice(0)) handler(...message);
  }

  /** Reads no more messages until the work is over: the client's wait in its own buffers. */
  pauseUntil(work: Promise<void>): void {
    this.#pauses += 1;
    this.#webSocket.pause();
    void work.finally(() => {
      this.#pauses -= 1;
      if (this.#pauses === 0 && !this.#fault?.isHanging) this.#webSocket.resume();
    });
  }

  /**
   * Sends text as a text frame and bytes as a binary one, in order. Resolves when it is on its way (so a caller that awaits
   * never fills the memory for a slow client), or when the connection is over. Never rejects.
   */
  send(data: string | Buffer): Promise<void> {
    this.#sent = this.#sent.then(() =>
      this.#fault ? this.#fault.send(data, this.#write) : this.#write(data),
    );
    return this.#sent;
  }

  /** Closes after everything that was sent. Without a code clients see 1005. Resolves when the connection is over. */
  async close(code?: number, reason = ""): Promise<void> {
    await this.#sent;
    if (this.#fault && (await this.#fault.end(this.#write)) === "ended") return;
    await closeWebSocket(this.#webSocket, code, reason);
  }

  /** Ends the connection without a close frame. */
  terminate(): void {
    this.#webSocket.terminate();
  }

  readonly #write = (data: string | Buffer): Promise<void> =>
    new Promise((resolve) => {
      if (!this.#isOpen) resolve();
      else this.#webSocket.send(data, { binary: typeof data !== "string" }, () => resolve());
    });

  #receive(data: Buffer, isText: boolean): void {
    if (this.#handler) this.#handler(data, isText);
    else this.#early.push([data, isText]);
  }
}

/** Sends a close frame and resolves when the connection is over; a client that does not answer is not waited for long. */
async function closeWebSocket(
  webSocket: WebSocket,
  code: number | undefined,
  reason: string,
): Promise<void> {
  if (webSocket.readyState === webSocket.CLOSED) return;
  const closed = new Promise<void>((resolve) => {
    webSocket.once("close", () => resolve());
  });
  const limit = setTimeout(() => webSocket.terminate(), closeAnswerMs);
  webSocket.close(code, reason);
  await closed;
  clearTimeout(limit);
}

function bytesOf(data: Buffer | ArrayBuffer | Buffer[]): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
