/**
 * Of the programs in perl: gives up the capabilities but some, for good, since the bounding set never grows again, and the groups of a
 * user who is not root's. Returns what failed, with the reason in `$!`, or nothing.
 *
 * Needs `%number`, the numbers of system calls.
 */
export const GIVE_UP_PRIVILEGES = String.raw`
sub call {
  my ($name, @arguments) = @_;
  return syscall($number{$name}, @arguments) >= 0;
}
sub give_up_privileges {
  my ($clears_groups, @kept) = @_;
  my %keeps = map { $_ => 1 } @kept;
  my ($header, $sets) = (pack('LL', 0x20080522, 0), "\0" x 24);
  call('capget', $header, $sets) or return 'capabilities';
  my @has = unpack('L6', $sets);
  for my $capability (0 .. 63) {
    my $has = syscall($number{prctl}, 23, $capability, 0, 0, 0);
    last if $has < 0;
    next if $has == 0 || $keeps{$capability};
    call('prctl', 24, $capability, 0, 0, 0) or return "capability $capability";
  }
  call('prctl', 47, 4, 0, 0, 0) or return 'ambient capabilities';
  !$clears_groups || call('setgroups', 0, 0) or return 'groups';
  my @mask = (0, 0);
  $mask[$_ >> 5] |= 1 << ($_ & 31) for @kept;
  $sets = pack('L6', map { ($has[3 * $_] & $mask[$_], $has[3 * $_ + 1] & $mask[$_], 0) } 0, 1);
  call('capset', $header, $sets) or return 'capabilities';
  return;
}
`;
