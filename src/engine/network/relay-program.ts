/**
 * The program that carries one connection into a network namespace, in perl. Arguments: the port, on the loopback, IPv4 first; the number
 * of setns(2); and the namespaces to join, in their order. It ends without a word when one of them has gone.
 *
 * Standard output: four bytes (big-endian), 0 or why nothing was connected, an errno; then what the server sends. Standard input: what it
 * gets; at its end the server sees the end of what it reads. A connection that is broken off is one byte on standard error before the
 * end of standard output. It ends with both directions, and as soon as nobody reads its output.
 */
export const RELAY_PROGRAM = String.raw`
use strict;
use POSIX ();
my ($port, $setns, @namespaces) = @ARGV;
my @joins;
for (@namespaces) {
  sysopen(my $file, $_, POSIX::O_RDONLY()) or POSIX::_exit(1);
  push @joins, $file;
}
for (@joins) { syscall($setns + 0, fileno $_, 0) >= 0 or POSIX::_exit(1) }
my $most = 65536;
$SIG{PIPE} = 'IGNORE';
sub attempt {
  my ($family, $address) = @_;
  socket(my $socket, $family, 1, 0) or return;
  return connect($socket, $address) ? $socket : undef;
}
sub broken { syswrite(STDERR, 'x'); POSIX::_exit(1) }
my $socket = attempt(2, pack('S n C4 x8', 2, $port, 127, 0, 0, 1));
my $errno = $! + 0;
$socket ||= attempt(10, pack('S n N a16 N', 10, $port, 0, "\0" x 15 . "\1", 0));
syswrite(STDOUT, pack('N', defined $socket ? 0 : $errno));
POSIX::_exit(0) unless defined $socket;
for (*STDIN, *STDOUT, $socket) { fcntl($_, 4, 2048) }
my ($server, $in, $out) = (fileno $socket, 1, 1);
my ($to_server, $to_client, $server_ends) = ('', '', 0);
sub take {
  my ($from, $buffer) = @_;
  my $count = sysread($from, $$buffer, $most, length $$buffer);
  return defined $count ? $count > 0 : $! == POSIX::EAGAIN() || $! == POSIX::EINTR() || undef;
}
sub give {
  my ($to, $buffer) = @_;
  my $count = syswrite($to, $$buffer);
  if (defined $count) { substr($$buffer, 0, $count, ''); return 1 }
  return $! == POSIX::EAGAIN() || $! == POSIX::EINTR();
}
while ($in || $out || length $to_server) {
  my ($reads, $writes) = ('', '');
  vec($reads, 0, 1) = 1 if $in && length $to_server < $most;
  # Of the end that is written it tells that nobody reads any more.
  vec($reads, 1, 1) = 1 if $out;
  vec($reads, $server, 1) = 1 if $out && !$server_ends && length $to_client < $most;
  vec($writes, $server, 1) = 1 if length $to_server;
  vec($writes, 1, 1) = 1 if $out && length $to_client;
  next unless select($reads, $writes, undef, undef) > 0;
  POSIX::_exit(0) if vec($reads, 1, 1);
  if (vec($reads, 0, 1)) { $in = 0 unless take(*STDIN, \$to_server) }
  if (vec($reads, $server, 1)) {
    my $more = take($socket, \$to_client);
    broken() unless defined $more;
    $server_ends = !$more;
  }
  if (vec($writes, $server, 1)) { give($socket, \$to_server) or broken() }
  if (vec($writes, 1, 1)) { give(*STDOUT, \$to_client) or POSIX::_exit(0) }
  if (!$in && !length $to_server) { shutdown($socket, 1) }
  if ($out && $server_ends && !length $to_client) { close STDOUT; $out = 0 }
}
`;
