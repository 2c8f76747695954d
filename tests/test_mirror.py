"""The mirror answers as git does: what moved, which commits, which files, and nothing else."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from paod.errors import (
    AccessDenied,
    Blocked,
    BranchNotFound,
    CommitNotFound,
    FetchFailed,
)
from paod.mirror import Mirror, Remote
from paod.mirror.objects import Kind, Objects
from tests.mirrors import changed, mirror_of
from tests.origin import FIRST_TIME, Origin
from tests.remote import GitServer


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Origin]:
    with Origin(tmp_path) as origin:
        yield origin


# fetching


def test_a_new_mirror_fetches_the_branch(origin: Origin) -> None:
    head = origin.write("catalog/a/x.yaml", "one").commit()
    mirror = mirror_of(origin)
    assert mirror.tip() is None
    assert mirror.remote_tip() == head
    assert mirror.fetch() == head
    assert mirror.tip() == head


def test_the_next_fetch_brings_what_came_since(origin: Origin) -> None:
    first = origin.write("catalog/a/x.yaml", "one").commit()
    mirror = mirror_of(origin)
    mirror.fetch()
    second = origin.write("catalog/a/x.yaml", "two").commit()
    assert mirror.fetch() == second
    assert changed(mirror, first, second) == {"catalog/a/x.yaml": "two"}


def test_a_fetch_with_nothing_new_transfers_nothing(origin: Origin) -> None:
    head = origin.write("catalog/a/x.yaml", "one").commit()
    mirror = mirror_of(origin)
    mirror.fetch()
    before = list((mirror.folder / "objects" / "pack").iterdir())
    assert mirror.fetch() == head
    assert list((mirror.folder / "objects" / "pack").iterdir()) == before


def test_a_force_push_moves_the_tip_back(origin: Origin) -> None:
    first = origin.write("catalog/a/x.yaml", "one").commit()
    second = origin.write("catalog/a/x.yaml", "two").commit()
    mirror = mirror_of(origin)
    mirror.fetch()
    origin.force(first)
    assert mirror.fetch() == first
    assert not mirror.is_ancestor(second, first)
    assert mirror.is_ancestor(first, second)


def test_a_repository_without_refs_has_no_tip(origin: Origin) -> None:
    mirror = mirror_of(origin)
    assert mirror.remote_tip() is None
    assert mirror.fetch() is None


@pytest.mark.parametrize("end", ["delete", "rename"])
def test_a_branch_that_is_gone_is_not_an_old_success(origin: Origin, end: str) -> None:
    head = origin.write("catalog/a/x.yaml", "one").commit()
    mirror = mirror_of(origin)
    mirror.fetch()
    origin.force(head, "other")
    origin.delete("main") if end == "delete" else origin.rename("main", "trunk")
    with pytest.raises(BranchNotFound, match="no branch 'main'") as caught:
        mirror.fetch()
    assert "'other'" in caught.value.hint
    assert mirror.tip() == head


def test_a_tag_of_the_branchs_name_is_not_the_branch(origin: Origin) -> None:
    origin.write("catalog/a/x.yaml", "one").commit()
    origin.tag("release")
    mirror = Mirror(origin.path.parent / "mirror", Remote(origin.url, "release"), "catalog")
    mirror.open()
    with pytest.raises(BranchNotFound):
        mirror.fetch()


def test_only_the_one_branch_is_fetched(origin: Origin) -> None:
    origin.write("catalog/a/x.yaml", "one").commit()
    origin.tag("v1")
    origin.start("side").write("catalog/a/y.yaml", "side").commit()
    mirror = mirror_of(origin)
    mirror.fetch()
    assert references(mirror.folder) == ["refs/paod/branch"]


def references(mirror: Path) -> list[str]:
    git = ["git", "-C", str(mirror), "for-each-ref", "--format=%(refname)"]
    return subprocess.run(git, capture_output=True, check=True, text=True).stdout.split()


def test_a_plain_path_and_a_working_tree_are_remotes_too(origin: Origin) -> None:
    head = origin.write("catalog/a/x.yaml", "one").commit()
    checkout = origin.clone(origin.path.parent / "work")
    for number, url in enumerate([str(origin.path), str(checkout), f"file://{checkout}"]):
        mirror = Mirror(origin.path.parent / f"mirror{number}", Remote(url), "catalog")
        mirror.open()
        assert mirror.fetch() == head


def test_a_branch_with_slashes_and_a_branch_called_kept(origin: Origin) -> None:
    origin.write("catalog/a/x.yaml", "one").commit()
    for branch in ("kept", "team/catalog"):
        head = origin.start(branch).write("catalog/a/x.yaml", branch).commit()
        mirror = Mirror(origin.path.parent / branch, Remote(origin.url, branch), "catalog")
        mirror.open()
        assert mirror.fetch() == head
        mirror.keep(head)


@pytest.mark.parametrize("branch", ["release/1", "branch/x", "former/1"])
@pytest.mark.parametrize("back", [False, True])
def test_a_branch_below_the_former_ones_name_is_followed(
    origin: Origin, branch: str, back: bool
) -> None:
    """Git cannot hold ``release`` and ``release/1`` beside each other."""
    origin.write("catalog/a/x.yaml", "one").commit()
    heads = {}
    for name in (branch, branch.partition("/")[0])[:: 1 if back else -1]:
        origin.heads.pop(origin.branch, None)
        heads[name] = origin.switch(name).write("catalog/a/x.yaml", name).commit(parents=())
        mirror = Mirror(origin.path.parent / "mirror", Remote(origin.url, name), "catalog")
        mirror.open()
        assert mirror.fetch() == heads[name]
        assert mirror.rebuilds == 0
        origin.delete(name)


def test_another_branch_has_no_tip_before_it_is_fetched(origin: Origin) -> None:
    head = origin.write("catalog/a/x.yaml", "one").commit()
    mirror = mirror_of(origin)
    mirror.fetch()
    mirror.keep(head)
    other = Mirror(mirror.folder, Remote(origin.url, "other"), "catalog")
    other.open()
    assert other.tip() is None
    assert other.resolve(head) == head
    mirror.open()
    assert mirror.tip() is None


def test_a_mirror_of_an_earlier_paod_names_no_branch_and_is_fetched_anew(origin: Origin) -> None:
    head = origin.write("catalog/a/x.yaml", "one").commit()
    mirror = mirror_of(origin)
    mirror.fetch()
    for command in (["config", "--unset", "paod.branch"], ["update-ref", "refs/paod/main", head]):
        subprocess.run(["git", "-C", str(mirror.folder), *command], check=True)
    mirror.open()
    assert references(mirror.folder) == []
    assert mirror.fetch() == head


@pytest.mark.parametrize("path", ["nothing-here", "empty-folder"])
def test_a_path_without_a_repository_is_said(tmp_path: Path, path: str) -> None:
    (tmp_path / "empty-folder").mkdir()
    mirror = Mirror(tmp_path / "mirror", Remote(str(tmp_path / path)), "catalog")
    mirror.open()
    with pytest.raises(AccessDenied) as caught:
        mirror.fetch()
    assert caught.value.reason_given == "RepositoryNotFound"


def test_a_sha256_repository_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "sha256.git"
    git = ["git", "init", "-q", "--bare", "--object-format=sha256", str(path)]
    subprocess.run(git, check=True)
    mirror = Mirror(tmp_path / "mirror", Remote(str(path)), "catalog")
    mirror.open()
    with pytest.raises(FetchFailed, match="SHA-256") as caught:
        mirror.fetch()
    assert caught.value.reason_given == "UnsupportedObjectFormat"


def test_the_phases_are_told_with_their_deadlines(origin: Origin) -> None:
    origin.write("catalog/a/x.yaml", "one").commit()
    told: list[tuple[str, float]] = []
    mirror = mirror_of(origin, on_phase=lambda name, seconds: told.append((name, seconds)))
    mirror.remote_tip()
    mirror.fetch()
    assert told == [("open", 60.0), ("heads", 60.0), ("fetch", 60.0)]


def test_looking_at_every_pack_has_its_own_time_by_size(origin: Origin) -> None:
    """A fetch's few seconds would end a big mirror's start again and again."""
    origin.write("catalog/a/x.yaml", "one").commit()
    told: dict[str, float] = {}
    remote = Remote(origin.url, timeout=1.0)
    mirror = Mirror(origin.path.parent / "mirror", remote, "catalog", on_phase=told.__setitem__)
    mirror.open()
    mirror.fetch()
    big = mirror.folder / "objects" / "pack" / f"pack-{'a' * 40}.pack"
    with big.open("wb") as file:
        file.truncate(400 * 2**20)
    mirror.open()
    assert told["open"] == pytest.approx(160, abs=1)
    assert told["fetch"] == 1.0
    assert not big.exists()


@pytest.fixture
def few_packs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paod.mirror.local._MANY_PACKS", 3)
    monkeypatch.setattr("paod.mirror.local._TOO_MANY_PACKS", 6)


@pytest.mark.usefixtures("few_packs")
@pytest.mark.parametrize("polled", [True, False])
def test_many_small_packs_become_one(origin: Origin, polled: bool) -> None:
    mirror = mirror_of(origin)
    commits = []
    for number in range(20):
        commits.append(origin.write(f"catalog/a/{number}.yaml", "x" * number).commit())
        assert mirror.fetch() == commits[-1]
        if polled:
            assert mirror.remote_tip() == commits[-1]
        packs = len(list((mirror.folder / "objects" / "pack").glob("*.pack")))
        assert packs <= (6 if polled else 9)
    assert len(mirror.line(commits[-1], None, 100).commits) == 20
    assert len(changed(mirror, None, commits[-1])) == 20
    mirror.open()
    assert mirror.rebuilds == 0


def test_putting_packs_together_has_its_own_time(
    origin: Origin, few_packs: None, caplog: pytest.LogCaptureFixture
) -> None:
    told: dict[str, float] = {}
    mirror = mirror_of(origin, on_phase=told.__setitem__)
    for number in range(8):
        origin.write("catalog/a/x.yaml", str(number)).commit()
        mirror.fetch()
    assert list(told) == ["open", "fetch", "consolidate"]
    assert told["consolidate"] == pytest.approx(60, abs=1)
    assert not caplog.records


@pytest.mark.usefixtures("few_packs")
def test_a_pack_that_holds_the_small_ones_already_is_not_deleted_with_them(origin: Origin) -> None:
    """As a process leaves it that is killed after it wrote the pack; a big pack stands beside."""
    origin.write("catalog/a/big.yaml", os.urandom(60_000).hex()).commit()
    mirror = mirror_of(origin)
    mirror.fetch()
    packs = mirror.folder / "objects" / "pack"
    for number in range(3):
        origin.write(f"catalog/a/{number}.yaml", f"{number}").commit()
        mirror.fetch()
    saved = {path: path.read_bytes() for path in packs.iterdir()}
    head = origin.write("catalog/a/3.yaml", "3").commit()
    mirror.fetch()
    saved.update((path, path.read_bytes()) for path in packs.iterdir())
    assert mirror.remote_tip() == head
    for path in saved.keys() - set(packs.iterdir()):
        path.write_bytes(saved[path])
    for _ in range(2):
        mirror.open()
        assert mirror.remote_tip() == head
    assert len(changed(mirror, None, head)) == 5
    assert len(list(packs.glob("*.pack"))) == 2
    assert mirror.rebuilds == 0


# commits


def test_the_line_is_the_first_parents_oldest_first(origin: Origin) -> None:
    first = origin.write("catalog/a/x.yaml", "one").commit("First")
    origin.start("side").write("catalog/a/y.yaml", "side").commit("Aside")
    second = origin.switch("main").write("catalog/a/x.yaml", "two").commit("Second")
    merge = origin.merge("side", "Merge it")
    mirror = mirror_of(origin)
    mirror.fetch()
    line = mirror.line(merge, None, 1000)
    assert [commit.hash for commit in line.commits] == [first, second, merge]
    assert not line.continues
    assert changed(mirror, second, merge) == {"catalog/a/y.yaml": "side"}
    assert mirror.on_line(second, merge, 1000)
    assert not mirror.on_line(origin.heads["side"], merge, 1000)
    assert mirror.is_ancestor(origin.heads["side"], merge)


@pytest.mark.parametrize(
    ("applied", "depth", "expected", "continues"),
    [
        (None, 9, [0, 1, 2, 3, 4], False),
        (None, 5, [0, 1, 2, 3, 4], False),
        (None, 3, [2, 3, 4], False),
        (4, 9, [], True),
        (2, 9, [3, 4], True),
        (2, 2, [3, 4], True),
        (1, 2, [3, 4], False),
        (0, 9, [1, 2, 3, 4], True),
    ],
)
def test_the_line_continues_from_the_applied_commit_within_the_depth(
    origin: Origin, applied: int | None, depth: int, expected: list[int], continues: bool
) -> None:
    made = [origin.write("catalog/a/x.yaml", str(n)).commit() for n in range(5)]
    mirror = mirror_of(origin)
    mirror.fetch()
    line = mirror.line(made[-1], None if applied is None else made[applied], depth)
    assert [made.index(commit.hash) for commit in line.commits] == expected
    assert line.continues is continues


def test_a_commit_that_is_not_on_the_line_is_started_anew_from(origin: Origin) -> None:
    first = origin.write("catalog/a/x.yaml", "one").commit()
    second = origin.write("catalog/a/x.yaml", "two").commit()
    origin.force(first)
    third = origin.write("catalog/a/x.yaml", "three").commit()
    mirror = mirror_of(origin)
    mirror.fetch()
    line = mirror.line(third, second, 1000)
    assert [commit.hash for commit in line.commits] == [first, third]
    assert not line.continues


def test_a_commit_has_author_utc_time_and_subject(origin: Origin) -> None:
    origin.write("catalog/a/x.yaml", "one")
    head = origin.commit("Add x\nfor all\n\nBody", author="Jörg <j@example.org>", when=FIRST_TIME)
    mirror = mirror_of(origin)
    mirror.fetch()
    [commit] = mirror.line(head, None, 10).commits
    assert (commit.author, commit.time, commit.subject) == (
        "Jörg",
        "2025-01-06T09:00:00Z",
        "Add x for all",
    )


ODD_COMMITS = {
    "future": (b"A <a@b> 1 +0000", b"A <a@b> 9999999999999 +0000", "9999-12-31T23:59:59Z"),
    "year-5138": (b"A <a@b> 1 +0000", b"A <a@b> 99999999999 +9999", "5138-11-16T09:46:39Z"),
    "negative": (b"A <a@b> 1 +0000", b"A <a@b> -86400 -9999", "1969-12-31T00:00:00Z"),
    "no-date": (b"A <a@b>", b"A <a@b>", "1970-01-01T00:00:00Z"),
    "not-utf8": (b"A\xff\xfe <a@b> 1 +0000", b"A <a@b> 60 +0000", "1970-01-01T00:01:00Z"),
    "control": (b"A\x1b[31m\x00 <a@b> 1 +0000", b"A <a@b> 60 +0000", "1970-01-01T00:01:00Z"),
    "no-name": (b" <a@b> 1 +0000", b"A <a@b> 60 zone", "1970-01-01T00:01:00Z"),
}


@pytest.mark.parametrize("name", ODD_COMMITS)
def test_odd_dates_and_names_never_stop_a_sync(origin: Origin, name: str) -> None:
    """H17"""
    author, committer, time = ODD_COMMITS[name]
    origin.write("catalog/a/x.yaml", "one").commit()
    tree = origin.git("rev-parse", "main^{tree}")
    raw = b"tree %s\nauthor %s\ncommitter %s\n\nsubject \xff\n" % (tree.encode(), author, committer)
    head = origin.force(origin.raw("commit", raw))
    mirror = mirror_of(origin)
    assert mirror.fetch() == head
    [commit] = mirror.line(head, None, 10).commits
    assert commit.time == time
    assert commit.subject == "subject \N{REPLACEMENT CHARACTER}"
    assert commit.author.isprintable()
    commit.author.encode()


def test_a_declared_encoding_is_used(origin: Origin) -> None:
    origin.write("catalog/a/x.yaml", "one").commit()
    tree = origin.git("rev-parse", "main^{tree}").encode()
    who = b"J\xf6rg <j@x> 1 +0000"
    raw = b"tree %s\nauthor %s\ncommitter %s\nencoding ISO-8859-1\n\n\xfcber\n" % (tree, who, who)
    head = origin.force(origin.raw("commit", raw))
    mirror = mirror_of(origin)
    mirror.fetch()
    [commit] = mirror.line(head, None, 10).commits
    assert (commit.author, commit.subject) == ("Jörg", "über")


@pytest.mark.parametrize("encoding", [b"iso-8859-12", b"windows-1259", b"utf-7", b"\xff", b"rot13"])
def test_an_encoding_that_nobody_knows_is_read_as_utf8(origin: Origin, encoding: bytes) -> None:
    origin.write("catalog/a/x.yaml", "one").commit()
    tree = origin.git("rev-parse", "main^{tree}").encode()
    who = "Jörg <j@x> 1 +0000".encode()
    raw = b"tree %s\nauthor %s\ncommitter %s\nencoding %s\n\nx\n" % (tree, who, who, encoding)
    head = origin.force(origin.raw("commit", raw))
    mirror = mirror_of(origin)
    mirror.fetch()
    assert [commit.author for commit in mirror.line(head, None, 10).commits] == ["Jörg"]


MALFORMED_COMMITS = {
    "no-author": b"committer A <a@b> 1 +0000\n\nx",
    "no-committer": b"author A <a@b> 1 +0000\n\nx",
    "no-addresses": b"author A\ncommitter B\n\nx",
    "nothing": b"\nx",
}


@pytest.mark.parametrize("name", MALFORMED_COMMITS)
def test_a_malformed_commit_in_the_line_is_passed_over(origin: Origin, name: str) -> None:
    """H17: libgit2 cannot walk past it, neither to fetch what follows nor once it is mended."""
    first = origin.write("catalog/a/x.yaml", "one").commit()
    tree = origin.git("rev-parse", "main^{tree}")
    raw = f"tree {tree}\nparent {first}\n".encode() + MALFORMED_COMMITS[name]
    with GitServer(origin.path.parent) as server:
        mirror = Mirror(origin.path.parent / "mirror", Remote(server.url()), "catalog")
        mirror.open()
        odd = origin.force(origin.raw("commit", raw))
        assert mirror.fetch() == odd
        mirror.keep(odd)
        after = origin.force(origin.git("commit-tree", tree, "-p", odd, "-m", "After"))
        assert mirror.fetch() == after
        assert [c.hash for c in mirror.line(after, None, 9).commits] == [first, odd, after]
        assert mirror.is_ancestor(first, after)
        mended = origin.force(origin.git("commit-tree", tree, "-p", first, "-m", "Mended"))
        assert mirror.fetch() == mended
        assert not mirror.is_ancestor(after, mended)
    assert references(mirror.folder)[0] == "refs/kept/applied"
    assert mirror.rebuilds == 0


@pytest.mark.parametrize("name", [*MALFORMED_COMMITS, "late"])
def test_over_a_path_a_malformed_commit_is_copied_as_it_is(origin: Origin, name: str) -> None:
    """There libgit2 walks the remote's side too, and shows no branch at all."""
    first = origin.write("catalog/a/x.yaml", "one").commit()
    mirror = mirror_of(origin)
    mirror.fetch()
    mirror.keep(first)
    tree = origin.git("rev-parse", "main^{tree}")
    late = b"author A <a@b> %d +0000\ncommitter A <a@b> %d +0000\n\nx" % (2**63, 2**64)
    odd = MALFORMED_COMMITS.get(name, late)
    head = origin.force(origin.raw("commit", f"tree {tree}\nparent {first}\n".encode() + odd))
    assert mirror.fetch() == mirror.tip() == mirror.remote_tip() == head
    assert references(mirror.folder) == ["refs/kept/applied", "refs/paod/branch"]
    after = origin.force(origin.git("commit-tree", tree, "-p", head, "-m", "After"))
    fresh = Mirror(origin.path.parent / "fresh", Remote(origin.url), "catalog")
    fresh.open()
    for one in (mirror, fresh):
        assert one.fetch() == after
        assert [commit.hash for commit in one.line(after, None, 9).commits] == [first, head, after]
        assert one.rebuilds == 0


def test_a_commit_that_is_too_large_is_passed_over_where_another_follows(
    origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its message is 17 MB, say: read for its parent; a far larger one ends the history."""
    monkeypatch.setattr("paod.mirror.history.COMMIT_OBJECT", 1000)
    monkeypatch.setattr("paod.mirror.history.PASSED_COMMIT_OBJECT", 5000)
    first = origin.write("catalog/a/x.yaml", "one").commit()
    origin.write("catalog/a/y.yaml", "two").commit("m" * 2000)
    mirror = mirror_of(origin)
    mirror.fetch()
    with pytest.raises(Blocked) as caught:
        mirror.line(origin.head, first, 9)
    assert caught.value.reason_given == "TooLarge"
    after = origin.write("catalog/a/z.yaml", "three").commit()
    mirror.fetch()
    line = mirror.line(after, first, 9)
    assert ([commit.hash for commit in line.commits], line.continues) == ([after], True)
    origin.commit("m" * 6000)
    last = origin.write("catalog/a/z.yaml", "four").commit()
    mirror.fetch()
    for applied in (None, first, after):
        line = mirror.line(last, applied, 9)
        assert ([commit.hash for commit in line.commits], line.continues) == ([last], False)


def test_each_commit_of_a_line_is_read_once(
    origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each may have a message of 15 MB, all of which libgit2 unpacks."""
    for place in range(5):
        origin.write("catalog/a/x.yaml", str(place)).commit()
    mirror = mirror_of(origin)
    mirror.fetch()
    read: list[str] = []
    within = Objects.read_within

    def counted(objects: Objects, oid: str, kind: Kind, limit: int) -> bytes | int:
        read.extend([oid] if kind == "commit" else [])
        return within(objects, oid, kind, limit)

    monkeypatch.setattr(Objects, "read_within", counted)
    line = [commit.hash for commit in mirror.line(origin.head, None, 9).commits]
    for before, after in pairwise(line):
        list(mirror.changes(before, after))
    assert mirror.is_ancestor(line[0], line[-1])
    assert sorted(read) == sorted(line)


@pytest.mark.parametrize(
    "revision",
    [
        *("HEAD", "main", "refs/paod/branch", ":/one", "--all", "abc", "", "1234567", "f" * 40),
        *("f" * 41, "f" * 64, "f" * 65, "g" * 7, "0" * 40, "abcdef1\n", "é" * 7),
    ],
)
def test_only_hex_digits_of_a_commit_are_a_revision(origin: Origin, revision: str) -> None:
    origin.write("catalog/a/x.yaml", "one").commit()
    mirror = mirror_of(origin)
    mirror.fetch()
    with pytest.raises(CommitNotFound):
        mirror.resolve(revision)


def test_a_commit_is_found_by_its_first_digits_a_blob_is_not(origin: Origin) -> None:
    head = origin.write("catalog/a/x.yaml", "one").commit()
    mirror = mirror_of(origin)
    mirror.fetch()
    assert mirror.resolve(head) == mirror.resolve(head[:7]) == mirror.resolve(head[:12].upper())
    [change] = mirror.changes(None, head)
    with pytest.raises(CommitNotFound):
        mirror.resolve(change.oid or "")


def test_a_commit_of_another_branch_is_not_found_until_it_is_merged(origin: Origin) -> None:
    origin.write("catalog/a/x.yaml", "one").commit()
    side = origin.start("side").write("catalog/a/y.yaml", "side").commit()
    main = origin.switch("main").write("catalog/a/x.yaml", "two").commit()
    mirror = mirror_of(origin)
    mirror.fetch()
    with pytest.raises(CommitNotFound, match="not in the history of branch 'main'"):
        mirror.resolve(side)
    mirror.keep(side)
    assert mirror.resolve(side) == side
    mirror.keep(main)
    origin.merge("side")
    mirror.fetch()
    assert mirror.resolve(side) == side


def test_what_force_pushes_took_off_the_branch_can_be_rolled_back_to(origin: Origin) -> None:
    """A bad force push is what one rolls back from."""
    first = origin.write("catalog/a/x.yaml", "one").commit()
    mirror = mirror_of(origin)
    left = []
    for number in range(22):
        below = origin.write("catalog/a/x.yaml", f"{number}").commit()
        left.append((below, origin.write("catalog/a/y.yaml", f"{number}").commit()))
        mirror.fetch()
        origin.force(first)
    mirror.fetch()
    mirror.keep(first)
    mirror.open()
    for below, head in left[-20:]:
        assert mirror.resolve(below) == below
        assert mirror.resolve(head) == head
    with pytest.raises(CommitNotFound):
        mirror.resolve(left[0][1])
    assert len(references(mirror.folder)) == 22


def test_former_tips_are_forgotten_with_their_branch(origin: Origin) -> None:
    first = origin.write("catalog/a/x.yaml", "one").commit()
    second = origin.write("catalog/a/x.yaml", "two").commit()
    mirror = mirror_of(origin)
    mirror.fetch()
    origin.force(first)
    mirror.fetch()
    assert mirror.resolve(second) == second
    origin.start("other")
    other = Mirror(mirror.folder, Remote(origin.url, "other"), "catalog")
    other.open()
    assert other.fetch() == first
    with pytest.raises(CommitNotFound):
        other.resolve(second)


def test_a_kept_commit_survives_git_gc(origin: Origin) -> None:
    first = origin.write("catalog/a/x.yaml", "one").commit()
    second = origin.write("catalog/a/x.yaml", "two").commit()
    third = origin.write("catalog/a/x.yaml", "three").commit()
    mirror = mirror_of(origin)
    mirror.fetch()
    for commit in (first, second, second, third):
        mirror.keep(commit)
    origin.clear().write("other", "x").commit("Begin anew", parents=())
    mirror.fetch()
    gc = ["git", "-C", str(mirror.folder), "gc", "-q", "--prune=now"]
    subprocess.run(gc, check=True, capture_output=True)
    mirror.open()
    assert mirror.rebuilds == 0
    assert mirror.resolve(third) == third
    assert len(mirror.line(third, None, 10).commits) == 3


# the folder


def test_the_mirror_is_private_and_holds_no_secret(origin: Origin) -> None:
    origin.write("catalog/a/x.yaml", "one").commit()
    mirror = mirror_of(origin)
    mirror.fetch()
    assert stat.S_IMODE(mirror.folder.stat().st_mode) == 0o700
    config = (mirror.folder / "config").read_text()
    assert "followRedirects = false" in config
    assert not (mirror.folder / "index").exists()


def test_another_repository_gets_another_mirror(origin: Origin) -> None:
    first = origin.write("catalog/a/x.yaml", "one").commit()
    mirror = mirror_of(origin)
    mirror.fetch()
    other = Origin(origin.path.parent, name="other.git")
    second = other.write("catalog/a/x.yaml", "other").commit()
    moved = Mirror(mirror.folder, Remote(other.url), "catalog")
    moved.open()
    assert moved.tip() is None
    assert moved.fetch() == second
    with pytest.raises(CommitNotFound):
        moved.resolve(first)
    other.close()


def test_a_mirror_that_borrows_is_deleted_when_it_cannot_be_used(origin: Origin) -> None:
    """It holds proposals alone: kept aside, each would take as much again as it may at most."""
    commit = origin.write("catalog/a/x.yaml", "one").commit()
    lender = mirror_of(origin)
    lender.fetch()
    folder = lender.folder.with_name("previews.git")
    for _ in range(2):
        annex = Mirror(folder, Remote(origin.url), "catalog", lender=lender.folder)
        annex.open()
        assert annex.fetch() == commit
        stranger = folder / "objects" / "ab"
        stranger.mkdir()
        (stranger / ("c" * 38)).write_bytes(b"")
    annex.open()
    assert sorted(path.name for path in folder.parent.iterdir()) == ["mirror", "previews.git"]


@pytest.mark.usefixtures("few_packs")
def test_fetching_leaks_no_file_descriptors(origin: Origin) -> None:
    """O13: one stays open for each pack, and packs are put together from time to time."""
    mirror = mirror_of(origin)
    counts = []
    for number in range(40):
        origin.write("catalog/a/x.yaml", str(number)).commit()
        mirror.fetch()
        counts.append(len(list(Path("/proc/self/fd").iterdir())))
    assert max(counts[20:]) <= max(counts[:20]) + 2
