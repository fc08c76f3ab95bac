import { once } from "node:events";
import { WebSocket } from "ws";
import type { PageMessage, ServerMessage } from "../../examples/web-terminal/protocol.ts";

/** Bytes at the end of what was received in which a test looks for something. */
const tailBytes = 8 * 1024;

/** A page without a browser, which draws nothing until a test wants it. */
export class PageClient {
  readonly messages: ServerMessage[] = [];
  /** Resolves with the close code. */
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;
  readonly #chunks: Buffer[] = [];
  #receivedBytes = 0;
  #draws = false;
  #tail: Buffer = Buffer.alloc(0);

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = once(socket, "close").then(([code]) => code as number);
    socket.on("error", () => undefined);
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      if (!isBinary) {
        this.messages.push(JSON.parse(data.toString()) as ServerMessage);
        return;
      }
      this.#chunks.push(data);
      this.#receivedBytes += data.length;
      this.#tail = Buffer.concat([this.#tail, data.subarray(-tailBytes)]).subarray(-tailBytes);
      if (this.#draws) this.#drawn();
    });
  }

  static async open(pageUrl: string): Promise<PageClient> {
    const socket = new WebSocket(terminalUrl(pageUrl), { origin: new URL(pageUrl).origin });
    const client = new PageClient(socket);
    await once(socket, "open");
    return client;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** The end of what was received. */
  get tail(): string {
    return this.#tail.toString("latin1");
  }

  say(message: PageMessage): void {
    this.sayText(JSON.stringify(message));
  }

  sayText(text: string): void {
    this.#socket.send(text);
  }

  type(data: string | Uint8Array): void {
    this.#socket.send(Buffer.from(data));
  }

  /** From now on it draws what it has and what comes. */
  drawsEverything(): void {
    this.#draws = true;
    this.#drawn();
  }

  close(): void {
    this.#socket.terminate();
  }

  #drawn(): void {
    this.say({ type: "drawn", offset: this.#receivedBytes });
  }
}

export function terminalUrl(pageUrl: string): string {
  return `${pageUrl.replace(/^http/, "ws")}terminal`;
}
