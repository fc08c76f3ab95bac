import { readSecrets } from "../secrets/secrets-file.ts";
import { shellQuote } from "../shell-quote.ts";
import { exportLines, shellOwnNames } from "./environment-lines.ts";
import { processFunctions } from "./process-fragment.ts";
import { shellText } from "./shell-text.ts";
import { becomeUser, prepareUserFile } from "./user-fragment.ts";

/** The variable by which every process of a command can be found. */
export const processVariable = "SANDBOX_BACKEND_PROCESS";

/** What the variable says of a command: sandboxes of one machine may have commands of the same ID. */
export function processName(sandboxMark: string, record: string): string {
  return `${sandboxMark}/${record}`;
}

/**
 * The file that becomes the command. Arguments: record, umask, process of the waiter, keeper and its start time, secrets or nothing, way to become another user or nothing.
 * What can fail comes before the gate; once `.pid` says `pid`, the command begins.
 */
export function runFile(
  shellPath: string,
  name: string,
  env: Readonly<Record<string, string>>,
  options: {
    /** Path of the sandbox's secrets in memory. */
    readonly secretsPath: string;
    readonly withSecrets: boolean;
    readonly asUser: boolean;
  },
): string {
  const shell = shellQuote(shellPath);
  const unassignable = Object.entries(env).filter(([name]) => shellOwnNames.has(name));
  const prefix = unassignable.map((entry) => shellQuote(entry.join("="))).join(" ");
  return [
    identify,
    ...(options.asUser ? [prepareUserFile(options.secretsPath)] : []),
    // The user's file has the secrets, and exports what is in the environment.
    ...(options.asUser ? ['if [ -z "$5" ]; then'] : []),
    // The command's own variables win over them.
    readSecrets(options.secretsPath, "1"),
    ...(options.withSecrets ? [takeSecrets] : []),
    // A locale that the image does not have makes bash complain.
    `{\n${exportLines(commandEnvironment(name, env))}} 2>/dev/null`,
    ...(options.asUser ? ["fi"] : []),
    // From here on no variable is ours: the exports may have overwritten any.
    `set -C`,
    `{ printf '%s\\n' "$3" >"$1.pid"; } 2>/dev/null || exit 125`,
    `umask "$2"`,
    ...(options.asUser ? [becomeUser(shell, prefix)] : []),
    prefix === "" ? `exec ${shell} "$1.cmd"` : `exec env ${prefix} ${shell} "$1.cmd"`,
    "",
  ].join("\n");
}

const identify = shellText(`
  # Descriptor 4 is the command's standard error; what is said before comes from "env" or "setsid".
  exec 2>&4 4>&-
  ${processFunctions}
  know_boot
  stat_of self || st_start=- st_group=-
  set -- "$1" "$2" "pid $$ $st_start $st_group $3 $4 $5 $boot ." "$6" "$7"
`);

const takeSecrets = shellText(`
  . "$4"
  # Emptied as well, for the case that rm cannot be found.
  : >"$4"
  rm -f "$4"
`);

/** The environment of a command: that of its options, and its own name. */
export function commandEnvironment(
  name: string,
  env: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return { ...env, [processVariable]: name };
}
