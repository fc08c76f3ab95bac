import { release } from "node:os";

/** Whether the kernel is Linux of that version or a newer one. */
export function isKernelAtLeast(wantedMajor: number, wantedMinor: number): boolean {
  const [major = 0, minor = 0] = release()
    .split(".", 2)
    .map((part) => Number.parseInt(part, 10));
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
