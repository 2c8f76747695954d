"""The three standard streams: always there, and able to take whatever is printed.

A terminal may know other letters than a catalog's, and a caller may have closed a stream. Neither
is a reason to fail, and no file that is opened later may get a closed stream's number.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import Final

LOSSY: Final = "paod-lossy"
_PLAIN: Final = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019", "'"),
        **dict.fromkeys("\u201c\u201d", '"'),
        **dict.fromkeys("\u2013\u2014\u2212", "-"),
        "\u2192": "->",
        "\u2026": "...",
        "\u2502": "|",
        "\u00d7": "x",
        "\u2713": "ok",
        "\u2717": "x",
    }
)
"""How letters of paod's own are written where a terminal lacks them."""


def prepare() -> None:
    """Open what is closed, to nowhere, and let what cannot be encoded be written otherwise."""
    for number in range(3):
        _open(number)
    sys.stdin = sys.stdin or _nowhere("r")
    sys.stdout = sys.stdout or _nowhere("w")
    sys.stderr = sys.stderr or _nowhere("w")
    codecs.register_error(LOSSY, _otherwise)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=LOSSY)


def _open(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:  # the lowest number that is free is this one
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _nowhere(mode: str) -> io.TextIOWrapper:
    return open(os.devnull, mode, encoding="utf-8")  # type: ignore[return-value]  # noqa: PTH123 (it stays open)


def _otherwise(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    part = error.object[error.start : error.end].translate(_PLAIN)
    if not part.isascii():
        part = part.encode("ascii", "backslashreplace").decode("ascii")
    return part, error.end
