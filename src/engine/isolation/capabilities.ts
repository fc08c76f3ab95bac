/**
 * What root keeps in a sandbox, with the kernel's numbers: Docker's default set without `mknod` (no device cgroup guards the
 * host's disks here) and without `net_raw` (the network is the host's, whose traffic it could read).
 */
const KEPT_CAPABILITIES: ReadonlyMap<string, number> = new Map([
  ["chown", 0],
  ["dac_override", 1],
  ["fowner", 3],
  ["fsetid", 4],
  ["kill", 5],
  ["setgid", 6],
  ["setuid", 7],
  ["setpcap", 8],
  ["net_bind_service", 10],
  ["sys_chroot", 18],
  ["audit_write", 29],
  ["setfcap", 31],
]);

export function keptCapabilityNumbers(): number[] {
  return [...KEPT_CAPABILITIES.values()];
}
