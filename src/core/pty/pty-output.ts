import { delay } from "../delay.ts";
import type { Guard } from "../processes/guard.ts";
import type { ProcessObserver } from "../processes/process-observer.ts";
import type { SandboxChannel } from "../transport.ts";
import { LiveView } from "./live-view.ts";

/** Bytes that are fetched from the record at a time. */
const partBytes = 256 * 1024;

/** Milliseconds between two attempts to open a live view. */
const firstRetryMs = 250;
const longestRetryMs = 10_000;
const longestTimerMs = 2_147_483_647;

/** A question to the sandbox that has no answer yet. */
interface AskedNews {
  /** Undefined: only for the end. */
  readonly wanted: "stdout" | undefined;
  readonly stop: AbortController;
  failure: { readonly error: unknown } | undefined;
}

/**
 * What a terminal shows, from an offset on: live while a view is open, from the record where none is. Both count the same bytes,
 * so it does not matter when one takes the other's place.
 */
export class PtyOutput {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #observer: ProcessObserver;
  readonly #channel: SandboxChannel;
  readonly #recordPath: string;
  readonly #cancelled = new AbortController();
  readonly #signal: AbortSignal;
  readonly #untilIdleMs: () => number;
  readonly #onOutput: () => void;
  #offset: number;
  #view: LiveView | undefined;
  #isOpening = false;
  #failures = 0;
  #wake: (() => void) | undefined;
  #asked: AskedNews | undefined;

  constructor(options: {
    readonly observer: ProcessObserver;
    readonly channel: SandboxChannel;
    readonly recordPath: string;
    readonly offset: number;
    readonly guard: Guard;
    /** Milliseconds until nobody has used the terminal for so long that it is not to be asked for any more. */
    readonly untilIdleMs: () => number;
    /** Called when the terminal has shown something. */
    readonly onOutput: () => void;
  }) {
    this.#onOutput = options.onOutput;
    this.#observer = options.observer;
    this.#channel = options.channel;
    this.#recordPath = options.recordPath;
    this.#offset = options.offset;
    this.#untilIdleMs = options.untilIdleMs;
    this.#signal = AbortSignal.any([this.#cancelled.signal, options.observer.detached]);
    // Once, and not at each piece of output: that costs more than the rest of what an echo does here.
    this.#signal.addEventListener("abort", () => this.wake(), { once: true });
    this.readable = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => options.guard("pty.output", () => this.#pull(controller)),
        cancel: (reason) => {
          this.#cancelled.abort(reason);
          this.close();
        },
      },
      // Nothing is taken before somebody reads.
      { highWaterMark: 0 },
    );
  }

  get offset(): number {
    return this.#offset;
  }

  /** The view, if one is open: the quick way in. */
  get view(): LiveView | undefined {
    return this.#view?.isOpen === true ? this.#view : undefined;
  }

  /** Makes a reader look again. */
  wake(): void {
    this.#wake?.();
  }

  close(): void {
    this.#view?.close();
    this.#view = undefined;
    this.#stopAsking();
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      for (;;) {
        const live = this.#view?.take(this.#offset);
        if (live !== undefined) {
          this.#offset += live.length;
          this.#onOutput();
          controller.enqueue(live);
          return;
        }
        // A view that is open brings what follows sooner than a request would.
        if (this.view === undefined && this.#observer.sizeOf("stdout") > this.#offset) {
          await this.#takeFromRecord(controller);
          return;
        }
        if (this.#observer.exit !== undefined) {
          this.close();
          if (this.#observer.sizeOf("stdout") > this.#offset) continue;
          controller.close();
          return;
        }
        await this.#news();
      }
    } catch (error) {
      this.close();
      if (this.#cancelled.signal.aborted) return;
      // Whoever detaches knows that this is not all.
      if (this.#observer.detached.aborted) controller.close();
      else throw this.#observer.translate(error);
    }
  }

  /** Resolves when there may be something new. */
  async #news(): Promise<void> {
    this.#signal.throwIfAborted();
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    const untilIdleMs = this.#untilIdleMs();
    let idleTimer: NodeJS.Timeout | undefined;
    if (untilIdleMs <= 0) {
      // A terminal that nobody uses must not keep its sandbox awake. The next use wakes it.
      this.close();
    } else {
      void this.#openView();
      this.#ask();
      idleTimer = setTimeout(() => this.wake(), Math.min(untilIdleMs + 1, longestTimerMs));
    }
    try {
      await woken;
    } finally {
      clearTimeout(idleTimer);
    }
    this.#signal.throwIfAborted();
    const failure = this.#asked?.failure;
    if (failure !== undefined) throw failure.error;
  }

  /**
   * Asks the sandbox, unless it is being asked already: with a view for the end alone, and for output where there is none. One
   * question serves as many pieces of live output as come meanwhile.
   */
  #ask(): void {
    const wanted = this.view === undefined ? "stdout" : undefined;
    if (this.#asked !== undefined && this.#asked.wanted === wanted) return;
    this.#stopAsking();
    const stop = new AbortController();
    const asked: AskedNews = { wanted, stop, failure: undefined };
    this.#asked = asked;
    this.#observer.news(wanted, AbortSignal.any([this.#signal, stop.signal])).then(
      () => {
        if (this.#asked === asked) this.#asked = undefined;
        this.wake();
      },
      (error: unknown) => {
        if (stop.signal.aborted) return;
        asked.failure = { error };
        this.wake();
      },
    );
  }

  #stopAsking(): void {
    this.#asked?.stop.abort(new Error("nobody asks any more"));
    this.#asked = undefined;
  }

  /** Opens a view where the provider has terminals, unless one is open or about to be. */
  async #openView(): Promise<void> {
    const openTerminal = this.#channel.openTerminal?.bind(this.#channel);
    if (openTerminal === undefined || this.view !== undefined || this.#isOpening) return;
    this.#isOpening = true;
    try {
      if (this.#failures > 0) {
        const retryMs = firstRetryMs * 2 ** this.#failures;
        await delay(Math.min(longestRetryMs, retryMs), this.#signal);
      }
      const view = await LiveView.open(
        openTerminal,
        this.#recordPath,
        this.#offset,
        () => this.wake(),
        this.#signal,
      );
      if (this.#signal.aborted) view.close();
      else this.#view = view;
      this.#failures = 0;
      this.wake();
    } catch {
      // Without it the record is asked for, which takes a little longer and loses nothing.
      this.#failures += 1;
    } finally {
      this.#isOpening = false;
    }
  }

  async #takeFromRecord(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    this.#onOutput();
    const bytes = await this.#observer.bytesFrom("stdout", this.#offset, partBytes, this.#signal);
    this.#offset += bytes.length;
    controller.enqueue(bytes);
  }
}
