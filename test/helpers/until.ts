import { setTimeout as sleep } from "node:timers/promises";

/** Asks again and again until `ask` gives a value that is not undefined or false; rejects after `timeoutMs`. */
export async function until<Value>(
  ask: () => Promise<Value> | Value,
  timeoutMs = 20_000,
): Promise<Exclude<Value, undefined | false>> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const value = await ask();
    if (value !== undefined && value !== false) return value as Exclude<Value, undefined | false>;
    if (performance.now() > endMs) throw new Error(`Not within ${timeoutMs} ms: ${ask.toString()}`);
    await sleep(20);
  }
}
