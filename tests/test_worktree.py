"""A folder being edited is read as the mirror reads the same files once they are committed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from paod.errors import SettingsError
from paod.mirror import Mirror, Remote
from paod.worktree import blob_oid, files, find_checkout
from tests.nobody import without_root
from tests.origin import Origin


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("not a document")
    folder = tmp_path / "catalog" / "databases"
    folder.mkdir(parents=True)
    (folder / "postgres.yaml").write_text("name: postgres\n")
    return tmp_path


def test_files_come_with_path_and_bytes(checkout: Path) -> None:
    assert list(files(checkout, "catalog")) == [
        ("catalog/databases/postgres.yaml", b"name: postgres\n", "file")
    ]


def test_the_git_folder_is_no_part_of_the_checkout(checkout: Path) -> None:
    assert [path for path, _, _ in files(checkout)] == ["catalog/databases/postgres.yaml"]


def test_one_file_and_a_missing_folder(checkout: Path) -> None:
    [(path, _, _)] = files(checkout, "./catalog/databases/postgres.yaml")
    assert path == "catalog/databases/postgres.yaml"
    assert list(files(checkout, "elsewhere")) == []


def test_links_and_submodules_are_named_and_not_followed(checkout: Path) -> None:
    (checkout / "catalog" / "link.yaml").symlink_to("/etc/passwd")
    (checkout / "catalog" / "linked").symlink_to("/etc")
    (checkout / "catalog" / "sub" / ".git").mkdir(parents=True)
    (checkout / "catalog" / "sub" / "x.yaml").write_text("x")
    assert list(files(checkout, "catalog"))[1:] == [
        ("catalog/link.yaml", None, "symlink"),
        ("catalog/linked", None, "symlink"),
        ("catalog/sub", None, "submodule"),
    ]


def test_a_root_that_is_a_link_is_one_link(checkout: Path) -> None:
    (checkout / "other").symlink_to("catalog")
    assert list(files(checkout, "other")) == [("other", None, "symlink")]


def test_a_file_over_the_limit_is_not_read(checkout: Path) -> None:
    (checkout / "catalog" / "big.yaml").write_bytes(b"x" * 11)
    (checkout / "catalog" / "fits.yaml").write_bytes(b"x" * 10)
    found = {path: data for path, data, _ in files(checkout, "catalog", limit=10)}
    assert found["catalog/big.yaml"] is None
    assert found["catalog/fits.yaml"] == b"x" * 10


def test_a_pipe_does_not_stop_the_reader(checkout: Path) -> None:
    os.mkfifo(checkout / "catalog" / "pipe.yaml")
    assert [path for path, _, _ in files(checkout)] == ["catalog/databases/postgres.yaml"]


def test_names_that_are_not_utf8_are_percent_escaped(checkout: Path) -> None:
    (checkout / "catalog" / os.fsdecode(b"\xff\xc3\xa9.yaml")).write_text("x")
    assert [path for path, _, _ in files(checkout, "catalog")][-1] == "catalog/%FFé.yaml"


def test_a_folder_that_may_not_be_read_is_an_error() -> None:
    def work(folder: Path) -> None:
        (folder / "databases").mkdir(mode=0)
        with pytest.raises(SettingsError, match="databases cannot be read"):
            list(files(folder))

    without_root(work)


def test_the_nearest_checkout_is_found(checkout: Path) -> None:
    document = checkout / "catalog" / "databases" / "postgres.yaml"
    assert find_checkout(document) == checkout
    assert find_checkout(checkout / "catalog" / "not-there.yaml") == checkout


def test_a_linked_working_tree_is_a_checkout_too(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: elsewhere")
    assert find_checkout(tmp_path / "x.yaml") == tmp_path


def test_a_checkout_and_its_commit_say_the_same(tmp_path: Path) -> None:
    origin = Origin(tmp_path)
    origin.write("catalog/a/é.yaml", "a").write("catalog/a.yaml", "b", "100755")
    origin.write("catalog/a-b.yaml", b"\0\xff").symlink("catalog/z.yaml", "a.yaml")
    origin.write("README.md", "outside").commit()
    mirror = Mirror(tmp_path / "mirror", Remote(origin.url), "catalog")
    mirror.open()
    committed = {
        (change.path, change.oid, change.type) for change in mirror.changes(None, mirror.fetch())
    }
    checkout = origin.clone(tmp_path / "work")
    edited = {
        (path, blob_oid(b"a.yaml" if data is None else data), kind)
        for path, data, kind in files(checkout, "catalog")
    }
    assert edited == committed
