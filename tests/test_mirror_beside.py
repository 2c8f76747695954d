"""Refs beside the followed branch, and a checkout's own repository: read, never disturbed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from paod.errors import Blocked, BranchNotFound, CommitNotFound, SettingsError
from paod.mirror import Checkout, Mirror, Remote
from tests.mirrors import changed, mirror_of
from tests.origin import Origin
from tests.remote import GitServer

A, B = "catalog/data/ant.yaml", "catalog/data/bee.yaml"


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Origin]:
    with Origin(tmp_path) as made:
        yield made


def propose(origin: Origin, number: int = 7) -> str:
    """Put one more commit where a host keeps those of a pull request."""
    origin.start("proposed")
    commit = origin.write(B, "bee").commit("Propose bee")
    origin.git("update-ref", f"refs/pull/{number}/head", commit)
    origin.delete("proposed")
    origin.switch("main")
    return commit


def test_a_pull_request_is_fetched_and_the_branch_stays(origin: Origin) -> None:
    first = origin.write(A, "ant").commit()
    mirror = mirror_of(origin)
    mirror.fetch()
    proposed = propose(origin)
    second = origin.write(A, "ant, grown").commit()
    assert mirror.fetch_beside("refs/pull/7/head") == proposed
    assert mirror.tip() == first
    assert mirror.fetch() == second
    assert mirror.merge_base(proposed, second) == first
    assert changed(mirror, first, proposed) == {B: "bee"}
    held = subprocess.run(
        ["git", "-C", str(mirror.folder), "for-each-ref", "--format=%(refname)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert held.stdout.split() == ["refs/paod/branch"]
    with pytest.raises(CommitNotFound):
        mirror.resolve(proposed)


def test_a_commit_that_a_ref_shows_is_found_by_its_digits(origin: Origin) -> None:
    origin.write(A, "ant").commit()
    mirror = mirror_of(origin)
    mirror.fetch()
    proposed = propose(origin)
    assert mirror.fetch_beside(proposed[:9]) == proposed
    assert mirror.fetch_beside(proposed) == proposed


@pytest.mark.parametrize("wanted", ["refs/pull/8/head", "refs/heads/nothing", "0123456789"])
def test_a_ref_that_the_remote_has_not_is_said(origin: Origin, wanted: str) -> None:
    origin.write(A, "ant").commit()
    origin.git("tag", "-a", "-m", "x", "v1")
    mirror = mirror_of(origin)
    with pytest.raises(BranchNotFound, match=f"has no ref .*{wanted}") as raised:
        mirror.fetch_beside(wanted)
    assert raised.value.reason_given == "RefNotFound"


def test_a_malformed_proposal_stands_in_no_later_fetchs_way(origin: Origin) -> None:
    """Libgit2 cannot walk past it, so nothing may hold it."""
    first = origin.write(A, "ant").commit()
    with GitServer(origin.path.parent) as server:
        mirror = Mirror(origin.path.parent / "mirror", Remote(server.url()), "catalog")
        mirror.open()
        mirror.fetch()
        tree = origin.git("rev-parse", f"{first}^{{tree}}")
        odd = origin.raw("commit", f"tree {tree}\nparent {first}\n\nno author\n".encode())
        origin.git("update-ref", "refs/pull/1/head", odd)
        assert mirror.fetch_beside("refs/pull/1/head") == odd
        assert mirror.merge_base(odd, first) == first
        second = origin.write(A, "ant, grown").commit()
        assert mirror.fetch() == second
    assert mirror.rebuilds == 0


def test_two_histories_have_no_commit_in_common(origin: Origin) -> None:
    origin.write(A, "ant").commit()
    alone = origin.switch("alone").write(B, "bee").commit(parents=())
    mirror = mirror_of(origin.switch("main"))
    head = mirror.fetch()
    assert mirror.fetch_beside("refs/heads/alone") == alone
    with pytest.raises(Blocked, match="no commit in common"):
        mirror.merge_base(alone, head or "")


@pytest.fixture
def checkout(tmp_path: Path, origin: Origin) -> Checkout:
    for number in range(3):
        origin.write(A, f"ant {number}").commit()
    origin.git("tag", "-a", "-m", "x", "v1")
    origin.start("feature/x").write(B, "bee").commit()
    return Checkout(origin.clone(tmp_path / "work"), "catalog")


@pytest.mark.parametrize(
    ("revision", "back"),
    [
        *(("main", 0), ("HEAD", 0), ("origin/main", 0), ("v1", 0), ("HEAD~", 1), ("main^^", 2)),
        *(("HEAD~2", 2), ("refs/heads/main", 0), ("refs/remotes/origin/HEAD", 0)),
    ],
)
def test_a_revision_is_a_name_and_steps_back(
    checkout: Checkout, origin: Origin, revision: str, back: int
) -> None:
    expected = origin.git("rev-parse", f"main~{back}")
    assert checkout.resolve(revision) == expected
    assert checkout.resolve(expected[:8]) == expected


@pytest.mark.parametrize(
    "revision",
    [
        *("", "HEAD~9", ":/Add", "main@{1}", "main:catalog", "nothing", "--all", "main^{tree}"),
        *("../main", "feature", "abc", "main..HEAD", "refs/heads/", "~" * 100_000, "HEAD~9999999"),
    ],
)
def test_no_expression_is_a_revision(checkout: Checkout, revision: str) -> None:
    with pytest.raises(CommitNotFound, match="names no commit"):
        checkout.resolve(revision)


def test_work_is_based_on_what_the_remote_calls_its_head(checkout: Checkout) -> None:
    assert checkout.upstream() == "origin/main"


def test_a_shallow_clone_ends_where_it_was_cut(tmp_path: Path, origin: Origin) -> None:
    for number in range(4):
        origin.write(A, f"ant {number}").commit()
    origin.close()
    folder = tmp_path / "shallow"
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=2", origin.url, str(folder)], check=True, timeout=60
    )
    checkout = Checkout(folder, "catalog")
    line = checkout.line(checkout.resolve("HEAD"), None, 100)
    assert len(line.commits) == 2
    linked = tmp_path / "linked"
    add = ["git", "-C", str(folder), "worktree", "add", "--quiet", "-b", "x", str(linked)]
    subprocess.run(add, check=True, timeout=60)
    checkout = Checkout(linked, "catalog")
    assert len(checkout.line(checkout.resolve("x"), None, 100).commits) == 2


def test_a_folder_that_is_no_repository_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be opened"):
        Checkout(tmp_path, "catalog")
