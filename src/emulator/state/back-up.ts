import type { EmulatorServices } from "../emulator-services.ts";
import type { SandboxEntry } from "./sandbox-entry.ts";

const backupMs = 10;

/** Makes a backup, which is nothing but a state here, beside whatever else happens to the sandbox. */
export async function backUp(
  { clock, closing }: EmulatorServices,
  { record }: SandboxEntry,
): Promise<void> {
  if (record.backupState === "Completed") return;
  record.backupState = "InProgress";
  try {
    await clock.sleep(backupMs, closing);
  } catch {
    // The emulator is closing.
    return;
  }
  // Archiving makes its own.
  if (record.backupState !== "InProgress" || record.desiredState === "archived") return;
  record.backupState = "Completed";
  record.backupCreatedAt = clock.now().toISOString();
}
