"""What the steps of an automation mean together: their names, and what they wait for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from paod.finding import Finding, Near, shown
from paod.rules.circles import circles, way
from paod.rules.reading import Part, parts, text, texts


def steps_of(document: Mapping[str, Any]) -> list[Part]:
    """Return the steps of a document's automation."""
    return parts(document, "fulfillment", "automation", "steps")


def check_steps(document: Mapping[str, Any]) -> Iterator[Finding]:
    """Find steps that share a name, wait for none that exists, or wait in a circle."""
    steps = steps_of(document)
    names = {name for _, step in steps if (name := text(step, "name")) is not None}
    yield from _duplicates(steps)
    for path, step in steps:
        for index, goal in texts(step, "depends_on"):
            if goal not in names:
                hint = Near(goal, names, "name a step of this document", but=text(step, "name"))
                place = (*path, "depends_on", index)
                yield Finding("unknown-reference", f"there is no step {shown(goal)}", hint, place)
    yield from _circles(steps)


def _duplicates(steps: list[Part]) -> Iterator[Finding]:
    seen: set[str] = set()
    for path, step in steps:
        name = text(step, "name")
        if name in seen:
            message = f"a step named {shown(name)} stands there before"
            yield Finding("duplicate-step", message, "rename one of them", (*path, "name"))
        if name is not None:
            seen.add(name)


def _circles(steps: list[Part]) -> Iterator[Finding]:
    goals: dict[str, list[str]] = {}
    for _, step in steps:
        goals.setdefault(text(step, "name") or "", [goal for _, goal in texts(step, "depends_on")])
    for circle in circles(goals):
        start, then = circle[0], circle[1 % len(circle)]
        path, step = next(found for found in steps if text(found[1], "name") == start)
        index = next(index for index, goal in texts(step, "depends_on") if goal == then)
        hint = "take one of the dependencies out of the circle"
        message = f"the steps wait for each other in a circle: {way(circle)}"
        yield Finding("circular-dependency", message, hint, (*path, "depends_on", index))
