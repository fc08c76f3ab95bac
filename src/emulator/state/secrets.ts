import { randomBytes, randomUUID } from "node:crypto";

export interface SecretRecord {
  readonly id: string;
  readonly organizationId: string;
  readonly name: string;
  /** Never answered. It is sent nowhere either: nothing here stands between a sandbox and the network. */
  value: string;
  description: string | undefined;
  hosts: readonly string[];
  /** What a sandbox has in its environment instead of the value. */
  readonly placeholder: string;
  readonly createdAt: string;
  updatedAt: string;
}

export const placeholderPrefix = "dtn_secret_";

/** The secrets of all organisations. They end with the emulator. */
export class Secrets {
  readonly #records = new Map<string, SecretRecord>();

  ofOrganization(organizationId: string): SecretRecord[] {
    return [...this.#records.values()].filter((record) => record.organizationId === organizationId);
  }

  add(
    given: Pick<SecretRecord, "organizationId" | "name" | "value" | "description" | "hosts">,
    now: Date,
  ): SecretRecord {
    const record: SecretRecord = {
      ...given,
      id: randomUUID(),
      placeholder: `${placeholderPrefix}${randomBytes(12).toString("hex")}`,
      createdAt: now.toISOString(),
      updatedAt: now.toISOString(),
    };
    this.#records.set(record.id, record);
    return record;
  }

  remove({ id }: SecretRecord): void {
    this.#records.delete(id);
  }
}
