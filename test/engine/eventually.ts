import { setTimeout as delay } from "node:timers/promises";

const TIMEOUT_MS = 10_000;
const INTERVAL_MS = 20;

/** Waits until a condition holds, and fails with its name when it does not within ten seconds. */
export async function eventually(
  name: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Not within ${TIMEOUT_MS} ms: ${name}`);
    await delay(INTERVAL_MS);
  }
}
