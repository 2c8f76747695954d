"""Named places at which a test can make the process die, hang or raise, by environment alone.

    PAOD_FAILPOINT=before_commit            the process is killed there, as by ``kill -9``
    PAOD_FAILPOINT=before_commit=segv       … dies of a segmentation fault
    PAOD_FAILPOINT=before_commit=hang       … stops for ever, holding the interpreter's lock
    PAOD_FAILPOINT=before_commit=exit       … exits at once with status 3
    PAOD_FAILPOINT=before_commit=raise      … raises ``FailpointReached``, which is nobody's error
    PAOD_FAILPOINT_ONCE=/path               only the first process that can make this file fails

Several are separated by commas. The environment is read once, at import; without it a failpoint is
one look into an empty mapping. Nothing but these calls may depend on whether a failpoint is set.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn


class FailpointReached(Exception):
    """What ``name=raise`` raises: not a ``PaodError``, so that no code expects it."""


def _parse(text: str) -> Mapping[str, str]:
    pairs = (entry.partition("=") for entry in text.split(",") if entry.strip())
    return {name.strip(): action.strip() or "kill" for name, _, action in pairs}


_ACTIONS = _parse(os.environ.get("PAOD_FAILPOINT", ""))
_ONCE = os.environ.get("PAOD_FAILPOINT_ONCE", "")


def failpoint(name: str) -> None:
    """Do what ``PAOD_FAILPOINT`` asks for at the place called ``name``: nearly always nothing."""
    action = _ACTIONS.get(name)
    if action is not None and _first():
        _fail(name, action)


def _first() -> bool:
    if not _ONCE:
        return True
    try:
        Path(_ONCE).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _fail(name: str, action: str) -> NoReturn:
    if action == "raise":
        raise FailpointReached(name)
    if action == "exit":
        os._exit(3)
    if action == "hang":
        _hang()
    os.kill(os.getpid(), signal.SIGSEGV if action == "segv" else signal.SIGKILL)
    raise FailpointReached(f"{name}: still alive")  # unreachable, unless the signal is blocked


def _hang() -> NoReturn:
    """Wait inside C with the interpreter's lock held, deaf to every signal that can be ignored."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    library = ctypes.PyDLL(None)
    while True:
        library.pause()
