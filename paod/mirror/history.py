"""Commits, read from their raw bytes: the first-parent line and what history shows of each.

Own parsing, because what an author wrote must never stop a sync: odd dates, names that are not
UTF-8, headers that no git program writes. libgit2 has checked the bytes against their hash, so a
commit that makes no sense is the author's doing (``Blocked``) and not the mirror's.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from paod.errors import Blocked
from paod.mirror.objects import Objects
from paod.model import Commit

_TREE = re.compile(rb"tree ([0-9a-f]{40})\n")
_PARENT = re.compile(rb"parent ([0-9a-f]{40})\n")
_AUTHOR = re.compile(rb"^author ([^<\n]*)(?:<([^>\n]*)>)?", re.MULTILINE)
_COMMITTED = re.compile(rb"^committer .*> (-?\d{1,20})(?: |$)", re.MULTILINE)
_ENCODING = re.compile(rb"^encoding (\S+)$", re.MULTILINE)
_TEXT_ENCODINGS = re.compile(
    r"iso-?8859-\d{1,2}|latin-?1|windows-125\d|cp125\d|koi8-[ru]|shift_jis|euc-(jp|kr)|gbk|gb18030",
    re.IGNORECASE,
)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Line:
    """The steps to fold, oldest first. ``continues``: they follow the applied commit.

    Otherwise the first of them stands for its whole tree; ``cut``: it has parents that were left
    out, for they are too many.
    """

    commits: tuple[Commit, ...]
    continues: bool
    cut: bool = False


@dataclass(frozen=True, slots=True)
class _Head:
    tree: str
    parent: str | None
    header: bytes
    message: bytes


def line(objects: Objects, tip: str, applied: str | None, depth: int) -> Line:
    """Walk first parents back from ``tip`` to ``applied``, over at most ``depth`` commits."""
    hashes: list[str] = []
    current: str | None = tip
    while current is not None and current != applied and len(hashes) < depth:
        hashes.append(current)
        current = _head(objects, current).parent
    commits = tuple(commit(objects, oid) for oid in reversed(hashes))
    continues = applied is not None and current == applied
    return Line(commits, continues, cut=current is not None and not continues)


def first_parents(objects: Objects, tip: str) -> Iterator[str]:
    """Yield a commit, its first parent, that one's, and so on to the root."""
    current: str | None = tip
    while current is not None:
        yield current
        current = _head(objects, current).parent


def tree_of(objects: Objects, oid: str) -> str:
    """Return the hash of a commit's tree."""
    return _head(objects, oid).tree


def commit(objects: Objects, oid: str) -> Commit:
    """Read what history shows of a commit; whatever is odd in it is made harmless."""
    head = _head(objects, oid)
    return Commit(oid, _author(head), _time(head), _subject(head))


def _head(objects: Objects, oid: str) -> _Head:
    data = objects.read(oid, "commit")
    header, _, message = data.partition(b"\n\n")
    header += b"\n"
    tree = _TREE.match(header)
    if tree is None:
        raise Blocked(
            f"commit {oid} names no tree", "rewrite the commit with git", reason="MalformedCommit"
        )
    parent = None if oid in objects.shallow else _PARENT.match(header, tree.end())
    return _Head(tree[1].decode(), parent[1].decode() if parent else None, header, message)


def _author(head: _Head) -> str:
    found = _AUTHOR.search(head.header)
    if found is None:
        return ""
    name, address = _text(found[1], head), _text(found[2] or b"", head)
    return name or address


def _subject(head: _Head) -> str:
    paragraph = head.message.lstrip(b"\n").split(b"\n\n", 1)[0]
    return _text(paragraph[: 4 * _LONGEST], head)


def _time(head: _Head) -> str:
    found = _COMMITTED.search(head.header)
    seconds = int(found[1]) if found else 0
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return "9999-12-31T23:59:59Z" if seconds > 0 else "0001-01-01T00:00:00Z"


def _text(raw: bytes, head: _Head) -> str:
    text = raw.decode(_encoding(head), "replace")
    return _UNPRINTABLE.sub(" ", text).strip()[:_LONGEST]


def _encoding(head: _Head) -> str:
    found = _ENCODING.search(head.header)
    name = found[1].decode("ascii", "replace") if found else "utf-8"
    return name if _TEXT_ENCODINGS.fullmatch(name) and _is_known(name) else "utf-8"


def _is_known(encoding: str) -> bool:
    try:
        codecs.lookup(encoding)
    except LookupError:
        return False
    return True
