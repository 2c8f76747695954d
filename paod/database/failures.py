"""SQLite's errors in the program's own terms: what happened, and what the operator can do."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from paod.errors import StoreError, StoreUnavailable

# Primary result codes of SQLite (https://sqlite.org/rescode.html). The driver's exception carries
# the extended code, whose low byte is the primary one; old drivers carry none, only the text.
_BUSY, _LOCKED, _READONLY, _IOERR, _CORRUPT, _FULL, _CANTOPEN, _NOTADB = 5, 6, 8, 10, 11, 13, 14, 26

_TEXTS = {
    "is locked": _BUSY,
    "readonly": _READONLY,
    "disk I/O error": _IOERR,
    "malformed": _CORRUPT,
    "is full": _FULL,
    "unable to open": _CANTOPEN,
    "not a database": _NOTADB,
}
_WAITING = {
    _BUSY: (
        "StoreUnavailable",
        "another process holds the database {path}",
        "see which one: fuser {path}",
    ),
    _LOCKED: ("StoreUnavailable", "the database {path} is locked", "see by whom: fuser {path}"),
    _READONLY: (
        "StorageReadOnly",
        "the database {path} cannot be written",
        "see to the owner and mode of the file and of its folder, and to the file system's mount",
    ),
    _IOERR: (
        "StoreUnavailable",
        "reading or writing the database {path} failed",
        "see the system's journal for errors of the disk",
    ),
    _FULL: (
        "StorageFull",
        "there is no room left for the database {path}",
        "free some space on its file system; nothing was half written, and paod goes on by itself",
    ),
    _CANTOPEN: (
        "StoreUnavailable",
        "the database {path} cannot be opened",
        "see that the file and its folder exist and that paod may read and write them",
    ),
}

RESTORE: Final = (
    "restore a backup (paod restore FILE), or move it away: paod builds a new one"
    " from the repository"
)


def translated(error: Exception, path: Path) -> StoreError:
    """Return the error to raise in place of a driver's, ``from`` it."""
    code = _code(error)
    if code in _WAITING:
        reason, message, hint = _WAITING[code]
        said = f"{message.format(path=path)} ({error})"
        return StoreUnavailable(said, hint.format(path=path), reason=reason)
    if code in (_CORRUPT, _NOTADB):
        return StoreError(
            f"the database {path} is damaged ({error})",
            RESTORE,
            reason="StorageDamaged",
        )
    return StoreError(f"the database {path} refused a statement ({error})")


def _code(error: Any) -> int:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return int(code) & 0xFF
    return next((code for text, code in _TEXTS.items() if text in str(error)), 0)
