"""Which files a path stands for when somebody asks to have it checked.

A file is a document by where it lies in its checkout. One that lies under no catalog root is taken
for itself: its content is checked, its path is not.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from paod.errors import SettingsError
from paod.worktree import files, find_checkout


@dataclass(frozen=True, slots=True)
class Part:
    """What is to be checked: files at or below ``below``, a path from the checkout, "" all of it.

    ``whole``: the whole catalog is there, so that documents can be held against each other.
    ``placed``: the files lie under the catalog root, so that their paths are judged too.
    """

    checkout: Path
    below: str
    whole: bool
    placed: bool


def part_of(path: Path, root: str) -> Part:
    """Find the checkout that holds a path, and which part of it the path is."""
    path = Path(os.path.abspath(path))  # noqa: PTH100 (resolve would follow links)
    checkout = next(_checkouts(path, root), None)
    in_git = checkout is not None and _is_git(checkout)
    if not in_git and (path / root).is_dir():
        return Part(path, root, whole=True, placed=True)
    if checkout is not None:
        below = path.relative_to(checkout).as_posix()
        return Part(checkout, below, whole=below == root, placed=True)
    base = find_checkout(path) or (path if path.is_dir() else path.parent)
    below = path.relative_to(base).as_posix()
    return Part(base, "" if below == "." else below, whole=False, placed=False)


def bytes_in(checkout: Path, path: str) -> bytes | None:
    """Return a document's bytes, to show a line of it; None where they are not to be had."""
    try:
        return next((data for _, data, _ in files(checkout, path)), None)
    except SettingsError:
        return None


def _checkouts(path: Path, root: str) -> Iterator[Path]:
    """Yield the folders whose catalog root the path is or lies in; a Git checkout goes first."""
    depth = len(PurePosixPath(root).parts)
    found = [
        folder.parents[depth - 1]
        for folder in (path, *path.parents)
        if len(folder.parents) >= depth and folder.parents[depth - 1] / root == folder
    ]
    yield from sorted(found, key=lambda folder: not _is_git(folder))


def _is_git(folder: Path) -> bool:
    return (folder / ".git").exists()
