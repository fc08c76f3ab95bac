/**
 * What root keeps in a sandbox: Docker's default set without `mknod` (no device cgroup guards the host's disks here) and
 * without `net_raw` (the network is the host's, whose traffic it could read).
 */
const KEPT_CAPABILITIES = [
  "chown",
  "dac_override",
  "fsetid",
  "fowner",
  "setgid",
  "setuid",
  "setfcap",
  "setpcap",
  "net_bind_service",
  "sys_chroot",
  "kill",
  "audit_write",
];

/** Arguments with which `setpriv` gives up everything else, for good: the bounding set never grows again. */
export function dropCapabilities(): string[] {
  const bounding = ["-all", ...KEPT_CAPABILITIES.map((name) => `+${name}`)].join(",");
  return [`--bounding-set=${bounding}`, "--inh-caps=-all", "--ambient-caps=-all"];
}
