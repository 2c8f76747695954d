"""What the program says while it works: text for people, one JSON object a line for machines.

Much of what is logged was written by strangers (paths, commit subjects, header values), so nothing
leaves here with a control character in it, and no secret that the settings know leaves here at all.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

MASK = "***"
SHORTEST_SECRET = 4
"""Masking anything shorter would garble the log more than it hides."""
REFRESH = 1.0
"""Seconds for which the known secrets are not read again."""
REMEMBERED = 64
"""Rotated secrets that are still masked."""

LONGEST_VALUE = 1000
"""Characters of a field's value: strangers write much of what is logged."""
LONGEST_LIST = 100
LONGEST_MESSAGE = 8000
"""Characters of a message, and of a line of a traceback."""

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")
_PLAIN_VALUE = re.compile(r"[^\s\"=\\]+")


def setup(
    level: str,
    style: Literal["text", "json"],
    secrets: Callable[[], Iterable[str]] = tuple,
    stream: TextIO | None = None,
) -> None:
    """Send the log to ``stream`` (standard error), from ``level`` on, hiding ``secrets``.

    What other libraries say is kept from warnings on.
    """
    redactor = Redactor(secrets)
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    text = JournalLines if is_journal(stream, os.environ) else TextLines
    handler.setFormatter(JsonLines(redactor) if style == "json" else text(redactor))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("paod").setLevel(level.upper())
    logging.raiseExceptions = False  # a log that cannot be written must not stop the work


def is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Return whether what is written to a stream goes to systemd's journal.

    systemd names the device and inode of that file in JOURNAL_STREAM (systemd.exec(5)); a stream
    that was redirected since is another file.
    """
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):  # it is closed, or no file
        return False
    return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def event(name: str, /, *, level: int = logging.INFO, **fields: Any) -> None:
    """Log one unit of work as one canonical line: ``sync trigger=webhook added=1 ms=84``.

    Fields keep their order; those that are None are left out. ``from_`` is written ``from``.
    """
    given = {key.rstrip("_"): value for key, value in fields.items() if value is not None}
    logging.getLogger(f"paod.{name}").log(level, "%s", name, extra={"fields": given})


def escape(text: str) -> str:
    """Return text with every character that could steer a terminal or end a line made visible."""
    return _UNSAFE.sub(lambda found: ascii(found[0])[1:-1], text)


def cut(text: str, most: int) -> str:
    """Return text that is no longer than ``most`` characters, the end left out where it was."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


class Redactor:
    """Hides secrets in text; it asks for them again now and then, for they are rotated."""

    def __init__(
        self,
        secrets: Callable[[], Iterable[str]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._secrets = secrets
        self._clock = clock
        self._known: dict[str, None] = {}
        self._asked_at: float | None = None

    def __call__(self, text: str) -> str:
        """Return the text with secrets and the userinfo of URLs masked."""
        for secret in self._refreshed():
            text = text.replace(secret, MASK)
        return _USERINFO.sub(f"{MASK}@", text)

    def _refreshed(self) -> list[str]:
        now = self._clock()
        if self._asked_at is None or now - self._asked_at >= REFRESH:
            self._asked_at = now
            for secret in self._secrets():
                if len(secret) >= SHORTEST_SECRET:
                    self._known.pop(secret, None)
                    self._known[secret] = None
            while len(self._known) > REMEMBERED:
                del self._known[next(iter(self._known))]
        return sorted(self._known, key=len, reverse=True)  # a secret may be part of another


class TextLines(logging.Formatter):
    """``2026-01-31T12:00:00Z info sync trigger=webhook``; a traceback follows, indented."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redact = redactor

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line, and one for each line of its traceback."""
        words = [_time(record), record.levelname.lower(), self._clean(record.getMessage())]
        words += [f"{key}={self._value(value)}" for key, value in _fields(record).items()]
        lines = [" ".join(words)]
        if record.exc_info:
            trace = self.formatException(record.exc_info)
            lines += [f"  | {self._clean(line)}" for line in trace.splitlines()]
        return "\n".join(lines)

    def _clean(self, text: str) -> str:
        return escape(cut(self._redact(text), LONGEST_MESSAGE))

    def _value(self, value: Any) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        several = isinstance(value, list | tuple | set | frozenset)
        text = ",".join(map(str, value)) if several else str(value)
        text = cut(self._redact(text), LONGEST_VALUE)
        if _PLAIN_VALUE.fullmatch(text):
            return escape(text)
        return escape(json.dumps(text, ensure_ascii=False))


class JournalLines(TextLines):
    """``<6>sync trigger=webhook``: the journal adds the time, and reads the priority."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's lines, each with its priority (sd-daemon(3))."""
        lines = super().format(record).split("\n")
        lines[0] = lines[0].removeprefix(f"{_time(record)} {record.levelname.lower()} ")
        return "\n".join(f"<{_priority(record.levelno)}>{line}" for line in lines)


def _priority(level: int) -> int:
    """Return the priority of a level as syslog(3) counts them."""
    for least, priority in ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4)):
        if level >= least:
            return priority
    return 6 if level >= logging.INFO else 7


class JsonLines(logging.Formatter):
    """One object a line: time, level, logger, message, and the event's fields beside them."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redact = redactor

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one JSON object in ASCII."""
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": cut(self._redact(record.getMessage()), LONGEST_MESSAGE),
        }
        for key, value in _fields(record).items():
            line.setdefault(key, self._clean(value))
        if record.exc_info:
            line["traceback"] = self._redact(self.formatException(record.exc_info))
        return json.dumps(line).replace("\x7f", "\\u007f")

    def _clean(self, value: Any) -> Any:
        if isinstance(value, bool | int | float):
            return value
        if isinstance(value, list | tuple | set | frozenset):
            return [self._clean(one) for one in list(value)[:LONGEST_LIST]]
        return cut(self._redact(str(value)), LONGEST_VALUE)


def _fields(record: logging.LogRecord) -> Mapping[str, Any]:
    fields: Mapping[str, Any] = getattr(record, "fields", {})
    return fields


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
