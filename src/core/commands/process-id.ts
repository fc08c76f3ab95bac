import { randomBytes } from "node:crypto";

/** An ID that nobody can guess and no other process has. */
export function createProcessId(): string {
  return randomBytes(12).toString("hex");
}
