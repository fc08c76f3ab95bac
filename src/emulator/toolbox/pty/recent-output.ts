const KEPT_BYTES = 256 * 1024;

/** The last bytes that a PTY has shown. The daemon has no such thing; a fault that repeats output needs it. */
export class RecentOutput {
  #chunks: Buffer[] = [];
  #bytes = 0;

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < 2 * KEPT_BYTES) return;
    this.#chunks = [this.last(KEPT_BYTES)];
    this.#bytes = KEPT_BYTES;
  }

  /** At most 256 KiB. */
  last(bytes: number): Buffer {
    const all = Buffer.concat(this.#chunks);
    return all.subarray(Math.max(0, all.length - Math.min(bytes, KEPT_BYTES)));
  }
}
