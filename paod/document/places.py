"""Where things stand: from a path of keys and indexes to a line and column, and back.

Asked only for what is worth a word (a problem, a name), so nothing is noted while parsing: the
composed nodes still know it all.
"""

from __future__ import annotations

import re

from yaml import MappingNode, Node, ScalarNode, SequenceNode

from paod.document.compose import PLAIN, place_of
from paod.document.construct import merged
from paod.finding import Path
from paod.model import Place

_COMMENT = re.compile(r"[ \t]+#")
Pair = tuple[Node, Node]
"""A key and its value; an entry of a list stands for its own key."""


class Places:
    """Looks places up in one document; a mapping's keys are indexed when first asked about."""

    __slots__ = ("indexes", "root")

    def __init__(self, root: Node) -> None:
        self.root = root
        self.indexes: dict[int, dict[str, Pair]] = {}

    def find(self, path: Path, *, on_key: bool = False) -> Place:
        """Return where a value stands, or its key; the nearest part around it if it is missing."""
        key, node, _ = self._walk(path)
        return place_of(key if on_key else node)

    def span(self, path: Path) -> tuple[int, int]:
        """Return where a value's text begins and ends; nothing where it is missing."""
        _, node, whole = self._walk(path)
        return (node.start_mark.index, node.end_mark.index) if whole else (0, 0)

    def is_comment(self, path: Path, text: str) -> bool:
        """Return whether nothing but a comment stands at a value's place."""
        _, node, whole = self._walk(path)
        empty = whole and isinstance(node, ScalarNode) and node.tag is PLAIN and not node.value
        return empty and _COMMENT.match(text, node.end_mark.index) is not None

    def _walk(self, path: Path) -> tuple[Node, Node, bool]:
        """Return the last key and value on a path that are there, and whether they are its end."""
        key, node = self.root, self.root
        for part in path:
            found = self._child(node, part)
            if found is None:
                return node, node, False
            key, node = found
        return key, node, True

    def _child(self, node: Node, part: str | int) -> Pair | None:
        if isinstance(part, str):
            return self._index(node).get(part) if isinstance(node, MappingNode) else None
        if isinstance(node, SequenceNode) and part < len(node.value):
            return node.value[part], node.value[part]
        return None

    def _index(self, node: MappingNode) -> dict[str, Pair]:
        """Return a mapping's pairs by key, as it was constructed: the first of each key holds."""
        index = self.indexes.get(id(node))
        if index is not None:
            return index
        index = self.indexes[id(node)] = {}
        for key, value in node.value:
            if isinstance(key, ScalarNode):
                index.setdefault(key.value, (key, value))
        for source in merged(node):
            for name, pair in self._index(source).items():
                index.setdefault(name, pair)
        return index


def paths_of(root: Node, wanted: set[int]) -> dict[int, Path]:
    """Return the path to each node whose ``id`` is wanted: the first, through no alias twice."""
    paths: dict[int, Path] = {}
    seen: set[int] = set()
    waiting: list[tuple[Node, Path]] = [(root, ())]
    while waiting and len(paths) < len(wanted):
        node, path = waiting.pop()
        if id(node) in wanted:
            paths.setdefault(id(node), path)
        if id(node) not in seen:
            seen.add(id(node))
            waiting.extend(reversed(_children(node, path)))
    return paths


def _children(node: Node, path: Path) -> list[tuple[Node, Path]]:
    if isinstance(node, SequenceNode):
        return [(child, (*path, index)) for index, child in enumerate(node.value)]
    if not isinstance(node, MappingNode):
        return []
    found: list[tuple[Node, Path]] = []
    for key, value in node.value:
        inner = (*path, str(key.value)) if isinstance(key, ScalarNode) else path
        found += [(key, inner), (value, inner)]
    return found
