import { closeSync, readSync } from "node:fs";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/** A connection that a program of ours carries into another network, see `RELAY_PROGRAM`. */
export class RelayedConnection extends Duplex {
  readonly #input: Socket;
  readonly #output: Socket;
  readonly #errors: number;

  /**
   * @param output - From which the program's first word has been read.
   * @param errors - Descriptor of its standard error, which is ours from now on.
   */
  constructor(input: Socket, output: Socket, errors: number) {
    super({ allowHalfOpen: true });
    this.#input = input;
    this.#output = output;
    this.#errors = errors;
    output.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) output.pause();
    });
    output.pause();
    output.once("end", () => {
      if (isBrokenOff(errors)) this.destroy(reset());
      else this.push(null);
    });
    for (const socket of [input, output]) socket.on("error", (error) => this.destroy(error));
  }

  /** It no longer keeps this process alive. */
  unref(): this {
    this.#input.unref();
    this.#output.unref();
    return this;
  }

  override _read(): void {
    this.#output.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error) => void) {
    this.#input.write(chunk, (error) => callback(error ?? undefined));
  }

  override _final(callback: () => void): void {
    this.#input.end(callback);
  }

  /** The program ends when nobody reads its output any more. */
  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#input.destroy();
    this.#output.destroy();
    closeSync(this.#errors);
    callback(error);
  }
}

function isBrokenOff(descriptor: number): boolean {
  try {
    return readSync(descriptor, Buffer.alloc(1)) > 0;
  } catch (error) {
    // Nothing was said, and it has not ended yet.
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return false;
    throw error;
  }
}

function reset(): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error("read ECONNRESET");
  return Object.assign(error, { code: "ECONNRESET", syscall: "read" });
}
