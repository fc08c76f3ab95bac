import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Server } from "socket.io";
import type { ApiKeys } from "../http/api-keys.ts";
import type { Upgrade } from "../http/http-listener.ts";

/** Where clients connect, below the API's own path (Daytona v0.190 API, notification gateway). */
const path = "/api/socket.io/";

/** Sends events to clients over socket.io: each gets those of its key's organisation. WebSockets only. */
export class EventGateway {
  // It never listens: the emulator's own listener takes the connections, so that faults and the request log see them.
  readonly #http = createServer();
  readonly #server: Server;

  constructor(keys: ApiKeys) {
    this.#server = new Server(this.#http, {
      path,
      transports: ["websocket"],
      serveClient: false,
    });
    this.#server.use((socket, next) => {
      const { token } = socket.handshake.auth as { token?: unknown };
      const key = typeof token === "string" ? keys.ofToken(token) : undefined;
      if (key === undefined) {
        next(new Error("Unauthorized"));
        return;
      }
      // The rooms of one process are joined at once; the promise is for adapters of several.
      void socket.join(key.organizationId);
      next();
    });
  }

  /** Takes a connection over, or refuses it as the library does. */
  take(request: IncomingMessage, response: ServerResponse, upgrade: Upgrade | undefined): void {
    if (upgrade === undefined) {
      this.#http.emit("request", request, response);
      return;
    }
    response.detachSocket(upgrade.socket as Parameters<ServerResponse["detachSocket"]>[0]);
    this.#http.emit("upgrade", request, upgrade.socket, upgrade.head);
  }

  emit(organizationId: string, event: string, payload: unknown): void {
    this.#server.to(organizationId).emit(event, payload);
  }

  /** Ends all connections, and leaves no timer behind. */
  async close(): Promise<void> {
    // It also closes the server that never listened, which is no failure of ours.
    await this.#server.close().catch(() => undefined);
  }
}
