"""The mirror answers as git does: what moved, which commits, which files, and nothing else."""

from __future__ import annotations

import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from paod.errors import (
    AccessDenied,
    Blocked,
    BranchNotFound,
    CommitNotFound,
    FetchFailed,
    MirrorBroken,
    SettingsError,
)
from paod.mirror import Credentials, Limits, Mirror, Remote, redact
from paod.model import TreeChange
from tests.origin import FIRST_TIME, Origin


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Origin]:
    with Origin(tmp_path) as origin:
        yield origin


def mirror_of(origin: Origin, root: str = "catalog", **options: object) -> Mirror:
    mirror = Mirror(origin.path.parent / "state" / "mirror", Remote(origin.url), root, **options)
    mirror.open()
    return mirror


def changed(mirror: Mirror, old: str | None, new: str) -> dict[str, str | None]:
    """Return each changed path with its new content."""
    found = {}
    for change in mirror.changes(old, new):
        data = None if change.oid is None else mirror.read(change.oid, 1000)
        found[change.path] = data.decode() if isinstance(data, bytes) else None
    return found


# the remote's address


@pytest.mark.parametrize(
    ("url", "kind", "clean"),
    [
        ("https://example.org/o/r.git", "http", "https://example.org/o/r.git"),
        ("https://EXAMPLE.org:8443/r", "http", "https://example.org:8443/r"),
        ("https://u:p%40ss@example.org/r", "http", "https://example.org/r"),
        ("http://127.0.0.1:80/r", "http", "http://127.0.0.1:80/r"),
        ("http://localhost/r", "http", "http://localhost/r"),
        ("http://[::1]:8080/r", "http", "http://[::1]:8080/r"),
        ("ssh://example.org/o/r.git", "ssh", "ssh://git@example.org/o/r.git"),
        ("ssh://me:secret@example.org:2222/r", "ssh", "ssh://me@example.org:2222/r"),
        ("git@example.org:o/r.git", "ssh", "git@example.org:o/r.git"),
        ("example.org:o/r.git", "ssh", "git@example.org:o/r.git"),
        ("file:///srv/git/r.git", "local", "/srv/git/r.git"),
        ("file:///srv/with%20space", "local", "/srv/with space"),
        ("/srv/git/r:1.git", "local", "/srv/git/r:1.git"),
    ],
)
def test_a_url_is_taken_apart_and_cleaned(url: str, kind: str, clean: str) -> None:
    remote = Remote(url)
    assert (remote.address.kind, remote.url) == (kind, clean)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ext::sh -c id",
        "ext::sh",
        "git://example.org/r",
        "ftp://example.org/r",
        "http://example.org/r",
        "http://10.0.0.1/r",
        "http://127.0.0.1.example.org/r",
        "https://",
        "https://exa mple.org/r",
        "https://-o/r",
        "https://example.org:port/r",
        "https://example.org/r?token=x",
        "https://example.org/r#x",
        "https://example.org/r\r\nHost: x",
        "ssh://-oProxyCommand=id/r",
        "ssh://git@example.org/-upload-pack",
        "ssh://git@example.org",
        "-oProxyCommand=id:r",
        "git@-o:r",
        "file://example.org/r",
        "--upload-pack=x",
    ],
)
def test_what_is_never_connected_to_is_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        Remote(url)


@pytest.mark.parametrize("branch", ["", "a b", "a..b", "/x", "x.lock", "a~1", "-", "@{", "x\n"])
def test_a_bad_branch_name_is_refused(branch: str) -> None:
    if branch == "-":
        assert Remote("/x", branch).ref == "refs/heads/-"
        return
    with pytest.raises(SettingsError, match="is not a branch name"):
        Remote("/x", branch)


@pytest.mark.parametrize("proxy", ["", "socks5://x", "http://", "http://x:y", "x:80", "http://a b"])
def test_a_bad_proxy_is_refused_without_being_shown(proxy: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Remote("https://example.org/r", proxy=proxy)
    assert not proxy or proxy not in str(caught.value)


def test_user_and_password_move_out_of_the_url() -> None:
    remote = Remote("https://robot:p%40ss@example.org/r")
    assert remote.secret() == Credentials("robot", "p@ss")
    assert "robot" not in repr(remote)
    assert "p@ss" not in repr(remote)


def test_the_setting_wins_over_the_url() -> None:
    asked = Credentials("x-access-token", "from-settings")
    assert Remote("https://a:b@example.org/r", credentials=lambda: asked).secret() == asked


@pytest.mark.parametrize(
    "url",
    ["https://u:p@h/x", "failed at https://u:p@h/x: no", "http://p@ss:w@h/ and ssh://t@h/"],
)
def test_urls_are_redacted(url: str) -> None:
    assert "@" not in redact(url)
    assert "://h/" in redact(url)


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
    assert references(mirror.folder) == ["refs/paod/main"]


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


@pytest.mark.parametrize(
    "revision",
    [
        *("HEAD", "main", "refs/paod/main", ":/one", "--all", "abc", "", "1234567", "f" * 40),
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


# trees


def test_changes_are_added_modified_deleted_and_moved_files(origin: Origin) -> None:
    origin.write("catalog/a/gone.yaml", "1").write("catalog/a/edit.yaml", "2")
    first = origin.write("catalog/a/move.yaml", "3").write("README.md", "r").commit()
    origin.remove("catalog/a/gone.yaml").write("catalog/a/edit.yaml", "2b")
    origin.move("catalog/a/move.yaml", "catalog/b/moved.yaml").write("README.md", "r2")
    second = origin.write("catalog/c/new.yaml", "4").commit()
    mirror = mirror_of(origin)
    mirror.fetch()
    assert changed(mirror, first, second) == {
        "catalog/a/edit.yaml": "2b",
        "catalog/a/gone.yaml": None,
        "catalog/a/move.yaml": None,
        "catalog/b/moved.yaml": "3",
        "catalog/c/new.yaml": "4",
    }
    assert changed(mirror, second, second) == {}
    assert changed(mirror, None, second) == {
        path: data.decode() for path, data in origin.files().items() if path != "README.md"
    }


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        ("", {"catalog/a/x.yaml", "catalog/y.yaml", "other/z.yaml"}),
        (".", {"catalog/a/x.yaml", "catalog/y.yaml", "other/z.yaml"}),
        ("catalog", {"catalog/a/x.yaml", "catalog/y.yaml"}),
        ("catalog/a", {"catalog/a/x.yaml"}),
        ("./catalog/a/", {"catalog/a/x.yaml"}),
        ("catalog/a/x.yaml", {"catalog/a/x.yaml"}),
        ("catalog/none", set()),
        ("catalog/y.yaml/deeper", set()),
        ("Catalog", set()),
    ],
)
def test_the_root_may_be_anywhere(origin: Origin, root: str, expected: set[str]) -> None:
    origin.write("catalog/a/x.yaml", "x").write("catalog/y.yaml", "y")
    head = origin.write("other/z.yaml", "z").commit()
    mirror = mirror_of(origin, root)
    mirror.fetch()
    assert {change.path for change in mirror.changes(None, head)} == expected


def test_a_mode_change_is_no_change(origin: Origin) -> None:
    """H14, T4"""
    first = origin.write("catalog/a/x.yaml", "x").write("catalog/a/y.yaml", "y").commit()
    second = origin.write("catalog/a/x.yaml", "x", "100755").commit()
    blob = origin.raw("blob", b"y")
    tree = origin.raw_tree(("100664", b"y.yaml", blob), ("0", b"z.yaml", blob))
    for name in ("a", "catalog"):
        tree = origin.raw_tree(("40000", name.encode(), tree))
    origin.force(origin.git("commit-tree", tree, "-p", second, "-m", "odd modes"))
    mirror = mirror_of(origin)
    mirror.fetch()
    assert list(mirror.changes(first, second)) == []
    assert list(mirror.changes(second, origin.head)) == [
        TreeChange("catalog/a/x.yaml", None),
        TreeChange("catalog/a/z.yaml", blob),
    ]


def test_a_file_may_become_a_folder_a_link_or_a_submodule_and_back(origin: Origin) -> None:
    shapes = {
        "file": lambda: origin.write("catalog/x", "file"),
        "folder": lambda: origin.write("catalog/x/y.yaml", "inside"),
        "symlink": lambda: origin.symlink("catalog/x", "/etc/passwd"),
        "submodule": lambda: origin.submodule("catalog/x"),
        "nothing": lambda: origin,
    }
    shown = {
        "file": {("catalog/x", "file")},
        "folder": {("catalog/x/y.yaml", "file")},
        "symlink": {("catalog/x", "symlink")},
        "submodule": {("catalog/x", "submodule")},
        "nothing": set(),
    }
    commits = {}
    for shape, make in shapes.items():
        origin.clear()
        make()
        commits[shape] = origin.commit()
    mirror = mirror_of(origin)
    mirror.fetch()
    for old in shapes:
        for new in shapes:
            found = list(mirror.changes(commits[old], commits[new]))
            there = {(change.path, change.type) for change in found if change.oid}
            gone = {change.path for change in found if not change.oid}
            assert there == (set() if old == new else shown[new])
            same_path = {path for path, _ in shown[new]}
            assert gone == (set() if old == new else {p for p, _ in shown[old]} - same_path)


def test_the_root_itself_may_be_a_link(origin: Origin) -> None:
    first = origin.write("catalog/a/x.yaml", "x").commit()
    second = origin.clear().symlink("catalog", "elsewhere").commit()
    mirror = mirror_of(origin)
    mirror.fetch()
    found = [
        (change.path, change.type, bool(change.oid)) for change in mirror.changes(first, second)
    ]
    assert found == [("catalog/a/x.yaml", "file", False), ("catalog", "symlink", True)]
    back = [(change.path, bool(change.oid)) for change in mirror.changes(second, first)]
    assert back == [("catalog", False), ("catalog/a/x.yaml", True)]


def test_names_of_every_kind_come_as_text(origin: Origin) -> None:
    """T5, T6, T7"""
    blob = origin.raw("blob", b"x")
    names = [
        b"\xff\xc3\xa9",
        b"new\nline",
        b"\\",
        b"..",
        b".git",
        b"a/b",
        b"twice",
        b"twice",
        b"%41",
    ]
    folder = origin.raw_tree(*(("100644", name, blob) for name in names))
    root = origin.raw_tree(("40000", b"catalog", folder))
    head = origin.force(origin.git("commit-tree", root, "-m", "odd names"))
    mirror = mirror_of(origin)
    mirror.fetch()
    found = {change.path.removeprefix("catalog/") for change in mirror.changes(None, head)}
    shown = {"%FFé", "new\nline", "\\", "..", ".git", "a%2Fb", "twice", "%00twice", "%41"}
    assert found == shown


def test_a_file_is_read_up_to_its_limit(origin: Origin) -> None:
    """T9, F17: 8 MB that take 8 KB in the pack are never unpacked."""
    head = (
        origin.write("catalog/a/x.yaml", "12345").write("catalog/b.yaml", bytes(8_000_000)).commit()
    )
    mirror = mirror_of(origin)
    mirror.fetch()
    small, big = mirror.changes(None, head)
    assert mirror.read(small.oid or "", 5) == b"12345"
    assert mirror.read(small.oid or "", 4) == 5
    assert mirror.read(big.oid or "", 262_144) == 8_000_000


def test_a_missing_object_is_a_broken_mirror_and_no_empty_tree(origin: Origin) -> None:
    mirror = mirror_of(origin)
    origin.write("catalog/a/x.yaml", "one").commit()
    mirror.fetch()
    for ask in (
        lambda: mirror.read("1" * 40, 10),
        lambda: list(mirror.changes(None, "1" * 40)),
        lambda: mirror.line("1" * 40, None, 10),
    ):
        with pytest.raises(MirrorBroken):
            ask()


# trees that are too big


def tower(origin: Origin, width: int, height: int) -> str:
    """Make a commit of few objects whose catalog has ``width ** height`` files."""
    tree, mode = origin.raw("blob", b"x"), "100644"
    for _ in range(height):
        tree = origin.raw_tree(*((mode, b"n%04d" % number, tree) for number in range(width)))
        mode = "40000"
    return origin.git("commit-tree", origin.raw_tree(("40000", b"catalog", tree)), "-m", "tower")


@pytest.mark.parametrize(
    ("width", "height", "what"),
    [
        (10, 5, "100000 files"),
        (10, 100, "000 files"),
        (1, 200, "folders deep"),
        (21, 1, "21 files"),
    ],
)
def test_a_tree_bomb_is_blocked_before_it_is_walked(
    origin: Origin, width: int, height: int, what: str
) -> None:
    """T10"""
    head = origin.force(tower(origin, width, height))
    limits = Limits(files=20) if height == 1 else Limits()
    mirror = mirror_of(origin, limits=limits)
    mirror.fetch()
    with pytest.raises(Blocked, match=what) as caught:
        list(mirror.changes(None, head))
    assert caught.value.reason_given == "TooManyFiles"
    with pytest.raises(Blocked):
        mirror.check_size(head)


def test_a_tree_at_the_limit_is_read(origin: Origin) -> None:
    head = origin.force(tower(origin, 20, 1))
    mirror = mirror_of(origin, limits=Limits(files=20))
    mirror.fetch()
    assert len(list(mirror.changes(None, head))) == 20


def test_a_big_tree_may_be_left_again(origin: Origin) -> None:
    big = origin.force(tower(origin, 21, 1))
    small = origin.clear().write("catalog/a/x.yaml", "x").commit()
    mirror = mirror_of(origin, limits=Limits(files=20))
    mirror.fetch()
    assert len(list(mirror.changes(big, small))) == 22


def test_a_folder_of_empty_folders_is_blocked(origin: Origin) -> None:
    empty = origin.raw_tree()
    folder = origin.raw_tree(*(("40000", b"n%02d" % number, empty) for number in range(30)))
    root = origin.raw_tree(("40000", b"catalog", folder))
    head = origin.force(origin.git("commit-tree", root, "-m", "hollow"))
    mirror = mirror_of(origin, limits=Limits(folders=20))
    mirror.fetch()
    with pytest.raises(Blocked, match="31 folders"):
        list(mirror.changes(None, head))


def test_a_tree_that_git_would_not_write_is_blocked(origin: Origin) -> None:
    tree = origin.raw("tree", b"100644 x\0short")
    head = origin.raw("commit", b"tree %s\n\nx" % tree.encode())
    origin.force(head)
    mirror = mirror_of(origin, root="")
    try:
        mirror.fetch()
    except FetchFailed:  # libgit2 may refuse it first
        return
    with pytest.raises(Blocked, match="none that git would write"):
        list(mirror.changes(None, head))


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


def test_changes_are_those_of_git_diff_tree(origin: Origin) -> None:
    chance = Random(4711)
    names = ["a", "b", "b-c", "b.c", "c"]
    commits = []
    for number in range(40):
        for _ in range(chance.randint(1, 4)):
            path = "/".join(["catalog", *chance.choices(names, k=chance.randint(1, 3))])
            act = chance.choice(["write", "write", "write", "remove", "link", "submodule"])
            if act == "write":
                origin.write(path, str(number), chance.choice(["100644", "100755"]))
            elif act == "link":
                origin.symlink(path, "a")
            elif act == "submodule":
                origin.submodule(path)
            else:
                origin.remove(path)
        commits.append(origin.commit())
    mirror = mirror_of(origin)
    mirror.fetch()
    for _ in range(60):
        old, new = chance.choices(commits, k=2)
        expected = diff_tree(origin, old, new)
        found = {(change.path, change.oid) for change in mirror.changes(old, new)}
        assert found == expected


def diff_tree(origin: Origin, old: str, new: str) -> set[tuple[str, str | None]]:
    """Return git's own answer, without the changes of mode alone."""
    told = origin.output("diff-tree", "-r", "-z", "--no-renames", old, new).decode().split("\0")
    found = set()
    for meta, path in zip(told[::2], told[1::2], strict=False):
        _, _, before, after, status = meta.split()
        if status != "M" or before != after:
            found.add((path, None if status == "D" else after))
    return found


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
