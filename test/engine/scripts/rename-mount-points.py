"""Renames mount points of the sandbox from a mount namespace in which they are none, and puts its own directories there."""
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


root = os.open("/", os.O_RDONLY)
check(libc.mount(b"none", b"/", None, 0x44000, None), "make private")
check(libc.mount(b"none", b"/mnt", b"tmpfs", 0, None), "mount")
os.mkdir("/mnt/old")
check(libc.syscall(155, b"/mnt", b"/mnt/old"), "pivot_root")
os.chdir("/")
check(libc.umount2(b"/old", 2), "umount")
os.rename("dev", "dev-moved", src_dir_fd=root, dst_dir_fd=root)
path = "."
for name in ["dev", ".sandbox-engine", "usr", "bin"]:
    path = os.path.join(path, name)
    os.mkdir(path, dir_fd=root)
for name in ["setpriv", "timeout", "setsid", "unshare"]:
    file = os.open(os.path.join(path, name), os.O_WRONLY | os.O_CREAT, 0o755, dir_fd=root)
    os.write(file, b"#!/bin/sh\necho replaced >>/tmp/ran\n")
    os.close(file)
print("renamed")
