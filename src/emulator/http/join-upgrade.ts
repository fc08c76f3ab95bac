import type { IncomingMessage, ServerResponse } from "node:http";
import { type Duplex, Transform } from "node:stream";
import type { Upgrade } from "./http-listener.ts";

/** A connection that a server behind us has upgraded. */
export interface UpgradedConnection {
  readonly answer: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/**
 * Hands the 101 on to the client. From here on bytes go both ways until either side closes, or until so many have gone to
 * the client, when both are destroyed.
 */
export function joinUpgrade(
  response: ServerResponse,
  client: Upgrade,
  { answer, socket: upstream, head }: UpgradedConnection,
  limitBytes = Number.POSITIVE_INFINITY,
): void {
  sendUpgraded(response, client, answer);
  const limited = limit(limitBytes, () => client.socket.destroy());
  limited.pipe(client.socket);
  if (head.length > 0) limited.write(head);
  if (client.head.length > 0) upstream.write(client.head);
  upstream.on("error", () => client.socket.destroy());
  client.socket.on("error", () => upstream.destroy());
  upstream.once("close", () => client.socket.destroy());
  client.socket.once("close", () => upstream.destroy());
  upstream.pipe(limited);
  client.socket.pipe(upstream);
}

/** Lets so many bytes through, and then calls back when they have been read. */
function limit(bytes: number, reached: () => void): Transform {
  let left = bytes;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const part = chunk.subarray(0, left);
      left -= part.length;
      done(null, part);
      // The bytes go out first.
      if (left === 0) setImmediate(reached);
    },
  });
}

function sendUpgraded(
  response: ServerResponse,
  { socket }: Upgrade,
  { statusMessage, rawHeaders }: IncomingMessage,
): void {
  response.detachSocket(socket as Parameters<ServerResponse["detachSocket"]>[0]);
  const lines = [`HTTP/1.1 101 ${statusMessage ?? "Switching Protocols"}`];
  for (let index = 0; index < rawHeaders.length; index += 2)
    lines.push(`${rawHeaders[index]}: ${rawHeaders[index + 1]}`);
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
}
