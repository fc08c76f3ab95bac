import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";

/** Asks again until the answer is truthy, and fails with `what` after `limitMs`. */
export async function eventually<Value>(
  what: string,
  limitMs: number,
  ask: () => Promise<Value>,
): Promise<NonNullable<Value>> {
  const endsAtMs = performance.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (performance.now() > endsAtMs) assert.fail(`${what}: not within ${limitMs} ms`);
    await delay(50);
  }
}
