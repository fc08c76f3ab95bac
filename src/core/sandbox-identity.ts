import { createHash, randomBytes } from "node:crypto";
import { labelPrefix } from "./config/shared-config.ts";

/** What our labels say about a sandbox. */
export interface SandboxIdentity {
  readonly owner: string | undefined;
  readonly name: string | undefined;
  /** Chosen at random by the `setup` call that created the sandbox; only that call may undo the creation. */
  readonly nonce: string;
  /** Equal for the same repository, branch and source: what adoption demands. */
  readonly fingerprint: string;
  readonly workDir: string;
  /** Port of the sandbox's agent; undefined without one. */
  readonly agentPort: number | undefined;
}

const version = "1";
/** In the place of a creator's nonce when another call has taken the sandbox over; no nonce looks like it. */
const adoptedNonce = "adopted";

export function createNonce(): string {
  return randomBytes(12).toString("hex");
}

/** A short hash of texts; no text can be cut in two to look like others. */
export function hashTexts(texts: readonly (string | undefined)[], length = 16): string {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(JSON.stringify(text ?? null)).update("\n");
  return hash.digest("hex").slice(0, length);
}

/** The sandbox's name at the provider: readable, valid everywhere, and one for each owner and name. */
export function sandboxName(owner: string | undefined, name: string | undefined): string {
  if (name === undefined) return `sandbox-${randomBytes(8).toString("hex")}`;
  const slug = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 40);
  return `${slug === "" ? "sandbox" : slug}-${hashTexts([owner, name], 12)}`;
}

export function identityLabels(identity: SandboxIdentity): Record<string, string> {
  const labels: Record<string, string> = {
    [`${labelPrefix}version`]: version,
    [`${labelPrefix}nonce`]: identity.nonce,
    [`${labelPrefix}fingerprint`]: identity.fingerprint,
    [`${labelPrefix}work-dir`]: identity.workDir,
  };
  if (identity.agentPort !== undefined) {
    labels[`${labelPrefix}agent-port`] = String(identity.agentPort);
  }
  if (identity.owner !== undefined) labels[`${labelPrefix}owner`] = identity.owner;
  if (identity.name !== undefined) labels[`${labelPrefix}name`] = identity.name;
  return labels;
}

/** The labels by which sandboxes of ours are found: of one owner, or of every one. */
export function ourLabels(owner: string | undefined): Record<string, string> {
  return {
    [`${labelPrefix}version`]: version,
    ...(owner === undefined ? {} : { [`${labelPrefix}owner`]: owner }),
  };
}

/** Undefined for a sandbox that this library did not make. */
export function readIdentity(
  labels: Readonly<Record<string, string>>,
): SandboxIdentity | undefined {
  const nonce = labels[`${labelPrefix}nonce`];
  const fingerprint = labels[`${labelPrefix}fingerprint`];
  const workDir = labels[`${labelPrefix}work-dir`];
  if (nonce === undefined || fingerprint === undefined || workDir === undefined) return undefined;
  return {
    owner: labels[`${labelPrefix}owner`],
    name: labels[`${labelPrefix}name`],
    nonce,
    fingerprint,
    workDir,
    agentPort: portOf(labels[`${labelPrefix}agent-port`]),
  };
}

function portOf(text: string | undefined): number | undefined {
  const port = Number(text);
  return Number.isInteger(port) && port > 0 && port <= 65_535 ? port : undefined;
}

/** The labels of a sandbox that is nobody's to undo; undefined when they are so already. */
export function withoutCreator(
  labels: Readonly<Record<string, string>>,
): Record<string, string> | undefined {
  const key = `${labelPrefix}nonce`;
  return labels[key] === adoptedNonce ? undefined : { ...labels, [key]: adoptedNonce };
}
