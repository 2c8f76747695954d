"""Hints of changes from real writes to real folders."""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paod.worktree.stirring import QUIET_SECONDS, Stirring

FOREVER = 30.0


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "work" / "catalog" / "databases").mkdir(parents=True)
    return tmp_path / "work"


@pytest.fixture
def stirring(checkout: Path) -> Iterator[Stirring]:
    with Stirring(checkout, "catalog") as stirring:
        yield stirring


def hinted(stirring: Stirring) -> bool:
    began = time.monotonic()
    stirring.wait(FOREVER)
    return time.monotonic() - began < FOREVER


CHANGES: dict[str, Callable[[Path], object]] = {
    "written": lambda folder: (folder / "a.yaml").write_text("a"),
    "in a new folder": lambda folder: (folder / "new" / "deep").mkdir(parents=True),
    "renamed away": lambda folder: folder.rename(folder.parent / "other"),
    "the root renamed": lambda folder: folder.parent.rename(folder.parent.parent / "away"),
    "removed": lambda folder: folder.rmdir(),
    "a link": lambda folder: (folder / "a.yaml").symlink_to("b.yaml"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_changes_is_hinted_at(
    stirring: Stirring, checkout: Path, change: Callable[[Path], object]
) -> None:
    change(checkout / "catalog" / "databases")
    assert hinted(stirring)


def test_reading_is_no_change(stirring: Stirring, checkout: Path) -> None:
    file = checkout / "catalog" / "databases" / "a.yaml"
    file.write_text("a")
    assert hinted(stirring)
    list(file.parent.iterdir())
    file.read_text()
    began = time.monotonic()
    stirring.wait(0.3)
    assert time.monotonic() - began >= 0.3


def test_a_root_that_was_replaced_is_watched_again(stirring: Stirring, checkout: Path) -> None:
    root = checkout / "catalog"
    for number in range(3):
        root.rename(checkout / f"old-{number}")
        root.mkdir()
        assert hinted(stirring)
        stirring.renew()
        (root / "a.yaml").write_text("a")
        assert hinted(stirring)


def test_a_checkout_that_was_replaced_is_watched_again(
    stirring: Stirring, checkout: Path, tmp_path: Path
) -> None:
    checkout.rename(tmp_path / "old")
    stirring.renew()
    (checkout / "catalog").mkdir(parents=True)
    stirring.renew()
    (checkout / "catalog" / "a.yaml").write_text("a")
    assert hinted(stirring)


def test_a_root_that_comes_later(tmp_path: Path) -> None:
    with Stirring(tmp_path, "some/where") as stirring:
        for folder in ("some", "some/where", "some/where/deep"):
            (tmp_path / folder).mkdir()
            assert hinted(stirring)
            stirring.renew()


def test_it_is_waited_until_all_is_quiet(checkout: Path) -> None:
    """Each write well within the quiet time of the last: one hint, after the last of them."""
    file = checkout / "catalog" / "databases" / "a.yaml"
    ended = []

    def write() -> None:
        for number in range(20):
            file.write_text(str(number))
            time.sleep(0.01)
        ended.append(time.monotonic())

    with Stirring(checkout, "catalog", quiet=0.6) as stirring:
        writer = threading.Thread(target=write)
        writer.start()
        assert hinted(stirring)
        now = time.monotonic()
        writer.join()
    assert now >= ended[0]


def test_it_is_waited_until_git_has_ended(stirring: Stirring, checkout: Path) -> None:
    subprocess.run(["git", "init", "-q", str(checkout)], check=True)
    lock = checkout / ".git" / "index.lock"
    lock.touch()
    (checkout / "catalog" / "a.yaml").write_text("a")
    ended = []

    def end() -> None:
        time.sleep(8 * QUIET_SECONDS)
        ended.append(time.monotonic())
        lock.unlink()

    git = threading.Thread(target=end)
    git.start()
    assert hinted(stirring)
    now = time.monotonic()
    git.join()
    assert now >= ended[0]


def test_a_complaint_of_the_watching_library_is_a_hint(
    stirring: Stirring, capfd: pytest.CaptureFixture[str]
) -> None:
    """That is how it tells of an overflow of the kernel's queue."""
    logging.getLogger("watchdog.observers.inotify_c").warning("Inotify queue overflowed")
    assert hinted(stirring)
    assert capfd.readouterr().err == ""
