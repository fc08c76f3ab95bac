import type { LocalEngine } from "../../engine/local-engine.ts";
import { metadataKey } from "../state/sandbox-entry.ts";
import type { SnapshotRecord, StoredSnapshotState } from "./snapshot-record.ts";

/** A snapshot as the emulator holds it. */
export class SnapshotEntry {
  readonly record: SnapshotRecord;
  /** Whether the engine has its files. Without, it stands for the host's own system. */
  hasFiles: boolean;
  /** Aborts what is under way. */
  transition: AbortController | undefined;
  readonly madeHere: boolean;
  /** Told of each new state. */
  onStateChange: (oldState: StoredSnapshotState) => void = () => {};
  readonly #engine: LocalEngine;

  constructor(
    record: SnapshotRecord,
    engine: LocalEngine,
    { isRestored = false }: { readonly isRestored?: boolean } = {},
  ) {
    this.record = record;
    this.hasFiles = isRestored;
    this.madeHere = !isRestored;
    this.#engine = engine;
  }

  get id(): string {
    return this.record.id;
  }

  /** What faults are compared with. */
  get subject(): { readonly name: string } {
    return { name: this.record.name };
  }

  setState(state: StoredSnapshotState, now: Date): void {
    const oldState = this.record.state;
    this.record.state = state;
    this.record.updatedAt = now.toISOString();
    if (oldState !== state) this.onStateChange(oldState);
  }

  /** What the engine keeps with the files. */
  metadata(): Record<string, unknown> {
    return { [metadataKey]: structuredClone(this.record) };
  }

  async save(): Promise<void> {
    if (this.hasFiles) await this.#engine.setSnapshotMetadata(this.id, this.metadata());
  }

  async deleteFiles(): Promise<void> {
    if (this.hasFiles) await this.#engine.deleteSnapshot(this.id);
  }
}
