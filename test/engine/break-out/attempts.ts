/** What an attempt is told about the machine that it wants to reach; names of environment variables in its script. */
export interface Target {
  /** A file of the host's with `HOST_SECRET` in it. */
  readonly SECRET_FILE: string;
  /** A folder of the host's that everybody may write to. */
  readonly HOST_FOLDER: string;
  /** The engine's own folder. */
  readonly ENGINE: string;
  /** A file of another sandbox's with `HOST_SECRET` in it, by the path that the host knows. */
  readonly OTHER_FILE: string;
  /** A process of the host's, which has `HOST_SECRET` in its environment and its command line. */
  readonly HOST_PID: string;
  /** A port of the host's loopback, on which a server says `HOST_SECRET`. */
  readonly HOST_PORT: string;
  /** Name of an abstract Unix socket, on which it says so, too. */
  readonly HOST_SOCKET: string;
}

/** What a script prints that has got out. Nothing else counts: a program that is missing or fails has not. */
export const ESCAPED = "ESCAPED";

export interface Attempt {
  readonly name: string;
  /** For `sh`. */
  readonly script: string;
  /** Whether the same script gets out without isolation, which shows that it is an attempt at all. Only those that do no harm. */
  readonly worksWithoutIsolation?: boolean;
}

/** A pattern that does not match its own command line. */
const SECRET = "HOST_SECRE[T]";
const seesSecret = `grep -q "${SECRET}" && echo ESCAPED`;
const writesBack = (path: string): string =>
  `value=$(cat ${path}) && [ -n "$value" ] && echo "$value" >${path} && echo ESCAPED`;
/** Mount, user and PID namespaces of its own, in which it is root with every capability. */
const asOwnRoot = (script: string): string =>
  `unshare --user --map-root-user --mount --pid --fork sh -c '${script}'`;
const hasCapability = (number: number): string =>
  `bounding=$(sed -n "s/^CapBnd:[[:space:]]*//p" /proc/self/status)
   [ $(( (0x$bounding >> ${number}) & 1 )) -eq 1 ] && [ "$(cat /proc/self/uid_map | tr -s " ")" = " 0 0 4294967295" ] && echo ESCAPED`;

export const attempts: readonly Attempt[] = [
  // Sight
  {
    name: "read a file of the host's",
    script: `cat "$SECRET_FILE" | ${seesSecret}`,
    worksWithoutIsolation: true,
  },
  {
    name: "read a file of another sandbox's",
    script: `cat "$OTHER_FILE" | ${seesSecret}`,
    worksWithoutIsolation: true,
  },
  {
    name: "read the engine's records",
    script: 'cat "$ENGINE"/sandboxes/*/sandbox.json | grep -q marker && echo ESCAPED',
    worksWithoutIsolation: true,
  },
  {
    name: "read the environment of the host's processes",
    script: `cat /proc/[0-9]*/environ | tr "\\0" "\\n" | ${seesSecret}`,
    worksWithoutIsolation: true,
  },
  {
    name: "see a process of the host's",
    script: `cat /proc/[0-9]*/cmdline | tr "\\0" "\\n" | ${seesSecret}`,
    worksWithoutIsolation: true,
  },
  {
    name: "go through the roots and working directories of processes",
    script: `for process in /proc/[0-9]* /proc/self /proc/thread-self; do
        for way in root cwd; do cat "$process/$way$SECRET_FILE" "$process/$way/../../..$SECRET_FILE"; done
      done | ${seesSecret}`,
    worksWithoutIsolation: true,
  },
  {
    name: "find a mount of the host's",
    script: `cut -d" " -f5 /proc/self/mountinfo |
        grep -vE "^/(etc|usr|opt|bin|sbin|lib[^/]*|dev|proc|sys|run|tmp|root|home|workspace|var/lib/(apt|dpkg))?(/|$)" | grep -q . && echo ESCAPED`,
  },
  {
    name: "find a home of the host's",
    script: "ls -A /home /mnt /media /srv | grep -v : | grep -q . && echo ESCAPED",
  },
  {
    name: "find a socket of a service of the host's",
    script: "find /run /var/run /tmp -type s | grep -q . && echo ESCAPED",
  },
  {
    name: "find an open descriptor of the host's",
    script: `find /proc/$$/fd /proc/1/fd -mindepth 1 ! -name "[012]" -lname "/*" ! -lname "/dev/null" ! -lname "/proc/*" | grep -q . && echo ESCAPED`,
  },
  // Writing
  {
    name: "write to a folder of the host's",
    script: 'echo x >"$HOST_FOLDER/written" && echo ESCAPED',
    worksWithoutIsolation: true,
  },
  {
    name: "write through the roots of processes",
    script: `for process in /proc/[0-9]*; do
        [ -d "$process/root$HOST_FOLDER" ] && echo x >"$process/root$HOST_FOLDER/written" && echo ESCAPED
      done`,
    worksWithoutIsolation: true,
  },
  {
    name: "get out of a chroot in a chroot",
    script: `perl -e 'mkdir "/tmp/jail"; chroot "/tmp/jail" or exit; chdir ".." for 1..64; chroot "."; exec "cat", $ENV{SECRET_FILE}' |
      ${seesSecret}`,
  },
  {
    name: "open a file of the host's by its handle",
    script: `perl -e '
        my %numbers = (x86_64 => [303, 304], aarch64 => [264, 265]);
        my ($name, $open) = @{$numbers{(POSIX::uname())[4]} or exit};
        my $handle = pack("IiC128", 128, 0); my $mount = pack("i", 0);
        my $path = "/"; syscall($name, -100, $path, $handle, $mount, 0) == 0 or exit;
        opendir(my $root, "/") or exit;
        my $file = syscall($open, fileno $root, $handle, 0);
        print "ESCAPED\\n" if $file >= 0;' -MPOSIX`,
  },
  // Devices
  {
    name: "make a device of a disk",
    script:
      "for number in '7 0' '8 0' '253 0' '254 0' '259 0'; do mknod /tmp/disk b $number && echo ESCAPED; rm -f /tmp/disk; done",
  },
  {
    name: "find a device that is not harmless",
    script: `find /dev -type b -o -type c | grep -vE "^/dev/(null|zero|full|random|urandom|tty|ptmx|console|pts/(ptmx|[0-9]+))$" |
      grep -q . && echo ESCAPED`,
  },
  // The kernel's files
  ...[
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/kernel/printk",
    "/proc/sys/vm/swappiness",
    "/proc/sys/net/ipv4/ip_forward",
    "/proc/sys/kernel/randomize_va_space",
    "/sys/kernel/uevent_helper",
    "/sys/power/state",
  ].map((path) => ({ name: `write to ${path}`, script: writesBack(path) })),
  { name: "press the magic key", script: "echo h >/proc/sysrq-trigger && echo ESCAPED" },
  {
    name: "read the kernel's memory",
    script:
      "for file in /proc/kcore /dev/mem /dev/kmem; do head -c 1 $file | grep -q . && echo ESCAPED; done",
  },
  {
    name: "read timers of the machine",
    script: "cat /proc/timer_list /proc/sched_debug | grep -q . && echo ESCAPED",
  },
  {
    name: "read the list of keys of the machine's root",
    script: 'grep -q " 4294967295" /proc/self/uid_map && grep -q . /proc/keys && echo ESCAPED',
  },
  {
    name: "write anywhere in /sys",
    script: "find /sys -type f -writable | grep -q . && echo ESCAPED",
  },
  // Mounts
  { name: "mount", script: "mount -t tmpfs none /mnt && echo ESCAPED" },
  {
    name: "take away what hides or guards /proc",
    script:
      "for path in /proc/sys /proc/sysrq-trigger /proc/kcore; do umount $path && echo ESCAPED; mount -o remount,bind,rw $path && echo ESCAPED; done",
  },
  {
    name: "take it away as root of a user namespace",
    script: asOwnRoot(
      "for path in /proc/sys /proc/sysrq-trigger /proc/kcore; do umount $path && echo ESCAPED; mount -o remount,bind,rw $path && echo ESCAPED; done",
    ),
  },
  {
    name: "mount a new /proc as root of a user namespace, and press the magic key there",
    script: asOwnRoot("mount -t proc proc /proc && echo h >/proc/sysrq-trigger && echo ESCAPED"),
  },
  {
    name: "mount the control groups and set what is run at their end",
    script:
      "mkdir -p /tmp/groups && mount -t cgroup -o memory none /tmp/groups && [ -w /tmp/groups/release_agent ] && echo ESCAPED",
  },
  {
    name: "mount the disk of the root",
    script:
      'for disk in $(awk "{print \\$10}" /proc/self/mountinfo | grep ^/dev/); do mount $disk /mnt && echo ESCAPED; done',
  },
  // Processes
  {
    name: "signal a process of the host's",
    script:
      'kill -0 "$HOST_PID" && grep -q "HOST_SECRE[T]" /proc/$HOST_PID/cmdline && echo ESCAPED',
    worksWithoutIsolation: true,
  },
  {
    name: "trace a process of the host's",
    script: `perl -MPOSIX -e '
        my %numbers = (x86_64 => 101, aarch64 => 117);
        my $number = $numbers{(POSIX::uname())[4]} or exit;
        exit if readlink("/proc/$ENV{HOST_PID}/ns/pid") eq readlink("/proc/self/ns/pid") && -e "/proc/self/ns/none";
        open(my $file, "<", "/proc/$ENV{HOST_PID}/cmdline") or exit;
        <$file> =~ /HOST_SECRE[T]/ or exit;
        # PTRACE_SEIZE does not stop it, and ends with this process.
        print "ESCAPED\\n" if syscall($number, 0x4206, $ENV{HOST_PID} + 0, 0, 0) == 0;'`,
    worksWithoutIsolation: true,
  },
  {
    name: "join the namespaces of its first process's keeper",
    script:
      'for process in /proc/[0-9]*; do nsenter --mount=$process/ns/mnt --pid=$process/ns/pid cat "$SECRET_FILE"; done | ' +
      seesSecret,
  },
  {
    name: "send a signal to everybody",
    script:
      'kill -CONT -1; [ -e "/proc/$HOST_PID/cmdline" ] && grep -q "HOST_SECRE[T]" "/proc/$HOST_PID/cmdline" && echo ESCAPED',
  },
  // Privileges
  ...[
    ["mount and administer (sys_admin)", 21],
    ["trace anybody (sys_ptrace)", 19],
    ["load modules (sys_module)", 16],
    ["read ports and disks (sys_rawio)", 17],
    ["make devices (mknod)", 27],
    ["open by handle (dac_read_search)", 2],
    ["read the network's traffic (net_raw)", 13],
    ["administer the network (net_admin)", 12],
    ["set the clock (sys_time)", 25],
    ["restart the machine (sys_boot)", 22],
    ["read the kernel's log (syslog)", 34],
    ["run eBPF (bpf)", 39],
  ].map(([title, number]) => ({
    name: `get the right to ${String(title)} by a setuid program`,
    script: hasCapability(Number(number)),
    worksWithoutIsolation: true,
  })),
  {
    name: "become root by a copy of a program with its setuid bit",
    script: `cp /usr/bin/id /tmp/as-root; chmod 4755 /tmp/as-root
      ${asOwnRoot("true")}; /tmp/as-root -u >/dev/null; mount --bind /tmp /mnt && echo ESCAPED; rm -f /tmp/as-root`,
  },
  { name: "set the clock to what it is", script: "date -s @$(date +%s) && echo ESCAPED" },
  {
    name: "change the machine's name",
    script: `name=$(hostname); hostname escaped-name; [ "$(cat "$HOST_FOLDER/hostname" 2>/dev/null)" = escaped-name ] && echo ESCAPED`,
  },
];
