"""Commits, read from their raw bytes: the first-parent line and what history shows of each.

Own parsing, because what an author wrote must never stop a sync: odd dates, names that are not
UTF-8, headers that no git program writes. libgit2 has checked the bytes against their hash, so a
commit that makes no sense is the author's doing (``Blocked``) and not the mirror's. One that cannot
be read is passed over where another follows: what both changed together is one step.
"""

from __future__ import annotations

import codecs
import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from paod.errors import Blocked
from paod.mirror.objects import Objects
from paod.model import Commit
from paod.model.limits import COMMIT_OBJECT, PASSED_COMMIT_OBJECT

_TREE = re.compile(rb"tree ([0-9a-f]{40})\n")
_PARENT = re.compile(rb"parent ([0-9a-f]{40})\n")
_ANY_PARENT = re.compile(rb"^parent ([0-9a-f]{40})$", re.MULTILINE)
_AUTHOR = re.compile(rb"^author ([^<\n]*)(?:<([^>\n]*)>)?", re.MULTILINE)
_COMMITTED = re.compile(rb"^committer .*> (-?\d{1,20})(?: |$)", re.MULTILINE)
_ENCODING = re.compile(rb"^encoding (\S+)$", re.MULTILINE)
_TEXT_ENCODINGS = re.compile(
    r"iso-?8859-\d{1,2}|latin-?1|windows-125\d|cp125\d|koi8-[ru]|shift_jis|euc-(jp|kr)|gbk|gb18030",
    re.IGNORECASE,
)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LONGEST = 500
_KEPT = 20_000
"""Commits: some 500 bytes each."""


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
    """What is kept of a commit. ``fault``: why it is no step; ``tree`` None: it names none."""

    tree: str | None
    parent: str | None
    shown: Commit
    fault: Blocked | None = None


class History:
    """The commits of an open repository. Each is read once as long as it is among the last ones."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._kept: OrderedDict[str, _Head] = OrderedDict()

    def line(self, tip: str, applied: str | None, depth: int) -> Line:
        """Walk first parents back from ``tip`` to ``applied``, over at most ``depth`` commits.

        Those that cannot be read are left out; raises ``Blocked`` where the tip is one of them.
        """
        heads: list[_Head] = []
        current: str | None = tip
        while current is not None and current != applied and len(heads) < depth:
            heads.append(self._head(current))
            current = heads[-1].parent
        if heads and heads[0].fault is not None:
            raise heads[0].fault
        commits = tuple(head.shown for head in reversed(heads) if head.fault is None)
        continues = applied is not None and current == applied
        return Line(commits, continues, cut=current is not None and not continues)

    def first_parents(self, tip: str) -> Iterator[str]:
        """Yield a commit, its first parent, that one's, and so on to the root."""
        current: str | None = tip
        while current is not None:
            yield current
            current = self._head(current).parent

    def tree_of(self, oid: str) -> str:
        """Return the hash of a commit's tree; raise ``Blocked`` for a commit that names none."""
        head = self._head(oid)
        if head.tree is None:
            raise head.fault or _no_tree(oid)
        return head.tree

    def commit(self, oid: str) -> Commit:
        """Read what history shows of a commit; whatever is odd in it is made harmless."""
        head = self._head(oid)
        if head.fault is not None:
            raise head.fault
        return head.shown

    def _head(self, oid: str) -> _Head:
        head = self._kept.get(oid)
        if head is None:
            head = self._kept[oid] = self._read(oid)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return head

    def _read(self, oid: str) -> _Head:
        data = self._objects.read_within(oid, "commit", PASSED_COMMIT_OBJECT)
        if isinstance(data, int):
            return _Head(None, None, Commit(oid, "", "", ""), _too_large(oid, data))
        head = _parsed(oid, data, is_shallow=oid in self._objects.shallow)
        if len(data) > COMMIT_OBJECT:
            return replace(head, fault=_too_large(oid, len(data)))
        return head


def _parsed(oid: str, data: bytes, *, is_shallow: bool) -> _Head:
    header, _, message = data.partition(b"\n\n")
    header += b"\n"
    tree = _TREE.match(header)
    parent = _PARENT.match(header, tree.end()) if tree else _ANY_PARENT.search(header)
    if is_shallow:
        parent = None
    raw = _Raw(header, message)
    return _Head(
        tree=tree[1].decode() if tree else None,
        parent=parent[1].decode() if parent else None,
        shown=Commit(oid, _author(raw), _time(raw), _subject(raw)),
        fault=None if tree else _no_tree(oid),
    )


def _no_tree(oid: str) -> Blocked:
    return Blocked(
        f"commit {oid} names no tree", "rewrite the commit with git", reason="MalformedCommit"
    )


def _too_large(oid: str, size: int) -> Blocked:
    return Blocked(
        f"commit {oid} has {size} bytes",
        f"paod reads a commit of at most {COMMIT_OBJECT} bytes: push another one, whose message "
        "is shorter",
        reason="TooLarge",
    )


@dataclass(frozen=True, slots=True)
class _Raw:
    header: bytes
    message: bytes


def _author(head: _Raw) -> str:
    found = _AUTHOR.search(head.header)
    if found is None:
        return ""
    name, address = _text(found[1], head), _text(found[2] or b"", head)
    return name or address


def _subject(head: _Raw) -> str:
    paragraph = head.message.lstrip(b"\n").split(b"\n\n", 1)[0]
    return _text(paragraph[: 4 * _LONGEST], head)


def _time(head: _Raw) -> str:
    found = _COMMITTED.search(head.header)
    seconds = int(found[1]) if found else 0
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return "9999-12-31T23:59:59Z" if seconds > 0 else "0001-01-01T00:00:00Z"


def _text(raw: bytes, head: _Raw) -> str:
    text = raw.decode(_encoding(head), "replace")
    return _UNPRINTABLE.sub(" ", text).strip()[:_LONGEST]


def _encoding(head: _Raw) -> str:
    found = _ENCODING.search(head.header)
    name = found[1].decode("ascii", "replace") if found else "utf-8"
    return name if _TEXT_ENCODINGS.fullmatch(name) and _is_known(name) else "utf-8"


def _is_known(encoding: str) -> bool:
    try:
        codecs.lookup(encoding)
    except LookupError:
        return False
    return True
