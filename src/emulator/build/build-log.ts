import { EventEmitter, once } from "node:events";

const mostBytes = 16 * 1024 * 1024;

/** The output of a build, kept whole for readers that come late; over 16 MiB the rest is left out and said so. */
export class BuildLog {
  readonly #chunks: Buffer[] = [];
  readonly #changes = new EventEmitter().setMaxListeners(0);
  #sizeBytes = 0;
  #isFull = false;
  #isEnded = false;

  line(text: string): void {
    this.write(Buffer.from(`${text}\n`));
  }

  write(bytes: Buffer): void {
    if (this.#isFull) return;
    this.#isFull = this.#sizeBytes + bytes.length > mostBytes;
    const kept = this.#isFull
      ? Buffer.from("[the log is longer than 16 MiB; the rest is left out]\n")
      : bytes;
    this.#chunks.push(kept);
    this.#sizeBytes += kept.length;
    this.#changes.emit("change");
  }

  end(): void {
    this.#isEnded = true;
    this.#changes.emit("change");
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }

  /** All that was written and will be, until the end or until the signal aborts. */
  async *follow(signal: AbortSignal): AsyncGenerator<Buffer> {
    for (let index = 0; ; ) {
      const chunk = this.#chunks[index];
      if (chunk !== undefined) {
        index += 1;
        yield chunk;
        continue;
      }
      if (this.#isEnded || signal.aborted) return;
      try {
        await once(this.#changes, "change", { signal });
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
  }
}
