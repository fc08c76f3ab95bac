import type { IncomingMessage, ServerResponse } from "node:http";
import type { EmulatorServices } from "../emulator-services.ts";
import type { SandboxEntry } from "./sandbox-entry.ts";

// Daytona v0.190 proxy: a connection that stays open counts anew every 50 seconds.
const openConnectionMs = 50_000;

/**
 * Counts a proxied request as activity, now and for as long as it stays open, unless the request asks not to.
 *
 * @returns what ends the counting.
 */
export function markActivity(
  { clock }: EmulatorServices,
  entry: SandboxEntry,
  request: IncomingMessage,
  response: ServerResponse,
): () => void {
  if (request.headers["x-daytona-skip-last-activity-update"] === "true") return () => {};
  const touch = () => {
    entry.record.lastActivityAt = clock.now().toISOString();
  };
  touch();
  const ticker = setInterval(touch, openConnectionMs / clock.scale);
  const end = () => clearInterval(ticker);
  response.once("close", end);
  return end;
}
