"""A secret and the rule that nobody sees it: no repr, no message and no log line holds its value.

A secret that stands in a file is read again at each use, so that a rotated one needs no restart.
"""

from __future__ import annotations

import base64
import binascii
import re
import stat
import time
from collections.abc import Callable
from pathlib import Path

from paod.errors import SettingsError
from paod.permissions import descriptor_writable_by_all

MAX_BYTES = 65_536
GRACE = 30.0
"""Seconds for which the former value holds while its file is missing or being written."""

SHORTEST = 16
"""Characters: a shorter secret is a word, or a paste that was cut off, and can be guessed."""
SIGNING_PREFIX = "whsec_"
"""What a secret begins with that is a key in base64, as Standard Webhooks has it."""
SHORTEST_KEY = 24
"""Bytes of such a key, by that standard."""

_SEPARATORS = re.compile(r"[,\n]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]")


class Secret:
    """One secret setting. ``source`` is its text, or the file that holds it.

    ``several``: one a line, or comma-separated; ``lines``: it is a text of several lines;
    ``guards``: strangers may try to guess it, so that it must not be short.
    """

    __slots__ = (
        "_clock",
        "_control",
        "_guards",
        "_last",
        "_read_at",
        "_several",
        "_source",
        "name",
    )

    def __init__(
        self,
        name: str,
        source: str | Path,
        *,
        several: bool = False,
        lines: bool = False,
        guards: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._source = source
        self._several = several
        self._control = _CONTROL_BUT_LINES if lines else _CONTROL
        self._guards = guards
        self._clock = clock
        self._last: tuple[str, ...] = ()
        self._read_at = 0.0

    def values(self) -> tuple[str, ...]:
        """Return the present values, at least one; several only where rotation allows several.

        A file that cannot be read keeps its former values for ``GRACE`` seconds (a rotation may be
        half done), then raises SettingsError.
        """
        if self._last and self.path is None:
            return self._last
        now = self._clock()
        try:
            self._last = self.read()
        except SettingsError:
            if not self._last or now - self._read_at > GRACE:
                raise
            return self._last
        self._read_at = now
        return self._last

    def value(self) -> str:
        """Return the first of the present values."""
        return self.values()[0]

    def read(self) -> tuple[str, ...]:
        """Read the values now; raise SettingsError, which never quotes any, when there are none."""
        text = self._source if isinstance(self._source, str) else self._read_file(self._source)
        parts = _SEPARATORS.split(text) if self._several else [text]
        values = tuple(part.strip() for part in parts if part.strip())
        if not values:
            raise SettingsError(f"{self.origin} holds no secret")
        if any(self._control.search(value) for value in values):
            raise SettingsError(f"{self.origin} holds a control character or a line break")
        if self._guards and (weak := next(filter(None, map(_weakness, values)), None)):
            raise SettingsError(f"{self.origin} holds {weak}", "`openssl rand -hex 32` makes one")
        return values

    @property
    def origin(self) -> str:
        """The setting's name, and the file where it has one: what a message may say."""
        return self.name if self.path is None else f"{self.name}_FILE ({self.path})"

    @property
    def path(self) -> Path | None:
        """The file that holds the secret, None when it came as text."""
        return self._source if isinstance(self._source, Path) else None

    def _read_file(self, path: Path) -> str:
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                raise SettingsError(f"{self.origin} is no regular file")
            with path.open("rb") as file:
                everybodys = descriptor_writable_by_all(file.fileno())
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            reason = error.strerror or "it cannot be read"
            raise SettingsError(f"{self.origin} cannot be read: {reason}") from error
        if everybodys:
            raise SettingsError(f"{self.origin} can be written by every user: chmod o-w {path}")
        if len(data) > MAX_BYTES:
            raise SettingsError(f"{self.origin} is larger than {MAX_BYTES} bytes")
        try:
            return data.decode("utf-8-sig").strip()
        except UnicodeDecodeError:
            raise SettingsError(f"{self.origin} is not UTF-8 text") from None

    def __repr__(self) -> str:
        return f"Secret({self.name})"


def _weakness(value: str) -> str | None:
    """Return what makes a secret guessable, without a word of it; None where nothing does."""
    if value.startswith(SIGNING_PREFIX):
        return _key_weakness(value.removeprefix(SIGNING_PREFIX))
    if len(value) < SHORTEST:
        return f"a value of {len(value)} characters: it takes {SHORTEST} or more"
    return None


def _key_weakness(encoded: str) -> str | None:
    try:
        size = len(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError):
        return f"a {SIGNING_PREFIX} key that is not base64 as a whole: copy it once more"
    if size < SHORTEST_KEY:
        return f"a {SIGNING_PREFIX} key of {size} bytes: it takes {SHORTEST_KEY} or more"
    return None


def everyone_may_read(path: Path) -> bool:
    """Return whether any user of the machine can read the file, its folders considered."""
    real = path.resolve()
    if not real.stat().st_mode & stat.S_IROTH:
        return False
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in real.parents)
