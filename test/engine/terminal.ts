import type { EnginePty } from "../../src/engine/engine-types.ts";
import { eventually } from "./eventually.ts";

/** Somebody at a PTY: reads all that it shows, types, and waits for what should come. */
export class Terminal {
  readonly pty: EnginePty;
  #text = "";
  #hasEnded = false;

  constructor(pty: EnginePty) {
    this.pty = pty;
    pty.output.on("data", (chunk: Buffer) => {
      this.#text += chunk.toString("latin1");
    });
    pty.output.on("end", () => {
      this.#hasEnded = true;
    });
  }

  /** All that it has shown so far, one character for each byte. */
  get text(): string {
    return this.#text;
  }

  async type(text: string): Promise<void> {
    await this.pty.write(Buffer.from(text));
  }

  async shows(expected: string | RegExp): Promise<void> {
    try {
      await eventually(`the terminal shows ${String(expected)}`, () =>
        typeof expected === "string" ? this.#text.includes(expected) : expected.test(this.#text),
      );
    } catch (error) {
      throw new Error(`It shows ${JSON.stringify(this.#text)}`, { cause: error });
    }
  }

  async ends(): Promise<void> {
    await eventually("the output ends", () => this.#hasEnded);
  }
}
