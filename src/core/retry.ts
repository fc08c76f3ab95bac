import { RateLimitError } from "../contract/provider-errors.ts";
import { SandboxError } from "../contract/sandbox-error.ts";
import { delay } from "./delay.ts";

const firstDelayMs = 200;
const longestDelayMs = 5_000;

/** A growing delay with jitter, so that many hosts do not come back at the same moment. */
export function backoffMs(attempt: number, first = firstDelayMs, longest = longestDelayMs): number {
  const whole = Math.min(longest, first * 2 ** attempt);
  return whole / 2 + Math.random() * (whole / 2);
}

/** How long a provider asked to wait, else a backoff. */
export function waitBeforeRetryMs(error: unknown, attempt: number): number {
  const asked = error instanceof RateLimitError ? error.retryAfterMs : undefined;
  return asked === undefined ? backoffMs(attempt) : asked + Math.random() * 250;
}

/**
 * Repeats an idempotent call while it fails for a reason that may pass, at most `attempts` times. Never for a wrong key, a
 * missing right or bad input, which are not `retryable`.
 */
export async function retryIdempotent<Value>(
  call: () => Promise<Value>,
  signal: AbortSignal,
  attempts = 5,
): Promise<Value> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      const mayPass = SandboxError.is(error) && error.retryable && !signal.aborted;
      if (!mayPass || attempt + 1 >= attempts) throw error;
      await delay(waitBeforeRetryMs(error, attempt), signal);
    }
  }
}
