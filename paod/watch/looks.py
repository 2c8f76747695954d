"""What a checkout holds, look after look: what was saved since the last one, all that is wrong."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from paod.catalog.afresh import Changes, fold_afresh
from paod.checking import examine_entry, problems_across
from paod.errors import SettingsError
from paod.model import Catalog, ExaminedFile, Problem
from paod.validate import Rules, is_document_path
from paod.worktree import Looking, WorkFile
from paod.worktree.stirring import Stirring

PAUSE_SECONDS = 1.0
"""After so long it is looked without a hint, for what nobody hinted at."""
PAUSES_A_LOOK = 20
"""A pause is at least so many times as long as the look before it took."""


@dataclass(frozen=True, slots=True)
class Look:
    """``changes``: the documents that changed since the last look, examined; None: gone.

    ``checked`` documents there are, with these ``problems``, those that they have with each other
    included. ``trouble``: why it could not be looked; the rest is then as it was.
    """

    changes: Changes
    checked: int
    problems: tuple[Problem, ...]
    trouble: SettingsError | None = None


def looks(checkout: Path, root: str, stirring: Stirring) -> Iterator[Look]:
    """Look at once, then at each hint and after each pause, for ever."""
    watched = _Watched(checkout, root)
    stirring.renew()
    yield watched.look()
    gc.freeze()  # what was found at first mostly stays: no search for garbage goes through it again
    pause = 0.0
    while True:
        hinted = stirring.wait(pause)
        began = time.monotonic()
        stirring.renew()
        look = watched.look()
        pause = max(PAUSE_SECONDS, PAUSES_A_LOOK * (time.monotonic() - began))
        if look.changes and not hinted:  # who knows whether that was all: it may have just begun
            stirring.settle()
            rest = watched.look()
            look = replace(rest, changes={**look.changes, **rest.changes})
        yield look


class _Watched:
    """A checkout as it was at the last look."""

    def __init__(self, checkout: Path, root: str) -> None:
        self._rules = Rules(root=root)
        self._looking = Looking(checkout, root, self._rules.max_file_bytes)
        self._catalog = Catalog()
        self._problems: tuple[Problem, ...] = ()

    def look(self) -> Look:
        try:
            found = self._looking.changes()
        except SettingsError as trouble:
            return Look({}, len(self._catalog.files), self._problems, trouble)
        examined = {path: self._examined(file) for path, file in found.items()}
        changes = {
            path: file
            for path, file in examined.items()
            if file is not None or path in self._catalog.files
        }
        if changes:
            self._catalog = fold_afresh(self._catalog, changes)
            found_now = problems_across(self._catalog).values()
            self._problems = tuple(chain.from_iterable(found_now))
        return Look(changes, len(self._catalog.files), self._problems)

    def _examined(self, file: WorkFile | None) -> ExaminedFile | None:
        """Examine what lies at a path; None: nothing, or no document."""
        if file is None or not is_document_path(file[0], self._rules, file[2]):
            return None
        return examine_entry(file, self._rules)
