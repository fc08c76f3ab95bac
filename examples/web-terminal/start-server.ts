import { timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createAdaptorServer, upgradeWebSocket } from "@hono/node-server";
import { type Context, Hono, type Next } from "hono";
import { SandboxError } from "sandbox-backend";
import { type WebSocket, WebSocketServer } from "ws";
import { BrowserConnection } from "./browser-connection.ts";
import type { FailureAnswer } from "./protocol.ts";
import { type Sandbox, SandboxApi } from "./sandbox-api.ts";
import { serveAsset, servePage } from "./serve-page.ts";
import type { SharedTerminal } from "./shared-terminal.ts";

type AdapterSockets = NonNullable<Parameters<typeof createAdaptorServer>[0]["websocket"]>["server"];

const address = "127.0.0.1";

/** Bytes of one message from a page, which sends a paste in smaller pieces. */
const largestMessageBytes = 64 * 1024;

export interface RunningServer {
  /** The address of the page, token included. */
  readonly url: string;
  /** Lets go of all pages; they try to come back. */
  close(): Promise<void>;
}

/**
 * Serves the page to browsers of this machine. Another web page can neither read nor open anything here: the address holds a token,
 * and the names in `Host` and `Origin` must be this server's own.
 */
export async function startServer(options: {
  readonly port: number;
  readonly token: string;
  readonly sandbox: Sandbox;
  readonly terminal: SharedTerminal;
}): Promise<RunningServer> {
  const { port, token, terminal } = options;
  const connections = new Set<BrowserConnection>();
  const api = new SandboxApi(options.sandbox);
  const app = new Hono();
  app.use(onlyFromThisPage);
  app.use("/:token/*", (context, next) => onlyWithToken(context, next, token));
  app.get("/:token/", servePage);
  app.get("/:token/assets/:name", serveAsset);
  app.get("/:token/api/status", (context) => api.status(context));
  app.get("/:token/api/branch", (context) => api.branch(context));
  app.get("/:token/api/files", (context) => api.files(context));
  app.get(
    "/:token/terminal",
    upgradeWebSocket(() => ({
      onOpen: (_event, { raw }) => {
        const socket = raw as WebSocket;
        const connection = new BrowserConnection(socket, terminal);
        connections.add(connection);
        socket.once("close", () => connections.delete(connection));
      },
    })),
  );
  app.onError((error, context) => {
    const answer: FailureAnswer = { message: error.message };
    return context.json(answer, SandboxError.is(error) && error.retryable ? 503 : 500);
  });

  const sockets = new WebSocketServer({ noServer: true, maxPayload: largestMessageBytes });
  const server = createAdaptorServer({
    fetch: app.fetch,
    // The adapter describes the server of `ws` with types that are stricter than its own.
    websocket: { server: sockets as unknown as AdapterSockets },
  });
  server.listen(port, address);
  await once(server, "listening").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EADDRINUSE") throw error;
    throw new Error(`Port ${port} is taken. Name another one with --port.`, { cause: error });
  });
  const { port: actualPort } = server.address() as AddressInfo;
  return {
    url: `http://${address}:${actualPort}/${token}/`,
    async close() {
      for (const connection of connections) connection.close();
      const closed = once(server, "close");
      server.close();
      if ("closeAllConnections" in server) server.closeAllConnections();
      await closed;
    },
  };
}

/** A name that resolves to this machine must not open the way for the page that has that name. */
async function onlyFromThisPage(context: Context, next: Next): Promise<Response | undefined> {
  const host = context.req.header("host") ?? "";
  const [, name, port] = /^(127\.0\.0\.1|localhost):(\d+)$/.exec(host) ?? [];
  if (name === undefined || port === undefined) return refuse(context);
  const origin = context.req.header("origin");
  const isUpgrade = context.req.header("upgrade") !== undefined;
  // A browser names the origin of every WebSocket, and of every request from another page that it lets go at all.
  if (origin === undefined ? isUpgrade : origin !== `http://${host}`) return refuse(context);
  const site = context.req.header("sec-fetch-site");
  if (site !== undefined && site !== "same-origin" && site !== "none") return refuse(context);
  context.header("Cache-Control", "no-store");
  context.header("Cross-Origin-Opener-Policy", "same-origin");
  context.header("Cross-Origin-Resource-Policy", "same-origin");
  context.header("Referrer-Policy", "no-referrer");
  context.header("X-Content-Type-Options", "nosniff");
  await next();
  return undefined;
}

async function onlyWithToken(
  context: Context,
  next: Next,
  token: string,
): Promise<Response | undefined> {
  const given = Buffer.from(context.req.param("token") ?? "");
  const wanted = Buffer.from(token);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return refuse(context);
  await next();
  return undefined;
}

function refuse(context: Context): Response {
  return context.text("Forbidden. Open the address that the server printed.\n", 403);
}
