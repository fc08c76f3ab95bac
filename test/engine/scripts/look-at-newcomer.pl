# Stops a program on its way into the sandbox, tries to look into it, says what came of that, and lets it go on for a line of input.
use strict;
use warnings;
$| = 1;
my %known = map { $_ => 1 } processes();

sub processes {
  opendir(my $listing, '/proc') or die "proc: $!";
  return grep { /^[0-9]+\z/ } readdir $listing;
}

sub is_spawner {
  my ($pid) = @_;
  open(my $file, '<', "/proc/$pid/cmdline") or return 0;
  my $line = do { local $/; <$file> };
  return defined $line && $line =~ /waitpid/;
}

sub state_of {
  my ($pid) = @_;
  open(my $file, '<', "/proc/$pid/stat") or return '';
  return <$file> =~ /\) (\S)/ ? $1 : '';
}

sub newcomer {
  for (;;) {
    for my $pid (processes()) {
      next if $known{$pid};
      kill 'STOP', $pid;
      select(undef, undef, undef, 0.001) while state_of($pid) =~ /[RSD]/;
      return $pid if is_spawner($pid);
      $known{$pid} = 1;
      kill 'CONT', $pid;
    }
  }
}

my $pid = newcomer();
for my $name (qw(environ mem maps auxv)) {
  open(my $file, '<', "/proc/$pid/$name") and print "read $name\n";
}
for my $name (qw(exe root cwd ns/mnt ns/user fd/0 fd/3)) {
  print "followed $name\n" if defined readlink "/proc/$pid/$name";
}
# The numbers of its descriptors are no secret; what they are is asked above.
for my $name (qw(root cwd map_files)) {
  opendir(my $listing, "/proc/$pid/$name") or next;
  print "listed $name\n" if grep { !/^\.\.?\z/ } readdir $listing;
}
for my $name (qw(etc/hostname proc/self/status)) {
  open(my $file, '<', "/proc/$pid/root/$name") and print "read root/$name\n";
}
my %ptrace = (x86_64 => 101, aarch64 => 117);
my ($machine) = `uname -m` =~ /(\S+)/;
if (my $number = $ptrace{$machine}) {
  print "traced\n" if syscall($number, 0x4206, $pid, 0, 0) >= 0;
}
print "caught\n";
my $line = <STDIN>;
kill 'CONT', $pid;
