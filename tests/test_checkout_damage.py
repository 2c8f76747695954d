"""A checkout whose references are damaged is named in a sentence, whatever was asked of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from paod.errors import CommitNotFound, PaodError, SettingsError
from paod.mirror import Checkout
from tests.origin import Origin

DAMAGED = ("packed-refs", "refs/heads/main", "HEAD", "refs")
CALLS: tuple[Callable[[Checkout], object], ...] = (
    lambda checkout: checkout.is_new,
    lambda checkout: checkout.is_ignored("a"),
    lambda checkout: checkout.resolve("HEAD"),
    lambda checkout: checkout.resolve("main"),
    lambda checkout: checkout.resolve("other"),
    lambda checkout: checkout.upstream(),
    lambda checkout: checkout.complete([], 3),
)


@pytest.fixture(name="clone")
def _clone(tmp_path: Path) -> Path:
    with Origin(tmp_path) as origin:
        origin.write("a", "b").commit("Begin")
        return origin.clone(tmp_path / "clone")


def outcome(folder: Path, call: Callable[[Checkout], object]) -> PaodError | None:
    """Return what a call raises; whatever is no error of paod's goes on."""
    try:
        call(Checkout(folder, "catalog"))
    except PaodError as error:
        return error
    return None


@pytest.mark.parametrize("place", DAMAGED)
def test_no_error_of_libgit2_comes_through(clone: Path, place: str) -> None:
    damaged = clone / ".git" / place
    if damaged.is_dir():
        damaged.rename(damaged.with_name("away"))
    else:
        damaged.write_bytes(b"garbage\n")
    found = [error for call in CALLS if (error := outcome(clone, call)) is not None]
    assert found, "nothing was damaged"
    for error in found:
        assert isinstance(error, SettingsError | CommitNotFound)
        assert str(clone) in str(error) or "names no commit" in str(error)
        assert error.hint
