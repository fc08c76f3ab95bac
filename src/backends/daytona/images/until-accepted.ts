import { delay } from "../../../core/delay.ts";
import type { TransportCall } from "../../../core/transport.ts";

const firstLookMs = 250;
const longestLookMs = 1_000;

/**
 * Asks for something that the SDK's call also waits for, and resolves as soon as it is there: the SDK's own waiting, which a
 * single failed look ends, is then given up.
 */
export async function untilAccepted<Value>(
  call: TransportCall,
  {
    request,
    look,
  }: {
    /** The SDK's call. Its signal ends its requests. */
    readonly request: (signal: AbortSignal) => Promise<Value>;
    /** Whether what was asked for is there, and what it is. Failures mean nothing. */
    readonly look: () => Promise<{ readonly found: Value } | undefined>;
  },
): Promise<Value> {
  const over = new AbortController();
  const signal = AbortSignal.any([call.signal, over.signal]);
  try {
    return await Promise.race([request(signal), lookUntilThere(look, signal)]);
  } finally {
    over.abort();
  }
}

async function lookUntilThere<Value>(
  look: () => Promise<{ readonly found: Value } | undefined>,
  signal: AbortSignal,
): Promise<Value> {
  for (let waitMs = firstLookMs; ; waitMs = Math.min(longestLookMs, waitMs * 1.5)) {
    await delay(waitMs, signal);
    const seen = await look().catch(() => undefined);
    if (seen !== undefined) return seen.found;
  }
}
