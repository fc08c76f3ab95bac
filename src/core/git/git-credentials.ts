import type { Command } from "../../contract/command.ts";
import type { GitCredentials } from "../../contract/config.ts";
import { shellQuote } from "../shell-quote.ts";

/**
 * What lets `git` answer a password question for one command's life: the values travel as secret environment, and a helper
 * file, in which nothing is secret, prints them. Other credential helpers are switched off, since one that stores what
 * worked would keep the password in the sandbox.
 */
export interface GitAccess {
  /** Shell lines to run before the command. */
  readonly prologue: string;
  readonly secretEnv: Readonly<Record<string, string>>;
}

/** Git asks "Password for 'https://user@host/…': "; an answer goes to the host it is meant for and to no other. */
const askpassLines = [
  "#!/bin/sh",
  'case "$SANDBOX_BACKEND_GIT_HOST" in',
  '"") ;;',
  `*) case "$1" in *"//$SANDBOX_BACKEND_GIT_HOST'"*|*"//$SANDBOX_BACKEND_GIT_HOST/"*|*"@$SANDBOX_BACKEND_GIT_HOST'"*|*"@$SANDBOX_BACKEND_GIT_HOST/"*) ;; *) exit 1 ;; esac ;;`,
  "esac",
  'case "$1" in',
  `Username*) printf '%s\\n' "$SANDBOX_BACKEND_GIT_USERNAME" ;;`,
  `*) printf '%s\\n' "$SANDBOX_BACKEND_GIT_PASSWORD" ;;`,
  "esac",
];

/** Lines that keep git from waiting for a person, whatever the image has configured. */
const noPromptLines = [
  "export GIT_TERMINAL_PROMPT=0 GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=credential.helper GIT_CONFIG_VALUE_0=",
  "export SSH_ASKPASS_REQUIRE=never GIT_SSH_COMMAND='ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new'",
];

const helperLines = [
  'sandbox_backend_folder="${HOME:-/tmp}/.sandbox-backend"',
  '[ -d "$sandbox_backend_folder" ] || (umask 077; mkdir -p "$sandbox_backend_folder")',
  'GIT_ASKPASS="$sandbox_backend_folder/askpass"',
  // Written under another name first: a command beside this one may be about to run it.
  `[ -x "$GIT_ASKPASS" ] || { printf '%s\\n' ${askpassLines.map(shellQuote).join(" ")} >"$GIT_ASKPASS.$$" && chmod 700 "$GIT_ASKPASS.$$" && mv -f "$GIT_ASKPASS.$$" "$GIT_ASKPASS"; }`,
  "export GIT_ASKPASS",
  "unset sandbox_backend_folder",
];

export function gitAccess(
  credentials: GitCredentials | undefined,
  defaultHost: string | undefined,
): GitAccess {
  if (credentials === undefined) return { prologue: noPromptLines.join("\n"), secretEnv: {} };
  return {
    prologue: [...noPromptLines, ...helperLines].join("\n"),
    secretEnv: {
      SANDBOX_BACKEND_GIT_HOST: credentials.host ?? defaultHost ?? "",
      SANDBOX_BACKEND_GIT_USERNAME: credentials.username ?? "git",
      SANDBOX_BACKEND_GIT_PASSWORD: credentials.password,
    },
  };
}

/** What a command and its secret environment become with credentials for its life, and stay without. */
export function withGitAccess(
  command: Command,
  credentials: GitCredentials | undefined,
): { readonly command: Command; readonly secretEnv: Readonly<Record<string, string>> } {
  if (credentials === undefined) return { command, secretEnv: {} };
  const { prologue, secretEnv } = gitAccess(credentials, undefined);
  return { command: withPrologue(command, prologue), secretEnv };
}

/** The same command with the prologue before it. */
export function withPrologue(command: Command, prologue: string): Command {
  if (typeof command === "string") return `${prologue}\n${command}`;
  return ["/bin/sh", "-c", `${prologue}\nexec "$@"`, "sh", ...command];
}

/** The host of a URL as git prints it in its questions. */
export function hostOfUrl(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined;
}
