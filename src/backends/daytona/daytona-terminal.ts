import { randomBytes } from "node:crypto";
import type { WebSocket } from "ws";
import { ConnectionError, ProtocolError } from "../../contract/provider-errors.ts";
import { untilAborted } from "../../core/delay.ts";
import type { LiveTerminal, TerminalHandlers, TransportCall } from "../../core/transport.ts";

/** Daytona's daemon closes the connection for more than 64 KiB in one message. */
const messageBytes = 16 * 1024;

/** Gateways cut what is silent for a minute, some for less. */
const pingMs = 15_000;
const pongTimeoutMs = 10_000;

/**
 * Milliseconds after input until its arrival is asked for: one question serves all that is typed meanwhile, and the answer to it
 * does not stand before the echo.
 */
const confirmAfterMs = 2;

/** Milliseconds between the last input and the removal of the terminal that carried it. */
const lingerAfterInputMs = 1_000;

/** Milliseconds that the removal of a terminal may take; it keeps no process alive. */
const removeTimeoutMs = 10_000;

/** What SDK 0.218 offers, and what newer servers demand; v0.190 selects none, which this client then does not offer. */
const exitControl = "X-Daytona-Pty-Exit-Control";

/** With it begin the IDs of terminals in which nothing runs but a view of another's record. */
export const viewPrefix = "sandbox-backend-view-";

export interface DaytonaToolbox {
  /** Address of the sandbox's toolbox. */
  readonly url: string;
  readonly apiKey: string;
}

/** A PTY of Daytona's daemon. The SDK's own client of them needs a newer server than v0.190, sends no pings and knows no back-pressure. */
export class DaytonaTerminal implements LiveTerminal {
  readonly #toolbox: DaytonaToolbox;
  readonly #id: string;
  readonly #handlers: TerminalHandlers;
  readonly #unconfirmed = new Map<
    string,
    { resolve: () => void; reject: (error: Error) => void }
  >();
  #socket: WebSocket | undefined;
  #pinger: NodeJS.Timeout | undefined;
  #nextConfirmation: Promise<void> | undefined;
  #isClosed = false;
  #sentAtMs = Number.NEGATIVE_INFINITY;

  private constructor(toolbox: DaytonaToolbox, id: string, handlers: TerminalHandlers) {
    this.#toolbox = toolbox;
    this.#id = id;
    this.#handlers = handlers;
  }

  static async open(
    toolbox: DaytonaToolbox,
    handlers: TerminalHandlers,
    call: TransportCall,
  ): Promise<DaytonaTerminal> {
    const id = `${viewPrefix}${randomBytes(8).toString("hex")}`;
    const terminal = new DaytonaTerminal(toolbox, id, handlers);
    await terminal.#create(call);
    try {
      await terminal.#connect(call);
      return terminal;
    } catch (error) {
      terminal.close();
      throw error;
    }
  }

  async send(bytes: Uint8Array): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined || this.#isClosed) throw connectionLost();
    this.#sentAtMs = performance.now();
    for (let start = 0; start < bytes.length; start += messageBytes) {
      await new Promise<void>((resolve, reject) => {
        socket.send(bytes.subarray(start, start + messageBytes), (error) => {
          if (error) reject(connectionLost());
          else resolve();
        });
      });
    }
    this.#nextConfirmation ??= this.#confirmLater(socket);
    await this.#nextConfirmation;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#pinger);
    this.#socket?.terminate();
    for (const { reject } of this.#unconfirmed.values()) reject(connectionLost());
    this.#unconfirmed.clear();
    // The daemon has what was sent; what reads it in the sandbox may need a moment.
    const lingerMs = Math.max(0, this.#sentAtMs + lingerAfterInputMs - performance.now());
    if (lingerMs > 0) setTimeout(() => this.#remove(), lingerMs).unref();
    else this.#remove();
  }

  /** A shell that nobody looks at would go on. */
  #remove(): void {
    const call = { signal: AbortSignal.timeout(removeTimeoutMs) };
    void this.#request("DELETE", `/${this.#id}`, undefined, call).catch(() => undefined);
  }

  async #create(call: TransportCall): Promise<void> {
    // Large enough that no program in it breaks its lines; what it shows comes from elsewhere.
    const body = { id: this.#id, cwd: "/", cols: 1_000, rows: 100, lazyStart: true };
    const response = await this.#request("POST", "", body, call);
    await response.body?.cancel();
    if (response.status === 201 || response.status === 200) return;
    throw new ProtocolError(`The toolbox refused a terminal with status ${response.status}.`, {
      retryable: response.status >= 500,
    });
  }

  async #connect(call: TransportCall): Promise<void> {
    const { WebSocket } = await import("ws");
    const url = `${this.#toolbox.url.replace(/^http/, "ws")}/process/pty/${this.#id}/connect`;
    const headers = { Authorization: `Bearer ${this.#toolbox.apiKey}` };
    const attempt = (protocols: string[]): Promise<WebSocket> =>
      opened(new WebSocket(url, protocols, { headers, perMessageDeflate: false }), call.signal);
    const socket = await attempt([exitControl]).catch((error: unknown) => {
      if (call.signal.aborted || !selectedNone(error)) throw error;
      return attempt([]);
    });
    this.#socket = socket;
    const connected = this.#listen(socket);
    await untilAborted(connected, call.signal);
    let answeredAtMs = performance.now();
    socket.on("pong", (data: Buffer) => {
      answeredAtMs = performance.now();
      this.#unconfirmed.get(data.toString())?.resolve();
    });
    this.#pinger = setInterval(() => {
      if (performance.now() - answeredAtMs > pingMs + pongTimeoutMs) socket.terminate();
      else socket.ping();
    }, pingMs);
    this.#pinger.unref();
  }

  /** Resolves when the daemon says that the terminal is there. */
  #listen(socket: WebSocket): Promise<void> {
    return new Promise((resolve, reject) => {
      socket.on("message", (data: Buffer, isBinary: boolean) => {
        if (isBinary) {
          this.#handlers.onOutput(data);
          return;
        }
        const status = controlStatus(data);
        if (status === "connected") resolve();
        // Text that is no control message is output.
        else if (status === undefined) this.#handlers.onOutput(data);
        else if (status === "error") reject(connectionLost());
      });
      socket.on("error", () => undefined);
      socket.on("close", () => {
        reject(connectionLost());
        if (this.#isClosed) return;
        this.close();
        this.#handlers.onClosed();
      });
    });
  }

  async #confirmLater(socket: WebSocket): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, confirmAfterMs));
    // What is sent from now on goes behind this question.
    this.#nextConfirmation = undefined;
    if (this.#isClosed) throw connectionLost();
    await this.#confirm(socket);
  }

  /** The daemon reads frames in their order, so its answer to a ping says that it has what came before. */
  #confirm(socket: WebSocket): Promise<void> {
    const name = randomBytes(8).toString("hex");
    return new Promise<void>((resolve, reject) => {
      this.#unconfirmed.set(name, { resolve, reject });
      socket.ping(name, undefined, (error) => {
        if (error) reject(connectionLost());
      });
    }).finally(() => this.#unconfirmed.delete(name));
  }

  #request(
    method: string,
    path: string,
    body: unknown,
    { signal }: TransportCall,
  ): Promise<Response> {
    return fetch(`${this.#toolbox.url}/process/pty${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${this.#toolbox.apiKey}`,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      redirect: "manual",
      signal,
    });
  }
}

function opened(socket: WebSocket, signal: AbortSignal): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      socket.terminate();
      reject(signal.reason as Error);
    };
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("open", () => {
      signal.removeEventListener("abort", onAbort);
      resolve(socket);
    });
    socket.once("error", (error) => {
      signal.removeEventListener("abort", onAbort);
      reject(error);
    });
  });
}

function selectedNone(error: unknown): boolean {
  return error instanceof Error && error.message.includes("no subprotocol");
}

function controlStatus(data: Buffer): string | undefined {
  try {
    const message = JSON.parse(data.toString("utf8")) as { type?: unknown; status?: unknown };
    return message.type === "control" && typeof message.status === "string"
      ? message.status
      : undefined;
  } catch {
    return undefined;
  }
}

function connectionLost(): ConnectionError {
  return new ConnectionError(
    "The connection to the terminal was lost. Input that was on its way may or may not have arrived; it is not sent again.",
    { retryable: true },
  );
}
