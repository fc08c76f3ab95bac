import { posix } from "node:path";
import { ConnectionError } from "../../contract/provider-errors.ts";
import type { LiveTerminal, TerminalHandlers } from "../../core/transport.ts";
import type { EnginePty, EngineSandbox } from "../../engine/engine-types.ts";

/** Large enough that no program in it breaks its lines; what it shows comes from elsewhere. */
const size = { rows: 100, cols: 1_000 };

/** Milliseconds between the last input and the hang-up: the kernel has it, and what reads it in the sandbox may need a moment. */
const lingerAfterInputMs = 1_000;

/** A shell on a terminal of the engine's, which this process holds. */
export class LocalTerminal implements LiveTerminal {
  readonly #pty: EnginePty;
  readonly #handlers: TerminalHandlers;
  #isClosed = false;
  #sentAtMs = Number.NEGATIVE_INFINITY;

  private constructor(pty: EnginePty, handlers: TerminalHandlers) {
    this.#pty = pty;
    this.#handlers = handlers;
    pty.output.on("data", (bytes: Buffer) => {
      if (!this.#isClosed) handlers.onOutput(bytes);
    });
    pty.output.on("error", () => this.#onClosed());
    pty.output.on("close", () => this.#onClosed());
  }

  static async open(sandbox: EngineSandbox, handlers: TerminalHandlers): Promise<LocalTerminal> {
    const cwd = posix.dirname(sandbox.homeDirectory);
    return new LocalTerminal(await sandbox.openPty({ argv: ["/bin/sh"], ...size, cwd }), handlers);
  }

  async send(bytes: Uint8Array): Promise<void> {
    if (this.#isClosed) throw hungUp();
    this.#sentAtMs = performance.now();
    try {
      await this.#pty.write(bytes);
    } catch (error) {
      throw hungUp(error);
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const lingerMs = Math.max(0, this.#sentAtMs + lingerAfterInputMs - performance.now());
    if (lingerMs > 0) setTimeout(() => this.#pty.close(), lingerMs).unref();
    else this.#pty.close();
  }

  #onClosed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#handlers.onClosed();
  }
}

function hungUp(cause?: unknown): ConnectionError {
  return new ConnectionError(
    "The terminal has hung up. Input that was on its way may or may not have arrived; it is not sent again.",
    { retryable: true, cause },
  );
}
