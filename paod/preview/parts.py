"""What became of a bundle's parts, for those who order the bundle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from paod.preview.effect import Effect, Pair
from paod.rules.reading import parts

_LISTS = ("required_items", "optional_items")


def part_effects(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Effect]:
    """Yield what an order of a bundle brings that it did not bring, and the other way round."""
    old, new = _parts(before), _parts(after)
    for name, (path, part) in new.items():
        if name in old:
            former, former_part = old[name]
            yield from _compare(Pair(name, former_part, part, former, path))
        else:
            comes = _comes(path, part)
            message = f"'{name}' is a new part, which " + (
                "comes with each order" if comes else "comes with orders that ask for it"
            )
            yield Effect("part-added", False, message, path, after=part)
    for name, (path, part) in old.items():
        if name not in new:
            message = f"the part '{name}' is gone: orders do not bring it any more"
            yield Effect("part-removed", True, message, path, before=part)


def _compare(pair: Pair) -> Iterator[Effect]:
    """Say whether a part comes with an order that does not mention it."""
    before, after = _comes(pair.old, pair.before), _comes(pair.new, pair.after)
    if before and not after:
        message = f"'{pair.name}' comes only with orders that ask for it now"
        yield Effect("part-optional", True, message, pair.new, pair.before, pair.after)
    elif after and not before:
        message = f"'{pair.name}' comes with orders that do not mention it, too"
        yield Effect("part-included", True, message, pair.new, pair.before, pair.after)


def _parts(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts by the item that they name, each with its path; the first of a name."""
    found: dict[str, Any] = {}
    for key in _LISTS:
        for path, part in parts(document, "bundle", key):
            found.setdefault(part["catalog_item"], (path, part))
    return found


def _comes(path: tuple[str | int, ...], part: Mapping[str, Any]) -> bool:
    return "required_items" in path or part.get("default_enabled") is True
