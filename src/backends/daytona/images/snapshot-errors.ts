import { SnapshotError } from "../../../contract/provider-errors.ts";
import type { SandboxError } from "../../../contract/sandbox-error.ts";
import { NameTakenError } from "../../../core/transport.ts";
import { classifyDaytonaError } from "../daytona-errors.ts";

/** A taken name is a snapshot's here, and not a sandbox's. */
export function classifySnapshotError(error: unknown, name: string | undefined): SandboxError {
  const classified = classifyDaytonaError(error, "api");
  if (!(classified instanceof NameTakenError)) return classified;
  return new SnapshotError(classified.message, {
    cause: error,
    reason: "name-taken",
    snapshot: name,
  });
}
