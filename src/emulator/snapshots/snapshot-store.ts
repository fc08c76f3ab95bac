import type { SnapshotEntry } from "./snapshot-entry.ts";

/** The snapshots that exist, from the accepted request to the end of `removing`. */
export class SnapshotStore {
  readonly #entries = new Map<string, SnapshotEntry>();

  /** Told of each snapshot that is added. */
  onAdd: (entry: SnapshotEntry) => void = () => {};
  /** Told of each snapshot that is gone. */
  onRemove: (entry: SnapshotEntry) => void = () => {};

  add(entry: SnapshotEntry): void {
    this.#entries.set(entry.id, entry);
    this.onAdd(entry);
  }

  remove(id: string): void {
    const entry = this.#entries.get(id);
    this.#entries.delete(id);
    if (entry) this.onRemove(entry);
  }

  all(): SnapshotEntry[] {
    return [...this.#entries.values()];
  }

  /** The organisation's own, and those of Daytona itself. */
  visibleTo(organizationId: string): SnapshotEntry[] {
    return this.all().filter(
      ({ record }) => record.general || record.organizationId === organizationId,
    );
  }

  ownedBy(organizationId: string): SnapshotEntry[] {
    return this.all().filter(({ record }) => record.organizationId === organizationId);
  }

  byId(id: string, organizationId: string): SnapshotEntry | undefined {
    return this.visibleTo(organizationId).find((entry) => entry.id === id);
  }

  /** By id first, then by name: the organisation's own before those of Daytona. */
  find(idOrName: string, organizationId: string): SnapshotEntry | undefined {
    const hasName = ({ record }: SnapshotEntry): boolean => record.name === idOrName;
    return (
      this.byId(idOrName, organizationId) ??
      this.ownedBy(organizationId).find(hasName) ??
      this.visibleTo(organizationId).find(hasName)
    );
  }

  nameIsTaken(name: string, organizationId: string): boolean {
    return this.visibleTo(organizationId).some(({ record }) => record.name === name);
  }
}
