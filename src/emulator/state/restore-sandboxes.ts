import type { LocalEngine } from "../../engine/local-engine.ts";
import { isBuildSandbox } from "../build/image-builder.ts";
import { metadataKey, SandboxEntry } from "./sandbox-entry.ts";
import type { SandboxRecord } from "./sandbox-record.ts";
import type { SandboxStore } from "./sandbox-store.ts";

/**
 * Finds the sandboxes that an earlier emulator left in the engine's directory. One that was in the middle of a change is
 * taken as what the engine says: running or stopped; one that was being deleted is deleted.
 */
export async function restoreSandboxes(engine: LocalEngine, store: SandboxStore): Promise<void> {
  for (const sandbox of await engine.list()) {
    // A builder that was killed in the middle of a step left it.
    if (isBuildSandbox(sandbox.metadata)) {
      await sandbox.delete();
      continue;
    }
    const record = structuredClone(sandbox.metadata[metadataKey]) as SandboxRecord | undefined;
    if (record === undefined) continue;
    if (record.desiredState === "destroyed") {
      await sandbox.delete();
      continue;
    }
    const isRunning = (await sandbox.state()) === "running";
    settle(record, isRunning);
    store.add(new SandboxEntry(record, sandbox));
  }
}

function settle(record: SandboxRecord, isRunning: boolean): void {
  if (isRunning) {
    record.state = "started";
    record.desiredState = "started";
  } else if (record.state === "archived" || record.desiredState === "archived") {
    record.state = "archived";
    record.desiredState = "archived";
  } else if (record.state !== "error" && record.state !== "build_failed") {
    record.state = "stopped";
    record.desiredState = "stopped";
  }
}
