import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type { UpgradedConnection } from "../http/join-upgrade.ts";
import type { StruckExchange } from "./apply-request-effect.ts";

/** Header of a request that a fault makes of its own. */
export const insideHeader = "x-emulator-inside";

export interface InnerAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: IncomingMessage;
  /** The connection, when the answer is a 101. */
  readonly upgraded: UpgradedConnection | undefined;
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
      headers: {
        ...request.headers,
        ...(request.headers.upgrade === undefined ? { connection: "close" } : {}),
        [insideHeader]: insideToken,
      },
    });
    inner.once("error", reject);
    inner.once("response", (answer) => {
      const { statusCode: status = 502, headers } = answer;
      resolve({ status, headers, body: answer, upgraded: undefined });
    });
    inner.once("upgrade", (answer, socket, head) => {
      const { statusCode: status = 101, headers } = answer;
      resolve({ status, headers, body: answer, upgraded: { answer, socket, head } });
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
