import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { Socket } from "node:net";

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

interface HttpOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
}

/** One request on a connection of its own, which is closed afterwards; redirects are not followed. */
export async function callHttp(url: string, options: HttpOptions): Promise<HttpAnswer> {
  const signal = AbortSignal.timeout(options.timeoutMs);
  const request = open(url, options.method ?? "GET", { ...options.headers }, signal);
  request.end(options.body);
  const [response] = (await once(request, "response", { signal })) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() };
}

/** Opens a WebSocket, sends one short text, and returns the first text that comes back. */
export async function echoOverWebSocket(
  url: string,
  text: string,
  options: Pick<HttpOptions, "headers" | "timeoutMs">,
): Promise<string> {
  const signal = AbortSignal.timeout(options.timeoutMs);
  const key = randomBytes(16).toString("base64");
  const headers = {
    ...options.headers,
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": key,
  };
  const request = open(url.replace(/^ws/, "http"), "GET", headers, signal);
  request.end();
  const [response, socket, head] = await upgraded(request, signal);
  try {
    const accept = createHash("sha1")
      .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest("base64");
    if (response.headers["sec-websocket-accept"] !== accept) {
      throw new Error("The handshake was not answered by the server in the sandbox");
    }
    socket.write(maskedTextFrame(text));
    return await readTextFrame(socket, head, signal);
  } finally {
    socket.destroy();
  }
}

function open(
  url: string,
  method: string,
  headers: Record<string, string>,
  signal: AbortSignal,
): ClientRequest {
  const send = url.startsWith("https:") ? requestHttps : requestHttp;
  // `agent: false` gives a connection of its own, so that none is kept open after the case.
  return send(url, { method, headers, signal, agent: false });
}

function upgraded(
  request: ClientRequest,
  signal: AbortSignal,
): Promise<[response: IncomingMessage, socket: Socket, head: Buffer]> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    request.once("error", reject);
    request.once("upgrade", (response, socket, head) => {
      resolve([response, socket as Socket, head]);
    });
    request.once("response", (response) => {
      response.destroy();
      reject(new Error(`The WebSocket was refused with status ${response.statusCode}`));
    });
  });
}

function maskedTextFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const mask = randomBytes(4);
  const masked = payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length]), mask, masked]);
}

async function readTextFrame(socket: Socket, head: Buffer, signal: AbortSignal): Promise<string> {
  let bytes = head;
  for (;;) {
    const length = (bytes[1] ?? 0) & 0x7f;
    if (bytes.length >= 2 && bytes.length >= 2 + length) {
      const isText = ((bytes[0] ?? 0) & 0x0f) === 1;
      const payload = bytes.subarray(2, 2 + length);
      // A ping of a proxy may come first.
      if (isText) return payload.toString();
      bytes = bytes.subarray(2 + length);
      continue;
    }
    const [chunk] = (await once(socket, "data", { signal })) as [Buffer];
    bytes = Buffer.concat([bytes, chunk]);
  }
}
