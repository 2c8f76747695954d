"""Where things stand: from a path of keys and indexes to a line and column, and back.

Asked only for what is worth a word (a problem, a name), so nothing is noted while parsing: the
composed nodes still know it all.
"""

from __future__ import annotations

from yaml import MappingNode, Node, ScalarNode, SequenceNode

from paod.document.compose import place_of
from paod.document.construct import merged
from paod.finding import Path
from paod.model import Place

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
        key, node = self.root, self.root
        for part in path:
            found = self._child(node, part)
            if found is None:
                return place_of(node)
            key, node = found
        return place_of(key if on_key else node)

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
