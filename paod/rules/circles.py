"""Circles among the parts of one document: steps that wait for each other, fields that hide each
other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from paod.finding import shown

MAX_CIRCLES = 20
"""Circles that are told at most; each costs a walk over all names."""

MAX_SHOWN = 6


def circles(leads_to: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Return circles of names, each as the names in the order in which one leads to the next.

    Each name is in one circle at most, and begins with the one that ``leads_to`` has first. A name
    that leads to itself is a circle too. Names that are not keys lead nowhere.
    """
    left = {name: [goal for goal in goals if goal in leads_to] for name, goals in leads_to.items()}
    order = {name: index for index, name in enumerate(leads_to)}
    found: list[list[str]] = []
    while len(found) < MAX_CIRCLES and (circle := _circle(left)):
        start = min(range(len(circle)), key=lambda index: order[circle[index]])
        found.append(circle[start:] + circle[:start])
        left = {name: goals for name, goals in left.items() if name not in circle}
    return found


def way(circle: list[str]) -> str:
    """Return a circle as a message shows it: a → b → a, shortened where it is long."""
    names = [shown(name).strip("'") for name in circle[:MAX_SHOWN]]
    more = ["…"] if len(circle) > MAX_SHOWN else []
    return " → ".join([*names, *more, names[0]])


def _circle(graph: Mapping[str, Sequence[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # The sorter names each node before the one that waits for it: here the other way round.
        return list(reversed(error.args[1][1:]))
    return []
