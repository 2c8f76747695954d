"""From holdings to entries and revisions: what a settlement means for the catalog's history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from paod.catalog.draft import Draft
from paod.catalog.published import version_problem
from paod.catalog.renames import Holding, first_claims, renames, takeovers
from paod.catalog.settle import Outcome, Settlement, holdings_of
from paod.model import ChangeKind, Commit, Document, Entry, FileState, Key, Problem, Revision


@dataclass(frozen=True, slots=True)
class _Past:
    """What an entry goes on from, beside the one under its own name.

    ``carried`` goes on under this name, ``taken`` is the one whose place it takes; ``believed`` is
    a former name of which there is no record.
    """

    carried: Entry | None
    taken: Entry | None
    believed: str | None


def publish(draft: Draft, commit: Commit, settlement: Settlement, *, first: bool) -> set[str]:
    """Write the settlement into the draft: files, entries, aliases and this step's revisions.

    ``first``: nothing is known of what was before this commit.
    Return the names whose history went on under another name: who was refused for the sake of
    that history may be accepted now.
    """
    was = {key for name in settlement.names if (key := draft.active_key(name)) is not None}
    holdings = holdings_of(draft.files, settlement.outcomes)
    for path, outcome in settlement.outcomes.items():
        _put_file(draft, draft.files[path], outcome, commit)
    carried = _carry(draft, renames(draft, settlement.names, holdings))
    released = sorted((was - holdings.keys()) & draft.entries.keys())
    for key in released:
        _remove(draft, draft.entries[key], commit)
    taken = takeovers(draft, holdings, released)
    believed = first_claims(draft, holdings) if first else {}
    later = sorted((holdings.keys() | taken.keys()) - carried.keys())
    goes = {key: draft.entries[former] for key, former in taken.items()}
    for key in (*sorted(carried), *later):
        past = _Past(carried.get(key), goes.get(key), believed.get(key))
        _hold(draft, key, holdings.get(key) or _as_it_was(draft, key), commit, past)
    draft.follow({former: key for key, former in taken.items()})
    for key in holdings:
        draft.drop_alias(key)
    draft.touched_keys |= was | holdings.keys()
    return {former.document.name for former in carried.values()}


def _put_file(draft: Draft, state: FileState, outcome: Outcome, commit: Commit) -> None:
    stale = outcome.serves is not None and not outcome.own
    since = (state.stale_since or commit.hash) if stale else None
    after = replace(
        state, serves=outcome.serves, stale_since=since, refusal=_placed(outcome.refusal, state)
    )
    if after != state:
        draft.put_file(after)


def _placed(refusal: Problem | None, state: FileState) -> Problem | None:
    return None if refusal is None else replace(refusal, commit=state.commit)


def _carry(draft: Draft, moves: Mapping[Key, Key]) -> dict[Key, Entry]:
    """Take out the entries that go on under a new name, by the key that follows."""
    carried = {key: _called(draft.entries[old], old[1]) for key, old in moves.items()}
    for old in moves.values():
        draft.drop_entry(old)
    going_on = {old: key for key, old in moves.items()}
    draft.published.rename(going_on)
    draft.follow(going_on)
    return carried


def _as_it_was(draft: Draft, key: Key) -> Holding:
    """Return the holding of an entry that this commit did not touch."""
    return Holding(draft.entries[key].path, key, None)


def _called(entry: Entry, name: str) -> Entry:
    """Return an entry that is known to have had this name."""
    return replace(entry, former_names=entry.former_names | {name})


def _remove(draft: Draft, entry: Entry, commit: Commit) -> None:
    draft.put_entry(replace(entry, active=False, commit=commit, warning=None))
    draft.revisions.append(Revision("removed", entry.document, entry.path, commit))


def _hold(draft: Draft, key: Key, holding: Holding, commit: Commit, past: _Past) -> None:
    """Bring one held entry up to date, with a revision if anything but its layout changed."""
    before = past.carried or draft.entries.get(key)
    known = None if before is None else (key, before)
    entry, change = _next(draft, known, holding, commit, renamed=past.carried is not None)
    if past.taken is not None:
        draft.published.take(key, past.taken.key)
        entry, change = _taking(entry, past.taken, commit), change or "changed"
    if past.believed is not None:
        entry = _called(entry, past.believed)
    if entry != before:
        draft.put_entry(entry)
    if change is not None:
        former = past.carried or past.taken
        name = None if former is None else former.document.name
        draft.revisions.append(Revision(change, entry.document, entry.path, commit, name))


def _taking(entry: Entry, former: Entry, commit: Commit) -> Entry:
    """Return an entry that takes the place of one that went."""
    names = entry.former_names | former.former_names | {former.document.name}
    return replace(entry, commit=commit, former_names=names)


def _next(
    draft: Draft,
    history: tuple[Key, Entry] | None,
    holding: Holding,
    commit: Commit,
    *,
    renamed: bool,
) -> tuple[Entry, ChangeKind | None]:
    document = holding.document
    if history is None:
        assert document is not None  # what serves a former document has an entry
        return _published(draft, None, document, holding.path, commit), "added"
    _, before = history
    if document is None:
        return _former(before, holding.path, commit)
    if renamed or not before.active or document.content_hash != before.document.content_hash:
        change: ChangeKind = "renamed" if renamed else "changed" if before.active else "restored"
        return _published(draft, history, document, holding.path, commit), change
    warning = _placed_anew(before.warning, document, holding.path)
    if holding.path == before.path:
        return replace(before, warning=warning), None
    moved = replace(before, document=document, path=holding.path, commit=commit, warning=warning)
    return moved, "moved"


def _former(before: Entry, path: str, commit: Commit) -> tuple[Entry, ChangeKind | None]:
    if path == before.path:
        return before, None
    return replace(before, path=path, commit=commit), "moved"


def _published(
    draft: Draft,
    history: tuple[Key, Entry] | None,
    document: Document,
    path: str,
    commit: Commit,
) -> Entry:
    warning = version_problem(draft.published, history, document, path, "warning")
    draft.published.add(document.key, document.version, document.content_hash)
    return Entry(
        document=document,
        path=path,
        commit=commit,
        active=True,
        warning=warning,
        former_names=frozenset() if history is None else history[1].former_names,
    )


def _placed_anew(warning: Problem | None, document: Document, path: str) -> Problem | None:
    """Let a version warning follow its line: a comment above it is no new verdict."""
    if warning is None:
        return None
    place = document.version_place
    return replace(warning, path=path, line=place.line, column=place.column)
