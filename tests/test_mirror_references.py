"""A mirror whose references were lost or damaged: every question about them has an answer."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from paod.errors import PaodError
from paod.model import SyncRequest
from tests.databases import ready_database_in
from tests.model import Spec
from tests.origin import Origin
from tests.render import render
from tests.syncing import Paod

PATH = "catalog/x/ant.yaml"


def lose_folder(mirror: Path) -> None:
    shutil.rmtree(mirror)


def lose_references(mirror: Path) -> None:
    shutil.rmtree(mirror / "refs")


def garble_packed(mirror: Path) -> None:
    (mirror / "packed-refs").write_bytes(b"\0no reference\n")


def garble_applied(mirror: Path) -> None:
    (mirror / "refs" / "kept" / "applied").write_text("no commit")


def lock_applied(mirror: Path) -> None:
    (mirror / "refs" / "kept" / "applied.lock").touch()


DAMAGES = (lose_folder, lose_references, garble_packed, garble_applied, lock_applied)
damaged = pytest.mark.parametrize("damage", DAMAGES, ids=[one.__name__ for one in DAMAGES])


@pytest.fixture(name="paod")
def _paod(tmp_path: Path) -> Paod:
    origin = Origin(tmp_path)
    paod = Paod(tmp_path / "state", origin, database=ready_database_in(tmp_path, "sqlite"))
    for number in (1, 2):
        origin.write(PATH, render(Spec("ant", number)))
        origin.commit(f"Commit {number}")
    paod.sync()
    return paod


@damaged
def test_a_rollback_does_not_need_the_mirrors_references(
    paod: Paod, damage: Callable[[Path], None]
) -> None:
    first = paod.origin.git("rev-list", "--max-parents=0", "main").strip()
    damage(paod.settings.mirror_dir)
    result = paod.sync(SyncRequest("rollback", commit=first, pin="set", reason="a bad day"))
    assert (result.status, result.to_commit) == ("completed", first), result


@damaged
def test_what_is_applied_is_told_as_applied(paod: Paod, damage: Callable[[Path], None]) -> None:
    paod.origin.write(PATH, render(Spec("ant", 3)))
    paod.origin.commit("Commit 3")
    damage(paod.settings.mirror_dir)
    result = paod.sync()
    assert (result.status, result.items.updated) == ("completed", 1), result
    assert paod.sync().reason == "UpToDate"


@damaged
def test_every_call_gives_an_answer_or_an_error_of_ours(
    paod: Paod, damage: Callable[[Path], None]
) -> None:
    mirror, commit = paod.shop.mirror, paod.store.head().commit
    assert commit is not None
    damage(paod.settings.mirror_dir)
    calls: dict[str, Callable[[], object]] = {
        "tip": mirror.tip,
        "resolve": lambda: mirror.resolve(commit),
        "raw": lambda: mirror.raw(commit),
        "keep": lambda: mirror.keep(commit),
        "line": lambda: mirror.line(commit, None, 10),
        "on_line": lambda: mirror.on_line(commit, commit, 10),
        "is_ancestor": lambda: mirror.is_ancestor(commit, commit),
        "commit": lambda: mirror.commit(commit),
        "changes": lambda: list(mirror.changes(None, commit)),
        "merge_base": lambda: mirror.merge_base(commit, commit),
    }
    for call in calls.values():
        try:
            call()
        except PaodError:
            continue
    assert mirror.fetch() == commit
