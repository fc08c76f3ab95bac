import { SandboxError } from "../../contract/sandbox-error.ts";
import { delay } from "../delay.ts";
import { waitBeforeRetryMs } from "../retry.ts";
import { createNonce } from "../sandbox-identity.ts";
import type { SandboxChannel } from "../transport.ts";

/** One attempt may not hang on a connection that never answers. */
const attemptTimeoutMs = 15_000;

/** A sandbox that is said to run may not answer yet. Ready means that a script ran in it. Resolves with the home directory. */
export async function proveThatItAnswers(
  channel: SandboxChannel,
  signal: AbortSignal,
): Promise<string> {
  const nonce = createNonce();
  for (let attempt = 0; ; attempt++) {
    const attemptSignal = AbortSignal.any([signal, AbortSignal.timeout(attemptTimeoutMs)]);
    try {
      const script = `printf '${nonce}%s${nonce}' "\${HOME:-/tmp}"`;
      const [, home] = (await channel.runScript(script, { signal: attemptSignal })).split(nonce);
      if (home?.startsWith("/")) return home;
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
