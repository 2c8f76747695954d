"""One look after the other at a folder: what differs, whoever changed it and however."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from paod.worktree import Looking
from paod.worktree.looking import YOUNG_SECONDS


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    folder = tmp_path / "catalog" / "databases"
    folder.mkdir(parents=True)
    (folder / "a.yaml").write_text("a")
    (folder / "b.yaml").write_text("b")
    return folder


@pytest.fixture
def looking(tmp_path: Path, catalog: Path) -> Looking:
    """Return one that has looked once."""
    looking = Looking(tmp_path, "catalog", limit=10)
    assert set(looking.changes()) == {"catalog/databases/a.yaml", "catalog/databases/b.yaml"}
    return looking


def test_nothing_changed(looking: Looking) -> None:
    assert looking.changes() == {}


def test_written_in_place(looking: Looking, catalog: Path) -> None:
    (catalog / "a.yaml").write_text("new")
    path = "catalog/databases/a.yaml"
    assert looking.changes() == {path: (path, b"new", "file")}
    assert looking.changes() == {}


def test_the_same_size_within_one_tick_of_the_clock(looking: Looking, catalog: Path) -> None:
    """Though its status is the same as before, to the nanosecond."""
    file = catalog / "a.yaml"
    for text in "xyz":
        before = file.stat()
        with file.open("r+") as opened:
            opened.write(text)
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert [data for _, data, _ in filter(None, looking.changes().values())] == [text.encode()]


def test_renamed_over(looking: Looking, catalog: Path) -> None:
    (catalog / ".a.tmp").write_text("new")
    (catalog / ".a.tmp").rename(catalog / "a.yaml")
    assert list(looking.changes()) == ["catalog/databases/a.yaml"]


def test_touched_or_rewritten_as_it_was_is_no_change(looking: Looking, catalog: Path) -> None:
    os.utime(catalog / "a.yaml", (1, 1))
    (catalog / "b.yaml").unlink()
    (catalog / "b.yaml").write_text("b")
    assert looking.changes() == {}


def test_removed_moved_and_new_folders(looking: Looking, tmp_path: Path, catalog: Path) -> None:
    (catalog / "a.yaml").unlink()
    catalog.rename(tmp_path / "catalog" / "stores")
    moved = "catalog/stores/b.yaml"
    assert looking.changes() == {
        "catalog/databases/a.yaml": None,
        "catalog/databases/b.yaml": None,
        moved: (moved, b"b", "file"),
    }


def test_the_whole_folder_gone_and_back(looking: Looking, tmp_path: Path) -> None:
    (tmp_path / "catalog").rename(tmp_path / "away")
    assert set(looking.changes().values()) == {None}
    (tmp_path / "away").rename(tmp_path / "catalog")
    assert len(looking.changes()) == 2


def test_a_file_becomes_a_link_a_folder_and_too_large(looking: Looking, catalog: Path) -> None:
    path, file = "catalog/databases/a.yaml", catalog / "a.yaml"
    file.unlink()
    file.symlink_to("b.yaml")
    assert looking.changes() == {path: (path, None, "symlink")}
    file.unlink()
    file.mkdir()
    assert looking.changes() == {path: None}
    file.rmdir()
    file.write_text("x" * 11)
    assert looking.changes() == {path: (path, None, "file")}


def test_only_what_changed_is_read(tmp_path: Path, catalog: Path) -> None:
    """Once its time stamp is old enough, a file's status speaks for it."""
    for number in range(10):
        (catalog / f"{number}.yaml").write_bytes(b"x" * 100_000)
    later = time.time() + YOUNG_SECONDS + 1
    looking = Looking(tmp_path, "catalog", limit=200_000, clock=lambda: later)
    assert bytes_read(looking) > 1_000_000
    (catalog / "3.yaml").write_bytes(b"y" * 100_000)
    assert 100_000 <= bytes_read(looking) < 200_000


def bytes_read(looking: Looking) -> int:
    """Return how much this process reads during a look, as the kernel counts it."""
    before = characters_read()
    assert looking.changes()
    return characters_read() - before


def characters_read() -> int:
    return int(Path("/proc/self/io").read_text().split()[1])
