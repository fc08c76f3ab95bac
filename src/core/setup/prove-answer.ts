import type { PtyCapabilities } from "../../contract/capabilities.ts";
import { SandboxError } from "../../contract/sandbox-error.ts";
import { delay } from "../delay.ts";
import { hasTerminalProgram } from "../pty/pty-command.ts";
import { waitBeforeRetryMs } from "../retry.ts";
import { createNonce } from "../sandbox-identity.ts";
import type { SandboxChannel } from "../transport.ts";

/** One attempt may not hang on a connection that never answers. */
const attemptTimeoutMs = 15_000;

/** What only the sandbox itself knows. */
export interface SandboxFacts {
  readonly homeDirectory: string;
  readonly pty: PtyCapabilities | false;
  readonly separateUsers: boolean;
}

// Tries what a terminal and another user will need. Others than root may only switch by sudo.
const look = `
pty=no users=no
if ${hasTerminalProgram} && command -v stty >/dev/null 2>&1; then pty=yes; fi
if [ "$(id -u)" = 0 ]; then
  if setpriv --reuid=65534 --regid=65534 --clear-groups /bin/sh -c : || runuser -u nobody -- /bin/sh -c : ||
    su -s /bin/sh nobody -c : </dev/null; then users=yes; fi
elif sudo -n true; then users=yes
fi >/dev/null 2>&1`;

/** A sandbox that is said to run may not answer yet. Ready means that a script ran in it. */
export async function proveThatItAnswers(
  channel: SandboxChannel,
  signal: AbortSignal,
): Promise<SandboxFacts> {
  const nonce = createNonce();
  for (let attempt = 0; ; attempt++) {
    const attemptSignal = AbortSignal.any([signal, AbortSignal.timeout(attemptTimeoutMs)]);
    try {
      const script = `${look}\nprintf '${nonce}%s${nonce}%s %s${nonce}' "\${HOME:-/tmp}" $pty $users`;
      const answer = await channel.runScript(script, { signal: attemptSignal });
      const [, homeDirectory, facts] = answer.split(nonce);
      const [pty, users] = facts?.split(" ") ?? [];
      if (homeDirectory?.startsWith("/") && users !== undefined) {
        const everything = { replay: true, resize: true, severalViewers: true };
        return { homeDirectory, pty: pty === "yes" && everything, separateUsers: users === "yes" };
      }
    } catch (error) {
      signal.throwIfAborted();
      const mayPass = (SandboxError.is(error) && error.retryable) || attemptSignal.aborted;
      if (!mayPass) throw error;
      await delay(waitBeforeRetryMs(error, attempt), signal);
      continue;
    }
    await delay(waitBeforeRetryMs(undefined, attempt), signal);
  }
}
