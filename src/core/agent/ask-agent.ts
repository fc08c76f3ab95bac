import type { PreviewAddress } from "../../contract/preview.ts";
import { Deadline } from "../deadline.ts";
import { delay } from "../delay.ts";

/** One question may not hang on a connection that never answers. */
const questionTimeoutMs = 10_000;
const firstPauseMs = 40;
const longestPauseMs = 1_000;

/**
 * Asks the agent through its preview address until it answers that it is ready.
 *
 * @param onFirstFailure - Called once when it is not ready at once; the signal that it returns ends the asking.
 * @returns What the last answer was, for a message, when `ended` came first; undefined when the agent is ready.
 */
export async function askUntilReady(
  address: PreviewAddress,
  path: string,
  signal: AbortSignal,
  onFirstFailure: () => AbortSignal,
): Promise<string | undefined> {
  // Not `new URL(path, address)`: an address may have a path of its own.
  const url = `${address.url.replace(/\/$/, "")}${path}`;
  let ended: AbortSignal | undefined;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(longestPauseMs, pauseMs * 1.6)) {
    const answer = await ask(url, address.headers, signal);
    if (answer === undefined) return undefined;
    signal.throwIfAborted();
    ended ??= onFirstFailure();
    try {
      await delay(pauseMs, AbortSignal.any([signal, ended]));
    } catch {
      signal.throwIfAborted();
      return answer;
    }
  }
}

/** Undefined when the agent is ready, else what there was instead. */
async function ask(
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string | undefined> {
  using bound = Deadline.start("agent", questionTimeoutMs, signal);
  try {
    const response = await fetch(url, {
      headers: { ...headers },
      // A redirect leads away from the agent: to the provider's login, as a rule.
      redirect: "manual",
      signal: bound.signal,
    });
    await response.body?.cancel();
    return response.ok ? undefined : `status ${response.status}`;
  } catch (error) {
    return error instanceof Error ? `no answer (${error.message})` : "no answer";
  }
}
