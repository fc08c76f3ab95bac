import { readdirSync, readFileSync } from "node:fs";

const CLOSE_ON_EXEC = 0o2000000;

/**
 * Descriptors above 2 that this process got from its parent and would hand on to every child. Node closes those that it
 * opens itself, and only the first ones of the rest; a directory among them would be a way out of a sandbox.
 */
export function findInheritedDescriptors(): number[] {
  return readdirSync("/proc/self/fdinfo")
    .map(Number)
    .filter((descriptor) => descriptor > 2 && !isClosedOnExec(descriptor));
}

function isClosedOnExec(descriptor: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(
      readFileSync(`/proc/self/fdinfo/${descriptor}`, "latin1"),
    );
    return (Number.parseInt(flags?.[1] ?? "", 8) & CLOSE_ON_EXEC) !== 0;
  } catch {
    // The descriptor of the listing itself is closed by now.
    return true;
  }
}
