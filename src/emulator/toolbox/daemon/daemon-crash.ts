import type { EmulatorServices } from "../../emulator-services.ts";
import type { FaultSubject } from "../../faults/active-fault.ts";
import { restartProcesses } from "../../state/mishaps.ts";
import type { SandboxEntry } from "../../state/sandbox-entry.ts";

/**
 * Lets a `daemon-crash` fault strike the request.
 *
 * @returns whether the daemon died before the request reached it.
 */
export function crashesBefore(
  services: EmulatorServices,
  entry: SandboxEntry,
  subject: FaultSubject,
): boolean {
  const effect = services.faults.strikeDaemon("daemon-crash", subject);
  if (!effect) return false;
  const { afterMs, downMs = 0, processes = "survive" } = effect;
  const { daemon } = entry;
  const crash = () => {
    // It may have ended by itself meanwhile.
    if (daemon.gone.aborted) return;
    if (processes === "killed") restartProcesses(services, entry, downMs);
    else entry.replaceDaemon(downMs);
  };
  if (afterMs === undefined) {
    crash();
    return true;
  }
  const timer = setTimeout(crash, afterMs);
  daemon.gone.addEventListener("abort", () => clearTimeout(timer), { once: true });
  return false;
}
