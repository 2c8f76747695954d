"""What a change of a document means for those who order it: the one list of what breaks them.

Pure. Both documents are good ones, so that their shapes are as the schemas say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from paod.model import Served
from paod.preview.effect import Effect
from paod.preview.fields import field_effects
from paod.preview.parts import part_effects

Document = Mapping[str, Any]


def effects(
    change: str, before: Document, after: Document, old: Served, new: Served
) -> list[Effect]:
    """Return what is otherwise for those who order an entry, in the order of the document.

    ``old`` and ``new`` say what its parts come to.
    """
    if change == "removed":
        return [Effect("removed", True, "it is gone: nobody can order it any more")]
    found = [*_renamed(change, before, after), *_deprecated(before, after)]
    found += part_effects(before, after)
    found += _resolution(old, new)
    found += field_effects(before, after)
    found += _fulfillment(before, after)
    if before != after and any(effect.breaking for effect in found):
        found += _understated(before, after)
    return found


def _renamed(change: str, before: Document, after: Document) -> Iterator[Effect]:
    if change == "renamed":
        message = f"the name '{before['name']}' leads to '{after['name']}' from now on"
        yield Effect("renamed", False, message, ("name",), before["name"], after["name"])


def _deprecated(before: Document, after: Document) -> Iterator[Effect]:
    if "deprecated" in after and "deprecated" not in before:
        notice = after["deprecated"]
        instead = f"; '{notice['replacement']}' replaces it" if "replacement" in notice else ""
        message = f"it is deprecated from now on{instead}"
        yield Effect("deprecated", False, message, ("deprecated",), after=notice)


def _resolution(old: Served, new: Served) -> Iterator[Effect]:
    """Say of a bundle whose own file may be the same whether its parts come to something else."""
    if new.resolved is False and old.resolved is not False:
        reasons = "; ".join(part.reason for part in new.parts or () if part.version is None)
        message = f"it cannot be put together any more: {reasons}"
        yield Effect("unresolved", True, message, ("bundle",))
    elif new.resolved and old.resolved is False:
        yield Effect("resolved", False, "all its parts are there again", ("bundle",))
    versions = {part.name: part.version for part in old.parts or ()}
    for part in new.parts or ():
        former = versions.get(part.name)
        if former and part.version and former != part.version:
            message = f"'{part.name}' comes at version {part.version} in place of {former}"
            yield Effect("part-version", False, message, ("bundle",), former, part.version)


def _fulfillment(before: Document, after: Document) -> Iterator[Effect]:
    if before.get("fulfillment") != after.get("fulfillment"):
        message = "what happens with an order has changed"
        yield Effect("fulfillment-changed", False, message, ("fulfillment",))


def _understated(before: Document, after: Document) -> Iterator[Effect]:
    """Remind of the version that would tell: the first number that is not 0 stands for breaks."""
    if _compatible(before["version"]) == _compatible(after["version"]):
        values = before["version"], after["version"]
        said = " to ".join(dict.fromkeys(values))
        message = f"orders break, and the version says that they do not: {said}"
        yield Effect("version-understates", False, message, ("version",), *values)


def _compatible(version: str) -> tuple[str, ...]:
    major, minor, _ = version.split(".", 2)
    return (major,) if major != "0" else (major, minor)
