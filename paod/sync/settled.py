"""What a sync starts from: the rules of the settings, and what the store holds."""

from __future__ import annotations

from dataclasses import dataclass, replace

from paod.catalog.problems import problems_of
from paod.config import Settings
from paod.model import Catalog, Edition, Head, Problem, Stored
from paod.model.published import NOTHING
from paod.store import Store
from paod.validate import Rules


def rules_of(settings: Settings) -> Rules:
    """Return what validation needs to know of the settings."""
    return Rules(
        root=settings.catalog_root,
        categories=settings.categories,
        max_file_bytes=settings.max_file_bytes,
    )


@dataclass(slots=True)
class Memory:
    """What a worker keeps between syncs, so that a small change costs little.

    The database stays the truth: what is kept counts only for the head that it was made for. The
    sync that wrote the rows last is part of that, since another process may have written some
    without anything that readers see.
    """

    stored: Stored | None = None
    served: Edition | None = None
    commit: str | None = None
    basis: str = ""
    applied_sync: int | None = None

    def at(self, head: Head, store: Store) -> Stored:
        """Return what is stored at this head, from memory if it is of this head."""
        kept_for = (self.served, self.commit, self.basis, self.applied_sync)
        known = kept_for == (head.edition, head.commit, head.basis, head.applied_sync)
        if self.stored is None or not known:
            self.keep(_counted(store.load()), head)
        assert self.stored is not None
        return store.settled(self.stored)

    def keep(self, stored: Stored, head: Head) -> None:
        """Remember what is stored now, and for which head; all that was published is left there."""
        self.stored = replace(stored, catalog=replace(stored.catalog, published=NOTHING))
        self.served, self.commit, self.basis = head.edition, head.commit, head.basis
        self.applied_sync = head.applied_sync

    def forget(self) -> None:
        """Read everything from the database next time."""
        self.stored = None


def _counted(stored: Stored) -> Stored:
    found = [problem.severity for problem in _problems(stored.catalog)]
    return replace(stored, errors=found.count("error"), warnings=found.count("warning"))


def _problems(catalog: Catalog) -> list[Problem]:
    return [problem for path in catalog.files for problem in problems_of(catalog, path)]
