"""What can go wrong with the program's surroundings, as one tree.

Bad catalog data is no exception: it is a ``Problem``, a value. What stands here is raised where it
happens, wrapped once at its edge ``from`` the cause, and logged once, at the top.

    PaodError                  str() is a sentence; .hint is the operator's next step
    ├── SettingsError          never retried
    │   └── SettingsDiffer     other machines made the shared catalog from another source
    ├── AlreadyRunning         another daemon holds the state folder or the database
    ├── MirrorError
    │   ├── FetchFailed        the remote did not answer, or badly: retried, backing off
    │   ├── AccessDenied       waits until the settings or the remote change: long backoff
    │   ├── BranchNotFound     the remote has no such branch; the catalog stays
    │   ├── CommitNotFound     nobody knows that commit
    │   └── MirrorBroken       the local copy cannot be read: set aside, cloned again
    ├── StoreError
    │   ├── StoreUnavailable   locked, full, gone: retried
    │   └── MigrationError     the database is not ours, or newer than the program
    ├── SyncOverdue            a sync is over its time: queued again, it goes on where it was
    ├── RequestFailed          another host did not take a request of ours, or did not answer
    ├── PinRefused             there is no such item or revision to hold
    └── SyncRefused            the commit was read and is not applied
        ├── Rejected           strict policy and an error in the tree
        └── Blocked            the mass-removal guard, a tree over the limits, an unsigned head
"""

from __future__ import annotations

from typing import ClassVar


class PaodError(Exception):
    """A sentence that says what happened, a ``hint`` that says what to do, a stable ``reason``."""

    reason: ClassVar[str] = "InternalError"

    def __init__(self, message: str, hint: str = "", *, reason: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.reason_given = reason or self.reason


class SettingsError(PaodError):
    reason = "BadSettings"


class SettingsDiffer(SettingsError):
    reason = "SettingsDiffer"


class AlreadyRunning(PaodError):
    reason = "AlreadyRunning"


class MirrorError(PaodError):
    reason = "MirrorFailed"


class FetchFailed(MirrorError):
    """The remote did not answer, or badly. ``retry_after``: seconds it asked for, or 0."""

    reason = "RemoteUnreachable"

    def __init__(
        self, message: str, hint: str = "", *, reason: str | None = None, retry_after: float = 0.0
    ) -> None:
        super().__init__(message, hint, reason=reason)
        self.retry_after = retry_after


class AccessDenied(MirrorError):
    reason = "AuthenticationFailed"


class BranchNotFound(MirrorError):
    reason = "BranchNotFound"


class CommitNotFound(MirrorError):
    reason = "CommitNotFound"


class MirrorBroken(MirrorError):
    reason = "MirrorBroken"


class StoreError(PaodError):
    reason = "StoreFailed"


class StoreUnavailable(StoreError):
    reason = "StoreUnavailable"


class MigrationError(StoreError):
    reason = "MigrationFailed"


class SyncOverdue(PaodError):
    reason = "DeadlineExceeded"


class RequestFailed(PaodError):
    reason = "RequestFailed"


class PinRefused(PaodError):
    reason = "CannotPin"


class SyncRefused(PaodError):
    reason = "Refused"


class Rejected(SyncRefused):
    reason = "ProblemsFound"


class Blocked(SyncRefused):
    reason = "MassRemoval"
