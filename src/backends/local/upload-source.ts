import { Readable } from "node:stream";
import type { FileUpload } from "../../core/transport.ts";

/** Bytes that are written at once, between which an abort is heard. */
const sliceBytes = 1024 * 1024;

/**
 * Content to write, whose own failures are told from those of writing it. Destroyed, it ends at once; Node's `Readable.from`
 * would wait for a source that never comes to its next piece.
 */
export class UploadSource extends Readable {
  readonly #pieces: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  failure: { readonly error: unknown } | undefined;

  constructor(content: FileUpload["content"]) {
    super();
    this.#pieces =
      content instanceof Uint8Array ? slices(content) : content[Symbol.asyncIterator]();
    // Whoever writes it learns of a failure; without a listener it would be one of the process.
    this.on("error", () => undefined);
  }

  override _read(): void {
    void this.#next();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    void this.#leave();
    callback(error);
  }

  async #next(): Promise<void> {
    try {
      const { done, value } = await this.#pieces.next();
      // A piece of no bytes would look like one that is still to come.
      if (done === true) this.push(null);
      else if (value.byteLength > 0) this.push(value);
      else await this.#next();
    } catch (error) {
      this.failure = { error };
      this.destroy(error as Error);
    }
  }

  async #leave(): Promise<void> {
    try {
      await this.#pieces.return?.();
    } catch {
      // Nobody wants more of it.
    }
  }
}

function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += sliceBytes) {
    yield bytes.subarray(start, start + sliceBytes);
  }
}
