import { Duplex } from "node:stream";
import type { Pty } from "../../contract/pty.ts";

/** A terminal as a Node stream. Its end lets go of the terminal, which goes on. */
export function ptyDuplex(pty: Pty): Duplex {
  const reader = pty.output.getReader();
  return new Duplex({
    read() {
      reader.read().then(
        ({ done, value }) => this.push(done ? null : value),
        (error: unknown) => this.destroy(error as Error),
      );
    },
    write(chunk: Buffer, _encoding, callback) {
      pty.write(chunk).then(() => callback(), callback);
    },
    destroy(error, callback) {
      pty.detach();
      callback(error);
    },
  });
}
