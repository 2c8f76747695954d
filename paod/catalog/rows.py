"""Which row of the store each revision goes to: identity through renames, removals and rewrites.

A row is known by its key. Its history is never dropped: where a name comes back that the store has
a row for, the row goes on, also if it stems from a history that was rewritten since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby

from paod.catalog.index import leading_to
from paod.model import Catalog, ChangeKind, Commit, Entry, Key, Revision, Stored


@dataclass(slots=True)
class Row:
    """One row and what happens to it. ``stored``: the key it has in the store, None: a new row.

    ``number`` is that of its last revision, those in ``revisions`` (oldest first) included.
    """

    key: Key
    stored: Key | None
    number: int
    revisions: list[Revision] = field(default_factory=list)

    def add(self, revision: Revision) -> None:
        """Append one revision and count it."""
        self.revisions.append(revision)
        self.number += 1


class Rows:
    """The rows that a plan speaks of, each under the key that it has by then."""

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self._taken: set[Key] = set()
        self.by_key: dict[Key, Row] = {}

    def find(self, key: Key) -> Row | None:
        """Return the row that has this key now, if there is one."""
        identity = self._stored.identities.get(key)
        if key not in self.by_key and identity is not None and key not in self._taken:
            self._taken.add(key)
            self.by_key[key] = Row(key, key, identity.revision)
        return self.by_key.get(key)

    def make(self, key: Key) -> Row:
        """Begin a new row."""
        self.by_key[key] = Row(key, None, 0)
        return self.by_key[key]

    def rename(self, rows: Iterable[tuple[Row, Key]]) -> None:
        """Let rows go on under other keys, all at once: no other row may have one of these."""
        moving = tuple(rows)
        for row, _ in moving:
            del self.by_key[row.key]
        for row, key in moving:
            row.key = key
            self.by_key[key] = row


def continue_rows(stored: Stored, revisions: Iterable[Revision]) -> dict[Key, Row]:
    """Lay every step's revisions on the rows: the fold went on from what is stored."""
    rows = Rows(stored)
    for renamed, group in groupby(revisions, key=_renaming_commit):
        if renamed is not None:
            _rename(rows, stored, tuple(group))
            continue
        for revision in group:
            if (row := rows.find(revision.key)) is None:
                rows.make(revision.key).add(revision)
            elif revision.change == "added":
                row.add(replace(revision, change="restored"))
            else:
                row.add(revision)
    return rows.by_key


def _renaming_commit(revision: Revision) -> str | None:
    return revision.commit.hash if revision.change == "renamed" else None


def _former_key(revision: Revision) -> Key:
    assert revision.renamed_from is not None
    return revision.key[0], revision.renamed_from


def _rename(rows: Rows, stored: Stored, revisions: tuple[Revision, ...]) -> None:
    """Lay the renames of one commit on the rows, all at once: they may form chains and circles.

    Where the store has a row of the new name that does not leave it, that one goes on.
    """
    moving = {_former_key(revision): revision for revision in revisions}
    onto = {revision.key: former for former, revision in moving.items()}
    stuck = [key for key in onto if key not in moving and rows.find(key) is not None]
    while stuck:
        key = stuck.pop()
        former = onto.pop(key)
        revision = moving.pop(former)
        row, follower = rows.find(former), rows.find(key)
        assert row is not None  # the fold carried its entry on
        assert follower is not None
        row.add(_removal(stored, row, revision))
        follower.add(replace(revision, change="restored", renamed_from=None))
        if former in onto:
            stuck.append(former)
    found = [(rows.find(former), revision) for former, revision in moving.items()]
    leaving = [(row, revision) for row, revision in found if row is not None]
    rows.rename((row, revision.key) for row, revision in leaving)
    for row, revision in leaving:
        row.add(revision)


def _removal(stored: Stored, row: Row, cause: Revision) -> Revision:
    """Return the end of a row whose name goes to a row that was there before it."""
    last: Entry | Revision
    last = row.revisions[-1] if row.revisions else stored.catalog.entries[row.key]
    return Revision("removed", last.document, last.path, cause.commit)


def compare_rows(stored: Stored, after: Catalog, commit: Commit) -> dict[Key, Row]:
    """Give each entry that differs from what is stored one revision: the fold started anew.

    ``commit`` is the one that the fold led to.
    """
    rows = Rows(stored)
    for key in sorted(after.entries.keys() & stored.identities.keys()):
        rows.find(key)
    leading = leading_to(after.aliases)
    for key in sorted(after.entries.keys() - stored.identities.keys()):
        former = _former(rows, stored, after, leading, key)
        if former is None:
            rows.make(key)
        else:
            rows.rename([(former, key)])
    for row in rows.by_key.values():
        _compare(row, stored, after.entries[row.key])
    for key in sorted(stored.catalog.entries.keys() - after.entries.keys()):
        _end(rows, stored, key, commit)
    return rows.by_key


def _former(
    rows: Rows, stored: Stored, after: Catalog, leading: Mapping[Key, set[Key]], key: Key
) -> Row | None:
    """Find the row that this new key follows: renamed since, or back to a name before a rename."""
    formers = sorted(leading.get(key, ()))
    if key in stored.catalog.aliases:
        formers.append((key[0], stored.catalog.aliases[key]))
    for former in formers:
        if former not in after.entries and (row := rows.find(former)) is not None:
            return row
    return None


def _compare(row: Row, stored: Stored, entry: Entry) -> None:
    change = _difference(row, stored, entry)
    if change is None:
        return
    renamed_from = row.stored[1] if change == "renamed" and row.stored is not None else None
    row.add(Revision(change, entry.document, entry.path, entry.commit, renamed_from))


def _difference(row: Row, stored: Stored, entry: Entry) -> ChangeKind | None:
    if row.stored is None:
        return "added" if entry.active else "removed"
    was_active = stored.identities[row.stored].active
    if not entry.active:
        return "removed" if was_active else None
    if not was_active:
        return "restored"
    if row.stored != row.key:
        return "renamed"
    before = stored.catalog.entries[row.stored]
    if before.document.content_hash != entry.document.content_hash:
        return "changed"
    return "moved" if before.path != entry.path else None


def _end(rows: Rows, stored: Stored, key: Key, commit: Commit) -> None:
    """Take a row off the line of history that is followed now; its own history stays."""
    row = rows.find(key)
    entry = stored.catalog.entries[key]
    if row is not None and entry.active:
        row.add(Revision("removed", entry.document, entry.path, commit))
