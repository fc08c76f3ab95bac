import { closeSync, openSync, readFileSync, readSync } from "node:fs";

/** One for all: these files are read for every process of the machine at a time, where `readFileSync` takes twice as long. */
const buffer = Buffer.alloc(16_384);

/** A file of a process in `/proc`, each byte as a character. Undefined when the process is gone or does not show it to this one. */
export function readProcessFile(pid: number, name: string): string | undefined {
  const path = `/proc/${pid}/${name}`;
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, "r");
    const length = readSync(descriptor, buffer);
    // There may be more of it.
    if (length === buffer.length) return readFileSync(path, "latin1");
    return buffer.toString("latin1", 0, length);
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
