/** What the spawner says when it can do its work. */
export const READY_LINE = "ready";

/**
 * The spawner, in perl: it is on every Debian and Ubuntu, small, and forks in a fraction of a millisecond, where a large Node
 * process takes twenty and stands still for that time.
 *
 * Arguments: the PID of the host process, and a descriptor of that process to prove that its descriptors can be opened.
 * Standard input: requests, each a length of four bytes (big-endian) and that many bytes, which are fields ended by NUL: what to do,
 * the request's number, and
 * - `spawn`: umask, whether to begin a session (`1` or `0`), `pipes` or `one-file`, the host's three descriptors, working directory,
 *   number of arguments, arguments, environment
 * - `mkfifo`: paths
 *
 * Standard output: lines, `ready` first. `started NUMBER PID`, `done NUMBER`, `failed NUMBER ERRNO`, and `exited NUMBER STATUS` with
 * the status as wait(2) gives it.
 *
 * It ends at the end of its input, and its children go on. `$^F` is 2, so everything above is closed in them by the kernel.
 */
export const SPAWNER_PROGRAM = String.raw`
use strict;
use POSIX ();
my ($host, $trial) = @ARGV;
my %number;
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
  sysopen(my $file, "/proc/$host/fd/$descriptor", $mode | POSIX::O_NOCTTY()) or return;
  return $file;
}
sub run {
  my ($number, $umask, $session, $kind, $in, $out, $error, $directory, $count, @rest) = @_;
  my @argv = splice(@rest, 0, $count);
  my ($read, $write) = (POSIX::O_RDONLY(), POSIX::O_WRONLY());
  ($read, $write) = (POSIX::O_RDWR(), POSIX::O_RDWR()) if $kind eq 'one-file';
  my @files;
  for (([$in, $read], [$out, $write], [$error, $write])) {
    my $file = of_host(@$_) or return answer('failed', $number, $! + 0);
    push @files, $file;
  }
  pipe(my $problem, my $report) or return answer('failed', $number, $! + 0);
  my $pid = fork;
  return answer('failed', $number, $! + 0) unless defined $pid;
  if ($pid == 0) {
    $SIG{PIPE} = $SIG{CHLD} = 'DEFAULT';
    POSIX::setsid() if $session;
    POSIX::dup2(fileno $files[$_], $_) for 0 .. 2;
    umask $umask;
    if (chdir $directory) {
      %ENV = map { /\A([^=]+)=(.*)\z/s } @rest;
      no warnings;
      exec { $argv[0] } @argv;
    }
    syswrite($report, pack('N', $! + 0));
    POSIX::_exit(127);
  }
  close $report;
  my $errno = '';
  while (!defined sysread($problem, $errno, 4) && $! == POSIX::EINTR()) { }
  if (length $errno) {
    while (waitpid($pid, 0) < 0 && $! == POSIX::EINTR()) { }
    return answer('failed', $number, unpack('N', $errno));
  }
  $number{$pid} = $number;
  answer('started', $number, $pid);
}
sub make_fifos {
  my ($number, @paths) = @_;
  for (@paths) { POSIX::mkfifo($_, 0600) or return answer('failed', $number, $! + 0) }
  answer('done', $number);
}
# What it was given in the place of descriptors that the host had inherited.
if (opendir(my $listing, '/proc/self/fd')) {
  POSIX::close($_) for grep { /^[0-9]+\z/ && $_ > 2 && $_ != fileno $listing } readdir $listing;
}
of_host($trial, POSIX::O_RDONLY()) or POSIX::_exit(1);
answer('${READY_LINE}');
my $input = '';
for (;;) {
  while ((my $pid = waitpid(-1, POSIX::WNOHANG())) > 0) {
    my $ended = delete $number{$pid};
    answer('exited', $ended, $?) if defined $ended;
  }
  if (length $input >= 4 && length $input >= 4 + unpack('N', $input)) {
    my $length = unpack('N', $input);
    my ($what, @fields) = split /\0/, substr(substr($input, 0, 4 + $length, ''), 4), -1;
    pop @fields;
    POSIX::_exit(0) if getppid() != $host;
    if ($what eq 'spawn') { run(@fields) } else { make_fifos(@fields) }
    next;
  }
  my $readable = '';
  vec($readable, 0, 1) = 1;
  # A child may end between the look for it and the wait, whose signal then wakes nobody: while there are some, look again.
  next unless select($readable, undef, undef, %number ? 0.1 : undef) > 0;
  my $count = sysread(STDIN, $input, 65536, length $input);
  POSIX::_exit(0) if defined $count ? $count == 0 : $! != POSIX::EINTR();
}
`;
