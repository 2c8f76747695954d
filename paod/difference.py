"""What differs between two revisions of a document, key by key. Pure.

Lists whose entries have names (fields, steps, a bundle's parts) are compared entry by entry, by
name: a field put first has not changed all that follow it. Other lists are one value each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from paod.finding import Path, pointer

NAMING_KEYS = ("name", "catalog_item")
ABSENT: Any = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """One key that differs. ``before`` and ``after`` are JSON values, ``ABSENT`` where it is not.

    ``path`` leads there in words (``presentation.fields[size].default``), ``pointer`` (RFC 6901) in
    the newer document, or in the older one for what was removed.
    """

    change: Literal["added", "removed", "changed", "reordered"]
    path: str
    pointer: str
    before: Any = ABSENT
    after: Any = ABSENT

    def as_json(self) -> dict[str, Any]:
        """Return the difference as readers see it; ``before``, ``after``: only where there is."""
        shown = {"change": self.change, "path": self.path, "pointer": self.pointer}
        values = {"before": self.before, "after": self.after}
        return shown | {name: value for name, value in values.items() if value is not ABSENT}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where both documents are looked at: in words, and by the keys and indexes of each."""

    words: str = ""
    old: Path = ()
    new: Path = ()

    def key(self, key: str) -> _Place:
        words = f"{self.words}.{key}" if self.words else key
        return _Place(words, (*self.old, key), (*self.new, key))

    def entry(self, name: str, old: int, new: int) -> _Place:
        return _Place(f"{self.words}[{name}]", (*self.old, old), (*self.new, new))


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Return every key whose value differs between two documents, in the order of keys."""
    return list(_compare(_Place(), before, after))


def _compare(place: _Place, before: Any, after: Any) -> Iterator[Difference]:
    if before is ABSENT:
        yield Difference("added", place.words, pointer(place.new), after=after)
    elif after is ABSENT:
        yield Difference("removed", place.words, pointer(place.old), before=before)
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted(before.keys() | after.keys()):
            yield from _compare(place.key(key), before.get(key, ABSENT), after.get(key, ABSENT))
    elif (old := _by_name(before)) and (new := _by_name(after)):
        yield from _compare_entries(place, old, new)
    elif type(before) is not type(after) or before != after:
        yield Difference("changed", place.words, pointer(place.new), before, after)


def _compare_entries(
    place: _Place, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Difference]:
    old, new = list(before), list(after)
    old_place, new_place = _places(old), _places(new)
    for name in [*new, *(name for name in old if name not in after)]:
        there = place.entry(name, old_place.get(name, -1), new_place.get(name, -1))
        yield from _compare(there, before.get(name, ABSENT), after.get(name, ABSENT))
    kept_before = [name for name in old if name in after]
    kept_after = [name for name in new if name in before]
    if kept_before != kept_after:
        yield Difference("reordered", place.words, pointer(place.new), old, new)


def _places(names: Sequence[str]) -> dict[str, int]:
    return {name: place for place, name in enumerate(names)}


def _by_name(value: Any) -> dict[str, Any] | None:
    """Return a list's entries by name, None unless it is a list of entries with distinct names."""
    if not isinstance(value, list) or not all(isinstance(entry, Mapping) for entry in value):
        return None
    for key in NAMING_KEYS:
        names = [entry.get(key) for entry in value]
        if all(isinstance(name, str) for name in names) and len({*names}) == len(names):
            return {entry[key]: entry for entry in value}
    return None
