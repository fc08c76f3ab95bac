import type { Guard } from "./guard.ts";
import type { ProcessObserver, StreamName } from "./process-observer.ts";

/** Bytes that are fetched at a time, so that memory stays bounded however much there is. */
const partBytes = 1024 * 1024;

/** One output of a process from an offset on, fetched as it is read. */
export class OutputStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #observer: ProcessObserver;
  readonly #stream: StreamName;
  readonly #cancelled = new AbortController();
  readonly #signal: AbortSignal;
  #offset: number;

  constructor(
    observer: ProcessObserver,
    options: { readonly stream: StreamName; readonly offset: number; readonly guard: Guard },
  ) {
    this.#observer = observer;
    this.#stream = options.stream;
    this.#offset = options.offset;
    this.#signal = AbortSignal.any([this.#cancelled.signal, observer.detached]);
    this.readable = new ReadableStream<Uint8Array>(
      {
        pull: (controller) =>
          options.guard(`process.${this.#stream}`, () => this.#pull(controller)),
        cancel: (reason) => this.#cancelled.abort(reason),
      },
      // Nothing is fetched before somebody reads.
      { highWaterMark: 0 },
    );
  }

  get offset(): number {
    return this.#offset;
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      for (;;) {
        const sizeBytes = this.#observer.sizeOf(this.#stream);
        // The process truncated its own output; what it has written since is new.
        if (sizeBytes < this.#offset) this.#offset = 0;
        if (sizeBytes > this.#offset) {
          await this.#handOut(controller);
          return;
        }
        if (this.#observer.exit !== undefined) {
          controller.close();
          return;
        }
        await this.#observer.news(this.#stream, this.#signal);
      }
    } catch (error) {
      if (this.#cancelled.signal.aborted) return;
      // Whoever detaches knows that this is not all.
      if (this.#observer.detached.aborted) controller.close();
      else throw this.#observer.translate(error);
    }
  }

  async #handOut(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const bytes = await this.#observer.bytesFrom(
      this.#stream,
      this.#offset,
      partBytes,
      this.#signal,
    );
    this.#offset += bytes.length;
    if (bytes.length > 0) controller.enqueue(bytes);
    // The file has become shorter since it was measured.
    else await this.#observer.news(this.#stream, this.#signal);
  }
}
