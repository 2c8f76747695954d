"""The runs, as the API tells of them, and what became of one commit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

from paod.database import Row
from paod.errors import Blocked
from paod.store import codec
from paod.store.base import Base
from paod.store.fate import final_sync
from paod.store.page import Page, page

CommitState = Literal["pending", "applied", "blocked", "rejected", "failed", "superseded"]

_ALL: Final = "SELECT * FROM catalog_sync_status"
_PAGE: Final = f"{_ALL} WHERE id < :before ORDER BY id DESC LIMIT :limit"
_ONE: Final = f"{_ALL} WHERE id = :id"
_OUTLOOK: Final = "SELECT preview FROM catalog_sync_status WHERE id = :id"
_OF_STATUS: Final = f"{_ALL} WHERE status = :status ORDER BY dry_run, COALESCE(queue_place, id), id"
_VERDICTS: Final = ("completed", "rejected", "blocked")
_ENDED: Final = (*_VERDICTS, "failed")
_FOLLOWED: Final = (
    "NOT dry_run AND requested_commit IS NULL AND reason NOT IN ('Pinned', 'Cancelled')"
)
"""Of a sync that looked at where the branch is, to go there; one that was cancelled never did."""


def _newest(states: Iterable[str], condition: str = "1 = 1") -> str:
    """Return the expression for the newest sync of some states, which an index gives by state."""
    by_state = " UNION ALL ".join(
        f"SELECT MAX(id) AS id FROM catalog_sync_status WHERE status = '{state}' AND {condition}"  # noqa: S608 built from constants
        for state in states
    )
    return f"(SELECT MAX(newest.id) FROM ({by_state}) AS newest)"  # noqa: S608


LAST_COMPLETED: Final = _newest(("completed",))
LAST_FOLLOWING: Final = _newest(_ENDED, _FOLLOWED)
LAST_ENDED: Final = _newest(_ENDED)
_LAST: Final = f"{_ALL} WHERE id = {LAST_ENDED}"
_LAST_FOLLOWING: Final = f"{_ALL} WHERE id = {LAST_FOLLOWING}"
FAILURES_IN_A_ROW: Final = f"""
SELECT COUNT(*) AS failures FROM catalog_sync_status
WHERE status = 'failed' AND reason <> 'Interrupted' AND {_FOLLOWED}
  AND id > COALESCE({_newest(_VERDICTS, _FOLLOWED)}, 0)
"""  # noqa: S608 built from constants
_CUT_OFF: Final = f"""
SELECT COUNT(*) AS deaths FROM catalog_sync_status
WHERE status = 'failed' AND NOT dry_run AND superseded_by IS NOT NULL AND reason <> 'Interrupted'
  AND id > COALESCE({_newest(_VERDICTS, "NOT dry_run")}, 0)
"""  # noqa: S608 built from constants
LAST_VERDICT: Final = f"{_ALL} WHERE id = {_newest(_VERDICTS, _FOLLOWED)}"
_IS_HEAD: Final = "SELECT commit_hash FROM catalog_head WHERE commit_hash = :commit"
_IS_SERVED: Final = f"{_IS_HEAD} OR passed_commit = :commit"
_TARGETED: Final = """
SELECT status FROM catalog_sync_status
WHERE commit_hash = :commit AND NOT dry_run ORDER BY id DESC LIMIT 1
"""
_ANNOUNCED: Final = """
SELECT sync_id, payload FROM webhook_events
WHERE commit_hash = :commit AND status = 'accepted' ORDER BY id DESC LIMIT 1
"""
_REVISED: Final = """
SELECT 1 AS found FROM catalog_item_versions WHERE commit_hash = :commit
UNION ALL SELECT 1 FROM catalog_bundle_versions WHERE commit_hash = :commit LIMIT 1
"""
_WENT_ON: Final = f"""
SELECT 1 AS found FROM catalog_sync_status
WHERE id >= :id AND status = 'completed' AND reason = 'Succeeded' AND {_FOLLOWED}
  AND commit_hash <> :before LIMIT 1
"""  # noqa: S608 built from constants


class Syncs(Base):
    """Reads the rows of syncs."""

    def syncs(self, before: int | None, limit: int) -> Page:
        """Return syncs, newest first, those before an id."""
        rows = self.database.query(_PAGE, {"before": before or 2**62, "limit": limit + 1})
        return page(rows, limit, sync_json, lambda row: row["id"])

    def sync(self, sync_id: int) -> dict[str, Any] | None:
        """Return one sync, None if there is none of that id."""
        rows = self.database.query(_ONE, {"id": sync_id})
        return sync_json(rows[0]) if rows else None

    def outlook(self, sync_id: int) -> dict[str, Any] | None:
        """Return what the changes of a dry run mean, None where it told nothing."""
        rows = self.database.query(_OUTLOOK, {"id": sync_id})
        found: dict[str, Any] | None = codec.parse(rows[0]["preview"]) if rows else None
        return found

    def queue(self) -> list[dict[str, Any]]:
        """Return the requests that wait, in the order in which they will run."""
        return [sync_json(row) for row in self._of_status("queued")]

    def current(self) -> dict[str, Any] | None:
        """Return the sync that runs, if one does; else a dry run."""
        rows = self._of_status("running")
        return sync_json(rows[0]) if rows else None

    def last(self) -> dict[str, Any] | None:
        """Return the last sync that ended by itself (not superseded), if there is one."""
        rows = self.database.query(_LAST)
        return sync_json(rows[0]) if rows else None

    def last_following(self) -> dict[str, Any] | None:
        """Return the last sync that ended and looked at the branch, to go where that is.

        No dry run, no sync to a named commit, none that a pin kept from looking.
        """
        rows = self.database.query(_LAST_FOLLOWING)
        return sync_json(rows[0]) if rows else None

    def cut_off_in_a_row(self) -> int:
        """Return how often a sync was killed, or over its time, since one came to an end."""
        return int(self.database.query(_CUT_OFF)[0]["deaths"])

    def blocked_commit(self) -> str | None:
        """Return the branch's commit that the mass-removal guard holds back, None if none is."""
        with self.database.snapshot():
            rows = self.database.query(LAST_VERDICT)
            if not rows or rows[0]["reason"] != Blocked.reason:
                return None
            commit: str | None = rows[0]["commit_hash"]
            return None if self.database.query(_IS_HEAD, {"commit": commit}) else commit

    def commit_state(self, commit: str) -> CommitState | None:
        """Say what became of a commit, by its full hash; None: nothing is known of it.

        ``superseded``: it was applied, or passed over, and another commit is served now.
        ``pending``: it is to be looked for, or was announced and the branch did not show it yet.
        """
        with self.database.snapshot():
            if self.database.query(_IS_SERVED, {"commit": commit}):
                return "applied"
            targeted = self.database.query(_TARGETED, {"commit": commit})
            if targeted:
                return _state(targeted[0]["status"])
            if self.database.query(_REVISED, {"commit": commit}):
                return "superseded"
            announced = self.database.query(_ANNOUNCED, {"commit": commit})
            return self._state_announced(announced[0]) if announced else None

    def _state_announced(self, event: Row) -> CommitState | None:
        """Say what became of a commit that no sync was at the end of, and no entry comes from.

        One without a sync changed nothing that was served, and another one is by now.
        """
        if event["sync_id"] is None:
            return "superseded"
        final = final_sync(self.database, event["sync_id"])
        if final is None or final["status"] != "completed":
            return None if final is None else _state(final["status"])
        before = (codec.parse(event["payload"]) or {}).get("before")
        went_on = self.database.query(_WENT_ON, {"id": final["id"], "before": str(before)})
        return "superseded" if went_on else "pending"

    def _of_status(self, status: str) -> list[Row]:
        return self.database.query(_OF_STATUS, {"status": status})


def _state(status: str) -> CommitState:
    if status in ("queued", "running"):
        return "pending"
    if status == "blocked":
        return "blocked"
    if status == "rejected":
        return "rejected"
    return "failed" if status == "failed" else "superseded"


def sync_json(row: Row) -> dict[str, Any]:
    """Return a sync as readers see it."""
    return {
        "sync_id": row["id"],
        "status": row["status"],
        "reason": row["reason"],
        "message": row["message"],
        "trigger": row["triggered_by"],
        "triggers": codec.parse(row["triggers"]),
        "mode": row["mode"],
        "dry_run": bool(row["dry_run"]),
        "requested_commit": row["requested_commit"],
        "requested_ref": row["requested_ref"],
        "allow_mass_removal": row["allow_mass_removal"],
        "pin": row["pin"],
        "pin_reason": row["pin_reason"] if row["pin"] else None,
        "phase": row["phase"],
        "repository_url": row["repository_url"],
        "branch": row["branch"],
        "commit_hash": row["commit_hash"],
        "from_commit": row["from_commit"],
        "to_commit": row["commit_hash"],
        "history_rewritten": bool(row["history_rewritten"]),
        "requested_at": row["requested_at"],
        "sync_started_at": row["sync_started_at"],
        "sync_completed_at": row["sync_completed_at"],
        "items_added": row["items_added"],
        "items_updated": row["items_updated"],
        "items_removed": row["items_removed"],
        "bundles_added": row["bundles_added"],
        "bundles_updated": row["bundles_updated"],
        "bundles_removed": row["bundles_removed"],
        "problems": row["problems"],
        "generation": row["generation"],
        "superseded_by": row["superseded_by"],
        "timings": codec.parse(row["timings"]),
        "error_message": row["error_message"],
        "webhook": codec.parse(row["webhook_payload"]),
        "changes": codec.parse(row["changes"]),
    }
