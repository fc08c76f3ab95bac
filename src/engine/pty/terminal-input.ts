import { writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { EngineError } from "../engine-error.ts";

const FIRST_WAIT_MS = 1;
const LONGEST_WAIT_MS = 20;

/**
 * Writes to a PTY, one after the other. Node cannot be told when a PTY has room again (libuv would spin until it has), so
 * a full one is asked again after a while.
 */
export class TerminalInput {
  readonly #master: number;
  readonly #isOpen: () => boolean;
  #last: Promise<void> = Promise.resolve();

  constructor(master: number, isOpen: () => boolean) {
    this.#master = master;
    this.#isOpen = isOpen;
  }

  /** Resolves when the kernel has all of it. */
  write(bytes: Uint8Array): Promise<void> {
    const written = this.#last.then(() => this.#writeAll(bytes));
    this.#last = written.catch(() => undefined);
    return written;
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    let offset = 0;
    let waitMs = FIRST_WAIT_MS;
    while (offset < bytes.length) {
      const count = this.#writeSome(bytes, offset);
      if (count > 0) {
        offset += count;
        waitMs = FIRST_WAIT_MS;
      } else {
        await delay(waitMs);
        waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
      }
    }
  }

  #writeSome(bytes: Uint8Array, offset: number): number {
    if (!this.#isOpen()) throw new EngineError("PTY_CLOSED", "The PTY has ended");
    try {
      return writeSync(this.#master, bytes, offset);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EAGAIN") return 0;
      if (code === "EIO") throw new EngineError("PTY_CLOSED", "The PTY has ended");
      throw error;
    }
  }
}
