import type { PtyCapabilities } from "../../contract/capabilities.ts";
import { SandboxError } from "../../contract/sandbox-error.ts";
import { createTag, parseAnswer, type ScriptAnswer } from "../commands/answer.ts";
import { findOrMakeFolder } from "../commands/folder-fragment.ts";
import { shellText } from "../commands/shell-text.ts";
import { Deadline } from "../deadline.ts";
import { delay } from "../delay.ts";
import { hasTerminalProgram } from "../pty/pty-command.ts";
import { waitBeforeRetryMs } from "../retry.ts";
import { createNonce } from "../sandbox-identity.ts";
import {
  type PlacedSecrets,
  placeSecrets,
  readPlacedSecrets,
  type Secrets,
} from "../secrets/secrets-file.ts";
import type { SandboxChannel } from "../transport.ts";

/** One attempt may not hang on a connection that never answers. */
const attemptTimeoutMs = 15_000;

export interface FirstWords {
  /** Put in place of those that the sandbox has. Undefined: those stay. */
  readonly secrets: Secrets | undefined;
  /** Path of the secrets' file in memory; undefined where memory outlives the sandbox. */
  readonly secretsMemoryPath: string | undefined;
}

/** What only the sandbox itself knows. */
export interface SandboxFacts {
  readonly homeDirectory: string;
  readonly pty: PtyCapabilities | false;
  readonly separateUsers: boolean;
}

/** What a sandbox says of itself in its first answer. */
export interface FirstAnswer extends SandboxFacts {
  /** Our private folder; undefined where none can be made. */
  readonly folder: string | undefined;
  readonly secrets: PlacedSecrets;
  /** Text of the file that says what the sandbox's agent is; undefined when there is none. */
  readonly agentFile: string | undefined;
  /** Hashes of the agent programs that were uploaded. */
  readonly agentPrograms: readonly string[];
}

export const agentFileName = "agent.json";
export const agentProgramPrefix = "agent-program-";

// Tries what a terminal and another user will need. Others than root may only switch by sudo.
const look = shellText(`
  pty=no users=no
  if ${hasTerminalProgram} && command -v stty >/dev/null 2>&1; then pty=yes; fi
  if [ "$(id -u)" = 0 ]; then
  if setpriv --reuid=65534 --regid=65534 --clear-groups /bin/sh -c : || runuser -u nobody -- /bin/sh -c : ||
  su -s /bin/sh nobody -c : </dev/null; then users=yes; fi
  elif sudo -n true; then users=yes
  fi >/dev/null 2>&1
`);

/**
 * A sandbox that is said to run may not answer yet. Ready means that a script ran in it: one that also puts the secrets into their
 * place and tells what a setup or a reconnect wants to know, because each request costs a round trip.
 */
export async function proveThatItAnswers(
  channel: SandboxChannel,
  words: FirstWords,
  signal: AbortSignal,
): Promise<FirstAnswer> {
  for (let attempt = 0; ; attempt++) {
    // Not `AbortSignal.any` with `AbortSignal.timeout`: on Node 20 such a time-out can be collected as garbage before it strikes.
    using bound = Deadline.start("probe", attemptTimeoutMs, signal);
    try {
      const tag = createTag();
      const text = await channel.runScript(firstScript(words, tag), { signal: bound.signal });
      const answer = parseAnswer(text, tag);
      const read = answer === undefined ? undefined : readFirstAnswer(answer);
      if (read !== undefined) return read;
    } catch (error) {
      signal.throwIfAborted();
      const mayPass = (SandboxError.is(error) && error.retryable) || bound.ended;
      if (!mayPass) throw error;
      await delay(waitBeforeRetryMs(error, attempt), signal);
      continue;
    }
    await delay(waitBeforeRetryMs(undefined, attempt), signal);
  }
}

/** One `if`, so that a script cut short is a syntax error and does nothing. */
function firstScript({ secrets, secretsMemoryPath }: FirstWords, tag: string): string {
  return [
    "if true; then",
    '[ -z "${ZSH_VERSION-}" ] || emulate sh',
    findOrMakeFolder,
    look,
    `printf '%s\\n' "${tag} can $pty $users" "${tag} home" "\${HOME:-/tmp}"`,
    'if [ -n "$d" ]; then',
    `printf '%s\\n' "${tag} folder" "$d"`,
    placeSecrets({ memoryPath: secretsMemoryPath, secrets }, tag, createNonce()),
    tellAgent(tag),
    "fi",
    `printf '%s\\n' "${tag} end"`,
    "fi",
    "",
  ].join("\n");
}

function tellAgent(tag: string): string {
  return shellText(`
    for program in "$d"/${agentProgramPrefix}*; do
      [ ! -x "$program" ] || printf '%s\\n' "${tag} program \${program##*-}"
    done
    if [ -r "$d/${agentFileName}" ]; then
      printf '%s\\n' "${tag} agent"
      cat "$d/${agentFileName}"
    fi
  `);
}

function readFirstAnswer({ sections }: ScriptAnswer): FirstAnswer | undefined {
  const find = (name: string) => sections.find(({ words }) => words[0] === name);
  const line = (name: string): string | undefined => {
    const data = find(name)?.data;
    return data === undefined ? undefined : Buffer.from(data).toString().replace(/\n$/, "");
  };
  const home = line("home");
  if (home?.startsWith("/") !== true) return undefined;
  const [, pty, users] = find("can")?.words ?? [];
  const everything = { replay: true, resize: true, severalViewers: true };
  return {
    homeDirectory: home,
    pty: pty === "yes" && everything,
    separateUsers: users === "yes",
    folder: line("folder"),
    secrets: readPlacedSecrets(find("secrets")?.words ?? []) ?? { place: "none", names: [] },
    agentFile: line("agent"),
    agentPrograms: sections
      .filter(({ words }) => words[0] === "program")
      .map(({ words }) => words[1] ?? ""),
  };
}
