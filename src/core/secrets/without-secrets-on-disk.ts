import { ProtocolError } from "../../contract/provider-errors.ts";
import { createTag, parseAnswer, type ScriptAnswer } from "../commands/answer.ts";
import { findOrMakeFolder } from "../commands/folder-fragment.ts";
import { shellText } from "../commands/shell-text.ts";
import { retryIdempotent } from "../retry.ts";
import { shellQuote } from "../shell-quote.ts";
import type { SandboxChannel } from "../transport.ts";
import { diskName } from "./secrets-file.ts";

/** What putting them back may take when the caller's own time is over. */
const putBackTimeoutMs = 30_000;

/**
 * Runs `use` while no secret is on the sandbox's disk, which a snapshot would copy, and puts back what was there, also after a
 * failure. In a sandbox with a tmpfs there is nothing to take away, and it costs one request. Commands that start meanwhile have no
 * secrets.
 */
export async function withoutSecretsOnDisk<Value>(
  channel: SandboxChannel,
  signal: AbortSignal,
  use: () => Promise<Value>,
): Promise<Value> {
  const taken = await take(channel, signal);
  if (taken === undefined) return use();
  try {
    // Only now, when this host has what it takes away.
    await ask(channel, removeScript, signal);
    return await use();
  } finally {
    await ask(channel, (tag) => putBackScript(taken, tag), AbortSignal.timeout(putBackTimeoutMs));
  }
}

async function take(channel: SandboxChannel, signal: AbortSignal): Promise<string | undefined> {
  const { sections } = await ask(channel, takeScript, signal);
  const section = sections.find(({ words }) => words[0] === "secrets");
  return section === undefined ? undefined : Buffer.from(section.data).toString();
}

async function ask(
  channel: SandboxChannel,
  script: (tag: string) => string,
  signal: AbortSignal,
): Promise<ScriptAnswer> {
  return retryIdempotent(async () => {
    const tag = createTag();
    const answer = parseAnswer(await channel.runScript(script(tag), { signal }), tag);
    const isDone = answer?.sections.some(({ words }) => words[0] === "done") === true;
    if (answer !== undefined && isDone) return answer;
    throw new ProtocolError("The sandbox did not answer to the end.", { retryable: true });
  }, signal);
}

function takeScript(tag: string): string {
  return inFolder(`
    if [ -O "$d/${diskName}" ]; then
      printf '%s\\n' "${tag} secrets"
      cat "$d/${diskName}"
    fi
    printf '%s\\n' "${tag} done" "${tag} end"
  `);
}

function removeScript(tag: string): string {
  return inFolder(`
    rm -f "$d/${diskName}" && [ ! -e "$d/${diskName}" ] && printf '%s\\n' "${tag} done"
    printf '%s\\n' "${tag} end"
  `);
}

/** What somebody else has put there meanwhile is newer, and stays. */
function putBackScript(text: string, tag: string): string {
  return [
    `sandbox_backend_secrets() { printf '%s' ${shellQuote(text)} >"$1"; }`,
    inFolder(`
      (set -C; umask 077; sandbox_backend_secrets "$d/${diskName}") 2>/dev/null
      [ -O "$d/${diskName}" ] && printf '%s\\n' "${tag} done"
      printf '%s\\n' "${tag} end"
    `),
  ].join("\n");
}

function inFolder(script: string): string {
  return [
    '[ -z "${ZSH_VERSION-}" ] || emulate sh',
    findOrMakeFolder,
    'if [ -n "$d" ]; then',
    shellText(script),
    "fi",
    "",
  ].join("\n");
}
