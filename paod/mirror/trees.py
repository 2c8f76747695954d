"""What differs between two trees: both walked together, equal folders skipped, within a budget.

Own code on raw tree objects, since libgit2's diff costs ten times as much for one changed file
among 10,000. Every name is data: it becomes text and never a path on disk.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from paod.errors import Blocked
from paod.mirror.objects import Objects
from paod.model import EntryType, TreeChange, path_text
from paod.model.limits import TREE_DEPTH, TREE_FILES, TREE_FOLDERS

_ENTRY = re.compile(rb"[0-7]+ [^\0/]+\0.{20}", re.DOTALL)
_ANY_ENTRY = re.compile(rb"[0-7]+ [^\0]+\0.{20}", re.DOTALL)
_FOLDER = b"40000"
_KEPT_ENTRIES = 50_000
_KEPT_SIZES = 200_000
_LOOKED_INTO = 50
"""Folders of a folder, where another catalog root is guessed."""
_YAML = (b".yaml", b".yml")

Node = tuple[bytes, bytes]
"""An entry's mode as it stands in the tree and its object's hash, 20 bytes."""
Folder = frozenset[bytes]
"""A tree's entries, each as it stands there: mode, space, name, NUL, hash."""
_EMPTY: Folder = frozenset()


@dataclass(frozen=True, slots=True)
class Limits:
    """What a tree under the root may have at most, so that no pushed tree stops the program."""

    files: int = TREE_FILES
    folders: int = TREE_FOLDERS
    depth: int = TREE_DEPTH


@dataclass(frozen=True, slots=True)
class _Size:
    files: int = 0
    folders: int = 1
    height: int = 1

    def plus(self, child: _Size) -> _Size:
        return _Size(
            self.files + child.files,
            self.folders + child.folders,
            max(self.height, child.height + 1),
        )


class Trees:
    """Reads and compares trees; keeps the last ones read, since a history changes few of them."""

    def __init__(self, objects: Objects, limits: Limits) -> None:
        self._objects = objects
        self._limits = limits
        self._kept: OrderedDict[bytes, Folder] = OrderedDict()
        self._kept_entries = 0
        self._sizes: dict[bytes, _Size] = {}

    def root(self, tree: str | None, root: bytes) -> Node | None:
        """Return what a tree holds at ``root`` (b"" is the tree itself), None: nothing."""
        node: Node | None = None if tree is None else (_FOLDER, bytes.fromhex(tree))
        for name in root.split(b"/") if root else ():
            inside = self._folder(node[1]) if node and _type(node[0]) is None else _EMPTY
            node = dict(map(_split, inside)).get(name)
        return node

    def changes(self, old: Node | None, new: Node | None, path: bytes) -> Iterator[TreeChange]:
        """Yield every path that differs, in byte order; ``path`` is where both nodes stand."""
        yield from self._between(old, new, path, 0)

    def with_documents(self, tree: str) -> Iterator[str]:
        """Yield the folders that hold YAML files two levels down, as a catalog does."""
        for name, node in self._folders_in(bytes.fromhex(tree)):
            inside = (self._folder(child[1]) for _, child in self._folders_in(node[1]))
            if any(_split(entry)[0].endswith(_YAML) for folder in inside for entry in folder):
                yield path_text(name)

    def _folders_in(self, oid: bytes) -> list[tuple[bytes, Node]]:
        """Return a tree's first folders, but hidden ones."""
        found = sorted(map(_split, self._folder(oid)))
        folders = [one for one in found if _type(one[1][0]) is None and not one[0].startswith(b".")]
        return folders[:_LOOKED_INTO]

    def check_size(self, node: Node | None) -> None:
        """Raise ``Blocked`` where a tree is over the limits; equal folders are read once."""
        if node is None or _type(node[0]) is not None:
            return
        size = self._size(node[1], 1)
        if size.files > self._limits.files:
            raise self._too_many(f"it has {size.files} files")
        if size.folders > self._limits.folders:
            raise self._too_many(f"it has {size.folders} folders")

    def _size(self, oid: bytes, depth: int) -> _Size:
        size = self._sizes.get(oid)
        if depth + (size.height if size else 1) > self._limits.depth:
            raise self._too_many(f"it is more than {self._limits.depth} folders deep")
        if size is not None:
            return size
        folder = self._folder(oid)
        folders = [entry[-20:] for entry in folder if _type(entry[: entry.index(b" ")]) is None]
        size = _Size(files=len(folder) - len(folders))
        for child in folders:
            size = size.plus(self._size(child, depth + 1))
        if len(self._sizes) > _KEPT_SIZES:
            self._sizes.clear()
        self._sizes[oid] = size
        return size

    def _between(
        self, old: Node | None, new: Node | None, path: bytes, depth: int
    ) -> Iterator[TreeChange]:
        """Yield what makes ``new`` of ``old``: a folder on either side stands for what is in it."""
        old_type, old_oid = (_type(old[0]), old[1]) if old else (None, b"")
        new_type, new_oid = (_type(new[0]), new[1]) if new else (None, b"")
        if (old_type, old_oid) == (new_type, new_oid):
            return
        if old_type is not None and new_type is None:
            yield TreeChange(path_text(path), None)
        if old_type is None or new_type is None:
            before = old_oid if old_type is None else b""
            after = new_oid if new_type is None else b""
            yield from self._folders(before, after, path, depth)
        if new_type is not None:
            yield TreeChange(path_text(path), new_oid.hex(), new_type)

    def _folders(self, old: bytes, new: bytes, path: bytes, depth: int) -> Iterator[TreeChange]:
        if depth > self._limits.depth:
            raise self._too_many(f"it is more than {self._limits.depth} folders deep")
        before = self._folder(old) if old else _EMPTY
        after = self._folder(new) if new else _EMPTY
        gone, come = dict(map(_split, before - after)), dict(map(_split, after - before))
        for name in sorted(gone.keys() | come.keys()):
            below = path + b"/" + name if path else name
            yield from self._between(gone.get(name), come.get(name), below, depth + 1)

    def _folder(self, oid: bytes) -> Folder:
        folder = self._kept.get(oid)
        if folder is not None:
            self._kept.move_to_end(oid)
            return folder
        folder = _parsed(self._objects.read(oid.hex(), "tree"), oid)
        self._kept[oid] = folder
        self._kept_entries += len(folder)
        while self._kept_entries > _KEPT_ENTRIES and len(self._kept) > 1:
            self._kept_entries -= len(self._kept.popitem(last=False)[1])
        return folder

    def _too_many(self, what: str) -> Blocked:
        return Blocked(
            f"the tree under the catalog root is too big: {what}",
            f"paod reads at most {self._limits.files} files under the catalog root",
            reason="TooManyFiles",
        )


def _split(entry: bytes) -> tuple[bytes, Node]:
    mode, _, rest = entry.partition(b" ")
    return rest[:-21], (mode, entry[-20:])


def _parsed(data: bytes, oid: bytes) -> Folder:
    found = _ENTRY.findall(data)
    whole = sum(map(len, found)) == len(data)
    if whole and len({entry[entry.index(b" ") : -21] for entry in found}) == len(found):
        return frozenset(found)
    return _made_unambiguous(data, oid)


def _made_unambiguous(data: bytes, oid: bytes) -> Folder:
    """Mark the names that only a hostile tree has, so that none passes for another file's path.

    Raise ``Blocked`` where two entries have one name: nobody knows which of them is meant, and git
    itself refuses such a tree when it looks.
    """
    found = _ANY_ENTRY.findall(data)
    if sum(map(len, found)) != len(data):
        raise _malformed(oid, "is none that git would write")
    entries = {}
    for entry in found:
        name, (mode, child) = _split(entry)
        name = name.replace(b"/", b"%2F")
        if name in entries:
            raise _malformed(oid, "has two entries of one name")
        entries[name] = mode + b" " + name + b"\0" + child
    return frozenset(entries.values())


def _malformed(oid: bytes, how: str) -> Blocked:
    return Blocked(f"tree {oid.hex()} {how}", "rewrite the commit with git", reason="MalformedTree")


@lru_cache(maxsize=64)
def _type(mode: bytes) -> EntryType | None:
    """Return what a mode says an entry is; None: a folder. All modes of files are the same."""
    kind = int(mode, 8) & 0o170000
    if kind == 0o040000:
        return None
    if kind == 0o120000:
        return "symlink"
    return "submodule" if kind == 0o160000 else "file"
