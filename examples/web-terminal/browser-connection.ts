import { AbortError, type Pty, SandboxError } from "sandbox-backend";
import type { WebSocket } from "ws";
import { Heartbeat } from "./heartbeat.ts";
import type { PageMessage, ServerMessage, TerminalSize } from "./protocol.ts";
import { readPageMessage } from "./read-page-message.ts";
import type { SharedTerminal, Viewer } from "./shared-terminal.ts";
import { TypedInput } from "./typed-input.ts";

/** Bytes that may be on their way to a page, or wait to be drawn there; the rest stays in the sandbox. */
const windowBytes = 512 * 1024;

/** Close codes of RFC 6455 and its registry. */
const unacceptable = 1008;
const tryAgainLater = 1013;

interface Attached {
  readonly pty: Pty;
  readonly input: TypedInput;
}

interface Wanted {
  readonly id: string | undefined;
  readonly offset: number;
  readonly isActive: boolean;
}

/** One WebSocket of one page: a reader of the terminal at its own pace, and a keyboard. */
export class BrowserConnection implements Viewer {
  readonly #socket: WebSocket;
  readonly #terminal: SharedTerminal;
  readonly #closed = new AbortController();
  windowSize: TerminalSize = { rows: 24, cols: 80 };
  /** What is read now, and typed into. */
  #attached: Attached | undefined;
  /** Ends what is read now, when another terminal is to be read. */
  #reading = new AbortController();
  #drawnOffset = 0;
  #onDrawn: () => void = () => undefined;

  constructor(socket: WebSocket, terminal: SharedTerminal) {
    this.#socket = socket;
    this.#terminal = terminal;
    const heartbeat = new Heartbeat(socket, () => this.#say({ type: "heartbeat" }));
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      if (isBinary) this.#type(data);
      else this.#onText(data);
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      heartbeat.stop();
      this.#closed.abort();
      this.#terminal.leave(this);
    });
  }

  close(): void {
    this.#socket.terminate();
  }

  onSize(size: TerminalSize, isLeading: boolean): void {
    this.#say({ type: "size", ...size, isLeading });
  }

  onNewTerminal(): void {
    this.#read({ id: undefined, offset: 0, isActive: this.#terminal.isLeading(this) });
  }

  #onText(data: Buffer): void {
    const message = readPageMessage(data);
    if (message === undefined) this.#socket.close(unacceptable, "That is no message of the page.");
    else this.#onMessage(message);
  }

  #onMessage(message: PageMessage): void {
    switch (message.type) {
      case "attach": {
        const { rows, cols, terminalId, offset, isActive } = message;
        this.windowSize = { rows, cols };
        this.#terminal.join(this);
        this.#read({ id: terminalId, offset, isActive });
        return;
      }
      case "size":
        this.windowSize = { rows: message.rows, cols: message.cols };
        this.#lead();
        return;
      case "drawn":
        this.#drawnOffset = message.offset;
        this.#onDrawn();
        return;
      case "new-terminal":
        this.#terminal.renew(message.endedId).catch((error: unknown) => this.#giveUp(error));
        return;
      default:
        message satisfies never;
    }
  }

  #type(data: Buffer): void {
    if (this.#attached === undefined) {
      this.#say({ type: "notice", message: "There is no terminal now; this was not typed." });
      return;
    }
    this.#lead();
    this.#attached.input.write(data);
  }

  #lead(): void {
    if (this.#attached === undefined) return;
    const { pty } = this.#attached;
    this.#terminal.lead(this, pty).catch((error: unknown) => this.#complain(error));
  }

  #read(wanted: Wanted): void {
    this.#reading.abort();
    this.#reading = new AbortController();
    const signal = AbortSignal.any([this.#closed.signal, this.#reading.signal]);
    this.#readToEnd(wanted, signal).catch((error: unknown) => {
      if (!signal.aborted) this.#giveUp(error);
    });
  }

  async #readToEnd(wanted: Wanted, signal: AbortSignal): Promise<void> {
    const { pty, id, offset } = await this.#terminal.attach(this, wanted, signal);
    let attached: Attached | undefined;
    try {
      signal.throwIfAborted();
      signal.addEventListener("abort", () => pty.detach(), { once: true });
      attached = {
        pty,
        input: new TypedInput(this.#socket, pty, (error) => this.#complain(error)),
      };
      this.#attached = attached;
      this.#drawnOffset = offset;
      const replayUntil = this.#terminal.shownBytes;
      this.#say({ type: "attached", terminalId: id, offset, replayUntil });
      for await (const chunk of pty.output) {
        signal.throwIfAborted();
        this.#socket.send(chunk);
        this.#terminal.shown(id, pty.offset);
        await this.#roomFor(pty.offset, signal);
      }
      signal.throwIfAborted();
      const { exitCode, signal: endedBy } = await pty.wait({ signal });
      this.#say({ type: "ended", terminalId: id, exitCode, signal: endedBy });
    } finally {
      if (this.#attached === attached) this.#attached = undefined;
      pty.detach();
    }
  }

  /** Resolves when the page is near enough. Until then nothing is read, and what the terminal shows stays in the sandbox. */
  async #roomFor(offset: number, signal: AbortSignal): Promise<void> {
    while (offset - this.#drawnOffset > windowBytes) {
      await new Promise<void>((resolve, reject) => {
        const onAbort = (): void => reject(signal.reason as Error);
        signal.addEventListener("abort", onAbort, { once: true });
        this.#onDrawn = () => {
          signal.removeEventListener("abort", onAbort);
          resolve();
        };
        if (signal.aborted) onAbort();
      });
    }
  }

  #giveUp(error: unknown): void {
    if (SandboxError.is(error) && error.retryable) {
      // The page comes back, from the byte that it needs next.
      this.#say({ type: "notice", message: textOf(error) });
      this.#socket.close(tryAgainLater);
    } else {
      this.#say({ type: "lost", terminalId: this.#terminal.id, message: textOf(error) });
    }
  }

  /** Something failed, and the terminal goes on. Whoever lets go of it knows that. */
  #complain(error: unknown): void {
    if (!(error instanceof AbortError)) this.#say({ type: "notice", message: textOf(error) });
  }

  #say(message: ServerMessage): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(message));
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
