import type { EmulatorServices } from "../emulator-services.ts";
import type { SandboxEntry } from "./sandbox-entry.ts";

/** Whether a fault keeps the sandbox's daemon and ports out of reach. Such a sandbox may be going to stop by itself. */
export function isZombie(services: EmulatorServices, entry: SandboxEntry): boolean {
  const effect = services.faults.zombie(entry.subject);
  if (effect?.stopsAfterMs !== undefined) stopLater(services, entry, effect.stopsAfterMs);
  return effect !== undefined;
}

class PlannedStop {
  isMade = false;
}

function stopLater({ lifecycle }: EmulatorServices, entry: SandboxEntry, ms: number): void {
  const { gone } = entry.daemon;
  const plan = entry.daemon.memory(PlannedStop);
  if (plan.isMade || gone.aborted) return;
  plan.isMade = true;
  const timer = setTimeout(() => {
    lifecycle.befall(entry, () => lifecycle.endedByItself(entry));
  }, ms);
  gone.addEventListener("abort", () => clearTimeout(timer), { once: true });
}

/** Ends the sandbox's processes, the daemon among them, and starts it again while the API says `started` all the time. */
export function restartProcesses(
  { lifecycle }: EmulatorServices,
  entry: SandboxEntry,
  downMs: number,
): void {
  lifecycle.befall(entry, async () => {
    entry.replaceDaemon(Number.POSITIVE_INFINITY);
    await entry.engine?.stop({ graceMs: 0 });
    await entry.engine?.start();
    entry.replaceDaemon(downMs);
  });
}
