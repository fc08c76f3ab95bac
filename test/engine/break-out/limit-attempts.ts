import type { Attempt } from "./attempts.ts";

/** What the sandbox of these attempts may use. */
export const LIMITS = { processes: 64, memoryBytes: 64 * 1024 * 1024 };

/** Of what the machine must have, for the attempt to mean anything. */
export interface LimitAttempt extends Attempt {
  readonly needs: "processes" | "memory" | "network";
}

const crowd = (before: string): string => `perl -e '
  ${before}
  my @children;
  for (1 .. 120) {
    my $child = fork;
    last unless defined $child;
    if (!$child) { close STDOUT; close STDERR; sleep 60; exit }
    push @children, $child;
  }
  print "ESCAPED\\n" if @children > ${LIMITS.processes};
  print STDERR scalar(@children), " children";
  kill "KILL", @children;'`;
const hog = `perl -e 'my @all; push @all, "x" x 1e6 for 1 .. 300; print "ESCAPED\\n"'`;
const fill = (path: string): string =>
  `head -c 300000000 /dev/zero >${path}/much && echo ESCAPED; rm -f ${path}/much`;
/** For a script that stands between single quotes. */
const quoted = (script: string): string => script.replaceAll("'", "'\\''");
/** Root of namespaces of its own that has mounted the control groups that it finds. */
const withGroups = (controller: string, script: string): string =>
  `unshare --user --map-root-user --mount --cgroup sh -c '
     mount -t cgroup -o ${controller} none /mnt || mount -t cgroup2 none /mnt; ${quoted(script)}'`;
const reads = (connection: string): string =>
  `perl -MIO::Socket::INET -MIO::Socket::UNIX -e 'my $socket = ${connection} or die "$!\\n"; print <$socket>' | grep -q "HOST_SECRE[T]" && echo ESCAPED`;
const ofHost = `IO::Socket::INET->new(PeerAddr => "127.0.0.1:$ENV{HOST_PORT}", Timeout => 5)`;

export const limitAttempts: readonly LimitAttempt[] = [
  {
    name: "fork storm: start more processes than it may",
    needs: "processes",
    script: crowd(""),
    worksWithoutIsolation: true,
  },
  {
    name: "start more processes after raising every limit",
    needs: "processes",
    script: `ulimit -u unlimited; ${crowd('system "prlimit --nproc=unlimited:unlimited --pid $$";')}`,
  },
  {
    name: "start more processes from a control group of its own",
    needs: "processes",
    script: withGroups(
      "pids",
      `echo max >/mnt/pids.max; mkdir -p /mnt/free; echo max >/mnt/free/pids.max; echo $$ >/mnt/free/cgroup.procs; ${crowd("")}`,
    ),
  },
  {
    name: "leave its control groups",
    needs: "processes",
    script: `unshare --user --map-root-user --mount sh -c '
      mount -t cgroup -o pids none /mnt || mount -t cgroup2 none /mnt
      for file in $(find /mnt /sys/fs/cgroup -name cgroup.procs -o -name tasks); do echo $$ >$file && echo ESCAPED; done'`,
  },
  {
    name: "memory hog: use more memory than it may",
    needs: "memory",
    script: hog,
    worksWithoutIsolation: true,
  },
  {
    name: "use more memory after raising the limit of its control group",
    needs: "memory",
    script: withGroups(
      "memory",
      `echo -1 >/mnt/memory.limit_in_bytes; echo max >/mnt/memory.max; ${hog}`,
    ),
  },
  {
    name: "use more memory as files in shared memory",
    needs: "memory",
    script: fill("/dev/shm"),
  },
  {
    name: "use more memory as files on a tmpfs of its own",
    needs: "memory",
    script: `unshare --user --map-root-user --mount sh -c 'mount -t tmpfs none /mnt && ${fill("/mnt")}'`,
  },
  {
    name: "reach a server on the host's loopback",
    needs: "network",
    script: reads(ofHost),
    worksWithoutIsolation: true,
  },
  {
    name: "reach an abstract socket of the host's",
    needs: "network",
    // Versions of Node differ in whether the name is filled up.
    script: reads(
      `IO::Socket::UNIX->new(Peer => "\\0$ENV{HOST_SOCKET}") || IO::Socket::UNIX->new(Peer => pack("a108", "\\0$ENV{HOST_SOCKET}"))`,
    ),
    worksWithoutIsolation: true,
  },
  {
    name: "find a way to another machine",
    needs: "network",
    script:
      "grep -vE '^ *(Inter|face|lo:)' /proc/net/dev | grep -q : && echo ESCAPED; tail -n +2 /proc/net/route | grep -q . && echo ESCAPED",
  },
  {
    name: "join another network by the processes that it sees",
    needs: "network",
    script: `for process in /proc/[0-9]*; do nsenter --net=$process/ns/net sh -c '${quoted(reads(ofHost))}'; done`,
  },
];
