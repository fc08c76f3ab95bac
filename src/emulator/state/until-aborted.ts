import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

/** Resolves when the signal aborts, or after `limitMs`. Never rejects. */
export async function untilAborted(
  signal: AbortSignal,
  limitMs = Number.POSITIVE_INFINITY,
): Promise<void> {
  if (signal.aborted) return;
  if (!Number.isFinite(limitMs)) {
    await once(signal, "abort");
    return;
  }
  try {
    await delay(limitMs, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Rejects with the signal's reason when that aborts first. */
export async function orAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const aborted = new AbortController();
  try {
    await Promise.race([
      work,
      untilAborted(AbortSignal.any([signal, aborted.signal])).then(() => signal.throwIfAborted()),
    ]);
  } finally {
    aborted.abort();
  }
}
