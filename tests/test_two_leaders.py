"""Two machines that lead one after the other, by rules of their own, and never see each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from paod.config import Settings
from paod.daemon import open_store, prepare_store
from paod.daemon.board import Board
from paod.daemon.syncing import Syncing
from paod.model import Catalog, Stored, SyncRequest
from paod.store import Store
from tests.databases import on_each_database
from tests.origin import Origin
from tests.running import item as small
from tests.syncing import Paod
from tests.test_settings_differ import machine

pytestmark = on_each_database

X, Y, Z = (f"catalog/things/{name}.yaml" for name in "xyz")


def item(name: str, description: str = "An item", renamed_from: str | None = None) -> str:
    """Return a small good document, always of the same version."""
    text = small(name).replace("An item", description)
    return text if renamed_from is None else f"{text}renamed_from: {renamed_from}\n"


RULES = {
    "takes": {"PAO_VERSION_POLICY": "warn"},
    "refuses": {"PAO_VERSION_POLICY": "enforce", "PAO_MAX_FILE_BYTES": "2048"},
}
LONG = "long " * 500
"""Too much for a file of the one that refuses."""


@pytest.fixture(name="origin")
def _origin(tmp_path: Path) -> Iterator[Origin]:
    with Origin(tmp_path) as origin:
        origin.write(X, item("a")).write(Y, item("b")).commit("Begin")
        yield origin


class Leader:
    """One machine: it holds its memory, and its place, for as long as nobody shows it otherwise."""

    def __init__(self, settings: Settings) -> None:
        prepare_store(settings)
        self.store: Store = open_store(settings)
        self._syncing = Syncing(settings, self.store, Board())

    def sync(self, request: SyncRequest) -> Stored:
        """Lead for one sync; return what the memory holds then."""
        self.store.enqueue(request)
        served = self._syncing.serve_one(5.0)
        assert served is not None
        assert served[1].status == "completed", served[1]
        self.store.database.give_way()
        kept = self._syncing._memory.stored
        return kept if kept is not None else self.store.load()


Edit = dict[str, str | None]
TURNS: tuple[tuple[str, Edit], ...] = (
    ("takes", {Z: item("a", LONG)}),  # refused, and waits: the name is held
    ("refuses", {}),  # too large, it claims nothing: no reader sees a difference
    ("takes", {}),
    ("refuses", {X: item("c")}),  # the name is free, for who may wait for it
    ("takes", {}),
)


def test_each_finds_what_the_other_left(tmp_path: Path, origin: Origin) -> None:
    leaders = {
        name: Leader(machine(origin, tmp_path, name, **rules)) for name, rules in RULES.items()
    }
    for number, (name, edit) in enumerate(TURNS):
        _edit(origin, edit)
        kept = leaders[name].sync(SyncRequest("manual"))
        loaded = leaders[name].store.load()
        assert kept == loaded, (number, name)
        fresh = _fresh(tmp_path / f"fresh{number}", origin, name)
        assert _said(loaded.catalog) == _said(fresh), (number, name)
        assert len(loaded.catalog.entries) >= 2
    for leader in leaders.values():
        leader.store.close()


def test_rows_that_another_wrote_are_read_again_though_readers_see_no_difference(
    tmp_path: Path, origin: Origin
) -> None:
    """Both have the same rules; the second one folds from scratch, to the same commit."""
    one, other = (Leader(machine(origin, tmp_path, name)) for name in ("one", "other"))
    one.sync(SyncRequest("manual"))
    before = one._syncing._memory.applied_sync
    other.sync(SyncRequest("manual", mode="full"))
    head = one.store.head()
    assert head.applied_sync != before
    one.sync(SyncRequest("manual"))
    assert one._syncing._memory.applied_sync == head.applied_sync
    for leader in (one, other):
        leader.store.close()


def _edit(origin: Origin, edit: Edit) -> None:
    for path, text in edit.items():
        if text is None:
            origin.remove(path)
        else:
            origin.write(path, text)
    if edit:
        origin.commit("Edit")


def _fresh(folder: Path, origin: Origin, name: str) -> Catalog:
    folder.mkdir()
    paod = Paod(folder, origin, RULES[name])
    assert paod.sync().status == "completed"
    catalog = paod.store.load().catalog
    paod.database.close()
    return catalog


def _said(catalog: Catalog) -> object:
    published = catalog.published.everything(catalog.entries)
    return catalog.files, catalog.entries, catalog.aliases, catalog.findings, published
