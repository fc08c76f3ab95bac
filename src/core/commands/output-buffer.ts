/** Keeps the head and the tail of a stream in bounded memory. */
export class OutputBuffer {
  readonly headBytes: number;
  readonly tailBytes: number;
  readonly #head: Uint8Array[] = [];
  readonly #tail: Uint8Array[] = [];
  #headLength = 0;
  #tailLength = 0;
  #dropped = 0;

  constructor(maxBytes: number) {
    this.headBytes = Math.ceil(maxBytes / 2);
    this.tailBytes = maxBytes - this.headBytes;
  }

  /** Bytes that came and are not kept. */
  get droppedBytes(): number {
    return this.#dropped + Math.max(0, this.#tailLength - this.tailBytes);
  }

  append(chunk: Uint8Array): void {
    const room = this.headBytes - this.#headLength;
    const forHead = chunk.subarray(0, Math.max(0, room));
    if (forHead.length > 0) {
      // Copies: a chunk may be a small view of a large buffer, and so would be the `slice` of a Buffer.
      this.#head.push(Uint8Array.from(forHead));
      this.#headLength += forHead.length;
    }
    const forTail = chunk.subarray(forHead.length);
    if (forTail.length === 0) return;
    this.#tail.push(Uint8Array.from(forTail));
    this.#tailLength += forTail.length;
    this.#trimTail();
  }

  /** Counts bytes that exist and were not fetched. Only between head and tail: what follows becomes the tail. */
  skip(bytes: number): void {
    this.#dropped += bytes;
  }

  bytes(): Uint8Array {
    const keptTail = Math.min(this.#tailLength, this.tailBytes);
    const whole = new Uint8Array(this.#headLength + keptTail);
    let position = 0;
    for (const chunk of this.#head) {
      whole.set(chunk, position);
      position += chunk.length;
    }
    // The oldest chunk of the tail may be needed in part.
    let surplus = this.#tailLength - keptTail;
    for (const chunk of this.#tail) {
      const kept = chunk.subarray(surplus);
      surplus = 0;
      whole.set(kept, position);
      position += kept.length;
    }
    return whole;
  }

  text(): string {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.bytes());
  }

  #trimTail(): void {
    for (;;) {
      const first = this.#tail[0];
      if (first === undefined || this.#tailLength - first.length < this.tailBytes) return;
      this.#tail.shift();
      this.#tailLength -= first.length;
      this.#dropped += first.length;
    }
  }
}
