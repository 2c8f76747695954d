"""How a sync ended, written into its row: the one place where a run becomes history."""

from __future__ import annotations

from typing import Final

from paod.database import Database
from paod.errors import StoreError
from paod.model import SyncResult
from paod.store import codec
from paod.store.counters import RETURNING_SYNC, count_outcome

_FINISH: Final = f"""
UPDATE catalog_sync_status
SET status = :status, reason = :reason, message = :message, error_message = :error_message,
    mode = :mode, phase = NULL, sync_completed_at = :now,
    from_commit = :from_commit, commit_hash = :to_commit, history_rewritten = :history_rewritten,
    items_added = :items_added, items_updated = :items_updated, items_removed = :items_removed,
    bundles_added = :bundles_added, bundles_updated = :bundles_updated,
    bundles_removed = :bundles_removed,
    problems = :problems, generation = :generation, timings = :timings, changes = :changes,
    preview = :preview
WHERE id = :id AND status = 'running'
{RETURNING_SYNC}
"""  # noqa: S608 built from constants


def write_outcome(
    database: Database, sync_id: int, result: SyncResult, now: str, generation: int | None = None
) -> None:
    """End a running sync, and count it.

    Raises ``StoreError`` if it does not run (any more): it was given up.
    """
    ended = database.query(
        _FINISH,
        {
            "id": sync_id,
            "status": result.status,
            "reason": result.reason,
            "message": result.message,
            "error_message": None if result.status == "completed" else result.message,
            "mode": result.mode,
            "now": now,
            "from_commit": result.from_commit,
            "to_commit": result.to_commit,
            "history_rewritten": result.history_rewritten,
            "items_added": result.items.added,
            "items_updated": result.items.updated,
            "items_removed": result.items.removed,
            "bundles_added": result.bundles.added,
            "bundles_updated": result.bundles.updated,
            "bundles_removed": result.bundles.removed,
            "problems": result.errors + result.warnings,
            "generation": generation,
            "timings": codec.dump(dict(result.timings)),
            "changes": codec.dump([codec.change_json(one) for one in result.changes])
            if result.changes
            else None,
            "preview": codec.dump_or_none(result.preview),
        },
    )
    if not ended:
        raise StoreError(f"sync {sync_id} is not running any more; its outcome was not written")
    count_outcome(database, ended[0], result)
