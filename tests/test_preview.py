"""What a proposal would change: on a real repository, mirror and database, and in checkouts."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from paod.checking.proposed import plan_checkout
from paod.config import Settings, load
from paod.errors import Blocked
from paod.mirror import Checkout
from paod.model import SyncRequest, SyncResult
from tests.origin import Origin
from tests.served import bundle, item
from tests.syncing import Paod

A, B, C = "catalog/data/ant.yaml", "catalog/data/bee.yaml", "catalog/web/cow.yaml"
REF = "refs/pull/7/head"
TABLES = (
    *("catalog_head", "catalog_items", "catalog_item_versions", "catalog_files"),
    *("catalog_changes", "catalog_validation_errors"),
)


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Origin]:
    with Origin(tmp_path) as made:
        yield made


@pytest.fixture
def paod(tmp_path: Path, origin: Origin) -> Paod:
    origin.write(A, item("ant")).write(B, item("bee")).commit("Begin")
    made = Paod(tmp_path / "state", origin)
    made.sync()
    return made


def propose(origin: Origin, at: str | None = None) -> str:
    """Commit what is staged where a host keeps the commits of pull request 7."""
    origin.start("proposed", at)
    commit = origin.commit("Propose")
    origin.git("update-ref", REF, commit)
    origin.delete("proposed")
    origin.switch("main")
    return commit


def preview(paod: Paod, ref: str = REF) -> tuple[SyncResult, Any]:
    result = paod.sync(SyncRequest("manual", ref=ref, dry_run=True))
    return result, result.preview


def changes(found: Any) -> list[tuple[str, str]]:
    return sorted((one["name"], one["change"]) for one in found["changes"])


def catalog(paod: Paod) -> dict[str, Any]:
    return {name: paod.database.query(f"SELECT * FROM {name} ORDER BY 1, 2") for name in TABLES}


def test_a_pull_request_is_told_with_what_it_breaks_and_nothing_is_written(
    origin: Origin, paod: Paod
) -> None:
    first = origin.head
    before = catalog(paod)
    origin.write(A, item("ant", version="1.1.0", most=10)).write(C, item("cow")).remove(B)
    proposed = propose(origin)
    result, found = preview(paod)
    assert (result.status, result.reason) == ("completed", "Succeeded")
    assert (result.from_commit, result.to_commit) == (first, proposed)
    assert changes(found) == [("ant", "changed"), ("bee", "removed"), ("cow", "added")]
    assert found["breaking"] is True
    assert found["counts"] == {"added": 1, "changed": 1, "removed": 1}
    ant = next(one for one in found["changes"] if one["name"] == "ant")
    assert (ant["version_before"], ant["version"], ant["breaking"]) == ("1.0.0", "1.1.0", True)
    assert [effect["code"] for effect in ant["effects"]] == [
        "range-narrowed",
        "version-understates",
    ]
    assert ant["effects"][0]["pointer"] == "/presentation/fields/0/max_length"
    assert (ant["effects"][0]["before"], ant["effects"][0]["after"]) == (63, 10)
    assert [line["path"] for line in ant["differences"]] == [
        "presentation.fields[database_name].max_length",
        "version",
    ]
    assert catalog(paod) == before
    row = paod.store.sync(paod.store.last()["sync_id"])
    assert (row["requested_ref"], row["dry_run"]) == (REF, True)
    assert paod.store.outlook(row["sync_id"]) == found
    paod.sync()
    assert paod.store.head().commit == first


def test_what_the_branch_did_since_is_not_the_proposals_doing(origin: Origin, paod: Paod) -> None:
    first = origin.head
    origin.write(A, item("ant", version="1.1.0", description="Ours"))
    origin.write(B, item("bee", version="1.1.0"))
    propose(origin)
    origin.write(B, item("bee", version="1.2.0")).write(C, item("cow")).commit("Go on")
    for applied in (False, True):
        result, found = preview(paod)
        assert changes(found) == [("ant", "changed"), ("bee", "changed")]
        assert found["merge_base"] == first
        assert found["overlaps"] == [B]
        assert result.from_commit == origin.head
        if not applied:
            paod.sync()


def test_a_branch_a_commit_of_one_and_a_merged_one(origin: Origin, paod: Paod) -> None:
    origin.start("feature/x").write(C, item("cow")).commit()
    commit = origin.head
    origin.switch("main")
    result, found = preview(paod, "refs/heads/feature/x")
    assert (result.to_commit, changes(found)) == (commit, [("cow", "added")])
    by_digits = paod.sync(SyncRequest("manual", commit=commit[:10], dry_run=True))
    assert by_digits.preview == found
    refused = paod.sync(SyncRequest("manual", commit=commit[:10]))
    assert (refused.status, refused.reason) == ("failed", "CommitNotFound")
    origin.merge("feature/x")
    paod.sync()
    _, found = preview(paod, "refs/heads/feature/x")
    assert changes(found) == []


def test_the_followed_branch_is_no_proposal(origin: Origin, paod: Paod) -> None:
    _, found = preview(paod, "refs/heads/main")
    assert (changes(found), found["breaking"]) == ([], False)
    for number in (1, 2):
        origin.write(A, item("ant", version=f"1.{number}.0", most=60 + number)).commit()
    result, found = preview(paod, "refs/heads/main")
    assert (changes(found), found["merge_base"]) == ([("ant", "changed")], None)
    assert result.to_commit == origin.head


def test_moved_renamed_and_a_bundle_that_falls_apart(origin: Origin, paod: Paod) -> None:
    origin.write("catalog/web/stack.yaml", bundle("stack", "ant", "bee")).commit()
    paod.sync()
    origin.remove(A).remove(B).write("catalog/web/ant.yaml", item("ant"))
    origin.write("catalog/data/wasp.yaml", item("wasp", "renamed_from: bee\n", version="1.1.0"))
    propose(origin)
    _, found = preview(paod)
    assert changes(found) == [("ant", "moved"), ("stack", "resolution"), ("wasp", "renamed")]
    told = {one["name"]: one for one in found["changes"]}
    assert (told["ant"]["path_before"], told["ant"]["path"]) == (A, "catalog/web/ant.yaml")
    assert told["wasp"]["renamed_from"] == "bee"
    assert [effect["code"] for effect in told["stack"]["effects"]] == ["unresolved"]
    assert "now called 'wasp'" in told["stack"]["effects"][0]["message"]
    assert [one["code"] for one in found["problems"]["new"]] == ["unresolved-item"]


def test_problems_that_come_and_go_and_those_that_only_move(origin: Origin, paod: Paod) -> None:
    origin.write(A, item("ant", "unknown: 1\n")).write(C, "name: [\n").commit()
    paod.sync()
    origin.write(A, "# a line above\n" + item("ant", "unknown: 1\n"))
    origin.write(C, item("cow")).write(B, item("bee").replace("string", "strng"))
    propose(origin)
    _, found = preview(paod)
    assert changes(found) == [("bee", "stale"), ("cow", "added")]
    problems = found["problems"]
    assert [(one["path"], one["code"]) for one in problems["new"]] == [(B, "unknown-type")]
    assert [(one["path"], one["code"]) for one in problems["cleared"]] == [(C, "yaml-syntax")]


def test_a_mass_removal_and_errors_under_strict_are_told_with_all_else(
    tmp_path: Path, origin: Origin
) -> None:
    for number in range(6):
        origin.write(f"catalog/data/n{number}.yaml", item(f"n{number}"))
    origin.commit()
    extra = {"PAO_SYNC_POLICY": "strict", "PAO_MAX_REMOVAL_PERCENT": "20"}
    paod = Paod(tmp_path / "state", origin, extra)
    paod.sync()
    origin.remove("catalog/data")
    propose(origin)
    result, found = preview(paod)
    assert (result.status, result.reason) == ("blocked", "MassRemoval")
    assert "merge it, then" in result.message
    assert found["counts"] == {"removed": 6}
    origin.write(C, "name: [\n")
    propose(origin)
    result, found = preview(paod)
    assert (result.status, result.reason) == ("rejected", "ProblemsFound")
    assert [one["path"] for one in found["problems"]["new"]] == [C]
    assert paod.database.query("SELECT * FROM catalog_validation_errors") == []


@pytest.mark.parametrize(
    ("ref", "status", "reason"),
    [
        ("refs/pull/8/head", "failed", "RefNotFound"),
        ("refs/heads/alone", "blocked", "NoCommonHistory"),
    ],
)
def test_what_cannot_be_looked_at_says_why(
    origin: Origin, paod: Paod, ref: str, status: str, reason: str
) -> None:
    origin.switch("alone").write(C, item("cow")).commit(parents=())
    result, found = preview(paod, ref)
    assert (result.status, result.reason, found) == (status, reason, None)
    assert paod.sync().reason == "UpToDate"


def test_the_remote_is_needed_for_it(tmp_path: Path, origin: Origin, paod: Paod) -> None:
    origin.close()
    origin.path.rename(tmp_path / "hidden.git")
    result, found = preview(paod)
    assert (result.status, result.reason, found) == ("failed", "RepositoryNotFound", None)


def test_before_the_first_sync_all_of_the_branch_is_the_base(
    tmp_path: Path, origin: Origin
) -> None:
    origin.write(A, item("ant")).commit()
    origin.write(C, item("cow"))
    propose(origin)
    paod = Paod(tmp_path / "state", origin)
    _, found = preview(paod)
    assert changes(found) == [("cow", "added")]
    assert paod.store.head().commit is None


def test_a_huge_preview_is_bounded(
    origin: Origin, paod: Paod, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds = import_module("paod.preview.outlook")
    for name in ("MOST_CHANGES", "MOST_PROBLEMS", "MOST_LINES"):
        monkeypatch.setattr(bounds, name, 1)
    origin.write(A, item("ant", version="1.1.0", description="x" * 3000))
    origin.write(B, item("bee", version="1.1.0", most=1))
    origin.write(C, "name: [\n").write("catalog/web/dog.yaml", "name: [\n")
    propose(origin)
    _, found = preview(paod)
    [bee] = found["changes"]
    assert (bee["name"], bee["left_out"]) == ("bee", 2)
    assert found["left_out"] == {"changes": 1, "problems": 1}
    origin.write(A, item("ant", description="x" * 3000))
    propose(origin)
    _, found = preview(paod)
    [line] = found["changes"][0]["differences"]
    assert (line["abridged"], "after" in line) == (True, False)
    monkeypatch.setattr(bounds, "MOST_BYTES", 10)
    [ant] = preview(paod)[1]["changes"]
    assert (ant["effects"], ant["differences"], ant["left_out"]) == ([], [], 1)


def test_the_same_preview_that_waits_is_joined(paod: Paod) -> None:
    request = SyncRequest("manual", ref=REF, dry_run=True)
    first = paod.store.preview(request)
    assert paod.store.preview(request) == first
    assert paod.store.preview(SyncRequest("manual", ref="refs/heads/x", dry_run=True)) != first
    paod.store.claim(dry_run=True)
    assert paod.store.preview(request) != first  # what runs may have looked before


# checkouts


@pytest.fixture
def work(tmp_path: Path, origin: Origin) -> Path:
    origin.write(A, item("ant")).write(B, item("bee")).commit("Begin")
    return origin.clone(tmp_path / "work")


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout.strip()


def settings(**given: str) -> Settings:
    return load(given, repository=False)


def look(folder: Path, commit: str | None = None, **given: str) -> SyncResult:
    checkout = Checkout(folder, "catalog")
    branch = checkout.resolve("origin/main")
    named = None if commit is None else checkout.resolve(commit)
    return plan_checkout(checkout, branch, named, settings(**given), lambda _phase: None)


def test_a_working_tree_is_planned_as_its_commit_would_be(work: Path) -> None:
    (work / A).write_text(item("ant", version="2.0.0", most=10))
    (work / B).unlink()
    (work / "catalog/web").mkdir()
    (work / C).write_text(item("cow"))
    (work / "catalog/web/bad.yaml").write_text("name: [\n")
    (work / "catalog/web/secret.yaml").write_text("name: [\n")
    (work / ".gitignore").write_text("secret.yaml\n")
    result = look(work)
    assert result.preview is not None
    assert (result.status, result.to_commit) == ("completed", None)
    assert changes(result.preview) == [("ant", "changed"), ("bee", "removed"), ("cow", "added")]
    [problem] = result.preview["problems"]["new"]
    assert (problem["path"], problem["commit"]) == ("catalog/web/bad.yaml", None)
    git(work, "checkout", "--quiet", "-b", "feature")
    git(work, "add", "-A")
    git(work, "commit", "--quiet", "-m", "Change")
    committed = look(work, "feature")
    assert committed.to_commit == git(work, "rev-parse", "feature")
    assert committed.preview is not None
    assert committed.preview["changes"] == result.preview["changes"]
    assert look(work).preview["changes"] == result.preview["changes"]


def test_a_checkout_gives_the_same_as_the_daemon(
    origin: Origin, tmp_path: Path, work: Path
) -> None:
    origin.write(A, item("ant", version="1.0.0", most=9)).write(C, bundle("cow", "gone")).remove(B)
    commit = propose(origin)
    origin.write("catalog/web/dog.yaml", item("dog")).commit()
    paod = Paod(tmp_path / "state", origin)
    paod.sync()
    _, found = preview(paod)
    git(work, "fetch", "--quiet", "origin", "main", f"{REF}:refs/remotes/origin/pr")
    assert look(work, commit[:12]).preview == found
    assert [one["code"] for one in found["problems"]["new"]] == [
        "version-conflict",
        "unresolved-item",
    ]


def test_version_rules_know_the_history_of_the_branch(work: Path) -> None:
    (work / A).write_text(item("ant", description="Other"))
    result = look(work, PAO_VERSION_POLICY="enforce", PAO_SYNC_POLICY="strict")
    assert (result.status, result.reason) == ("rejected", "ProblemsFound")
    assert result.preview is not None
    assert [one["code"] for one in result.preview["problems"]["new"]] == ["version-conflict"]


def test_a_shallow_clone_without_the_merge_base_says_what_to_fetch(
    tmp_path: Path, origin: Origin, work: Path
) -> None:
    first = origin.head
    origin.write(C, item("cow")).commit()
    origin.start("feature", first).write(A, item("ant", version="1.1.0")).commit()
    origin.close()
    folder = tmp_path / "shallow"
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=1", "--no-single-branch", origin.url, str(folder)],
        check=True,
        timeout=60,
    )
    with pytest.raises(Blocked, match="no commit in common") as raised:
        look(folder, "origin/feature")
    assert "--unshallow" in raised.value.hint


def test_nothing_is_written_to_a_checkout(work: Path) -> None:
    (work / C).parent.mkdir()
    (work / C).write_text(item("cow"))
    before = sorted((path, path.stat().st_mtime_ns) for path in work.rglob("*"))
    look(work)
    assert sorted((path, path.stat().st_mtime_ns) for path in work.rglob("*")) == before
