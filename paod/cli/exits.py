"""Exit statuses, decided here and nowhere else: 0 fine, 1 found problems or failed, 2 wrong usage.

75 (EX_TEMPFAIL): another daemon has the place; a service manager may try again later.

Commands return what they found; what they raise becomes a sentence on standard error.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from enum import IntEnum
from typing import Any

import click

from paod.errors import AlreadyRunning, PaodError, SettingsError


class Exit(IntEnum):
    """What a command tells its caller."""

    FINE = 0
    FAILED = 1
    USAGE = 2
    RUNNING = 75
    INTERRUPTED = 130


_NOT_TAKEN = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EBADF, errno.EIO})
"""What a write ends with where the disk is full, the stream is for reading, the terminal gone."""


_POSIX = frozenset({"fcntl", "grp", "pwd", "pty", "resource", "termios"})
_NEEDS_POSIX = "this command needs Linux or macOS; those for authors run everywhere"


def exit_status(run: Callable[[], Any], complain: Callable[[str, str], None]) -> int:
    """Run a command and return its exit status; ``complain`` is told what went wrong."""
    try:
        outcome = run()
        sys.stdout.flush()
    except click.UsageError as error:
        error.show()
        return Exit.USAGE
    except click.ClickException as error:
        complain(error.format_message(), "")
        return Exit.USAGE
    except SettingsError as error:
        complain(str(error), error.hint)
        return Exit.USAGE
    except AlreadyRunning as error:
        complain(str(error), error.hint)
        return Exit.RUNNING
    except PaodError as error:
        complain(str(error), error.hint)
        return Exit.FAILED
    except ModuleNotFoundError as error:
        if error.name not in _POSIX:
            raise
        complain(_NEEDS_POSIX, "use WSL, a container or another machine")
        return Exit.USAGE
    except BrokenPipeError:
        _leave_quietly()
        return Exit.FINE
    except OSError as error:
        if error.errno not in _NOT_TAKEN:
            raise
        _leave_quietly()
        complain(f"the output cannot be written: {error.strerror}", "make room, or write elsewhere")
        return Exit.FAILED
    except (click.Abort, KeyboardInterrupt):
        return Exit.INTERRUPTED
    return int(outcome) if isinstance(outcome, int) else Exit.FINE


def _leave_quietly() -> None:
    """Point standard output nowhere: nobody takes more, and Python would complain at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
