"""The two indexes of a ``Catalog``, made from what they index: none but this knows their shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from paod.model import Entry, FileState, Key


def claimants_of(files: Iterable[FileState]) -> Mapping[str, frozenset[str]]:
    """Map each name to the paths of the files whose own document claims it."""
    found: dict[str, set[str]] = {}
    for state in files:
        if state.file.document is not None:
            found.setdefault(state.file.document.name, set()).add(state.path)
    return {name: frozenset(paths) for name, paths in found.items()}


def referrers_of(entries: Iterable[Entry]) -> Mapping[str, frozenset[Key]]:
    """Map each name to the keys of the active entries whose documents mention it."""
    found: dict[str, set[Key]] = {}
    for entry in entries:
        if entry.active:
            for reference in entry.document.references:
                found.setdefault(reference.name, set()).add(entry.key)
    return {name: frozenset(keys) for name, keys in found.items()}
