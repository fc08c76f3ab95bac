import type { WebSocket } from "ws";
import { ProtocolError } from "../../../contract/provider-errors.ts";
import type { TransportCall } from "../../../core/transport.ts";

/** Gateways cut what is silent for a minute, some for less. */
const pingMs = 15_000;
const pongTimeoutMs = 10_000;

/** How the connection of an execution ended. */
export interface SocketEnd {
  /** 1006: without a close frame. */
  readonly code: number;
  readonly reason: string;
}

/** A message of Daytona's interpreter. */
export interface ExecutionMessage {
  readonly type: string;
  readonly text: string;
  readonly name: string;
  readonly value: string;
}

export interface ExecutionRequest {
  readonly code: string;
  readonly contextId: string;
  readonly envs: Readonly<Record<string, string>>;
  /** Seconds after which the server interrupts it. */
  readonly timeout: number;
}

/**
 * One execution by Daytona's interpreter. The SDK's own client of it takes an interruption and a dead interpreter for a success, hides
 * what a callback throws, and cannot be given up.
 */
export class ExecutionSocket {
  /** Never rejects. */
  readonly ended: Promise<SocketEnd>;
  readonly #socket: WebSocket;
  #pinger: NodeJS.Timeout | undefined;

  private constructor(socket: WebSocket, onMessage: (message: ExecutionMessage) => void) {
    this.#socket = socket;
    this.ended = new Promise((resolve) => {
      socket.once("close", (code, reason) => {
        clearInterval(this.#pinger);
        resolve({ code, reason: reason.toString("utf8") });
      });
    });
    socket.on("error", () => undefined);
    socket.on("message", (data: Buffer) => {
      const message = readMessage(data.toString("utf8"));
      if (message !== undefined) onMessage(message);
    });
  }

  /** Rejects with what a refused handshake says, as `statusCode`, or with the network's error. */
  static async open(
    toolbox: { readonly url: string; readonly apiKey: string },
    request: ExecutionRequest,
    onMessage: (message: ExecutionMessage) => void,
    call: TransportCall,
  ): Promise<ExecutionSocket> {
    const { WebSocket } = await import("ws");
    const url = `${toolbox.url.replace(/^http/, "ws")}/process/interpreter/execute`;
    const socket = new WebSocket(url, {
      headers: { Authorization: `Bearer ${toolbox.apiKey}` },
      perMessageDeflate: false,
    });
    await opened(socket, call.signal);
    const execution = new ExecutionSocket(socket, onMessage);
    socket.send(JSON.stringify(request));
    return execution;
  }

  /** Watches the connection. Not before the code has begun: while it waits for its turn the server answers no ping. */
  watch(): void {
    let answeredAtMs = performance.now();
    this.#socket.on("pong", () => {
      answeredAtMs = performance.now();
    });
    this.#pinger = setInterval(() => {
      if (performance.now() - answeredAtMs > pingMs + pongTimeoutMs) this.#socket.terminate();
      else this.#socket.ping();
    }, pingMs);
    this.#pinger.unref();
  }

  close(): void {
    clearInterval(this.#pinger);
    this.#socket.terminate();
  }
}

function opened(socket: WebSocket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void): void => {
      signal.removeEventListener("abort", onAbort);
      finish();
    };
    const onAbort = (): void => {
      socket.terminate();
      reject(signal.reason as Error);
    };
    // Also after this: a handshake that is given up fails once more.
    socket.on("error", (error) => settle(() => reject(error)));
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("open", () => settle(resolve));
    socket.once("unexpected-response", (_request, response) => {
      const statusCode = response.statusCode ?? 0;
      response.resume();
      socket.terminate();
      settle(() => reject(Object.assign(new Error(`status ${statusCode}`), { statusCode })));
    });
  });
}

function readMessage(text: string): ExecutionMessage | undefined {
  try {
    const message = JSON.parse(text) as Record<string, unknown>;
    const field = (name: string): string =>
      typeof message[name] === "string" ? message[name] : "";
    return {
      type: field("type"),
      text: field("text"),
      name: field("name"),
      value: field("value"),
    };
  } catch {
    return undefined;
  }
}

/** For an end that should not be: the server said no word of ours. */
export function unexpectedEnd({ code, reason }: SocketEnd): ProtocolError {
  const said = reason === "" ? "" : `: ${reason}`;
  return new ProtocolError(`Daytona's interpreter closed the connection with ${code}${said}.`);
}
