/**
 * Of the spawner: `Holder::hold`, which builds a sandbox and then keeps it, in a fork of the spawner: nothing is executed, so a sandbox begins
 * in a millisecond where perl takes four, and the twenty programs of util-linux and coreutils that it replaces took fifty. Never returns.
 *
 * Standard input: two messages, each a length of four bytes (big-endian) and that many
 * bytes, which are fields ended by NUL. The first is the plan: steps, each a name, the number of its arguments, and those. Where the plan says
 * `enter`, the sandbox's first process begins, and does the rest of it. The second is the paths to hide, which may come later; without it,
 * nothing is left of the sandbox. Standard output: the mount table, then what the first process prints. On failure the last line on
 * standard error names the step and why it failed.
 *
 * Two processes remain. The holder, which is this one, waits for the sandbox's first process, outside of its PID namespace, with the
 * tools directory as its root and the sandbox's root as its working directory. Both are references to mounts: nothing that the sandbox
 * renames, unmounts or replaces changes where `/proc/PID/root` and `/proc/PID/cwd` lead. A path could not be trusted: in a user namespace
 * of its own, a sandbox can rename even mount points. The first process executes a program of the sandbox's own, so that its `/proc/1/exe`
 * is no file of the host's.
 *
 * Needs `%number`, and of package main `call` and `give_up_privileges`.
 */
export const HOLDER_PROGRAM = String.raw`
package Holder;
*call = \&main::call;
*give_up_privileges = \&main::give_up_privileges;
my ($bind, $private, $detach) = (4096, 0x44000, 2);
my ($names, $processes) = (0x0c000000, 0x20000000);
sub fail { print STDERR "$_[0]\n"; POSIX::_exit(1) }
sub message {
  my $want = 4;
  my $text = '';
  my $length;
  for (;;) {
    while (length $text < $want) {
      my $count = sysread(STDIN, $text, $want - length $text, length $text);
      POSIX::_exit(1) unless $count or !defined $count && $! == 4;
    }
    return split /\0/, $text, -1 if defined $length;
    $length = $want = unpack('N', $text);
    $text = '';
  }
}
sub put {
  my ($path, $text) = @_;
  open(my $file, '>', $path) or fail("$path: $!");
  syswrite($file, $text) && close $file or fail("$path: $!");
}
sub mount {
  my ($source, $target, $type, $flags, $data) = @_;
  call('mount', $source, $target, $type, $flags + 0, $data eq '' ? 0 : $data)
    or fail("mount $type on $target failed: $!");
}
# Directories on the way that are missing are made. One that is a link would lead out of the tree.
sub point {
  my ($path, $names) = @_;
  for my $name (split m{/}, $names) {
    $path .= "/$name";
    fail("a link at the mount point $path") if -l $path;
    -d $path || mkdir($path, 0755) or fail("make the mount point $path: $!");
  }
  return $path;
}
# Follows no link, and does not enter what is mounted below.
sub remove {
  my ($path, $device) = @_;
  my ($own) = lstat $path or return;
  if (-d _) {
    return if defined $device && $own != $device;
    opendir(my $listing, $path) or fail("remove $path: $!");
    my @entries = grep { $_ ne '.' && $_ ne '..' } readdir $listing;
    closedir $listing;
    remove("$path/$_", $own) for @entries;
    # A directory with something mounted on it stays, and so do its parents: EBUSY, ENOTEMPTY.
    rmdir $path or $! == 16 || $! == 39 or fail("remove $path: $!");
  } else {
    unlink $path or fail("remove $path: $!");
  }
}
my ($folder, $name, $clears_groups, @kept, @command);
my %steps = (
  user => sub {
    my ($uid, $gid) = @_;
    call('unshare', 0x10000000) or fail("unshare of the user namespace failed: $!");
    put('/proc/self/setgroups', 'deny');
    put('/proc/self/uid_map', "0 $uid 1");
    put('/proc/self/gid_map', "0 $gid 1");
  },
  # Its loopback is there and down.
  network => sub {
    call('unshare', 0x40000000) or fail("unshare of the network failed: $!");
    socket(my $socket, 2, 2, 0) or fail("loopback: $!");
    my $up = pack('a16 s x22', 'lo', 1);
    ioctl($socket, 0x8914, $up) or fail("loopback: $!");
  },
  begin => sub {
    ($folder, $name) = @_;
    call('unshare', 0x00020000) or fail("unshare of the mounts failed: $!");
    call('mount', 'none', '/', 0, $private, 0) or fail("unshare of the mounts failed: make them private: $!");
    chdir $folder or fail("cd: $!");
  },
  mount => \&mount,
  point => sub { point('root', $_[0]) },
  # The source is where this process stands, which nobody can exchange, and not a path that is read twice.
  volume => sub {
    my ($source, $target, $flags) = @_;
    my $path = point("$folder/root", $target);
    chdir $source or fail("mount /$target: $!");
    readlink('/proc/self/cwd') eq $source or fail("mount /$target: $source is a link");
    mount('.', $path, 'none', $bind, '');
    mount('none', $path, 'none', $flags, '');
    chdir $folder or fail("cd: $!");
  },
  directory => sub { mkdir($_[0], oct $_[1]) or fail("mkdir $_[0]: $!") },
  file => sub { open(my $file, '>', $_[0]) or fail("$_[0]: $!") },
  link => sub { symlink($_[0], $_[1]) or fail("link $_[1]: $!") },
  remove => sub { remove($_[0]) },
  empty => sub { remove("root/$_[0]"); mkdir("root/$_[0]", 01777) or fail("empty $_[0]: $!") },
  groups => sub { $clears_groups = 1 },
  keep => sub { @kept = @_ },
  execute => sub { @command = @_ },
);
sub follow {
  my ($plan) = @_;
  while (@$plan) {
    my ($step, $count) = splice(@$plan, 0, 2);
    last unless defined $count;
    return if $step eq 'enter';
    $steps{$step}->(splice(@$plan, 0, $count));
  }
}
sub hold {
  fail('perl and node are built for different machines') if length pack('p', '') != 8;
  umask 0;
  $| = 1;
  my @plan = message();
  follow(\@plan);
  call('unshare', $names | $processes) or fail("unshare of names and processes failed: $!");
  call('sethostname', $name, length $name) or fail("hostname: $!");
  pipe(my $built, my $builds) && pipe(my $leaves, my $leave) or fail("pipe: $!");
  my $first = fork;
  defined $first or fail("fork: $!");
  if ($first == 0) {
    call('prctl', 1, 9, 0, 0, 0) or fail("die with the holder: $!");
    close $_ for $built, $leave;
    follow(\@plan);
    open(my $table, '<', '/proc/self/mountinfo') or fail("mountinfo: $!");
    # In one piece: each line by itself would be a call of the kernel and a turn of the reader.
    print join('', <$table>);
    syswrite($builds, 'b');
    close $builds;
    my $go;
    sysread($leaves, $go, 1) or POSIX::_exit(1);
    chdir '/' or fail("cd: $!");
    my $failed = give_up_privileges($clears_groups, @kept);
    fail("give up $failed: $!") if defined $failed;
    umask 022;
    exec { $command[0] } @command or fail("$command[0]: $!");
  }
  close $_ for $builds, $leaves;
  my $go;
  sysread($built, $go, 1) or POSIX::_exit(1);
  call('pivot_root', 'root', 'root/dev/.old') or fail("pivot_root: $!");
  chdir '/' && call('umount2', '/dev/.old', $detach) && rmdir '/dev/.old' or fail("leave the host: $!");
  opendir(my $root, '/') or fail("tools: $!");
  chdir '/dev/.sandbox-engine' && chroot('.') && chdir $root or fail("tools: $!");
  closedir $root;
  # Only now: a link among the sandbox's own files cannot lead to the host any more.
  my @hidden = message();
  pop @hidden;
  remove($_) for @hidden;
  syswrite($leave, 'l');
  close $_ for $built, $leave, *STDIN, *STDOUT, *STDERR;
  1 while waitpid($first, 0) < 0 && $! == 4;
  POSIX::_exit(0);
}
package main;
`;
