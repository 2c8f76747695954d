"""A push, in one form for all hosts: whose repository, and which of its refs moved."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from paod.repository_url import repository_key

COMPLETE_COMMITS = 20
COMPLETE_FILES = 3000
"""From so many on, a host may have left some out of the lists."""
SHOWN_CHARACTERS = 200
FILE_KEYS = ("added", "modified", "removed")
BRANCHES = "refs/heads/"
GITHUB_URLS = ("clone_url", "ssh_url", "git_url", "html_url")

_HASH = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Move:
    """One ref that moved, as its host tells it: ``before`` and ``after`` may be anything.

    ``commits``: each with its lists of files, oldest first, where the host tells them. ``total``:
    how many there are; ``forced``: whether the push took others away; None: the host is silent.
    """

    ref: str
    before: Any = None
    after: Any = None
    created: bool = False
    deleted: bool = False
    forced: bool | None = None
    total: Any = None
    commits: Sequence[Mapping[str, Any]] = ()
    subject: str = ""

    @property
    def removes(self) -> bool:
        """Whether the ref is gone: it was there, and is not any more."""
        return self.deleted or (is_zeros(self.after) and _commit(self.before) is not None)

    @property
    def moves_nothing(self) -> bool:
        """Whether it is to nothing and was at nothing: Gitea's test button sends such a push."""
        nothing = is_zeros(self.after) and (self.before is None or is_zeros(self.before))
        return nothing and not self.deleted

    def leaves_alone(self, root: str) -> bool:
        """Whether it proves which files changed from ``before`` to ``after``, none under the root.

        A commit without files is a merge or nothing at all; what a merge changed is not told. Nor
        is anything by a list that is null, or by a host that does not say that the push took no
        commit away.
        """
        if self.forced is not False or self.created or not self._lists_all():
            return False
        if any(commit.get(key, ()) is None for commit in self.commits for key in FILE_KEYS):
            return False
        files = [_files(commit) for commit in self.commits]
        if not all(0 < len(paths) < COMPLETE_FILES for paths in files):
            return False
        return not any(f"{path}/".startswith(f"{root}/") for paths in files for path in paths)

    def _lists_all(self) -> bool:
        """Whether the commits are all of those from one commit to another."""
        count = len(self.commits)
        if not 0 < count < COMPLETE_COMMITS or self.total not in (None, count):
            return False
        if None in (_commit(self.before), _commit(self.after)):
            return False
        return bool(self.commits[-1].get("id", self.after) == self.after)


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

    def is_to(self, ours: Iterable[str], *, fold_case: bool) -> bool:
        """Whether the repository is the one of these URLs; who tells none is believed."""
        if self.urls is None:
            return True
        ours_and_theirs = (
            {repository_key(url, fold_case=fold_case) for url in urls} for urls in (ours, self.urls)
        )
        return bool(set.intersection(*ours_and_theirs) - {""})

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
            "forced": bool(move.forced),
            "head_commit": _hash(self.head),
            "subject": shown(move.subject.partition("\n")[0]),
            "pusher": shown(self.pusher),
        }


def read_deletion(payload: Mapping[str, Any]) -> Push:
    """Read what GitHub, Gitea and Forgejo send beside a push when a branch or tag is deleted."""
    kind = BRANCHES if payload["ref_type"] == "branch" else "refs/tags/"
    move = Move(kind + payload["ref"].removeprefix(kind), deleted=True)
    urls = urls_in(payload["repository"], GITHUB_URLS)
    return Push(urls, [move], str((payload.get("sender") or {}).get("login") or ""))


def urls_in(repository: Mapping[str, Any], keys: Iterable[str]) -> list[str]:
    """Return the URLs that a payload has under some keys."""
    return [repository[key] for key in keys if repository.get(key)]


def shown(text: str) -> str:
    """Return a stranger's text, short and without control characters."""
    return _UNSHOWN.sub("?", text[:SHOWN_CHARACTERS])


def is_zeros(value: object) -> bool:
    """Whether it is the hash of nothing, which stands for a ref that is not there."""
    return isinstance(value, str) and len(value) in (40, 64) and not value.strip("0")


def _files(commit: Mapping[str, Any]) -> list[str]:
    return [path for key in FILE_KEYS for path in commit.get(key, ())]


def _commit(value: object) -> str | None:
    return None if is_zeros(value) else _hash(value)


def _hash(value: object) -> str | None:
    return value if isinstance(value, str) and _HASH.fullmatch(value) else None
