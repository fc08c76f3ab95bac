import { createServer, type Server, type Socket } from "node:net";
import { pipeline } from "node:stream";
import type { PreviewAnswer, PreviewVerdict } from "../../core/preview/preview-rules.ts";
import type { EngineConnection } from "../../engine/engine-types.ts";

/** Says that an answer is ours and not the server's in the sandbox. */
const ownAnswer = "application/vnd.sandbox-backend.preview";

type Connect = () => Promise<EngineConnection>;

/**
 * Ports of this machine's loopback that lead into the networks of sandboxes: one for each port that was asked for, for as long as the
 * backend is not disposed of.
 */
export class LocalPreviews {
  readonly #servers = new Map<string, Promise<Server>>();
  readonly #sockets = new Set<Socket>();
  #isClosed = false;

  /** The port of this machine that leads to that one. */
  async open(sandboxId: string, port: number, connect: Connect): Promise<number> {
    const key = `${sandboxId} ${port}`;
    let opening = this.#servers.get(key);
    if (opening === undefined) {
      opening = this.#listen(connect);
      this.#servers.set(key, opening);
      opening.catch(() => this.#servers.delete(key));
    }
    const address = (await opening).address();
    if (address === null || typeof address === "string") throw new Error("The server has no port.");
    return address.port;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const socket of this.#sockets) socket.destroy();
    for (const opening of this.#servers.values()) {
      const server = await opening.catch(() => undefined);
      server?.close();
    }
    this.#servers.clear();
  }

  /** Neither it nor its connections keep the host alive: whoever waits for an answer does. */
  #listen(connect: Connect): Promise<Server> {
    return new Promise((resolve, reject) => {
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        socket.unref();
        void this.#carry(socket, connect);
      });
      server.unref();
      server.once("error", reject);
      server.listen(0, "127.0.0.1", () => resolve(server));
    });
  }

  async #carry(socket: Socket, connect: Connect): Promise<void> {
    socket.on("error", () => undefined);
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    let inside: EngineConnection;
    try {
      inside = await connect();
    } catch (error) {
      socket.end(answerOf(error));
      socket.resume();
      return;
    }
    if (this.#isClosed || socket.destroyed) {
      inside.destroy();
      socket.destroy();
      return;
    }
    inside.unref();
    // Each closes the other when it fails, and passes on its end.
    pipeline(socket, inside, () => undefined);
    pipeline(inside, socket, () => undefined);
  }
}

/** What our own answers mean. */
export function judgeLocalAnswer({ contentType, text }: PreviewAnswer): PreviewVerdict | undefined {
  if (contentType !== ownAnswer) return undefined;
  return text.startsWith("silent") ? "silent" : "unreachable";
}

function answerOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const text = code === "ECONNREFUSED" ? "silent\n" : `unreachable: ${String(message)}\n`;
  return [
    "HTTP/1.1 502 Bad Gateway",
    `content-type: ${ownAnswer}`,
    `content-length: ${Buffer.byteLength(text)}`,
    "connection: close",
    "",
    text,
  ].join("\r\n");
}
