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


def locate(root: Node, path: Path, *, on_key: bool = False) -> Place:
    """Return the place of a value, or of its key; of the nearest part around it that exists."""
    node = root
    place = place_of(root)
    for part in path:
        found = _child(node, part)
        if found is None:
            return place
        key, node = found
        place = place_of(key if on_key and key is not None else node)
        if on_key and key is None:
            place = place_of(node)
    return place if on_key else place_of(node)


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


def _child(node: Node, part: str | int) -> tuple[Node | None, Node] | None:
    """Return a collection's child, with its key where it has one."""
    if isinstance(part, int):
        if isinstance(node, SequenceNode) and part < len(node.value):
            return None, node.value[part]
        return None
    if not isinstance(node, MappingNode):
        return None
    for key, value in node.value:
        if isinstance(key, ScalarNode) and key.value == part:
            return key, value
    for source in merged(node):
        found = _child(source, part)
        if found is not None:
            return found
    return None
