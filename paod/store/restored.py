"""What becomes of a backup's rows when it is the database again."""

from __future__ import annotations

from typing import Final

from paod.store.counters import RETURNING_SYNC, count_syncs
from paod.store.timeline import Timeline

_FORSAKE: Final = f"""
UPDATE catalog_sync_status
SET status = 'failed', reason = 'Restored', message = :message, error_message = :message,
    sync_completed_at = :now
WHERE status IN ('queued', 'running')
{RETURNING_SYNC}
"""  # noqa: S608 built from constants
_MESSAGE: Final = "it stood in the backup that was restored"


class Restoring(Timeline):
    """Lets a database that was a backup until now begin where it stands."""

    def mark_restored(self) -> None:
        """Leave undone what had been asked for, which may be long ago, and begin a timeline.

        By that, generations and cursors of the former database do not count: readers who follow the
        feed begin again.
        """
        with self.database.atomic():
            marks = {"message": _MESSAGE, "now": self._now()}
            count_syncs(self.database, self.database.query(_FORSAKE, marks))
            self._begin_timeline(None)
