"""Whether the catalog that is served is what the branch holds, as far as anybody knows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from paod.config import Settings
from paod.model import NO_DOCUMENTS, Head

MISSED_POLLS = 3
"""So many polls may fail to come before the catalog is called stale."""
DEATHS_TO_SAY = 2
REFUSED = frozenset({"blocked", "rejected"})
ENDED = {"failed": "failed", "blocked": "was blocked", "rejected": "was rejected"}

Sync = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the catalog may be behind the branch: a stable code and a sentence."""

    code: str
    message: str

    def as_json(self) -> dict[str, str]:
        """Return the reason as readers see it."""
        return {"code": self.code, "message": self.message}


def staleness(head: Head, last: Sync | None, settings: Settings, now: datetime) -> list[Reason]:
    """Return why the catalog may be stale, nothing where it is fresh or held on purpose.

    ``last`` is the last sync that ended and followed the branch. The sentences tell nothing of the
    repository.
    """
    if head.pin is not None:
        return []
    reasons = []
    if not was_read(head):
        reasons.append(Reason("NeverSynced", "the repository was not read yet"))
    elif _is_overdue(head, settings, now) and not _is_refused(head, last):
        reasons.append(Reason("NotChecked", "the repository was not asked for news in time"))
    if last is not None and (last["status"] == "failed" or _is_refused(head, last)):
        ended = ENDED[last["status"]]
        reasons.append(Reason(last["reason"], f"the last sync {ended} ({last['reason']})"))
    return reasons


def cut_off(deaths: int) -> list[Reason]:
    """Return what to say of the sync at the queue's head that was cut off so often in a row.

    Once may be bad luck, and says nothing.
    """
    if deaths < DEATHS_TO_SAY:
        return []
    return [Reason("CutOff", f"the sync that waits was killed or over its time {deaths} times")]


def without_documents(head: Head, last: Sync | None) -> list[Reason]:
    """Return what to say of a catalog that is empty as the branch has none for it."""
    if last is None or last["to_commit"] != head.commit or head.commit is None:
        return []
    if not str(last["message"]).startswith(NO_DOCUMENTS):
        return []
    return [Reason("NoDocuments", "the branch has no documents in the catalog's folder")]


def was_read(head: Head) -> bool:
    """Whether there is a catalog to serve, be it that of an empty repository."""
    return head.commit is not None or head.checked_at is not None


def next_poll(head: Head, last: Sync | None, settings: Settings) -> datetime | None:
    """Return when the repository is asked for news again, about; None: nobody knows, or never.

    While a commit is refused, polls that find no other one leave no trace to tell it from.
    """
    if _is_refused(head, last):
        return None
    ended = None if last is None else last["sync_completed_at"]
    moments = [*looks(head), *([datetime.fromisoformat(ended)] if ended else [])]
    if not settings.sync_interval or not moments:
        return None
    return max(moments) + timedelta(seconds=settings.sync_interval)


def _is_overdue(head: Head, settings: Settings, now: datetime) -> bool:
    if not settings.sync_interval:
        return False
    allowed = MISSED_POLLS * settings.sync_interval + settings.repo_timeout
    return now - max(looks(head)) > timedelta(seconds=allowed)


def looks(head: Head) -> list[datetime]:
    """Return when the remote was last seen to have nothing newer than what is served."""
    return [datetime.fromisoformat(at) for at in (head.synced_at, head.checked_at) if at]


def _is_refused(head: Head, last: Sync | None) -> bool:
    """Whether the branch's commit was read and not applied, nor was it since, by its name."""
    return last is not None and last["status"] in REFUSED and last["to_commit"] != head.commit
