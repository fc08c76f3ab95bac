import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";

export interface SocketOptions {
  /** Default: the emulator's key as a bearer. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly protocols?: readonly string[];
}

/** A plain WebSocket client of the toolbox, which keeps every frame as it came. */
export class ToolboxSocketClient {
  readonly socket: WebSocket;
  readonly frames: { readonly data: Buffer; readonly isBinary: boolean }[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data, isBinary) => {
      this.frames.push({ data: data as Buffer, isBinary });
    });
    this.closed = new Promise((resolve) => {
      socket.once("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  /** Rejects when the handshake is refused. */
  static async open(
    emulator: DaytonaEmulator,
    sandboxId: string,
    path: string,
    options: SocketOptions = {},
  ): Promise<ToolboxSocketClient> {
    const client = new ToolboxSocketClient(socketTo(emulator, sandboxId, path, options));
    await once(client.socket, "open");
    return client;
  }

  /** All bytes so far. */
  bytes(): Buffer {
    return Buffer.concat(this.frames.map(({ data }) => data));
  }

  text(): string {
    return this.bytes().toString("utf8");
  }
}

/** The HTTP answer to a handshake that is refused. */
export async function refusal(
  emulator: DaytonaEmulator,
  sandboxId: string,
  path: string,
  options: SocketOptions = {},
): Promise<{ readonly status: number | undefined; readonly text: string }> {
  const socket = socketTo(emulator, sandboxId, path, options);
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    socket.once("unexpected-response", (_request, response) => resolve(response));
    socket.once("open", () => reject(new Error("The handshake was accepted")));
    socket.once("error", reject);
  });
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return { status: answer.statusCode, text: Buffer.concat(chunks).toString() };
}

function socketTo(
  emulator: DaytonaEmulator,
  sandboxId: string,
  path: string,
  { headers, protocols = [] }: SocketOptions,
): WebSocket {
  const origin = emulator.url.replace(/^http/, "ws").replace(/\/api$/, "");
  return new WebSocket(`${origin}/toolbox/${sandboxId}${path}`, [...protocols], {
    headers: headers ?? { authorization: `Bearer ${emulator.apiKey}` },
  });
}
