import type { SandboxRecord } from "../../core/transport.ts";
import type { EngineSandboxState } from "../../engine/engine-types.ts";
import type { ProcessIdentity } from "../../engine/processes/process-identity.ts";

/** What we keep with a sandbox of the engine. */
export interface SandboxNote {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Missing in notes of earlier versions. */
  readonly createdAt?: string | undefined;
  /** Until its setup is finished: whose it is, and from when on nobody will finish it if that process is dead. */
  readonly unfinished?: { readonly by: ProcessIdentity; readonly until: string } | undefined;
  /** Who has begun to delete it. */
  readonly deletedBy?: ProcessIdentity | undefined;
}

/** Undefined when somebody else has made that sandbox. */
export function readNote(metadata: Readonly<Record<string, unknown>>): SandboxNote | undefined {
  const { name, labels } = metadata;
  const isNote = typeof name === "string" && typeof labels === "object" && labels !== null;
  return isNote ? (metadata as unknown as SandboxNote) : undefined;
}

export function toSandboxRecord(
  id: string,
  note: SandboxNote,
  state: EngineSandboxState,
  lastActivityAt: Date | undefined,
): SandboxRecord {
  const isGoingAway = note.deletedBy !== undefined;
  return {
    id,
    name: note.name,
    state: isGoingAway ? "stopping" : state,
    // The word by which the core knows a sandbox that is on its way out.
    providerState: isGoingAway ? "destroying" : state,
    message: undefined,
    becomingRunning: false,
    recoverable: false,
    labels: { ...note.labels },
    createdAt: note.createdAt === undefined ? undefined : new Date(note.createdAt),
    lastActivityAt,
  };
}
