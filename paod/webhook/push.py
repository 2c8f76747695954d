"""A push, in one form for all hosts: whose repository, and which of its refs moved."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from paod.repository_url import repository_key

COMPLETE_COMMITS = 20
COMPLETE_FILES = 3000
"""From so many on, a host may have left some out of the lists."""
SHOWN_CHARACTERS = 200
FILE_KEYS = ("added", "modified", "removed")
BRANCHES = "refs/heads/"

_HASH = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Move:
    """One ref that moved, as its host tells it: ``before`` and ``after`` may be anything.

    ``commits``: each with its lists of files, for hosts that tell them and say of each push whether
    it was forced (a forced one may take away more than it lists); none otherwise.
    """

    ref: str
    before: Any = None
    after: Any = None
    created: bool = False
    deleted: bool = False
    forced: bool = False
    commits: Sequence[Mapping[str, Any]] = ()
    subject: str = ""

    @property
    def removes(self) -> bool:
        """Whether the ref is gone."""
        return self.deleted or is_zeros(self.after)

    def leaves_alone(self, root: str) -> bool:
        """Whether it says, completely, which files changed, and none is under the root.

        A commit without files is a merge or nothing at all; what a merge changed is not told. Nor
        is anything by a list that is null.
        """
        if self.forced or self.created or not 0 < len(self.commits) < COMPLETE_COMMITS:
            return False
        if any(commit.get(key, ()) is None for commit in self.commits for key in FILE_KEYS):
            return False
        files = [_files(commit) for commit in self.commits]
        if not all(0 < len(paths) < COMPLETE_FILES for paths in files):
            return False
        return not any(f"{path}/".startswith(f"{root}/") for paths in files for path in paths)


@dataclass(frozen=True, slots=True)
class Push:
    """What a host says of a push. ``urls``: those of its repository; None: it does not tell.

    Without ``moves`` it says that something changed, and not what.
    """

    urls: Sequence[str] | None
    moves: Sequence[Move]
    pusher: str = ""
    head: Any = field(default=None)
    """The hash of the newest commit, where it is told apart from ``after``."""

    def is_to(self, url: str) -> bool:
        """Whether the repository is the one of this URL; who tells none is believed."""
        if self.urls is None:
            return True
        ours = repository_key(url)
        return bool(ours) and ours in map(repository_key, self.urls)

    def about(self, host: str, move: Move | None) -> dict[str, Any]:
        """Return what is kept to explain a sync by it; its hashes are only ever compared."""
        if move is None:
            return {"event": "push", "host": host}
        return {
            "event": "push",
            "host": host,
            "ref": shown(move.ref),
            "before": _hash(move.before),
            "after": _hash(move.after),
            "forced": move.forced,
            "head_commit": _hash(self.head),
            "subject": shown(move.subject.partition("\n")[0]),
            "pusher": shown(self.pusher),
        }


def shown(text: str) -> str:
    """Return a stranger's text, short and without control characters."""
    return _UNSHOWN.sub("?", text[:SHOWN_CHARACTERS])


def is_zeros(value: object) -> bool:
    """Whether it is the hash of nothing, which stands for a ref that is not there."""
    return isinstance(value, str) and len(value) in (40, 64) and not value.strip("0")


def _files(commit: Mapping[str, Any]) -> list[str]:
    return [path for key in FILE_KEYS for path in commit.get(key, ())]


def _hash(value: object) -> str | None:
    return value if isinstance(value, str) and _HASH.fullmatch(value) else None
