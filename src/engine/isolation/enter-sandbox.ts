import { dropCapabilities } from "./capabilities.ts";
import type { ProgramToSpawn } from "./confinement.ts";
import type { HostPrivileges } from "./host-privileges.ts";
import type { SystemPrograms } from "./system-programs.ts";

const WANTED_UMASK = 0o022;

export interface EntryOptions {
  readonly holderPid: number;
  readonly programs: SystemPrograms;
  readonly privileges: HostPrivileges;
  readonly program: ProgramToSpawn;
  /** The whole environment that the program gets. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether its standard input is a terminal that its session is to have. Default: false. */
  readonly ownsTerminal?: boolean;
}

/**
 * The command line and environment that start a program inside a sandbox: a chain of programs that replace each other, so
 * that one waiting process and the program itself are all that remains.
 *
 * 1. `nsenter` joins the namespaces. It does not fork, so it stays outside the sandbox's PID namespace, unseen, while it
 *    still has its privileges. Its root becomes the read-only tools directory.
 * 2. `setpriv`, from there, gives up the privileges.
 * 3. `timeout`, without a time, forks into the PID namespace, waits, and ends as its child ends. (`unshare --fork` of
 *    util-linux 2.38 would do, but turns SIGKILL into exit code 1.)
 * 4. `setsid` gives the child a session and a process group of its own.
 * 5. `unshare` makes the sandbox's root the child's own. Until then its root is the tools directory, so a process of the
 *    sandbox that looks into it finds nothing of the host's.
 */
export function enterSandbox(options: EntryOptions): {
  readonly argv: string[];
  readonly env: Record<string, string>;
} {
  const { holderPid, programs, privileges, program } = options;
  const namespaces = `/proc/${holderPid}/ns`;
  const { env, unwrap } = wrapEnvironment(options.env);
  const prologue = [...unwrap];
  if (privileges.umask !== WANTED_UMASK) prologue.push("umask 022");
  const shell = ["/bin/sh", "-c", [...prologue, 'exec "$@"'].join("\n"), "sh"];
  const argv = [
    programs.nsenter,
    ...(privileges.needsUserNamespace
      ? [`--user=${namespaces}/user`, "--preserve-credentials"]
      : []),
    `--mount=${namespaces}/mnt`,
    `--uts=${namespaces}/uts`,
    `--ipc=${namespaces}/ipc`,
    `--pid=${namespaces}/pid_for_children`,
    "--no-fork",
    `--root=/proc/${holderPid}/root`,
    `--wd=/proc/${holderPid}/cwd`,
    "--",
    programs.setpriv,
    ...(privileges.isMachineRoot ? ["--clear-groups"] : []),
    ...dropCapabilities(),
    "--",
    ...[programs.timeout, "--foreground", "0"],
    ...[programs.setsid, ...(options.ownsTerminal ? ["--ctty"] : []), "--"],
    ...[programs.unshare, "--root=.", `--wd=${program.cwd}`, "--"],
    ...(prologue.length > 0 ? shell : []),
    ...program.argv,
  ];
  return { argv, env };
}

/**
 * Variables that make the dynamic loader, the C library or the chain's programs load or read files. The first programs of
 * the chain have privileges and see the host's files, so these variables travel under other names and are put right by a
 * shell inside the sandbox. Values never stand on a command line.
 */
function wrapEnvironment(env: Readonly<Record<string, string>>): {
  readonly env: Record<string, string>;
  readonly unwrap: string[];
} {
  const wrapped: Record<string, string> = {};
  const unwrap: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (isHarmless(name, value)) {
      wrapped[name] = value;
    } else {
      const carrier = `SANDBOX_ENGINE_VALUE_${unwrap.length}`;
      wrapped[carrier] = value;
      unwrap.push(`export ${name}="$${carrier}"; unset ${carrier}`);
    }
  }
  return { env: wrapped, unwrap };
}

const INFLUENTIAL_PREFIXES = ["LD_", "GLIBC_", "MALLOC_", "GCONV_", "LIBMOUNT_", "LIBC_", "RES_"];
const INFLUENTIAL_NAMES = new Set([
  "GETCONF_DIR",
  "HOSTALIASES",
  "LANGUAGE",
  "LOCALDOMAIN",
  "LOCPATH",
  "NIS_PATH",
  "NLSPATH",
  "OUTPUT_CHARSET",
  "POSIXLY_CORRECT",
  "RESOLV_HOST_CONF",
  "TEXTDOMAIN",
  "TEXTDOMAINDIR",
  "TMPDIR",
  "TZDIR",
]);

function isHarmless(name: string, value: string): boolean {
  if (name === "LANG" || name.startsWith("LC_")) return !value.includes("/");
  if (INFLUENTIAL_PREFIXES.some((prefix) => name.startsWith(prefix))) return false;
  return !INFLUENTIAL_NAMES.has(name);
}
