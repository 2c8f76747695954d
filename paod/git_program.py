"""The author's own git, asked what only it knows: a checkout's index, objects that it fetches late.

Never asked by the daemon, which has libgit2. Bounded in time, never at a prompt, and what it
complains of is handed on in its own words.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection, Sequence
from pathlib import Path

from paod.errors import SettingsError

SECONDS = 30.0
FETCH_SECONDS = 600.0
_ROUNDS = 32
"""Levels of folders that a clone without trees may have to ask for one after the other."""
_LISTING = ("--objects", "--no-object-names", "--missing=print")
_FETCH = ("-c", "fetch.negotiationAlgorithm=noop", "fetch")
_AS_GIT_DOES = (
    *("--no-tags", "--no-write-fetch-head", "--recurse-submodules=no"),
    *("--filter=blob:none", "--stdin"),
)
_HINT = "`git status` and `git fetch` in that folder may tell more"


def git(folder: Path, *arguments: str, feed: bytes = b"", seconds: float = SECONDS) -> bytes:
    """Return what git prints in a folder; raise ``SettingsError`` with its words where it fails."""
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(  # noqa: S603 (the program and its options are ours)
            command,
            input=feed,
            capture_output=True,
            env=environment,
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError:
        message = f"{folder} cannot be read without the program git"
        raise SettingsError(message, "install git") from None
    except subprocess.TimeoutExpired:
        message = f"git did not end within {seconds:.0f} seconds in {folder}"
        raise SettingsError(message, _HINT) from None
    if done.returncode != 0:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()
        said = words[-1] if words else f"exit status {done.returncode}"
        raise SettingsError(f"git fails in {folder}: {said[:300]}", _HINT)
    return done.stdout


def promisor(folder: Path) -> str | None:
    """Return the remote from which a partial clone fetches what it lacks, None: it is whole."""
    asked = ("config", "--get-regexp", r"^remote\..*\.promisor$")
    try:
        found = git(folder, *asked).decode("utf-8", "replace").splitlines()
    except SettingsError:  # git says so where nothing is set
        return None
    names = [line.split(" ") for line in found]
    return next((name[7:-9] for name, value in names if value in ("true", "1", "yes")), None)


def complete(folder: Path, tips: Collection[str], below: str, depth: int) -> None:
    """Have a partial clone fetch what it lacks of some commits' first-parent lines, below a folder.

    All at once, which git by itself would do one by one, and libgit2 not at all. ``depth``: so many
    commits back. Raises ``SettingsError`` where git cannot.
    """
    remote = promisor(folder)
    if remote is None:
        return
    line = ("rev-list", "--first-parent", f"-n{depth}")
    if not _filter_of(folder, remote).startswith("blob:"):
        _fetch_all(folder, remote, (*line, "--filter=blob:none", *_LISTING, *tips))
    commits = git(folder, *line, *tips).split()
    asked = b"".join(b"%s:%s\n" % (commit, os.fsencode(below)) for commit in commits)
    named = git(folder, "cat-file", "--batch-check", feed=asked).splitlines()
    trees = {words[0] for words in map(bytes.split, named) if words[1:2] == [b"tree"]}
    _fetch_all(folder, remote, ("rev-list", *_LISTING, "--stdin"), b"\n".join(sorted(trees)))


def _filter_of(folder: Path, remote: str) -> str:
    try:
        found = git(folder, "config", f"remote.{remote}.partialclonefilter")
    except SettingsError:  # it is not set
        return ""
    return found.decode("utf-8", "replace").strip()


def _fetch_all(folder: Path, remote: str, walk: Sequence[str], feed: bytes = b"") -> None:
    """Fetch what a walk misses; a tree that was missing may hide more, so it is walked again."""
    for _ in range(_ROUNDS):
        listed = git(folder, *walk, feed=feed, seconds=FETCH_SECONDS).splitlines()
        lacking = b"".join(line[1:] + b"\n" for line in listed if line.startswith(b"?"))
        if not lacking:
            return
        git(folder, *_FETCH, remote, *_AS_GIT_DOES, feed=lacking, seconds=FETCH_SECONDS)
