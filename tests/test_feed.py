"""The changes feed: who follows it as its documentation says has what who reads everything has."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from paod.catalog.fold import fold
from paod.catalog.plan import plan
from paod.model import Catalog, Stored
from paod.store import Store
from tests.databases import on_each_database
from tests.model import Spec, Tree
from tests.steps import steps
from tests.store_tools import empty_store, result_of, running, with_mappings
from tests.test_store_pins import Portal, everything

pytestmark = on_each_database

A, B, C = (f"catalog/x/{name}.yaml" for name in "abc")
ANT = Spec("a")


def renamed(name: str, former: str, **more: Any) -> Spec:
    return Spec(name, renamed_from=former, version=(2, 0, 0), **more)


class Branch:
    """A store that follows a history, several commits a sync if need be, and who reads its feed."""

    def __init__(self, store: Store) -> None:
        self.store, self.portal = store, Portal(store)
        self.history: list[Tree] = []
        self.stored = Stored()

    def sync(self, *trees: Tree) -> list[tuple[str, str, str | None]]:
        """Go on by these commits in one sync; return the lines that came."""
        first = len(self.history) + 1
        self.history += trees
        return self._apply(self.stored.catalog, first, anew=False)

    def go_back(self, number: int) -> list[tuple[str, str, str | None]]:
        """Go to the catalog of an earlier commit, as a rollback or a force push does."""
        self.history = self.history[:number]
        return self._apply(Catalog(), 1, anew=True)

    def _apply(self, base: Catalog, first: int, *, anew: bool) -> list[tuple[str, str, str | None]]:
        since = self.store.head().generation
        folded = fold(base, with_mappings(steps(self.history, first)), "warn")
        planned = plan(self.stored, folded, anew=anew)
        result = result_of(planned, self.stored.catalog.commit)
        assert folded.commit is not None
        self.store.apply(running(self.store), planned, result, commit=folded.commit, basis="")
        self.stored = self.store.settled(planned.after)
        assert self.store.load() == self.stored
        self.portal.follow()
        copy = {key: one for key, one in self.portal.copy.items() if one is not None}
        assert copy == everything(self.store)
        rows = self.store.changes(since, 100).rows
        return [(row["name"], row["change"], row["renamed_from"]) for row in rows]


@pytest.fixture(name="branch")
def _branch(tmp_path: Path) -> Iterator[Branch]:
    store = empty_store(tmp_path)
    yield Branch(store)
    store.close()


def test_what_was_renamed_and_removed_leaves_every_copy(branch: Branch) -> None:
    branch.sync({A: ANT})
    assert branch.sync({A: renamed("b", "a")}, {}) == [("b", "removed", "a")]


def test_what_was_renamed_and_became_a_bundle_leaves_every_copy(branch: Branch) -> None:
    branch.sync({A: ANT})
    lines = branch.sync({A: renamed("b", "a")}, {A: Spec("b", kind="bundle", needs=("c",))})
    assert lines == [("b", "added", None), ("b", "removed", "a")]


def test_a_rollback_before_a_rename_is_told(branch: Branch) -> None:
    branch.sync({A: ANT})
    branch.sync({A: renamed("b", "a")})
    assert branch.go_back(1) == [("a", "renamed", "b")]


def test_names_that_change_places_are_told(branch: Branch) -> None:
    branch.sync({A: ANT, B: Spec("b", 1)})
    lines = branch.sync({A: renamed("b", "a"), B: renamed("a", "b")})
    assert lines == [("a", "renamed", "b"), ("b", "renamed", "a")]


def test_a_pinned_item_never_changes_its_name_untold(branch: Branch) -> None:
    branch.sync({A: ANT})
    branch.store.pin_item("a", 1, "why")
    branch.sync({})
    assert branch.sync({B: renamed("b", "a")}) == [("b", "renamed", "a")]
    assert branch.go_back(1) == [("a", "renamed", "b")]


def test_a_pinned_item_that_is_renamed_and_removed_is_told(branch: Branch) -> None:
    branch.sync({A: ANT})
    branch.store.pin_item("a", 1, "why")
    assert branch.sync({A: renamed("b", "a")}, {}) == [("b", "renamed", "a")]
    [row] = branch.store.database.query("SELECT content, content_hash FROM catalog_items")
    assert row["content_hash"] == hashlib.sha256(row["content"].encode()).hexdigest()


def test_a_rename_that_the_same_sync_takes_back_is_told_of_a_pinned_item(branch: Branch) -> None:
    branch.sync({A: ANT})
    branch.store.pin_item("a", 1, "why")
    lines = branch.sync({A: renamed("b", "a")}, {A: ANT})
    assert lines == [("a", "added", None), ("b", "renamed", "a")]


def test_bundles_follow_a_name_that_a_pinned_item_takes(branch: Branch) -> None:
    needs = Spec("d", kind="bundle", needs=("b",))
    branch.sync({A: ANT, C: needs})
    branch.store.pin_item("a", 1, "why")
    lines = branch.sync({A: renamed("b", "a"), C: needs})
    assert ("d", "resolution", None) in lines


def test_a_pinned_items_broken_file_makes_no_generation(branch: Branch) -> None:
    branch.sync({A: ANT})
    branch.store.pin_item("a", 1, "why")
    before = branch.store.head().generation
    branch.sync({A: Spec("a", broken=True)})
    assert branch.store.head().generation == before
    branch.store.release_item("a")


def test_an_alias_that_goes_makes_a_generation(branch: Branch) -> None:
    branch.sync({B: Spec("c")})
    branch.sync({A: ANT, B: Spec("c")}, {A: renamed("b", "a"), B: Spec("c")}, {B: Spec("c")})
    before = branch.store.head().generation
    branch.go_back(1)
    assert branch.store.head().generation == before + 1


def test_a_full_sync_repairs_what_is_served(branch: Branch) -> None:
    needs = Spec("d", kind="bundle", needs=("a",))
    branch.sync({A: ANT, C: needs})
    with branch.store.database.atomic():
        branch.store.database.execute("UPDATE catalog_bundles SET parts = '[]'")
    branch.stored = branch.store.load()
    folded = fold(Catalog(), with_mappings(steps(branch.history)), "warn")
    assert plan(branch.stored, folded, anew=True).changes[0].change == "resolution"
