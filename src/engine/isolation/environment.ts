import { EngineError } from "../engine-error.ts";

export const SANDBOX_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** `TERM` of a program on a terminal, where nobody says otherwise. */
export const DEFAULT_TERMINAL_TYPE = "xterm-256color";

/** @throws EngineError `INVALID_ARGUMENT` for what execve(2) cannot carry. */
export function checkEnvironment(env: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(env)) {
    if (name === "" || name.includes("=") || name.includes("\0")) {
      throw new EngineError(
        "INVALID_ARGUMENT",
        `${JSON.stringify(name)} cannot be the name of an environment variable`,
      );
    }
    if (typeof value !== "string" || value.includes("\0")) {
      // The value may be a secret, so it is not shown.
      throw new EngineError(
        "INVALID_ARGUMENT",
        `The value of the environment variable ${name} must be a string without NUL`,
      );
    }
  }
}
