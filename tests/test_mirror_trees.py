"""Which files differ between two commits: git's own answer, for every kind of tree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from paod.errors import (
    Blocked,
    FetchFailed,
    MirrorBroken,
)
from paod.mirror import Limits
from paod.model import TreeChange
from tests.mirrors import changed, mirror_of
from tests.origin import Origin


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Origin]:
    with Origin(tmp_path) as origin:
        yield origin


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
    """T5, T6"""
    blob = origin.raw("blob", b"x")
    names = [
        b"\xff\xc3\xa9",
        b"new\nline",
        b"\\",
        b"..",
        b".git",
        b"a/b",
        b"%41",
    ]
    folder = origin.raw_tree(*(("100644", name, blob) for name in names))
    root = origin.raw_tree(("40000", b"catalog", folder))
    head = origin.force(origin.git("commit-tree", root, "-m", "odd names"))
    mirror = mirror_of(origin)
    mirror.fetch()
    found = {change.path.removeprefix("catalog/") for change in mirror.changes(None, head)}
    shown = {"%FFé", "new\nline", "\\", "..", ".git", "a%2Fb", "%41"}
    assert found == shown


def test_a_tree_with_two_entries_of_one_name_is_refused_at_once(origin: Origin) -> None:
    """T7: nobody knows which is meant. Refused before anything is compared, however many."""
    blob, other = origin.raw("blob", b"x"), origin.raw("blob", b"y")
    good = origin.write("catalog/a.yaml", "one").commit()
    for names in ([b"a.yaml"] * 5_000, [b"b/c", b"b%2Fc"]):
        entries = (("100644", name, (blob, other)[at % 2]) for at, name in enumerate(names))
        root = origin.raw_tree(("40000", b"catalog", origin.raw_tree(*entries)))
        head = origin.force(origin.git("commit-tree", root, "-m", "twice"))
        mirror = mirror_of(origin)
        mirror.fetch()
        with pytest.raises(Blocked, match="two entries of one name") as refusal:
            list(mirror.changes(None, head))
        assert refusal.value.reason_given == "MalformedTree"
    assert good != head


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
        (1, 130, "folders deep"),
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
