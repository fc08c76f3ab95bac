import { readSync } from "node:fs";
import type { ConnectOpts, SocketConstructorOpts } from "node:net";
import { Readable } from "node:stream";
import { ReadStream } from "node:tty";

const CHUNK_BYTES = 64 * 1024;
/** Far more than the kernel keeps of a PTY's output (some 12 KiB), and a limit for what never falls silent. */
const MAXIMUM_REMAINDER_BYTES = 1024 * 1024;

/**
 * What programs write to a PTY, read only as fast as somebody takes it: beyond some 100 KiB it stays in the kernel, which
 * lets the programs wait. The end of this stream is the end of the PTY: its master is closed.
 */
export class TerminalOutput extends Readable {
  readonly #master: number;
  readonly #source: ReadStream;
  #isOpen = true;

  /** Takes over the descriptor. */
  constructor(master: number) {
    super({ highWaterMark: CHUNK_BYTES });
    this.#master = master;
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    const callback = (length: number): boolean =>
      this.push(Buffer.from(buffer.subarray(0, length)));
    // With a callback the stream keeps nothing of its own, which an error would make it forget.
    const options: SocketConstructorOpts & ConnectOpts = { onread: { buffer, callback } };
    this.#source = new ReadStream(master, options);
    // EIO is how Linux says that no program has the terminal open any more.
    this.#source.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EIO") this.#hangUp();
      else this.destroy(error);
    });
    // libuv takes the hang-up for the end although the kernel still has some 12 KiB.
    this.#source.on("end", () => this.closeAfterProgram());
  }

  /** Whether the master is open. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  override _read(): void {
    if (this.#isOpen) this.#source.resume();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#closeMaster();
    callback(error);
  }

  /** Ends the PTY. What the kernel still has of its output is lost. */
  close(): void {
    this.#hangUp();
  }

  /**
   * Takes what the kernel has and ends the PTY, whoever else still has it open. All that a program wrote before it ended is
   * there at once: reading makes the kernel finish its work on it.
   */
  closeAfterProgram(): void {
    let remaining = MAXIMUM_REMAINDER_BYTES;
    while (this.#isOpen && remaining > 0) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      let length: number;
      try {
        length = readSync(this.#master, chunk);
      } catch {
        // EAGAIN: nothing is left, although another program has the terminal open. EIO: nobody has.
        break;
      }
      if (length === 0) break;
      remaining -= length;
      this.push(chunk.subarray(0, length));
    }
    this.#hangUp();
  }

  #hangUp(): void {
    if (!this.#isOpen) return;
    this.#closeMaster();
    this.push(null);
  }

  #closeMaster(): void {
    this.#isOpen = false;
    this.#source.destroy();
  }
}
