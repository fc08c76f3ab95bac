import { shellQuote } from "../shell-quote.ts";

/**
 * A script without its comments and indentation, which would travel with every request. Only for our own constant text: a
 * value that is put in afterwards may hold lines that look like comments.
 */
export function shellText(source: string): string {
  return source
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .join("\n");
}

/** Runs a script in a shell that is known, whatever shell (zsh with odd settings, too) reads what the transport sends. */
export function inKnownShell(shellPath: string, script: string): string {
  return `exec ${shellQuote(shellPath)} -c ${shellQuote(script)} sandbox-backend </dev/null\n`;
}
