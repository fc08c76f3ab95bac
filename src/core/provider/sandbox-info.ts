import type { SandboxInfo } from "../../contract/provider.ts";
import { labelPrefix } from "../config/shared-config.ts";
import { leasedUntil } from "../lease/lease-label.ts";
import { readIdentity } from "../sandbox-identity.ts";
import type { SandboxRecord } from "../transport.ts";

/** What a record says to a user. */
export function toSandboxInfo(record: SandboxRecord): SandboxInfo {
  const identity = readIdentity(record.labels);
  const { id, name, state, providerState, message, createdAt, lastActivityAt } = record;
  return {
    id,
    name,
    owner: identity?.owner,
    configName: identity?.name,
    state,
    providerState,
    message,
    labels: Object.fromEntries(
      Object.entries(record.labels).filter(([key]) => !key.startsWith(labelPrefix)),
    ),
    createdAt,
    lastActivityAt,
    leasedUntil: leasedUntil(record.labels),
  };
}
