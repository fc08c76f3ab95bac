import type { IncomingMessage, ServerResponse } from "node:http";
import { type WebSocket, WebSocketServer } from "ws";
import type { Upgrade } from "./http-listener.ts";

export interface HandshakeOptions {
  /** The sub-protocol to select. Default: none, also when the client offers some. */
  readonly protocol?: string | undefined;
  /** A longer message from the client closes the connection with 1009. Default: no limit. */
  readonly maxMessageBytes?: number | undefined;
}

/** The client asked for an upgrade, but not as RFC 6455 wants it. */
export class BadHandshake extends Error {
  override readonly name = "BadHandshake";
}

/** Answers the handshake with 101. Throws BadHandshake, with nothing sent, when it is none. */
export function acceptWebSocket(
  request: IncomingMessage,
  response: ServerResponse,
  { socket, head }: Upgrade,
  { protocol, maxMessageBytes = 0 }: HandshakeOptions,
): WebSocket {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: maxMessageBytes,
    handleProtocols: () => protocol ?? false,
  });
  let failure: Error | undefined;
  let accepted: WebSocket | undefined;
  // With a listener the library leaves the answer to us.
  server.on("wsClientError", (error) => {
    failure = error;
  });
  server.handleUpgrade(request, socket, head, (webSocket) => {
    accepted = webSocket;
  });
  if (accepted) {
    response.detachSocket(socket as Parameters<ServerResponse["detachSocket"]>[0]);
    return accepted;
  }
  throw new BadHandshake(failure?.message ?? "The client has left");
}
