import { shellQuote } from "../shell-quote.ts";

/** Names that bash (as sh) does not let a script assign, or gives a meaning of its own. */
export const shellOwnNames: ReadonlySet<string> = new Set([
  "UID",
  "EUID",
  "PPID",
  "SHELLOPTS",
  "BASHOPTS",
  "BASH_VERSINFO",
  "FUNCNAME",
  "GROUPS",
  "DIRSTACK",
  "RANDOM",
  "SECONDS",
  "LINENO",
]);

/** Lines that export variables, for a file that a shell reads. */
export function exportLines(env: Readonly<Record<string, string>>): string {
  return Object.entries(env)
    .filter(([name]) => !shellOwnNames.has(name))
    .map(([name, value]) => `export ${name}=${shellQuote(value)}\n`)
    .join("");
}
