const longestLineBytes = 64 * 1024;

/** Cuts output into pieces that end with a line, so that a character or a secret is never in two pieces. */
export class WholeLines {
  readonly #onLines: (text: string) => void;
  readonly #decoder = new TextDecoder();
  #rest = "";

  constructor(onLines: (text: string) => void) {
    this.#onLines = onLines;
  }

  readonly add = (chunk: Uint8Array): void => {
    const text = this.#rest + this.#decoder.decode(chunk, { stream: true });
    const end = text.length > longestLineBytes ? text.length : text.lastIndexOf("\n") + 1;
    this.#rest = text.slice(end);
    if (end > 0) this.#onLines(text.slice(0, end));
  };

  end(): void {
    const text = this.#rest + this.#decoder.decode();
    this.#rest = "";
    if (text !== "") this.#onLines(text);
  }
}
