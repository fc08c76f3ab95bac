import { ENTER_PROGRAM } from "../../isolation/enter-program.ts";
import { HOLDER_PROGRAM } from "../../isolation/holder-program.ts";

/** What the spawner says when it can do its work. */
export const READY_LINE = "ready";

/**
 * The spawner, in perl: it is on every Debian and Ubuntu, small, and forks in a fraction of a millisecond, where a large Node
 * process takes twenty and stands still for that time.
 *
 * Arguments: the PID of the host process, a descriptor of that process to prove that its descriptors can be opened, and pairs of a system
 * call's name and number, which only those need who enter a sandbox.
 * Standard input: requests, each a length of four bytes (big-endian) and that many bytes, which are fields ended by NUL: what to do,
 * the request's number, and
 * - `spawn`: umask, what to add to its score when memory runs out (empty for nothing), the sandbox to enter as `entryField` writes it (empty
 *   for none), whether to begin a session (`1`, `0`, or `terminal` for one with the standard input as its terminal), `pipes` or `one-file`,
 *   the host's three descriptors, working directory, number of arguments, arguments, environment
 * - `hold`: the same for the keeper of a sandbox's namespaces, whose name for people is its only argument, and whose environment is that of
 *   the sandbox's first process
 * - `mkfifo`: paths
 * - `within`: in the place of the number that of a control group, then the files by which to join it as one field, split by newlines,
 *   then the fields of a `spawn` or `hold`, or `nothing` so that it is ready for one
 * - `release`: the number of a control group, whose launcher ends with its last child
 *
 * A launcher is a fork of it that has joined the control group of one sandbox and starts programs in it. Joining may take the kernel
 * ten milliseconds, so it is not done for each program. What it starts is what the kernel ends first when memory runs out.
 *
 * Standard output: lines, `ready` first. `started NUMBER PID`, `done NUMBER`, `failed NUMBER ERRNO`, `exited NUMBER STATUS` with
 * the status as wait(2) gives it, and `gone GROUP` when the launcher of a control group has ended unasked.
 *
 * It ends at the end of its input, and its children go on. `$^F` is 2, so everything above is closed in them by the kernel.
 *
 * It waits for nobody but the kernel: a child tells by a pipe why it failed, whose end means that it has executed its program, or ended. In
 * a sandbox somebody may stop the child before that.
 */
const TIOCSCTTY = 0x540e;

export const SPAWNER_PROGRAM = String.raw`
use strict;
use POSIX ();
my ($host, $trial, %number) = @ARGV;
my $parent = $host;
# Of programs: the request's number by PID; what starts, by the descriptor of its report; who ended before it was known what for; PIDs
# that nobody asks for.
my (%running, %starting, %unheard, %silent);
# Of control groups: the pipes to their launchers, and of those the PIDs.
my (%launcher, %launched);
my ($quits, $refusal) = (0, 0);
$SIG{PIPE} = 'IGNORE';
$SIG{CHLD} = sub { };
sub answer {
  my $text = join(' ', @_) . "\n";
  while (length $text) {
    my $count = syswrite(STDOUT, $text);
    if (defined $count) { substr($text, 0, $count, '') }
    elsif ($! != POSIX::EINTR()) { POSIX::_exit(0) }
  }
}
sub of_host {
  my ($descriptor, $mode) = @_;
  # Else it would wait for ever for the other end of a pipe of a host that has just died.
  my $flags = $mode | POSIX::O_NOCTTY() | POSIX::O_NONBLOCK();
  sysopen(my $file, "/proc/$host/fd/$descriptor", $flags) or return;
  fcntl($file, POSIX::F_SETFL(), 0) or return;
  return $file;
}
sub write_to {
  my ($path, $text) = @_;
  sysopen(my $file, $path, POSIX::O_WRONLY()) or return;
  return syswrite($file, $text);
}
${ENTER_PROGRAM}${HOLDER_PROGRAM}sub run {
  my ($what, $number, $umask, $score, $entry, $session, $kind, $in, $out, $error, $directory, $count, @rest) = @_;
  my @argv = splice(@rest, 0, $count);
  my ($read, $write) = (POSIX::O_RDONLY(), POSIX::O_WRONLY());
  ($read, $write) = (POSIX::O_RDWR(), POSIX::O_RDWR()) if $kind eq 'one-file';
  my @files;
  for (([$in, $read], [$out, $write], [$error, $write])) {
    my $file = of_host(@$_) or return answer('failed', $number, $! + 0);
    push @files, $file;
  }
  pipe(my $told, my $tells) or return answer('failed', $number, $! + 0);
  my $pid = fork;
  return answer('failed', $number, $! + 0) unless defined $pid;
  if ($pid == 0) {
    $SIG{PIPE} = $SIG{CHLD} = 'DEFAULT';
    write_to('/proc/self/oom_score_adj', $score) if length $score;
    enter_beside($tells, $entry) if length $entry;
    POSIX::setsid() if $session;
    POSIX::dup2(fileno $files[$_], $_) for 0 .. 2;
    ioctl(STDIN, ${TIOCSCTTY}, 0) or fail_start($tells) if $session eq 'terminal';
    umask $umask;
    chdir $directory or fail_start($tells);
    %ENV = map { /\A([^=]+)=(.*)\z/s } @rest;
    if ($what eq 'hold') {
      $0 = $argv[0];
      # Nothing is executed that would close them.
      close $_ for @files, $told, map({ $_->{told} } values %starting), values %launcher, $tells;
      Holder::hold();
    }
    no warnings;
    exec { $argv[0] } @argv;
    fail_start($tells);
  }
  close $tells;
  my $enters = length $entry;
  $silent{$pid} = 1 if $enters;
  $starting{fileno $told} = { told => $told, number => $number, pid => $enters ? undef : $pid, text => '' };
}
sub fail_start {
  my ($tells) = @_;
  syswrite($tells, pack('aN', 'e', $! + 0));
  POSIX::_exit(127);
}
# Goes on as the child. It does nothing before it is known to us, even if its maker is killed meanwhile.
sub enter_beside {
  my ($tells, $entry) = @_;
  enter(split / /, $entry) && pipe(my $waits, my $lets) or fail_start($tells);
  my $pid = fork_beside();
  defined $pid or fail_start($tells);
  if ($pid) {
    syswrite($tells, pack('aN', 'p', $pid)) && syswrite($lets, 'g');
    POSIX::_exit(0);
  }
  close $lets;
  sysread($waits, my $may, 1) or POSIX::_exit(127);
}
sub hear {
  my ($start) = @_;
  my $count = sysread($start->{told}, $start->{text}, 64, length $start->{text});
  return if $count or !defined $count && $! == POSIX::EINTR();
  delete $starting{fileno $start->{told}};
  my ($pid, $errno) = ($start->{pid}, undef);
  for (unpack('(a5)*', $start->{text})) {
    my ($what, $value) = unpack('aN', $_);
    if ($what eq 'p') { $pid = $value } else { $errno = $value }
  }
  my $number = $start->{number};
  my $status = defined $pid ? delete $unheard{$pid} : undef;
  if (defined $errno || !defined $pid) {
    $silent{$pid} = 1 if defined $pid && !defined $status;
    # Who tells nothing has been killed.
    return answer('failed', $number, defined $errno ? $errno : POSIX::EINTR());
  }
  answer('started', $number, $pid);
  if (defined $status) { answer('exited', $number, $status) } else { $running{$pid} = $number }
}
sub send_frame {
  my ($to, @fields) = @_;
  my $body = join('', map { "$_\0" } @fields);
  my $frame = pack('N', length $body) . $body;
  while (length $frame) {
    my $count = syswrite($to, $frame);
    if (defined $count) { substr($frame, 0, $count, '') }
    elsif ($! != POSIX::EINTR()) { return }
  }
}
sub become_launcher {
  my ($from, $files) = @_;
  POSIX::dup2(fileno $from, 0);
  close $from;
  $parent = getppid();
  %running = %starting = %unheard = %silent = %launcher = %launched = ();
  for (split /\n/, $files) {
    next if write_to($_, '0');
    $refusal = $! + 0;
    last;
  }
  serve();
}
sub within {
  my ($group, $files, @request) = @_;
  if (!$launcher{$group}) {
    pipe(my $from, my $to) or return answer('failed', $request[1], $! + 0);
    my $pid = fork;
    return answer('failed', $request[1], $! + 0) unless defined $pid;
    if ($pid == 0) {
      # Else its input would never end.
      close $to;
      become_launcher($from, $files);
    }
    $launcher{$group} = $to;
    $launched{$pid} = $group;
  }
  send_frame($launcher{$group}, @request);
}
sub release {
  my ($group) = @_;
  my $to = delete $launcher{$group} or return;
  for (grep { $launched{$_} eq $group } keys %launched) {
    delete $launched{$_};
    $silent{$_} = 1;
  }
  send_frame($to, 'quit');
}
sub make_fifos {
  my ($number, @paths) = @_;
  for (@paths) { POSIX::mkfifo($_, 0600) or return answer('failed', $number, $! + 0) }
  answer('done', $number);
}
# What it was given in the place of descriptors that the host had inherited.
if (opendir(my $listing, '/proc/self/fd')) {
  POSIX::close($_) for grep { /^[0-9]+\z/ && $_ > 2 && $_ != fileno $listing } readdir $listing;
  closedir $listing;
}
of_host($trial, POSIX::O_RDONLY()) or POSIX::_exit(1);
answer('${READY_LINE}');
sub serve {
  my $input = '';
  for (;;) {
    while ((my $pid = waitpid(-1, POSIX::WNOHANG())) > 0) {
      my ($status, $number, $group) = ($?, delete $running{$pid}, delete $launched{$pid});
      if (defined $number) { answer('exited', $number, $status) }
      elsif (defined $group) { answer('gone', $group) if delete $launcher{$group} }
      elsif (!delete $silent{$pid}) { $unheard{$pid} = $status }
    }
    if (length $input >= 4 && length $input >= 4 + unpack('N', $input)) {
      my $length = unpack('N', $input);
      my ($what, @fields) = split /\0/, substr(substr($input, 0, 4 + $length, ''), 4), -1;
      pop @fields;
      POSIX::_exit(0) if getppid() != $parent;
      if ($what eq 'spawn' || $what eq 'hold') {
        if ($refusal) { answer('failed', $fields[0], $refusal) }
        else { run($what, @fields) }
      }
      elsif ($what eq 'within') { within(@fields) }
      elsif ($what eq 'release') { release(@fields) }
      elsif ($what eq 'quit') { $quits = 1 }
      elsif ($what eq 'mkfifo') { make_fifos(@fields) }
      next;
    }
    POSIX::_exit(0) if $quits && !%running && !%starting;
    my $readable = '';
    vec($readable, 0, 1) = 1 unless $quits;
    vec($readable, $_, 1) = 1 for keys %starting;
    # A child may end between the look for it and the wait, whose signal then wakes nobody: while there are some, look again.
    my $patience = %running || %starting || %silent ? 0.1 : %launched ? 1 : undef;
    next unless select($readable, undef, undef, $patience) > 0;
    for (keys %starting) { hear($starting{$_}) if vec($readable, $_, 1) }
    next unless vec($readable, 0, 1);
    my $count = sysread(STDIN, $input, 65536, length $input);
    POSIX::_exit(0) if defined $count ? $count == 0 : $! != POSIX::EINTR();
  }
}
serve();
`;
