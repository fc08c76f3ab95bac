import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { EmulatorServices } from "../emulator-services.ts";
import { ApiError } from "../http/api-error.ts";
import type { SandboxEntry } from "../state/sandbox-entry.ts";

const defaultStartHoldMs = 30_000;

/**
 * Holds a request until the sandbox is started, but no longer than `startHoldMs`, and not for a client that is gone.
 * A failed start becomes 400 `Sandbox failed to start`.
 */
export async function waitUntilStarted(
  { options, closing }: EmulatorServices,
  entry: SandboxEntry,
  response: ServerResponse,
): Promise<void> {
  const done = new AbortController();
  const signal = AbortSignal.any([closing, done.signal]);
  try {
    await Promise.race([
      entry.waitFor(({ state }) => isSettled(state), signal),
      delay(options.startHoldMs ?? defaultStartHoldMs, undefined, { signal }),
      once(response, "close", { signal }),
    ]);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    done.abort();
  }
  const { state, errorReason } = entry.record;
  if (state === "error" || state === "build_failed")
    throw new ApiError(400, `Sandbox failed to start: ${errorReason}`);
}

function isSettled(state: string): boolean {
  return ["started", "error", "build_failed", "destroyed"].includes(state);
}
