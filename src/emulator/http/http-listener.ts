import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

/** An HTTP connection that asks to become something else, such as a WebSocket. */
export interface Upgrade {
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** Handles a request. It must not reject. */
export type ExchangeHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  upgrade?: Upgrade,
) => Promise<void>;

// As the real proxy: an idle connection stays open a little longer than clients keep theirs.
const keepAliveMs = 70_000;

/** An HTTP server on a loopback port. Closing it ends every connection, upgraded ones too. */
export class HttpListener {
  readonly port: number;
  readonly #server: Server;
  readonly #upgraded: ReadonlySet<Duplex>;

  private constructor(server: Server, upgraded: ReadonlySet<Duplex>) {
    this.#server = server;
    this.#upgraded = upgraded;
    this.port = (server.address() as AddressInfo).port;
  }

  /** Listens on 127.0.0.1; port 0 is any free one. Rejects with EADDRINUSE when the port is taken. */
  static async open(port: number, handle: ExchangeHandler): Promise<HttpListener> {
    const upgraded = new Set<Duplex>();
    // Uploads and held requests may take as long as they like.
    const server = createServer({ keepAliveTimeout: keepAliveMs, requestTimeout: 0 });
    server.on("request", (request, response) => void handle(request, response));
    server.on("upgrade", (request, socket, head) => {
      upgraded.add(socket);
      socket.once("close", () => upgraded.delete(socket));
      // A client that resets its connection concerns only itself.
      socket.on("error", () => socket.destroy());
      void handle(request, responseOn(request, socket), { socket, head });
    });
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return new HttpListener(server, upgraded);
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    for (const socket of this.#upgraded) socket.destroy();
    await closed;
  }
}

/** An ordinary response on a connection that asked for an upgrade, for whoever refuses it. */
function responseOn(request: IncomingMessage, socket: Duplex): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  // ServerResponse writes to any stream, although its type asks for a network socket.
  response.assignSocket(socket as Parameters<ServerResponse["assignSocket"]>[0]);
  response.once("finish", () => {
    socket.end();
  });
  return response;
}
