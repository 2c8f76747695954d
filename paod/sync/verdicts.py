"""Verdicts on files that outlive the sync which found them, so that the next one goes on there.

A sync that is killed, or over its time, would otherwise begin with the first file again, and never
come to the last one. A verdict is a function of the rules, the path and the bytes: taking it from
here or finding it again gives the same catalog. They lie in a file of the state folder, one a line
with its own checksum; the file's name says by which rules they were found. A short sync writes
none, and one that comes to its end deletes them all: what is applied is known by the database.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path

from paod.model import ExaminedFile
from paod.model.limits import KEPT_VERDICTS, REMEMBERED_VERDICTS
from paod.store import codec

KEEP_AFTER = 2.0
"""Seconds of a sync after which what it finds is written: most are over by then."""
FLUSH_AFTER = 0.5
_FLUSH_BYTES = 4 * 2**20
_SUM = 16

Key = tuple[str, str]
"""A path and a blob."""

log = logging.getLogger("paod.sync")


class Verdicts:
    """The verdicts of one worker. ``folder`` None: they are remembered, and not written."""

    def __init__(
        self, folder: Path | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._basis = ""
        self._began = self._flushed = clock()
        self._written: dict[Key, tuple[int, int]] = {}
        """Where each stands in the file, and how long it is."""
        self._size = 0
        self._waiting: list[tuple[Key, bytes]] = []
        self._waiting_bytes = 0
        self._near: OrderedDict[Key, tuple[ExaminedFile, int]] = OrderedDict()
        self._near_bytes = 0
        self._seen: Path | None = None

    def begin(self, basis: str) -> None:
        """Begin a sync by the rules that ``basis`` is the hash of."""
        self._began = self._flushed = self._clock()
        if basis != self._basis:
            self._forget()
            self._basis = basis
        if self._folder is not None and self._seen is None:
            self._seen = self._folder / f"{basis}.log"
            self._drop_others(self._seen)
            self._index(self._seen)

    def get(self, path: str, oid: str) -> ExaminedFile | None:
        """Return the verdict on a blob at a path, None: it has to be examined."""
        near = self._near.get((path, oid))
        if near is not None:
            self._near.move_to_end((path, oid))
            return near[0]
        place = self._written.get((path, oid))
        return None if place is None else self._read((path, oid), *place)

    def put(self, path: str, file: ExaminedFile) -> None:
        """Keep a verdict that was just found."""
        key = (path, file.oid)
        self._remember(key, file)
        if self._folder is None or key in self._written or self._is_full():
            return
        line = _line(path, file)
        self._waiting.append((key, line))
        self._waiting_bytes += len(line)
        now = self._clock()
        late = now - self._began >= KEEP_AFTER and now - self._flushed >= FLUSH_AFTER
        if late or self._waiting_bytes >= _FLUSH_BYTES:
            self._flush(now)

    def clear(self) -> None:
        """Forget all: a sync came to its end."""
        self._waiting, self._waiting_bytes = [], 0
        if self._seen is not None and self._written:
            _remove(self._seen)
        self._written, self._size = {}, 0
        self._near, self._near_bytes = OrderedDict(), 0

    def _is_full(self) -> bool:
        return self._size + self._waiting_bytes >= KEPT_VERDICTS

    def _remember(self, key: Key, file: ExaminedFile) -> None:
        size = 500 + (0 if file.document is None else len(file.document.content))
        former = self._near.pop(key, None)
        self._near[key] = (file, size)
        self._near_bytes += size - (0 if former is None else former[1])
        while self._near_bytes > REMEMBERED_VERDICTS and len(self._near) > 1:
            self._near_bytes -= self._near.popitem(last=False)[1][1]

    def _forget(self) -> None:
        self._near, self._near_bytes = OrderedDict(), 0
        self._waiting, self._waiting_bytes = [], 0
        self._written, self._size, self._seen = {}, 0, None

    def _flush(self, now: float) -> None:
        """Write what waits; what cannot be written is found again, should it be needed."""
        self._flushed = now
        assert self._seen is not None, "a sync begins before it finds anything"
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        try:
            self._seen.parent.mkdir(mode=0o700, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
            handle = os.open(self._seen, flags, 0o600)
            with open(handle, "ab", buffering=0) as file:  # noqa: PTH123 (a handle, not a path)
                at = file.seek(0, os.SEEK_END)
                file.write(b"".join(line for _, line in waiting))
        except OSError as error:
            log.warning("verdicts cannot be kept for the next attempt: %s", error)
            return
        for key, line in waiting:
            self._written[key] = (at, len(line))
            at += len(line)
        self._size = at

    def _index(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                for line in file:
                    found = _parsed(line)
                    if found is not None:
                        self._written[(found[0], found[1].oid)] = (self._size, len(line))
                    self._size += len(line)
        except OSError:
            return
        if self._written:
            log.info("%d verdicts of an attempt that was cut off are used", len(self._written))

    def _read(self, key: Key, at: int, length: int) -> ExaminedFile | None:
        assert self._seen is not None
        try:
            with self._seen.open("rb") as file:
                file.seek(at)
                found = _parsed(file.read(length))
        except OSError:
            found = None
        if found is None or (found[0], found[1].oid) != key:
            del self._written[key]
            return None
        self._remember(key, found[1])
        return found[1]

    def _drop_others(self, mine: Path) -> None:
        for other in _logs(mine.parent):
            if other != mine:
                _remove(other)


def _logs(folder: Path) -> Iterator[Path]:
    return folder.glob("*.log")


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("%s cannot be removed: %s", path, error)


def _line(path: str, file: ExaminedFile) -> bytes:
    body = codec.dump([path, codec.examined_json(file)]).encode()
    return _sum_of(body) + b" " + body + b"\n"


def _parsed(line: bytes) -> tuple[str, ExaminedFile] | None:
    """Return what a line says, None for one that was cut off, changed or of another paod's form."""
    body = line[_SUM + 1 :].rstrip(b"\n")
    if not line.endswith(b"\n") or line[:_SUM] != _sum_of(body):
        return None
    try:
        path, file = codec.parse(body.decode())
        return path, codec.parse_examined(file)
    except (AttributeError, LookupError, TypeError, ValueError):
        return None


def _sum_of(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:_SUM].encode()
