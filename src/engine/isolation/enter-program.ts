import { GIVE_UP_PRIVILEGES } from "./give-up-privileges.ts";

/**
 * Of the spawner: how a fork of it becomes a process in a sandbox.
 *
 * - `enter`: joins the namespaces of a sandbox's holder, makes the sandbox's root its own, and gives up what a program in it must not have.
 *   It is still outside the sandbox's PID namespace, unseen, as long as it has privileges: only its children are in there. Arguments as
 *   `entryField` writes them.
 * - `fork_beside`: forks a child whose parent is our own, which learns from it how the program ends.
 *
 * The child is a copy of the spawner until it executes the program. Since it cannot be dumped, nobody in the sandbox can look into its
 * memory, its descriptors or its environment, or trace it: for that one needs a capability that no sandbox has.
 *
 * Needs `%number`, the numbers of system calls.
 */
export const ENTER_PROGRAM = `${GIVE_UP_PRIVILEGES}
sub enter {
  my ($holder, $start, $namespaces, $processes, $clears_groups, @kept) = @_;
  my @joins;
  for (split /,/, $namespaces) {
    sysopen(my $file, "/proc/$holder/ns/$_", POSIX::O_RDONLY()) or return;
    push @joins, $file;
  }
  opendir(my $root, "/proc/$holder/cwd") or return;
  # Its PID may be another process's by now.
  sysopen(my $file, "/proc/$holder/stat", POSIX::O_RDONLY()) or return;
  sysread($file, my $stat, 4096) or return;
  if ((split / /, substr($stat, rindex($stat, ')') + 2))[19] ne $start) {
    $! = POSIX::ESRCH();
    return;
  }
  !$processes || call('setrlimit', 6, pack('QQ', $processes, $processes)) or return;
  for (@joins) { call('setns', fileno $_, 0) or return }
  chdir $root && chroot('.') or return;
  !defined give_up_privileges($clears_groups, @kept) or return;
  return call('prctl', 4, 0, 0, 0, 0);
}
sub fork_beside {
  my $pid = syscall($number{clone}, 0x8000 | POSIX::SIGCHLD(), 0, 0, 0, 0);
  return $pid < 0 ? undef : $pid;
}
`;

/** A sandbox that a program is to be started in. */
export interface SandboxEntry {
  /** The process that keeps the sandbox's namespaces, with the sandbox's root as its working directory. */
  readonly holder: { readonly pid: number; readonly startTicks: string };
  /** Names in `/proc/PID/ns`, in the order in which they are joined. */
  readonly namespaces: readonly string[];
  /** How many processes the sandbox's user may have, threads included (`RLIMIT_NPROC`). Default: no limit. */
  readonly processLimit?: number | undefined;
  readonly clearsGroups: boolean;
  /** The kernel's numbers of the capabilities that remain. */
  readonly keptCapabilities: readonly number[];
}

export function entryField(entry: SandboxEntry): string {
  const { holder, namespaces, processLimit = 0, clearsGroups, keptCapabilities } = entry;
  const { pid, startTicks } = holder;
  const groups = clearsGroups ? 1 : 0;
  return [pid, startTicks, namespaces.join(","), processLimit, groups, ...keptCapabilities].join(
    " ",
  );
}
