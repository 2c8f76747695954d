"""Which ``renamed_from`` takes effect: whose history goes on under which name.

All that one commit says of names is taken at once, so that chains and swaps need no order. A file
that says it anew can make its name go on with the former one's history, where that history is let
go by whoever had it, and where the new name has no history of its own or gives it on in the same
commit. Where the new name has a history of its own that stays, the old name only leads there from
now on: that also holds for a document that said so before, once the old name is given up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from paod.catalog.draft import Draft
from paod.model import Document, Key


@dataclass(frozen=True, slots=True)
class Holding:
    """What holds a key now. ``document`` is None where the file serves a former document.

    ``before`` is what the file held before.
    """

    path: str
    before: Key | None
    document: Document | None


Holdings = Mapping[Key, Holding]


def renames(draft: Draft, settled: Collection[str], holdings: Holdings) -> dict[Key, Key]:
    """Map each key that goes on with the history of another to that former key.

    ``settled`` are the names that the holdings are of; all others are held as they were.
    """
    wishes = dict(_wishes(draft, settled, holdings))
    while True:
        _drop_impossible(draft, holdings, wishes)
        losers = wishes.keys() - _first(holdings, wishes).values()
        if not losers:
            return wishes
        for key in losers:
            del wishes[key]


def wanted(
    draft: Draft, holdings: Holdings, moves: Mapping[Key, Key]
) -> dict[Key, tuple[Key, ...]]:
    """Map each former key of ``moves`` to who asks for its history: the one who has it first."""
    asking: dict[Key, list[Key]] = {former: [key] for key, former in moves.items()}
    said = dict(_said(draft, holdings))
    for key in sorted(said, key=lambda key: _rank(holdings, key, said[key])):
        if key not in moves and (key not in draft.entries or key in asking):
            asking.get(said[key], []).append(key)
    return {former: tuple(keys) for former, keys in asking.items()}


def takeovers(draft: Draft, holdings: Holdings, released: Collection[Key]) -> dict[Key, Key]:
    """Map keys with a history of their own to those whose place they take: names nobody holds.

    ``released`` were given up in this commit, and lie in the draft as removed.
    """
    wishes = {
        key: former
        for key, former in _said(draft, holdings)
        if key in draft.entries and former in draft.entries and _free(draft, holdings, former)
    }
    for former in released:
        for key in draft.mentioning(former[1]):
            if _waits(draft, holdings, key, former):
                wishes[key] = former
    return {key: former for former, key in _first(holdings, wishes, draft).items()}


def first_claims(draft: Draft, holdings: Holdings) -> dict[Key, str]:
    """Map keys to a former name that is believed: nothing is known of what was before this commit.

    Not believed where somebody has that name now, and of one only in a name.
    """
    wishes = {
        key: former
        for key, former in _said(draft, holdings)
        if not draft.active(former)
        and former not in holdings
        and not any(former[1] in draft.entries[one].former_names for one in _of(draft, former))
    }
    return {key: former[1] for former, key in _first(holdings, wishes).items()}


def _of(draft: Draft, former: Key) -> Iterator[Key]:
    """Yield the active entries of a kind that say they were called so."""
    for key in draft.mentioning(former[1]):
        if key[0] == former[0] and draft.entries[key].document.renamed_from == former[1]:
            yield key


def _said(draft: Draft, holdings: Holdings) -> Iterator[tuple[Key, Key]]:
    """Yield each key whose document says anew what it was called, with the key that leads to."""
    for key, holding in holdings.items():
        document = holding.document
        if document is None or document.renamed_from is None:
            continue
        before = draft.entries.get(key)
        same = before is not None and before.document.renamed_from == document.renamed_from
        if same and holding.before == key:
            continue
        former = draft.led_to(key[0], document.renamed_from)
        if former != key:
            yield key, former


def _wishes(
    draft: Draft, settled: Collection[str], holdings: Holdings
) -> Iterator[tuple[Key, Key]]:
    for key, former in _said(draft, holdings):
        entry = draft.entries.get(former)
        if entry is not None and (former[1] in settled or not entry.active):
            yield key, former


def _drop_impossible(draft: Draft, holdings: Holdings, wishes: dict[Key, Key]) -> None:
    """Drop what cannot be, and what hung on that."""
    leaving = Counter(wishes.values())
    waiting: dict[Key, list[Key]] = {}
    for key, former in wishes.items():
        waiting.setdefault(former, []).append(key)

    def possible(key: Key, former: Key) -> bool:
        vacant = key not in draft.entries or leaving[key] > 0
        let_go = former not in holdings or former in wishes
        return vacant and (let_go or holdings[key].before == former)

    queue = list(wishes)
    while queue:
        key = queue.pop()
        if key not in wishes or possible(key, wishes[key]):
            continue
        former = wishes.pop(key)
        leaving[former] -= 1
        queue += [former, *waiting.get(key, ())]


def _first(
    holdings: Holdings, wishes: Mapping[Key, Key], draft: Draft | None = None
) -> dict[Key, Key]:
    """Map each former key to the one who gets it: whose file held it, else the first path."""

    def rank(key: Key) -> tuple[bool, str]:
        if key in holdings:
            return _rank(holdings, key, wishes[key])
        assert draft is not None  # it holds its name as before
        return True, draft.entries[key].path

    found: dict[Key, Key] = {}
    for key in sorted(wishes, key=rank):
        found.setdefault(wishes[key], key)
    return found


def _rank(holdings: Holdings, key: Key, former: Key) -> tuple[bool, str]:
    holding = holdings[key]
    return holding.before != former, holding.path


def _free(draft: Draft, holdings: Holdings, key: Key) -> bool:
    return key not in holdings and not draft.active(key)


def _waits(draft: Draft, holdings: Holdings, key: Key, former: Key) -> bool:
    """Return whether an entry says, and said before, that it was called as what goes now."""
    entry, holding = draft.entries[key], holdings.get(key)
    document = entry.document if holding is None else holding.document or entry.document
    return (
        key[0] == former[0]
        and document.renamed_from == former[1]
        and former[1] not in entry.former_names
        and (holding is not None or entry.active)
    )
