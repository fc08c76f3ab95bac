import type { PageMessage, ServerMessage } from "../protocol.ts";

const firstRetryMs = 200;
const longestRetryMs = 5_000;
/** The server says something every ten seconds. */
const longestSilenceMs = 25_000;
const watchMs = 5_000;

/** Bytes of one message; the server takes no more than 64 KiB. */
const pieceBytes = 32 * 1024;

export interface SocketHandlers {
  /** The connection is there: what is to be said first. */
  readonly onOpen: () => PageMessage;
  readonly onMessage: (message: ServerMessage) => void;
  readonly onBytes: (bytes: Uint8Array) => void;
  readonly onLost: () => void;
}

/** The connection to the server. One that is lost is opened again, sooner at first and every few seconds later. */
export class TerminalSocket {
  readonly #url: URL;
  readonly #handlers: SocketHandlers;
  #socket: WebSocket | undefined;
  #failures = 0;
  #retry: number | undefined;
  #heardAtMs = performance.now();

  constructor(url: URL, handlers: SocketHandlers) {
    this.#url = url;
    this.#handlers = handlers;
    setInterval(() => this.#watch(), watchMs);
    addEventListener("online", () => this.reconnect());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.reconnect();
    });
    this.#open();
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  say(message: PageMessage): void {
    if (this.isOpen) this.#socket?.send(JSON.stringify(message));
  }

  /** Sends bytes; false when there is no connection, and nothing was sent. */
  send(bytes: Uint8Array<ArrayBuffer>): boolean {
    if (!this.isOpen) return false;
    for (let start = 0; start < bytes.length; start += pieceBytes) {
      this.#socket?.send(bytes.subarray(start, start + pieceBytes));
    }
    return true;
  }

  /** Tries at once where there is no connection. */
  reconnect(): void {
    if (this.#retry === undefined) return;
    clearTimeout(this.#retry);
    this.#open();
  }

  /** What works is no reason to hurry less next time; only an answer of the terminal is. */
  settled(): void {
    this.#failures = 0;
  }

  #open(): void {
    this.#retry = undefined;
    this.#heardAtMs = performance.now();
    const socket = new WebSocket(this.#url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.addEventListener("open", () => this.say(this.#handlers.onOpen()));
    socket.addEventListener("message", ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (socket !== this.#socket) return;
      this.#heardAtMs = performance.now();
      if (typeof data === "string") this.#handlers.onMessage(JSON.parse(data) as ServerMessage);
      else this.#handlers.onBytes(new Uint8Array(data));
    });
    socket.addEventListener("close", () => this.#lose(socket));
  }

  /** A network that swallows everything closes nothing. */
  #watch(): void {
    const socket = this.#socket;
    if (socket === undefined || performance.now() - this.#heardAtMs < longestSilenceMs) return;
    socket.close();
    this.#lose(socket);
  }

  #lose(socket: WebSocket): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    const longest = Math.min(longestRetryMs, firstRetryMs * 2 ** this.#failures);
    this.#failures += 1;
    // Many pages of one server must not come back at the same moment.
    this.#retry = setTimeout(() => this.#open(), longest * (0.5 + Math.random() / 2));
    this.#handlers.onLost();
  }
}
