import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type { StruckExchange } from "./apply-request-effect.ts";

/** Header of a request that a fault makes of its own. */
export const insideHeader = "x-emulator-inside";

export interface InnerAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: IncomingMessage;
}

/** The same request to the same listener, unharmed: what the server answers without the fault. */
export function requestInside({
  request,
  body,
  insideToken,
}: StruckExchange): Promise<InnerAnswer> {
  return new Promise((resolve, reject) => {
    const inner = httpRequest({
      agent: false,
      host: "127.0.0.1",
      port: request.socket.localPort,
      method: request.method,
      path: request.url,
      headers: { ...request.headers, connection: "close", [insideHeader]: insideToken },
    });
    inner.once("error", reject);
    inner.once("response", (answer) => {
      resolve({ status: answer.statusCode ?? 502, headers: answer.headers, body: answer });
    });
    inner.once("upgrade", (_answer, socket) => {
      socket.destroy();
      reject(new Error("This fault cannot strike an upgraded connection"));
    });
    if (body) {
      inner.end(body);
      return;
    }
    // Half a request stays half a request.
    request.once("close", () => {
      if (!request.complete) inner.destroy();
    });
    request.pipe(inner);
  });
}
