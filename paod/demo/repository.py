"""Makes the demo's repository: the example catalog, with a few commits of history.

It uses the git program, as the people do whom the demo shows how to change a catalog; what it makes
is an ordinary repository that a second terminal can commit to.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from paod.errors import PaodError, SettingsError

ROOT = "catalog"
SHOWCASE = f"{ROOT}/databases/postgres-database.yaml"
"""The document that has an earlier version in the history, and that the demo's hints change."""
FIRST_VERSION = "0.9.0"
GIT_SECONDS = 60.0
README = """# The demo's catalog

An ordinary Git repository that `paod demo` follows. Edit a file under `catalog/` and commit:
the change is served a moment later.
"""

_RENAMED = re.compile(r"^renamed_from: (.*)\n", re.M)

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class _Author:
    name: str
    email: str


_ADA = _Author("Ada Example", "ada@example.org")
_BEN = _Author("Ben Example", "ben@example.org")


@dataclass(frozen=True, slots=True)
class _Commit:
    """``files``: path in the repository to text. ``days``: how long ago it was made."""

    author: _Author
    days: int
    subject: str
    files: dict[str, str]


def make_repository(folder: Path) -> None:
    """Make a repository with history in ``folder``, which does not exist yet.

    Raise SettingsError when there is no git program.
    """
    commits = list(_history(_example()))
    folder.mkdir(parents=True)
    _git(folder, "init", "--quiet", "--initial-branch=main")
    _configure(folder)
    for commit in commits:
        _write(folder, commit.files)
        _git(folder, "add", "--all")
        _git(folder, "commit", "--quiet", "--message", commit.subject, stamp=commit)


def require_git() -> None:
    """Raise SettingsError when there is no git program."""
    if shutil.which("git") is None:
        raise SettingsError(
            "paod demo makes a Git repository and finds no git program",
            "install git (Debian: apt install git); paod itself does not need it",
        )


def example_folder() -> Path:
    """Return the example catalog: in the installed package, or in the checkout."""
    for folder in (_HERE / "example-catalog", _HERE.parents[1] / "config" / "example-catalog"):
        if folder.is_dir():
            return folder
    raise PaodError("the example catalog is missing from this installation", "install paod again")


def _example() -> dict[str, str]:
    """Read the example catalog: path in the repository to text."""
    folder = example_folder()
    documents = sorted((folder / ROOT).rglob("*.yaml"))
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in documents}


def _history(example: dict[str, str]) -> Iterator[_Commit]:
    """Tell the example as a history: a beginning, more items, a new version, bundles."""
    bundles = {path for path, text in example.items() if re.search(r"^bundle:", text, re.M)}
    items = example.keys() - bundles
    early = {path for path in items if Path(path).parent == Path(SHOWCASE).parent}
    former = {path: _formerly(text) for path, text in example.items() if _RENAMED.search(text)}
    first = _pick(example, early) | {SHOWCASE: _earlier(example[SHOWCASE]), "README.md": README}
    yield _Commit(_ADA, 40, "Begin the catalog with databases", first | former)
    yield _Commit(_BEN, 25, "Add what the other teams offer", _pick(example, items - early))
    yield _Commit(_ADA, 11, "Release the PostgreSQL database", _pick(example, {SHOWCASE}))
    yield _Commit(_BEN, 3, "Bundle what is ordered together", _pick(example, bundles))


def _pick(example: dict[str, str], paths: Iterable[str]) -> dict[str, str]:
    return {path: example[path] for path in sorted(paths)}


def _earlier(text: str) -> str:
    """Return a document as its first version may have been."""
    text = re.sub(r"^version:.*$", f'version: "{FIRST_VERSION}"', text, count=1, flags=re.M)
    return re.sub(r"^description:.*$", 'description: "A first trial"', text, count=1, flags=re.M)


def _formerly(text: str) -> str:
    """Return a document as it was before it got its present name."""
    named = _RENAMED.search(text)
    assert named is not None
    text = re.sub(r"^name:.*$", f"name: {named[1]}", _earlier(text), count=1, flags=re.M)
    return _RENAMED.sub("", text)


def _write(folder: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")


def _configure(folder: Path) -> None:
    """Let a second terminal commit without any settings of its own."""
    _git(folder, "config", "user.name", "Demo Author")
    _git(folder, "config", "user.email", "demo@example.org")
    _git(folder, "config", "commit.gpgsign", "false")


def _git(folder: Path, *arguments: str, stamp: _Commit | None = None) -> None:
    environment = dict(os.environ) | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        environment.pop(name, None)
    if stamp is not None:
        environment |= _stamp(stamp)
    try:
        subprocess.run(  # noqa: S603  the program and every argument are ours
            ["git", "-C", str(folder), *arguments],  # noqa: S607  the user's own git, by PATH
            env=environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
        )
    except subprocess.CalledProcessError as error:
        raise PaodError(f"git {arguments[0]} failed: {error.stderr.strip()}") from error
    except subprocess.TimeoutExpired as error:
        raise PaodError(f"git {arguments[0]} did not end in {GIT_SECONDS:.0f} s") from error


def _stamp(commit: _Commit) -> dict[str, str]:
    when = (datetime.now(UTC) - timedelta(days=commit.days)).replace(microsecond=0)
    stamp: dict[str, str] = {}
    for role in ("AUTHOR", "COMMITTER"):
        stamp[f"GIT_{role}_NAME"] = commit.author.name
        stamp[f"GIT_{role}_EMAIL"] = commit.author.email
        stamp[f"GIT_{role}_DATE"] = when.isoformat()
    return stamp
