import { SandboxError } from "../../contract/sandbox-error.ts";
import { createTag } from "../commands/answer.ts";
import { findOrMakeFolder } from "../commands/folder-fragment.ts";
import { shellText } from "../commands/shell-text.ts";
import { Deadline } from "../deadline.ts";
import { delay } from "../delay.ts";
import { waitBeforeRetryMs } from "../retry.ts";
import { hashTexts } from "../sandbox-identity.ts";
import type { SandboxChannel } from "../transport.ts";

/** One attempt may not hang on a connection that never answers, and may have to wait for another host's. */
const attemptTimeoutMs = 30_000;

/**
 * In a sandbox from a snapshot, takes away what our folder holds of its source: records of commands, and what was noted of an
 * agent. A sandbox that is said to run may not answer yet, so it is asked until it does.
 */
export async function clearForeignRecords(
  channel: SandboxChannel,
  sandboxId: string,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const tag = createTag();
    const script = `${clearScript(sandboxId)}\necho ${tag}\n`;
    using bound = Deadline.start("setup", attemptTimeoutMs, signal);
    try {
      if ((await channel.runScript(script, { signal: bound.signal })).includes(tag)) return;
      await delay(waitBeforeRetryMs(undefined, attempt), signal);
    } catch (error) {
      signal.throwIfAborted();
      const mayPass = (SandboxError.is(error) && error.retryable) || bound.ended;
      if (!mayPass) throw error;
      await delay(waitBeforeRetryMs(error, attempt), signal);
    }
  }
}

/**
 * Shell: of several hosts one does it, before any of them starts a command here; one that dies in its midst holds up the others
 * for some seconds.
 */
function clearScript(sandboxId: string): string {
  const own = `of-${hashTexts([sandboxId])}`;
  return shellText(`
    ${findOrMakeFolder}
    if [ -n "$d" ] && [ ! -e "$d/${own}" ]; then
      if mkdir "$d.${own}" 2>/dev/null; then
        mv "$d" "$d.${own}/records" && mkdir -m 700 "$d" && : >"$d/${own}" && rm -rf "$d.${own}"
      else
        n=0
        while [ ! -e "$d/${own}" ] && [ -d "$d.${own}" ] && [ $n -lt 100 ]; do n=$((n+1)); sleep 0.1; done
        if [ ! -e "$d/${own}" ]; then
          if [ -d "$d" ]; then rm -rf "$d"; fi
          mkdir -p -m 700 "$d" && : >"$d/${own}"; rm -rf "$d.${own}"
        fi
      fi
    fi
  `);
}
