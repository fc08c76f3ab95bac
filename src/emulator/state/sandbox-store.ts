import type { SandboxEntry } from "./sandbox-entry.ts";

/** The sandboxes that exist, from the accepted create to the end of `destroying`. */
export class SandboxStore {
  readonly #entries = new Map<string, SandboxEntry>();

  /** Told of each sandbox that is added. */
  onAdd: (entry: SandboxEntry) => void = () => {};

  add(entry: SandboxEntry): void {
    this.#entries.set(entry.id, entry);
    this.onAdd(entry);
  }

  remove(id: string): void {
    this.#entries.delete(id);
  }

  all(): SandboxEntry[] {
    return [...this.#entries.values()];
  }

  ofOrganization(organizationId: string): SandboxEntry[] {
    return this.all().filter(({ record }) => record.organizationId === organizationId);
  }

  byId(id: string): SandboxEntry | undefined {
    return this.#entries.get(id);
  }

  /** By id first, then by name. An errored sandbox that is to be destroyed is gone for clients. */
  find(idOrName: string, organizationId: string): SandboxEntry | undefined {
    const own = this.ofOrganization(organizationId);
    const entry =
      own.find(({ id }) => id === idOrName) ?? own.find(({ record }) => record.name === idOrName);
    return entry && isGoneForClients(entry) ? undefined : entry;
  }

  nameIsTaken(name: string, organizationId: string): boolean {
    return this.ofOrganization(organizationId).some(({ record }) => record.name === name);
  }
}

function isGoneForClients({ record: { state, desiredState } }: SandboxEntry): boolean {
  if (state === "destroyed") return true;
  return (state === "error" || state === "build_failed") && desiredState === "destroyed";
}
