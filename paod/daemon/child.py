"""Forking a child that cannot outlive its parent, and what is known of one that died.

A child begins with the parent's memory but with signals, limits and an end of its own. It leaves
by ``os._exit``: what the parent had planned for its own end is not the child's to do.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import logging
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from paod.daemon.board import FILE_SECONDS, Board, HeldFile

Kind = Literal["api", "sync", "preview"]
PARENT_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
CRASHED = 70
"""Exit status of a child that an exception ended (EX_SOFTWARE)."""
_PR_SET_PDEATHSIG = 1
_FAULTS = frozenset(
    (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE, signal.SIGSYS)
)

_READING = frozenset(("open", "setting up", "fold", "rebuild"))
"""Phases of a sync in which the mirror is read."""

logger = logging.getLogger("paod.daemon")


@dataclass(frozen=True, slots=True)
class Death:
    """How a child ended. ``overran``: the supervisor killed it, for its ``phase`` took too long.

    ``held_for``: seconds for which the file was in hand then.
    """

    status: int
    """As ``os.waitstatus_to_exitcode`` gives it: the exit status, or minus the signal."""
    overran: bool = False
    phase: str = ""
    held: HeldFile | None = None
    held_for: float = 0.0

    @classmethod
    def of_worker(cls, status: int, board: Board, *, overran: bool) -> Death:
        """Read off the board what a sync worker did when it died."""
        held = board.held
        held_for = 0.0 if held is None else time.monotonic() - held.since
        return cls(status, overran, board.phase, held, held_for)

    @property
    def how(self) -> str:
        """The end in words: ``SIGSEGV``, ``exit status 70``."""
        if self.status >= 0:
            return f"exit status {self.status}"
        try:
            return signal.Signals(-self.status).name
        except ValueError:
            return f"signal {-self.status}"

    @property
    def reason(self) -> str:
        """The reason that a sync gets which this death cut off."""
        if self.overran:
            return "RemoteTimeout" if self.phase in ("heads", "fetch") else "DeadlineExceeded"
        return "WorkerCrashed" if self.status not in (0, -signal.SIGTERM) else "Interrupted"

    @property
    def message(self) -> str:
        """A sentence for the sync that this death cut off."""
        where = f" while it examined {self.held.path}" if self.held else ""
        during = f" in its {self.phase} phase" if self.phase and not where else ""
        if self.overran:
            return f"the sync worker was killed{where or during}, which took too long"
        return f"the sync worker ended ({self.how}){where or during}{self._look}"

    @property
    def _look(self) -> str:
        """Where to look: for who sent a SIGKILL, or what crashes in a fetch."""
        if -self.status in _FAULTS and self.phase in ("heads", "fetch"):
            return "; libssh2 1.11.1 crashes with RSA keys at some servers: use an Ed25519 key"
        if self.status != -signal.SIGKILL:
            return ""
        return "; journalctl -k tells whether the kernel killed it for want of memory"

    @property
    def blamed(self) -> HeldFile | None:
        """The file that killed the worker: held when it crashed, or for longer than a file may be.

        A SIGKILL that the supervisor did not send came from outside and blames no file, nor does
        one for the time of a whole sync, whichever file was its last.
        """
        guilty = self.held_for >= FILE_SECONDS if self.overran else self._by_itself
        return self.held if guilty else None

    @property
    def suspects_mirror(self) -> bool:
        """Whether the worker hung or crashed among Git's own objects, no file in its hand.

        A damaged object can do that. A fetch that takes too long is the remote's doing.
        """
        return self._by_itself and self.held is None and self.phase in _READING

    @property
    def _by_itself(self) -> bool:
        return self.overran or self.status > 0 or -self.status in _FAULTS


class Lifeline:
    """A pipe that only its maker writes to: when the maker is gone, its children read the end."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        self._maker = os.getpid()

    def hold_on(self) -> None:
        """In a child: die when the maker does, at once, whatever this process is doing."""
        os.close(self._write)
        _die_with_parent()
        if os.getppid() != self._maker:
            os._exit(CRASHED)
        threading.Thread(target=self._watch, name="lifeline", daemon=True).start()

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)

    def _watch(self) -> None:
        with contextlib.suppress(OSError):
            os.read(self._read, 1)
        os._exit(CRASHED)


def fork(body: Callable[[], int], lifeline: Lifeline) -> int:
    """Run ``body`` in a child and return its process id; the child exits with what it returns.

    To be called while the process has one thread.
    """
    _flush()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, PARENT_SIGNALS)
    pid = os.fork()
    if pid:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return pid
    os._exit(_live(body, lifeline, before))


def _live(body: Callable[[], int], lifeline: Lifeline, mask: set[int | signal.Signals]) -> int:
    """A child's whole life; returns its exit status."""
    try:
        signal.set_wakeup_fd(-1)
        for number in PARENT_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        # Ctrl-C reaches the whole group; the parent alone decides what it means.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        lifeline.hold_on()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return body()
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 0
    except BaseException:
        logger.exception("a child process ends in a way that nobody thought of")
        return CRASHED
    finally:
        _flush()


def _flush() -> None:
    """Write out what is printed, as far as anybody takes it."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, gone, or none
            stream.flush()


def limit_memory(mebibytes: int) -> None:
    """Let this process map so much more than it has now: beyond that, Python raises MemoryError.

    What is mapped already is mostly the libraries' code, which says nothing of the work.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = _mapped_bytes() + mebibytes * 1024 * 1024
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def collect_rarely() -> None:
    """Look for circular garbage less often: parsing makes much that lives, and few circles.

    What the parent left is never looked at again, so that its pages stay shared.
    """
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


def _mapped_bytes() -> int:
    """Return the size of this process's address space, 0 where there is no /proc."""
    try:
        pages = Path("/proc/self/statm").read_text("ascii").split()[0]
    except OSError:
        return 0
    return int(pages) * resource.getpagesize()


def allow_connections(wanted: int) -> None:
    """Raise the soft limit of open files to ``wanted``, as far as the hard one lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        reach = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, reach), hard))


def _die_with_parent() -> None:
    """Ask Linux for SIGKILL at the parent's death; elsewhere the lifeline alone does it."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
