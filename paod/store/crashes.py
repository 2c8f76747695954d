"""Files that killed the process that read them, counted by content until they are set aside.

The counts are forgotten when an operator asks for a full sync, as another version of paod may be
able to read such a file, and each when it is as old as what else is not kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from paod.store.base import Base

_COUNT: Final = """
INSERT INTO parser_crashes (oid, path, crashes, last_crashed_at) VALUES (:oid, :path, 1, :now)
ON CONFLICT (oid) DO UPDATE SET crashes = parser_crashes.crashes + 1, path = excluded.path,
    last_crashed_at = excluded.last_crashed_at
RETURNING crashes
"""
_ALL: Final = "SELECT oid, crashes FROM parser_crashes"
FORGET_CRASHES: Final = "DELETE FROM parser_crashes"


class Crashes(Base):
    """Remembers crashes over restarts."""

    def crashed(self, oid: str, path: str) -> int:
        """Count one more crash of a blob; return how many it has had."""
        with self.database.atomic():
            values = {"oid": oid, "path": path, "now": self._now()}
            return int(self.database.query(_COUNT, values)[0]["crashes"])

    def crashes(self) -> Mapping[str, int]:
        """Return the number of crashes of each blob that has had one."""
        return {row["oid"]: row["crashes"] for row in self.database.query(_ALL)}
