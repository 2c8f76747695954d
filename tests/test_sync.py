"""The rules of a sync, each on a real repository, mirror and database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from paod.basis import applied_with
from paod.model import SyncRequest
from paod.store import EntryFilters, Found, ProblemFilters, Removed
from tests.databases import on_each_database
from tests.model import Spec
from tests.origin import Origin
from tests.render import render
from tests.syncing import Paod

pytestmark = on_each_database

A, B, C = "catalog/data/ant.yaml", "catalog/data/bee.yaml", "catalog/web/cow.yaml"
ANT, BEE, COW = render(Spec("ant")), render(Spec("bee")), render(Spec("cow"))


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Origin]:
    with Origin(tmp_path) as made:
        yield made


@pytest.fixture
def paod(tmp_path: Path, origin: Origin) -> Paod:
    return Paod(tmp_path / "state", origin)


def names(paod: Paod) -> list[str]:
    return [row["name"] for row in paod.store.items(EntryFilters(), None, 100).rows]


def item(paod: Paod, name: str) -> dict[str, Any]:
    found = paod.store.item(name)
    assert isinstance(found, Found), found
    return found.body


def codes(paod: Paod, path: str | None = None) -> list[str]:
    rows = paod.store.problems(ProblemFilters(path=path), None, 100).rows
    return [row["code"] for row in rows]


def revisions(paod: Paod, name: str) -> list[tuple[str, str]]:
    page = paod.store.versions("item", name, None, 100)
    assert page is not None
    return [(row["commit"]["hash"], row["change"]) for row in reversed(page.rows)]


def table(paod: Paod, name: str) -> list[dict[str, Any]]:
    return paod.database.query(f"SELECT * FROM {name} ORDER BY 1")


def test_a_first_sync_brings_the_catalog_with_its_whole_history(origin: Origin, paod: Paod) -> None:
    first = origin.write(A, ANT).commit("Add ant", author="Ada <ada@example.org>")
    second = origin.write(A, render(Spec("ant", 1, (1, 1, 0)))).commit("Grow ant")
    origin.write("README.md", "no document").commit("Say hello")
    third = origin.write(B, BEE).remove(A).commit("Bees")
    result = paod.sync()
    assert (result.status, result.items.added, result.mode) == ("completed", 1, "full")
    assert names(paod) == ["bee"]
    assert revisions(paod, "ant") == [(first, "added"), (second, "changed"), (third, "removed")]
    assert isinstance(paod.store.item("ant"), Removed)
    page = paod.store.versions("item", "ant", None, 100)
    assert page is not None
    assert page.rows[-1]["commit"]["author"] == "Ada"
    assert page.rows[-1]["commit"]["subject"] == "Add ant"


def test_revisions_are_those_of_git_log_first_parent(origin: Origin, paod: Paod) -> None:
    for number in range(6):
        origin.write(A, render(Spec("ant", number, (1, number, 0))))
        origin.write(B, BEE if number % 2 else f"{BEE}# {number}\n").commit(f"Change {number}")
    paod.sync()
    log = origin.git("log", "--first-parent", "--reverse", "--format=%H", "main", "--", A)
    assert [commit for commit, _ in revisions(paod, "ant")] == log.split()


def test_a_merge_is_one_step_of_the_main_line(origin: Origin, paod: Paod) -> None:
    origin.write(A, ANT).commit()
    origin.start("side")
    origin.write(B, render(Spec("bee", 1))).commit()
    origin.write(B, render(Spec("bee", 2, (2, 0, 0)))).commit()
    origin.switch("main")
    origin.write(C, COW).commit()
    merged = origin.merge("side")
    paod.sync()
    assert revisions(paod, "bee") == [(merged, "added")]


def test_nothing_new_writes_nothing_but_its_row(origin: Origin, paod: Paod) -> None:
    origin.write(A, ANT).commit()
    paod.sync()
    tables = ("catalog_items", "catalog_item_versions", "catalog_files", "catalog_changes")
    before = {name: table(paod, name) for name in tables}
    syncs = len(table(paod, "catalog_sync_status"))
    assert paod.sync().reason == "UpToDate"
    assert {name: table(paod, name) for name in tables} == before
    assert len(table(paod, "catalog_sync_status")) == syncs + 1


def test_a_comment_makes_no_generation(origin: Origin, paod: Paod) -> None:
    origin.write(A, ANT).commit()
    paod.sync()
    before = paod.store.head()
    commit = origin.write(A, f"# a comment\n{ANT}").commit()
    result = paod.sync()
    after = paod.store.head()
    assert (result.status, result.items.updated) == ("completed", 0)
    assert (after.generation, after.commit) == (before.generation, commit)
    assert len(revisions(paod, "ant")) == 1


def test_one_bad_file_stops_no_other_and_keeps_its_last_good_document(
    origin: Origin, paod: Paod
) -> None:
    origin.write(A, ANT).write(B, BEE).commit()
    paod.sync()
    bad = origin.write(A, "name: [\n").write(B, render(Spec("bee", 1, (1, 1, 0)))).commit()
    result = paod.sync()
    assert (result.status, result.errors) == ("completed", 1)
    assert item(paod, "bee")["version"] == "1.1.0"
    assert item(paod, "ant")["stale"] == {"since_commit": bad, "problems": 1}
    (problem,) = paod.store.problems(ProblemFilters(), None, 100).rows
    assert (problem["code"], problem["path"], problem["commit"]) == ("yaml-syntax", A, bad)
    origin.write(A, ANT).commit()
    paod.sync()
    assert item(paod, "ant")["stale"] is None
    assert codes(paod) == []
    (closed,) = paod.store.problems(ProblemFilters(status="resolved"), None, 100).rows
    assert closed["path"] == A


def test_only_regular_files_count(origin: Origin, paod: Paod) -> None:
    origin.write(A, ANT).symlink(B, "/etc/passwd").submodule("catalog/web/module")
    origin.write(C, b"\xff\xfe").write("catalog/web/big.yaml", "#" * 262_145)
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    origin.write("catalog/web/lfs.yaml", pointer).symlink("catalog/link", "../..").commit()
    result = paod.sync()
    assert result.status == "completed"
    assert names(paod) == ["ant"]
    expected = ["lfs-pointer", "not-utf8", "submodule", "symlink", "symlink", "too-large"]
    assert sorted(codes(paod)) == expected
    assert all("passwd" not in str(row) for row in table(paod, "catalog_validation_errors"))


def test_what_git_cannot_read_fails_the_sync_and_is_no_removal(origin: Origin, paod: Paod) -> None:
    origin.write(A, ANT).commit()
    paod.sync()
    missing = origin.raw_tree(("100644", b"x.yaml", "1" * 40))
    data = origin.raw_tree(("40000", b"data", missing))
    root = origin.raw_tree(("40000", b"catalog", data))
    commit = origin.git("commit-tree", root, "-p", origin.head, "-m", "Broken")
    origin.force(commit)
    result = paod.sync()
    assert result.status == "failed"
    assert names(paod) == ["ant"]


def test_strict_rejects_the_commit_as_a_whole_and_records_its_problems(
    tmp_path: Path, origin: Origin
) -> None:
    paod = Paod(tmp_path / "state", origin, {"PAO_SYNC_POLICY": "strict"})
    good = origin.write(A, ANT).commit()
    paod.sync()
    origin.write(B, BEE).write(C, "name: [\n").commit()
    result = paod.sync()
    assert (result.status, result.reason) == ("rejected", "ProblemsFound")
    assert names(paod) == ["ant"]
    assert paod.store.head().commit == good
    assert codes(paod) == ["yaml-syntax"]
    origin.remove(C).commit()
    assert paod.sync().status == "completed"
    assert names(paod) == ["ant", "bee"]
    assert codes(paod) == []


def many(origin: Origin, count: int) -> None:
    for number in range(count):
        origin.write(f"catalog/data/n{number}.yaml", render(Spec(f"n{number}")))


def test_a_mass_removal_is_blocked_until_it_is_allowed_for_that_commit(
    tmp_path: Path, origin: Origin
) -> None:
    paod = Paod(tmp_path / "state", origin, {"PAO_MAX_REMOVAL_PERCENT": "20"})
    many(origin, 10)
    origin.commit()
    paod.sync()
    emptied = origin.remove("catalog").commit()
    blocked = paod.sync()
    assert (blocked.status, blocked.reason) == ("blocked", "MassRemoval")
    assert "10 of 10" in blocked.message
    assert emptied in blocked.message
    assert len(names(paod)) == 10
    other = SyncRequest("manual", allow_mass_removal="0" * 40)
    assert paod.sync(other).status == "blocked"
    leave = SyncRequest("manual", commit=emptied, allow_mass_removal=emptied)
    assert paod.sync(leave).status == "completed"
    assert names(paod) == []


def test_a_mass_removal_that_is_taken_back_never_shows(tmp_path: Path, origin: Origin) -> None:
    paod = Paod(tmp_path / "state", origin, {"PAO_MAX_REMOVAL_PERCENT": "20"})
    many(origin, 6)
    origin.commit()
    paod.sync()
    generation = paod.store.head().generation
    origin.remove("catalog").commit()
    assert paod.sync().status == "blocked"
    many(origin, 6)
    origin.commit()
    assert paod.sync().status == "completed"
    assert len(names(paod)) == 6
    assert paod.store.head().generation == generation + 1
    assert [change for _, change in revisions(paod, "n1")] == ["added", "removed", "restored"]


def test_a_force_push_starts_anew_and_adds_one_revision_for_each_difference(
    origin: Origin, paod: Paod
) -> None:
    base = origin.write(A, ANT).write(B, BEE).commit()
    origin.write(A, render(Spec("ant", 1, (1, 1, 0)))).commit()
    origin.write(C, COW).commit()
    paod.sync()
    origin.force(base)
    rewritten = origin.write(A, render(Spec("ant", 2, (1, 2, 0)))).commit()
    result = paod.sync()
    assert (result.history_rewritten, result.mode) == (True, "full")
    assert names(paod) == ["ant", "bee"]
    assert [change for _, change in revisions(paod, "ant")] == ["added", "changed", "changed"]
    assert revisions(paod, "ant")[-1][0] == rewritten
    assert len(revisions(paod, "bee")) == 1
    assert revisions(paod, "cow")[-1] == (rewritten, "removed")


def test_incremental_full_and_fresh_give_the_same_catalog(
    tmp_path: Path, origin: Origin, paod: Paod
) -> None:
    trees = [
        {A: ANT, B: BEE},
        {A: ANT, B: "broken: ["},
        {A: BEE, B: ANT},
        {A: render(Spec("ox", renamed_from="bee")), B: ANT, C: ANT},
        {A: render(Spec("ox", 1, renamed_from="bee")), C: ANT},
    ]
    for tree in trees:
        origin.clear().write_all(tree).commit()
        paod.sync()
    stepwise = paod.store.load().catalog
    paod.sync(SyncRequest("manual", mode="full"))
    assert paod.store.load().catalog == stepwise
    fresh = Paod(tmp_path / "fresh", origin)
    fresh.sync()
    assert fresh.store.load().catalog == stepwise


def test_a_rollback_holds_the_catalog_until_it_is_resumed(origin: Origin, paod: Paod) -> None:
    good = origin.write(A, ANT).commit()
    origin.write(A, render(Spec("ant", 1, (1, 1, 0)))).commit()
    paod.sync()
    origin.path.rename(origin.path.with_name("away.git"))
    request = SyncRequest("rollback", commit=good[:10], pin="set", reason="bad merge")
    assert paod.sync(request).status == "completed"
    assert item(paod, "ant")["version"] == "1.0.0"
    pin = paod.store.head().pin
    assert pin is not None
    assert (pin.commit, pin.reason) == (good, "bad merge")
    held = paod.sync(SyncRequest("webhook"))
    assert (held.status, held.reason) == ("completed", "Pinned")
    origin.path.with_name("away.git").rename(origin.path)
    mended = origin.write(A, render(Spec("ant", 2, (1, 2, 0)))).commit()
    paod.sync()
    assert item(paod, "ant")["version"] == "1.0.0"
    assert paod.sync(SyncRequest("manual", pin="clear")).to_commit == mended
    assert paod.store.head().pin is None
    assert item(paod, "ant")["version"] == "1.2.0"
    versions = paod.store.versions("item", "ant", None, 100)
    assert versions is not None
    told = [row["version"] for row in reversed(versions.rows)]
    assert told == ["1.0.0", "1.1.0", "1.0.0", "1.1.0", "1.2.0"]


def test_a_deleted_branch_and_an_emptied_repository_leave_the_catalog(
    origin: Origin, paod: Paod
) -> None:
    origin.write(A, ANT).commit()
    origin.start("other").switch("main")
    paod.sync()
    origin.delete("main")
    gone = paod.sync()
    assert (gone.status, gone.reason) == ("failed", "BranchNotFound")
    origin.delete("other")
    empty = paod.sync()
    assert (empty.status, empty.reason) == ("blocked", "EmptyRepository")
    assert names(paod) == ["ant"]


def test_an_empty_repository_is_a_fine_start(origin: Origin, paod: Paod) -> None:
    result = paod.sync()
    assert (result.status, result.reason) == ("completed", "EmptyRepository")
    origin.write(A, ANT).commit()
    paod.sync()
    assert names(paod) == ["ant"]


def test_an_older_history_begins_with_the_tree_at_its_depth(tmp_path: Path, origin: Origin) -> None:
    paod = Paod(tmp_path / "state", origin, {"PAO_HISTORY_DEPTH": "3"})
    commits = [
        origin.write(A, render(Spec("ant", number, (1, number, 0)))).commit() for number in range(6)
    ]
    paod.sync()
    assert [commit for commit, _ in revisions(paod, "ant")] == commits[3:]


def test_another_root_or_other_rules_start_the_fold_anew(tmp_path: Path, origin: Origin) -> None:
    origin.write(A, ANT).write("offers/web/cow.yaml", COW).commit()
    paod = Paod(tmp_path / "state", origin)
    paod.sync()
    paod.database.close()
    moved = Paod(tmp_path / "state", origin, {"PAO_CATALOG_ROOT": "offers"})
    moved.store.adopt(applied_with(moved.settings))  # which machines that share it ask for
    assert moved.sync().mode == "full"
    assert names(moved) == ["cow"]
    moved.database.close()
    narrowed = Paod(tmp_path / "state", origin, {"PAO_CATEGORIES": "web"})
    narrowed.store.adopt(applied_with(narrowed.settings))
    narrowed.sync()
    assert (names(narrowed), codes(narrowed)) == ([], ["unknown-category"])


def test_a_dry_run_tells_the_changes_and_writes_none(origin: Origin, paod: Paod) -> None:
    origin.write(A, ANT).commit()
    result = paod.sync(SyncRequest("manual", dry_run=True))
    assert [(change.change, change.name) for change in result.changes] == [("added", "ant")]
    assert names(paod) == []
    assert paod.store.head().commit is None


def test_a_lost_or_damaged_mirror_is_made_anew(origin: Origin, paod: Paod) -> None:
    origin.write(A, ANT).commit()
    paod.sync()
    paod.lose_mirror()
    origin.write(B, BEE).commit()
    assert paod.sync().status == "completed"
    for pack in (paod.settings.mirror_dir / "objects" / "pack").glob("*.pack"):
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes()[:40])
    paod.restart()
    origin.write(C, COW).commit()
    assert paod.sync().status == "completed"
    assert names(paod) == ["ant", "bee", "cow"]


def test_a_file_that_crashed_the_parser_twice_is_set_aside(origin: Origin, paod: Paod) -> None:
    origin.write(A, ANT).write(B, BEE).commit()
    oid = origin.git("rev-parse", f"main:{B}")
    paod.store.crashed(oid, B)
    paod.sync()
    assert names(paod) == ["ant", "bee"]
    assert (oid, B) in paod.noted
    other = render(Spec("bee", 1, (1, 1, 0)))
    origin.write(B, other).commit()
    oid = origin.git("rev-parse", f"main:{B}")
    paod.store.crashed(oid, B)
    paod.store.crashed(oid, B)
    paod.sync()
    assert codes(paod) == ["crashes-parser"]
    assert item(paod, "bee")["version"] == "1.0.0"


def test_a_tree_over_the_limits_is_blocked_and_the_commit_that_mends_it_lands(
    origin: Origin, paod: Paod
) -> None:
    origin.write(A, ANT).commit()
    paod.sync()
    leaf = origin.raw_tree(*[("100644", b"f%05d.yaml" % n, _blob(origin)) for n in range(150)])
    middle = origin.raw_tree(*[("40000", b"d%05d" % n, leaf) for n in range(150)])
    root = origin.raw_tree(("40000", b"catalog", middle))
    good = origin.head
    origin.force(origin.git("commit-tree", root, "-p", good, "-m", "Bomb"))
    blocked = paod.sync()
    assert (blocked.status, blocked.reason) == ("blocked", "TooManyFiles")
    assert names(paod) == ["ant"]
    bomb = origin.head
    mended = origin.git("commit-tree", f"{good}^{{tree}}", "-p", bomb, "-m", "Mend")
    origin.force(mended)
    origin.write(B, BEE).commit()
    assert paod.sync().status == "completed"
    assert names(paod) == ["ant", "bee"]


def _blob(origin: Origin) -> str:
    return origin.raw("blob", b"x")


def test_memory_gives_way_when_another_process_moved_the_head(
    tmp_path: Path, origin: Origin, paod: Paod
) -> None:
    origin.write(A, ANT).commit()
    paod.sync()
    other = Paod(tmp_path / "state", origin)
    origin.write(B, BEE).commit()
    other.sync()
    origin.write(C, COW).remove(A).commit()
    paod.sync()
    assert names(paod) == ["bee", "cow"]
    assert paod.store.load().catalog == paod.shop.memory.stored.catalog  # type: ignore[union-attr]


def test_the_changes_feed_tells_what_each_generation_changed(origin: Origin, paod: Paod) -> None:
    origin.write(A, ANT).write(B, BEE).commit()
    paod.sync()
    since = paod.store.head().generation
    origin.write(A, "broken: [").remove(B).write(C, COW).commit()
    paod.sync()
    rows = paod.store.changes(since, 100).rows
    told = {(row["name"], row["change"]) for row in rows}
    assert told == {("ant", "stale"), ("bee", "removed"), ("cow", "added")}
    assert {row["generation"] for row in rows} == {since + 1}


def test_a_link_that_goes_takes_its_problem_with_it(origin: Origin, paod: Paod) -> None:
    origin.write(A, ANT).symlink("catalog/data/shared", "..").submodule("catalog/web").commit()
    paod.sync()
    assert sorted(codes(paod)) == ["submodule", "symlink"]
    origin.remove("catalog/data/shared").remove("catalog/web")
    origin.write("catalog/data/shared/notes.txt", "a folder now").commit()
    paod.sync()
    assert codes(paod) == []
    assert paod.store.load().catalog.files.keys() == {A}


def test_leave_for_a_mass_removal_can_be_given_to_a_rollback_and_to_a_resume(
    tmp_path: Path, origin: Origin
) -> None:
    paod = Paod(tmp_path / "state", origin, {"PAO_MAX_REMOVAL_PERCENT": "20"})
    small = origin.write(A, ANT).commit()
    many(origin, 10)
    origin.commit()
    paod.sync()
    back = SyncRequest("rollback", commit=small, pin="set", reason="small again")
    blocked = paod.sync(back)
    assert (blocked.status, blocked.reason) == ("blocked", "MassRemoval")
    assert f"paod rollback {small}" in blocked.message
    assert paod.store.head().pin is None
    assert paod.sync(replace(back, allow_mass_removal=small)).status == "completed"
    emptied = origin.clear().write(B, BEE).commit()
    many(origin, 0)
    assert paod.sync(SyncRequest("manual", pin="clear")).status == "completed"
    assert (names(paod), paod.store.head().commit) == (["bee"], emptied)


def test_a_resume_that_removes_much_needs_leave(tmp_path: Path, origin: Origin) -> None:
    paod = Paod(tmp_path / "state", origin, {"PAO_MAX_REMOVAL_PERCENT": "20"})
    many(origin, 10)
    full = origin.commit()
    paod.sync()
    paod.sync(SyncRequest("rollback", commit=full, pin="set", reason="hold"))
    emptied = origin.clear().write(A, ANT).commit()
    resume = SyncRequest("manual", pin="clear")
    blocked = paod.sync(resume)
    assert "paod resume --allow-mass-removal" in blocked.message
    assert paod.store.head().pin is not None
    assert paod.sync(replace(resume, allow_mass_removal=emptied)).status == "completed"
    assert names(paod) == ["ant"]


def test_only_a_sync_that_follows_the_branch_verifies_it(tmp_path: Path, origin: Origin) -> None:
    paod = Paod(tmp_path / "state", origin, {"PAO_SYNC_POLICY": "strict"})
    good = origin.write(A, ANT).commit()
    paod.sync()
    origin.write(B, "name: [").commit()
    paod.sync()
    checked = paod.store.head().checked_at
    for request in (
        SyncRequest("manual", commit=good),
        SyncRequest("manual", commit=good, dry_run=True),
        SyncRequest("manual", dry_run=True),
    ):
        paod.sync(request)
        assert paod.store.head().checked_at == checked
        assert codes(paod) == ["yaml-syntax"]


def test_a_rejected_dry_run_records_no_problem(tmp_path: Path, origin: Origin) -> None:
    paod = Paod(tmp_path / "state", origin, {"PAO_SYNC_POLICY": "strict"})
    origin.write(A, "name: [").commit()
    assert paod.sync(SyncRequest("manual", dry_run=True)).status == "rejected"
    assert codes(paod) == []


def test_what_was_seen_before_counts_for_the_size_of_a_commit(
    tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paod.sync.steps.LARGEST_STEP", len(ANT) + len(BEE) - 1)
    paod = Paod(tmp_path / "state", origin)
    origin.write(A, ANT).commit()
    origin.write(B, BEE).commit()
    assert paod.sync().status == "completed"
    squashed = origin.git("commit-tree", "main^{tree}", "-m", "Squash")
    origin.force(squashed)
    blocked = paod.sync()
    assert (blocked.status, blocked.reason, blocked.to_commit) == ("blocked", "TooLarge", squashed)
    assert Paod(tmp_path / "fresh", origin).sync().reason == "TooLarge"


def test_to_pin_what_is_served_changes_nothing_else(tmp_path: Path, origin: Origin) -> None:
    paod = Paod(tmp_path / "state", origin, {"PAO_HISTORY_DEPTH": "2"})
    origin.write(A, ANT).commit()
    paod.sync()
    for number in range(3):
        origin.write(A, "name: [").write("README.md", f"{number}").commit()
        paod.sync()
    before = paod.store.load().catalog
    paod.sync(SyncRequest("rollback", commit=origin.head, pin="set", reason="hold"))
    assert paod.store.head().pin is not None
    assert paod.store.load().catalog == before
    assert names(paod) == ["ant"]
    told = paod.sync(SyncRequest("manual", mode="full", pin="clear"))
    assert "PAO_HISTORY_DEPTH" in told.message


def test_a_failed_sync_says_where_it_was(origin: Origin, paod: Paod) -> None:
    good = origin.write(A, ANT).commit()
    paod.sync()
    origin.path.rename(origin.path.with_name("away.git"))
    failed = paod.sync()
    assert (failed.status, failed.from_commit) == ("failed", good)


def test_want_of_memory_fails_the_sync_and_condemns_no_file(
    origin: Origin, paod: Paod, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin.write(A, ANT).commit()

    def starve(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as starved:
        starved.setattr("paod.validate._findings", starve)
        failed = paod.sync()
    assert (failed.status, failed.reason) == ("failed", "OutOfMemory")
    assert paod.sync().status == "completed"
    assert codes(paod) == []


def commented(text: str, number: int) -> str:
    return f"# looked at {number} times\n{text}"


def sources(paod: Paod, origin: Origin) -> list[tuple[str, bool]]:
    """Return each item's and revision's path, and whether its commit has there what it says."""
    found = []
    for row in paod.store.items(EntryFilters(), None, 100).rows:
        page = paod.store.versions("item", row["name"], None, 100)
        assert page is not None
        told = [item(paod, row["name"])["source"]]
        for one in page.rows:
            told.append({**one["source"], "commit": one["commit"]["hash"]})
        for source in told:
            data = origin.output("cat-file", "blob", f"{source['commit']}:{source['path']}")
            digest = hashlib.sha256(data).hexdigest()
            found.append((source["path"], source["hash"] == f"sha256:{digest}"))
    return found


@pytest.mark.parametrize("each", [True, False], ids=["each-commit", "at-once"])
def test_a_source_is_the_file_at_its_commit_whatever_was_commented_since(
    origin: Origin, paod: Paod, each: bool
) -> None:
    """So that who compares looks at that commit: a change of comments alone makes no revision."""
    first = origin.write(A, ANT).write(C, COW).commit()
    texts = [
        {A: commented(ANT, 1)},
        {A: commented(ANT, 2), B: BEE},
        {A: "name: [", C: commented(COW, 1)},
        {A: commented(ANT, 3)},
    ]
    for changes in texts:
        if each:
            paod.sync()
        for path, text in changes.items():
            origin.write(path, text)
        origin.commit()
    paod.sync()
    generation = paod.store.head().generation
    origin.write(A, commented(ANT, 4)).commit()
    paod.sync()
    assert paod.store.head().generation == generation
    source = item(paod, "ant")["source"]
    assert (source["commit"], source["path"]) == (first, A)
    assert all(same for _, same in sources(paod, origin))
    moved = "catalog/other/ant.yaml"
    origin.remove(A).write(moved, commented(ANT, 5)).commit()
    origin.write(moved, commented(ANT, 6)).commit()
    paod.sync()
    paod.sync(SyncRequest("manual", mode="full"))
    assert item(paod, "ant")["source"]["path"] == moved
    assert all(same for _, same in sources(paod, origin))
