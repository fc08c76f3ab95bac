import {
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from "node:http";
import type { Duplex } from "node:stream";
import type { Upgrade } from "../http/http-listener.ts";
import { joinUpgrade } from "../http/join-upgrade.ts";

/** A request as it goes on to the app in the sandbox. */
export interface Forwarding {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly upgrade: Upgrade | undefined;
  /** Path and query. */
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  /** Added to the answer where the app does not set them itself. */
  readonly answerHeaders: Readonly<Record<string, string>>;
  /** A cookie beside those of the app. */
  readonly setCookie: string | undefined;
  readonly onUpgraded: () => void;
}

const hopByHop = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding"]);

/**
 * Sends the request over a fresh connection to the app and streams the answer back. Resolves when the exchange is over;
 * rejects when the app breaks off before it has answered.
 */
export function forward(forwarding: Forwarding, connection: Duplex): Promise<void> {
  const { request, response, path, headers } = forwarding;
  return new Promise((resolve, reject) => {
    const upstream = httpRequest({
      createConnection: () => connection,
      method: request.method,
      path,
      headers,
    });
    upstream.once("error", (error) => {
      connection.destroy();
      if (response.headersSent) response.destroy();
      if (response.headersSent || response.destroyed) resolve();
      else reject(error);
    });
    upstream.once("response", (answer) => {
      sendBack(forwarding, answer);
      answer.once("close", resolve);
    });
    upstream.once("upgrade", (answer, socket, head) => {
      socket.once("close", resolve);
      if (forwarding.upgrade) {
        forwarding.onUpgraded();
        joinUpgrade(response, forwarding.upgrade, { answer, socket, head });
      } else {
        socket.destroy();
        response.destroy();
      }
    });
    response.once("close", () => upstream.destroy());
    if (forwarding.upgrade) upstream.end();
    else request.pipe(upstream);
  });
}

function sendBack(
  { response, answerHeaders, setCookie }: Forwarding,
  answer: IncomingMessage,
): void {
  for (const [name, value] of Object.entries(answerHeaders)) response.setHeader(name, value);
  for (const [name, values] of Object.entries(answer.headersDistinct)) {
    if (values && !hopByHop.has(name)) response.setHeader(name, values);
  }
  if (setCookie !== undefined) response.appendHeader("set-cookie", setCookie);
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage);
  response.flushHeaders();
  answer.once("error", () => response.destroy());
  answer.pipe(response);
}
