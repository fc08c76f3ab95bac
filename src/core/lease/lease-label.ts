import { labelPrefix } from "../config/shared-config.ts";

/** Each lease has a label of its own, so that several hosts can hold the same sandbox. */
const leasePrefix = `${labelPrefix}lease.`;

/** The latest end of the leases that hold a sandbox; undefined when every one has ended. */
export function leasedUntil(
  labels: Readonly<Record<string, string>>,
  nowMs = Date.now(),
): Date | undefined {
  const endsMs = Object.entries(labels)
    .filter(([key]) => key.startsWith(leasePrefix))
    .map(([, value]) => Date.parse(value))
    .filter((endMs) => endMs > nowMs);
  return endsMs.length === 0 ? undefined : new Date(Math.max(...endsMs));
}

/** The labels with that lease, and without those that have ended. */
export function withLease(
  labels: Readonly<Record<string, string>>,
  leaseId: string,
  until: Date,
  nowMs = Date.now(),
): Record<string, string> {
  return { ...withoutLease(labels, leaseId, nowMs), [leasePrefix + leaseId]: until.toISOString() };
}

/** The labels without that lease, and without those that have ended: their hosts died. */
export function withoutLease(
  labels: Readonly<Record<string, string>>,
  leaseId: string,
  nowMs = Date.now(),
): Record<string, string> {
  const kept = Object.entries(labels).filter(
    ([key, value]) =>
      !key.startsWith(leasePrefix) || (key !== leasePrefix + leaseId && Date.parse(value) > nowMs),
  );
  return Object.fromEntries(kept);
}
