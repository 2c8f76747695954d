"""Find the dependencies that lead in a circle: the strongly connected components of a graph.

The method is R. Tarjan's (Depth-first search and linear graph algorithms, 1972), without recursion,
so that a long chain of dependencies cannot exhaust the stack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from paod.model import Key

Edges = Callable[[Key], Iterable[Key]]


def circles(starts: Iterable[Key], edges: Edges) -> dict[Key, int]:
    """Number the circles that can be reached from ``starts``: each member's key → its circle.

    What stands in no circle is not in the answer. ``edges`` gives what a key leads to.
    """
    search = _Search(edges)
    for start in starts:
        if start not in search.order:
            search.visit(start)
    return search.circles


@dataclass(slots=True)
class _Search:
    edges: Edges
    order: dict[Key, int] = field(default_factory=dict)
    lowest: dict[Key, int] = field(default_factory=dict)
    open: dict[Key, None] = field(default_factory=dict)
    circles: dict[Key, int] = field(default_factory=dict)

    def visit(self, start: Key) -> None:
        walk: list[tuple[Key, Iterator[Key]]] = [self._enter(start)]
        while walk:
            key, rest = walk[-1]
            following = next(rest, None)
            if following is None:
                walk.pop()
                self._leave(key, walk[-1][0] if walk else None)
            elif following not in self.order:
                walk.append(self._enter(following))
            elif following in self.open:
                self.lowest[key] = min(self.lowest[key], self.order[following])

    def _enter(self, key: Key) -> tuple[Key, Iterator[Key]]:
        self.order[key] = self.lowest[key] = len(self.order)
        self.open[key] = None
        return key, iter(self.edges(key))

    def _leave(self, key: Key, parent: Key | None) -> None:
        if parent is not None:
            self.lowest[parent] = min(self.lowest[parent], self.lowest[key])
        if self.lowest[key] == self.order[key]:
            self._close(key)

    def _close(self, root: Key) -> None:
        members = []
        while True:
            member, _ = self.open.popitem()
            members.append(member)
            if member == root:
                break
        if len(members) > 1:
            self.circles |= dict.fromkeys(members, self.order[root])
