"""From holdings to entries and revisions: what a settlement means for the catalog's history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush

from paod.catalog.draft import Draft
from paod.catalog.published import version_problem
from paod.catalog.settle import Outcome, Settlement
from paod.model import ChangeKind, Commit, Document, Entry, FileState, Key, Problem, Revision


@dataclass(frozen=True, slots=True)
class _Holding:
    """What holds a key now. ``document`` is None where the file serves a former document."""

    path: str
    before: Key | None
    document: Document | None


def publish(draft: Draft, commit: Commit, settlement: Settlement) -> set[str]:
    """Write the settlement into the draft: files, entries, aliases and this step's revisions.

    Return the names whose history went on under another name: who was refused for the sake of
    that history may be accepted now.
    """
    was = {key for name in settlement.names if (key := draft.active_key(name)) is not None}
    holdings = _holdings(draft, settlement.outcomes)
    for path, outcome in settlement.outcomes.items():
        _put_file(draft, draft.files[path], outcome, commit)
    carried = _carry(draft, settlement.names, holdings)
    for key in sorted((was - holdings.keys()) & draft.entries.keys()):
        _remove(draft, draft.entries[key], commit)
    for key in (*carried, *sorted(holdings.keys() - carried.keys())):
        _hold(draft, key, holdings[key], commit, carried.get(key))
    live = {key[1] for key in holdings}
    live |= {old.document.name for old in carried.values() if draft.active_key(old.document.name)}
    for name in live & draft.aliases.keys():
        draft.drop_alias(name)
    draft.touched_keys |= was | holdings.keys()
    return {former.document.name for former in carried.values()}


def _holdings(draft: Draft, outcomes: Mapping[str, Outcome]) -> dict[Key, _Holding]:
    holdings = {}
    for path, outcome in outcomes.items():
        if outcome.serves is not None:
            state = draft.files[path]
            own = state.file.document if outcome.own else None
            holdings[outcome.serves] = _Holding(path, state.serves, own)
    return holdings


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


def _carry(
    draft: Draft, settled: frozenset[str], holdings: Mapping[Key, _Holding]
) -> dict[Key, Entry]:
    """Take out the entries that go on under a new name, by the key that follows.

    A name may be free for one item only after another has left it: so a name that was left, and
    one whose alias changed, is looked at once more. ``turn`` keeps the order of going over all
    keys again and again until none moves, without doing so.
    """
    followers = _followers(holdings)
    since = dict.fromkeys((key for key in holdings if key not in draft.entries), 0)
    queue = [(0, key) for key in since if _renames(holdings[key])]
    heapify(queue)
    carried: dict[Key, Entry] = {}
    while queue:
        turn, key = heappop(queue)
        former = None if key in carried else _former_key(draft, settled, holdings, key)
        if former is None:
            continue
        carried[key] = draft.entries[former]
        draft.drop_entry(former)
        again = {other for name in draft.follow(former[1], key[1]) for other in followers[name]}
        if former in holdings:
            since[former] = turn + 1
            again.add(former)
        for other in (again & since.keys()) - carried.keys():
            heappush(queue, (max(since[other], turn + (other < key)), other))
    return carried


def _renames(holding: _Holding) -> bool:
    return holding.document is not None and holding.document.renamed_from is not None


def _followers(holdings: Mapping[Key, _Holding]) -> defaultdict[str, list[Key]]:
    """Map each name to the keys whose documents say that they are renamed from it."""
    found: defaultdict[str, list[Key]] = defaultdict(list)
    for key, holding in holdings.items():
        if holding.document is not None and holding.document.renamed_from is not None:
            found[holding.document.renamed_from].append(key)
    return found


def _former_key(
    draft: Draft, settled: frozenset[str], holdings: Mapping[Key, _Holding], key: Key
) -> Key | None:
    """Return the key that ``renamed_from`` makes this one the follower of.

    The old name must be free now, unless this very file is the one that left it.
    """
    holding = holdings[key]
    if holding.document is None or holding.document.renamed_from is None:
        return None
    name = holding.document.renamed_from
    former: Key = (key[0], draft.aliases.get(name, name))
    if former not in draft.entries or holding.before == former:
        return former if former in draft.entries else None
    held = former in holdings if former[1] in settled else draft.entries[former].active
    return None if held else former


def _remove(draft: Draft, entry: Entry, commit: Commit) -> None:
    draft.put_entry(replace(entry, active=False, commit=commit, warning=None))
    draft.revisions.append(Revision("removed", entry.document, entry.path, commit))


def _hold(draft: Draft, key: Key, holding: _Holding, commit: Commit, carried: Entry | None) -> None:
    """Bring one held entry up to date, with a revision if anything but its layout changed."""
    before = carried or draft.entries.get(key)
    entry, change = _next(before, holding, commit, renamed=carried is not None)
    if entry != before:
        draft.put_entry(entry)
    if change is not None:
        renamed_from = None if carried is None else carried.document.name
        draft.revisions.append(Revision(change, entry.document, entry.path, commit, renamed_from))


def _next(
    before: Entry | None, holding: _Holding, commit: Commit, *, renamed: bool
) -> tuple[Entry, ChangeKind | None]:
    document = holding.document
    if before is None:
        assert document is not None  # what serves a former document has an entry
        return _published(None, document, holding.path, commit), "added"
    if document is None:
        return _former(before, holding.path, commit)
    if renamed or not before.active or document.content_hash != before.document.content_hash:
        change: ChangeKind = "renamed" if renamed else "changed" if before.active else "restored"
        return _published(before, document, holding.path, commit), change
    warning = _placed_anew(before.warning, document, holding.path)
    if holding.path == before.path:
        return replace(before, warning=warning), None
    moved = replace(before, document=document, path=holding.path, commit=commit, warning=warning)
    return moved, "moved"


def _former(before: Entry, path: str, commit: Commit) -> tuple[Entry, ChangeKind | None]:
    if path == before.path:
        return before, None
    return replace(before, path=path, commit=commit), "moved"


def _published(before: Entry | None, document: Document, path: str, commit: Commit) -> Entry:
    published = frozenset[tuple[str, str]]() if before is None else before.published
    return Entry(
        document=document,
        path=path,
        commit=commit,
        active=True,
        published=published | {(document.version, document.content_hash)},
        warning=version_problem(before, document, path, "warning"),
    )


def _placed_anew(warning: Problem | None, document: Document, path: str) -> Problem | None:
    """Let a version warning follow its line: a comment above it is no new verdict."""
    if warning is None:
        return None
    place = document.version_place
    return replace(warning, path=path, line=place.line, column=place.column)
