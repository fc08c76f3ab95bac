/** Turns bytes into text for a callback, without cutting a character that arrives in two pieces. */
export class TextCallback {
  readonly #decoder = new TextDecoder();
  readonly #callback: ((text: string) => void) | undefined;

  constructor(callback: ((text: string) => void) | undefined) {
    this.#callback = callback;
  }

  /** Undefined without a callback: then nobody needs all of the output. */
  get accept(): ((bytes: Uint8Array) => void) | undefined {
    const callback = this.#callback;
    if (callback === undefined) return undefined;
    return (bytes) => {
      const text = this.#decoder.decode(bytes, { stream: true });
      if (text !== "") callback(text);
    };
  }

  /** What is left of a character that never came to its end. */
  end(): void {
    const text = this.#decoder.decode();
    if (text !== "") this.#callback?.(text);
  }
}
