"""Runs a program within what a unit allows: ``python -m tests.confined UNIT FOLDER PROGRAM…``.

As far as that can be done without a booted systemd, by the kernel's own means and by the unit's own
lines: all of the file system but FOLDER read-only, a user namespace, no capability and none to
gain, the system calls and address families of the allow list, no memory that is written and
executed, the umask, the task limit.
"""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
SYS_MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, RDONLY = 442, -100, 0x8000, 1
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
ALLOW, EPERM = 0x7FFF0000, 0x00050001
EQUAL, MASKED_EQUAL = 4, 7
PROT_WRITE, PROT_EXEC = 2, 4
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}

libc = ctypes.CDLL(None, use_errno=True)


class Attributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns")]


class Compare(ctypes.Structure):
    _fields_ = [
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    ]


def done(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def read_unit(path: Path) -> dict[str, list[str]]:
    """Return what the unit says, by key, a word each."""
    said = defaultdict(list)
    for line in path.read_text().splitlines():
        key, mark, value = line.partition("=")
        if mark and not key.startswith("#"):
            said[key] += value.split()
    return said


@cache
def calls_of(name: str) -> frozenset[str]:
    """Return the system calls of a group, as systemd knows them, or the one."""
    if not name.startswith("@"):
        return frozenset([name])
    told = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager", name],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = (line.strip() for line in told.stdout.splitlines()[1:])
    members = [line for line in lines if line and not line.startswith("#")]
    return frozenset().union(*map(calls_of, members))


def allowed_calls(words: list[str]) -> set[str]:
    """Return what the filter's lines allow, one after the other; a ``~`` is for the whole line."""
    allowed, taken_away = set(calls_of("@default")), False
    for word in words:
        taken_away = word.startswith("~") or (taken_away and word.startswith("@"))
        calls = calls_of(word.removeprefix("~"))
        allowed = allowed - calls if taken_away else allowed | calls
    return allowed


class Filter:
    """A seccomp filter."""

    def __init__(self, default: int) -> None:
        self._library = ctypes.CDLL("libseccomp.so.2")
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._filter = ctypes.c_void_p(self._library.seccomp_init(ctypes.c_uint32(default)))

    def add(self, action: int, call: str, *compares: Compare) -> None:
        number = self._library.seccomp_syscall_resolve_name(call.encode())
        if number >= 0:
            array = (Compare * len(compares))(*compares)
            self._library.seccomp_rule_add_array(
                self._filter, ctypes.c_uint32(action), number, len(compares), array
            )

    def load(self) -> None:
        assert self._library.seccomp_load(self._filter) == 0


def read_only_but(folder: str) -> None:
    """Make the file system read-only in a namespace of our own, the folder left out."""
    user = os.getuid(), os.getgid()
    done(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS))
    Path("/proc/self/setgroups").write_text("deny")
    for name, ours in zip(("uid_map", "gid_map"), user, strict=True):
        Path(f"/proc/self/{name}").write_text(f"{ours} {ours} 1")
    done(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))
    done(libc.mount(folder.encode(), folder.encode(), None, MS_BIND, None))
    set_attributes("/", AT_RECURSIVE, Attributes(set=RDONLY))
    set_attributes(folder, 0, Attributes(clear=RDONLY))


def set_attributes(path: str, flags: int, attributes: Attributes) -> None:
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    done(
        libc.syscall(
            SYS_MOUNT_SETATTR, AT_FDCWD, path.encode(), flags, ctypes.byref(attributes), size
        )
    )


def forbid(unit: dict[str, list[str]]) -> None:
    """Give up what the unit gives up, for good."""
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    done(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    calls = Filter(EPERM)
    for call in allowed_calls(unit["SystemCallFilter"]) - {"socket"}:
        calls.add(ALLOW, call)
    for family in unit["RestrictAddressFamilies"]:
        calls.add(ALLOW, "socket", Compare(0, EQUAL, FAMILIES[family], 0))
    memory = Filter(ALLOW)
    both = PROT_WRITE | PROT_EXEC
    memory.add(EPERM, "mmap", Compare(2, MASKED_EQUAL, both, both))
    memory.add(EPERM, "mprotect", Compare(2, MASKED_EQUAL, PROT_EXEC, PROT_EXEC))
    memory.load()
    calls.load()


def main(unit_file: str, folder: str, *program: str) -> None:
    unit = read_unit(Path(unit_file))
    tasks = int(unit["TasksMax"][0])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (tasks, tasks))
    os.umask(int(unit["UMask"][0], 8))
    allowed_calls(unit["SystemCallFilter"])  # asked for while we still may
    read_only_but(folder)
    forbid(unit)
    os.execvp(program[0], program)


if __name__ == "__main__":
    main(*sys.argv[1:])
