import type { Command } from "../../contract/command.ts";
import { shellQuote } from "../shell-quote.ts";
import { exportLines } from "./environment-lines.ts";
import { findOrMakeFolder } from "./folder-fragment.ts";
import { commandEnvironment, processName, runFile } from "./run-file.ts";
import { shellText } from "./shell-text.ts";
import { type SupervisorInput, supervisorFile } from "./supervisor-script.ts";

export interface StartInput extends SupervisorInput {
  readonly command: Command;
  readonly env: Readonly<Record<string, string>>;
  readonly secretEnv: Readonly<Record<string, string>>;
  /** Path of the sandbox's secrets in memory. */
  readonly secretsPath: string;
  /** Standard input that travels in the script; other input is in the record's `.in` already. */
  readonly stdinText: string | undefined;
  /** Whether the record outlives its command. */
  readonly keep: boolean;
  /** What lists of processes call it. */
  readonly kind: "exec" | "spawn" | "pty";
}

/**
 * The script that starts a command at most once: it takes the record's claim, writes the command to files and goes on as the
 * supervisor. Everything is one `if`, so that a script cut short is a syntax error and runs nothing.
 *
 * The shell that reads it may be any of five, so it uses builtins only; they write 2 MiB where an argv ends at 128 KiB, and need
 * no fork.
 */
export function startScript(input: StartInput): string {
  const withSecrets = Object.keys(input.secretEnv).length > 0;
  const asUser = input.user !== undefined;
  const name = processName(input.sandboxMark, input.record);
  const files: [suffix: string, text: string][] = [
    ["cmd", commandFile(input.command)],
    [
      "run",
      runFile(input.shellPath, name, input.env, {
        secretsPath: input.secretsPath,
        withSecrets,
        asUser,
      }),
    ],
    ["sup", supervisorFile(input)],
    ["out", ""],
    ["err", ""],
  ];
  if (input.stdinText !== undefined) files.push(["in", input.stdinText]);
  if (asUser) files.push(["env", exportLines(commandEnvironment(name, input.env))]);
  if (input.keep) files.push(["keep", ""]);
  const writes = files.map(
    ([suffix, text]) => `printf '%s' ${shellQuote(text)} >"$f.${suffix}" &&`,
  );
  const cwd = shellQuote(input.cwd);
  return [
    "if true; then",
    `t=${input.tag} r=${input.record} kind=${input.kind} limit=${input.maxLogBytes}`,
    claim,
    `if [ ! -d ${cwd} ] || [ ! -x ${cwd} ]; then`,
    burnAndSay("nocwd"),
    "fi",
    "s=",
    `if ${writes.join("\n")} true; then`,
    ...(withSecrets ? [secretWriter(input.secretEnv), writeSecrets] : []),
    // With a path that cannot be executed some shells end without a word.
    `exec ${shellQuote(input.shellPath)} "$f.sup" "$f" "$m" "$s" </dev/null`,
    "fi",
    // No room, as a rule, but some shells do not say so. What was written makes room for the mark that nothing ran.
    `printf '%s\\n' "$t space"; df -P "$d" </dev/null 2>/dev/null`,
    `rm -f "$f.cmd" "$f.run" "$f.sup" "$f.out" "$f.err" "$f.in" </dev/null`,
    burnAndSay("failed"),
    "fi",
    "",
  ].join("\n");
}

/** The command in a file of its own, so that neither its quotes nor its comments or heredocs reach us. */
function commandFile(command: Command): string {
  if (typeof command === "string") return `${command}\n`;
  const words = command.map(shellQuote).join(" ");
  // Not every shell has `exec --`.
  return command[0]?.startsWith("-") ? `exec env -- ${words}\n` : `exec ${words}\n`;
}

function burnAndSay(word: string): string {
  return shellText(`
    echo burned >"$f.claim"
    printf '%s\\n' "$t ${word}" "$t end"
    exit
  `);
}

const claim = shellText(`
  # Settings of a user's zsh must not change what follows.
  [ -z "\${ZSH_VERSION-}" ] || emulate sh
  ${findOrMakeFolder}
  if [ -z "$d" ]; then printf '%s\\n' "$t nofolder" "$t end"; exit; fi
  f=$d/$r
  set -C
  # Not ":", because a failed redirection of a special builtin ends dash.
  if { true >"$f.claim"; } 2>/dev/null; then set +C
  else
    w= x=
    [ ! -e "$f.claim" ] || read -r w x <"$f.claim"
    if [ ! -e "$f.claim" ]; then w=failed; elif [ "$w" != burned ]; then w=taken; fi
    printf '%s\\n' "$t $w $x" "$t end"
    exit
  fi
  # At once, for whoever wants to end it: the name tells a start whose answer was lost from that of another host.
  printf '%s\\n' "start \${t#@} $kind $limit" >"$f.claim"
  # The umask without a fork. It has nothing to hide, and the folder is closed.
  umask >>"$f.claim"
  { read -r x; read -r m; } <"$f.claim"
  umask 077
`);

function secretWriter(secretEnv: Readonly<Record<string, string>>): string {
  return `sandbox_backend_secrets() { printf '%s' ${shellQuote(exportLines(secretEnv))} >"$1"; }`;
}

const writeSecrets = shellText(`
  # Memory rather than a disk that ends up in a snapshot; noclobber against a file or a link that waits there.
  s=/dev/shm/sandbox-backend-$r
  set -C
  if [ ! -d /dev/shm ] || [ ! -w /dev/shm ] || ! { sandbox_backend_secrets "$s"; } 2>/dev/null; then
    s=$f.secret
    sandbox_backend_secrets "$s"
  fi
  set +C
`);
