import { randomBytes } from "node:crypto";
import { ConnectionError } from "../../contract/provider-errors.ts";
import { Deadline } from "../deadline.ts";
import { shellQuote } from "../shell-quote.ts";
import type { LiveTerminal, SandboxChannel } from "../transport.ts";
import { viewLifeSeconds } from "./pty-scripts.ts";

/** Milliseconds that a shell may take to read its start-up files and to begin the view. */
const openTimeoutMs = 30_000;

/** Milliseconds after which a view is given up for a new one: well before it ends in the sandbox, which could cost input. */
const replaceAfterMs = (viewLifeSeconds - 5 * 60) * 1_000;

/** Milliseconds without input that the replacement waits for, so that it cuts off nothing that is on its way. */
const quietBeforeReplaceMs = 2_000;

/** Bytes that wait for a slow reader; more are left to the record. */
const mostWaitingBytes = 1024 * 1024;

/**
 * A terminal's record as it grows, over a connection of the provider's: a shell in a terminal of its own that shows the record from
 * an offset on. So every byte has its place in the record, whatever happens to connections.
 */
export class LiveView {
  readonly #onNews: () => void;
  readonly #start: string;
  #terminal: LiveTerminal | undefined;
  #isOpen = true;
  #replacement: NodeJS.Timeout | undefined;
  #sending = 0;
  #sentAtMs = Number.NEGATIVE_INFINITY;
  #seen: Buffer | undefined = Buffer.alloc(0);
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** Offset in the record of the first byte that waits. */
  #offset: number;
  #onStarted: () => void = () => undefined;

  private constructor(offset: number, start: string, onNews: () => void) {
    this.#offset = offset;
    this.#start = start;
    this.#onNews = onNews;
  }

  /**
   * Opens a view from an offset of the record on. Rejects when that is not possible now.
   *
   * @param onNews - Called when bytes have come or the connection is gone.
   */
  static async open(
    openTerminal: NonNullable<SandboxChannel["openTerminal"]>,
    recordPath: string,
    offset: number,
    onNews: () => void,
    signal: AbortSignal,
  ): Promise<LiveView> {
    using deadline = Deadline.start("attachPty", openTimeoutMs, signal);
    const [first, second] = [randomBytes(8).toString("hex"), randomBytes(8).toString("hex")];
    const view = new LiveView(offset, `${first}${second}`, onNews);
    const terminal = await openTerminal(
      {
        onOutput: (bytes) => view.#accept(bytes),
        onClosed: () => view.#close(),
      },
      deadline,
    );
    view.#terminal = terminal;
    try {
      const path = shellQuote(`${recordPath}.view`);
      const record = shellQuote(recordPath);
      // The mark is typed in two halves, so that the echo of this line is not taken for it.
      const line = ` exec /bin/sh ${path} ${offset} ${first} ${second} ${record}\r`;
      await terminal.send(Buffer.from(line));
      await view.#started(deadline.signal);
      view.#replaceIn(replaceAfterMs);
      return view;
    } catch (error) {
      view.close();
      throw error;
    }
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The bytes from an offset on that have come; undefined when the next one has not come. */
  take(offset: number): Uint8Array | undefined {
    for (;;) {
      const chunk = this.#waiting[0];
      if (chunk === undefined || this.#offset > offset) return undefined;
      this.#waiting.shift();
      this.#waitingBytes -= chunk.length;
      const behind = offset - this.#offset;
      this.#offset += chunk.length;
      // What the record has given already.
      if (behind < chunk.length) return chunk.subarray(behind);
    }
  }

  async send(bytes: Uint8Array): Promise<void> {
    if (this.#terminal === undefined || !this.#isOpen) {
      throw new ConnectionError("The connection to the terminal is gone.", { retryable: true });
    }
    this.#sending += 1;
    try {
      await this.#terminal.send(bytes);
    } finally {
      this.#sending -= 1;
      this.#sentAtMs = performance.now();
    }
  }

  close(): void {
    this.#isOpen = false;
    clearTimeout(this.#replacement);
    this.#terminal?.close();
  }

  #close(): void {
    if (!this.#isOpen) return;
    this.close();
    this.#onStarted();
    this.#onNews();
  }

  /** Closes in a moment without input; the reader then opens another from the byte that it needs next. */
  #replaceIn(ms: number): void {
    if (!this.#isOpen) return;
    this.#replacement = setTimeout(() => {
      const quietMs = performance.now() - this.#sentAtMs;
      if (this.#sending === 0 && quietMs >= quietBeforeReplaceMs) this.#close();
      else this.#replaceIn(quietBeforeReplaceMs);
    }, ms);
    this.#replacement.unref();
  }

  #accept(bytes: Uint8Array): void {
    if (!this.#isOpen) return;
    let shown = bytes;
    if (this.#seen !== undefined) {
      this.#seen = Buffer.concat([this.#seen, bytes]);
      const at = this.#seen.indexOf(this.#start);
      if (at < 0) return;
      shown = this.#seen.subarray(at + this.#start.length);
      this.#seen = undefined;
      this.#onStarted();
    }
    if (shown.length === 0) return;
    this.#waiting.push(new Uint8Array(shown));
    this.#waitingBytes += shown.length;
    // The record has it all: whoever reads slowly goes on there.
    if (this.#waitingBytes > mostWaitingBytes) this.#close();
    else this.#onNews();
  }

  #started(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => reject(signal.reason as Error);
      signal.addEventListener("abort", onAbort, { once: true });
      this.#onStarted = () => {
        signal.removeEventListener("abort", onAbort);
        if (this.#isOpen) resolve();
        else reject(new ConnectionError("The terminal was closed.", { retryable: true }));
      };
      if (this.#seen === undefined || !this.#isOpen) this.#onStarted();
    });
  }
}
