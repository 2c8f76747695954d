"""What a document says of itself and of others, as far as it can be judged alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from paod.finding import Finding, Path, shown
from paod.rules import moments
from paod.rules.reading import mapping, parts, text, texts
from paod.versions import is_empty_range

_LISTS = ("required_items", "optional_items")


def check_references(document: Mapping[str, Any]) -> Iterator[Finding]:
    """Find references of a document to itself, ranges that no version meets, a day that is none."""
    yield from _own_name(document)
    sunset = text(mapping(document.get("deprecated")), "sunset")
    if sunset is not None and moments.parse("date", sunset) is None:
        message = "'sunset' is no day that the calendar knows"
        yield Finding("bad-value", message, "write it as YYYY-MM-DD", ("deprecated", "sunset"))
    if "bundle" in document:
        yield from _bundle(document)


def _own_name(document: Mapping[str, Any]) -> Iterator[Finding]:
    name = text(document, "name")
    if name is None:
        return
    for index, goal in texts(document, "dependencies"):
        if goal == name:
            yield _circular(f"{shown(name)} depends on itself", ("dependencies", index))
    if text(document, "renamed_from") == name:
        message = "'renamed_from' is the present name"
        hint = "name what the document was called before, or remove it"
        yield Finding("bad-value", message, hint, ("renamed_from",))
    if text(mapping(document.get("deprecated")), "replacement") == name:
        yield _circular(f"{shown(name)} is to be replaced by itself", ("deprecated", "replacement"))


def _circular(message: str, path: Path) -> Finding:
    return Finding("circular-dependency", message, "name another item, or remove it", path)


def _bundle(document: Mapping[str, Any]) -> Iterator[Finding]:
    bundle = document["bundle"]
    if isinstance(bundle, dict) and not any(bundle.get(key) for key in _LISTS):
        message = "the bundle has no item"
        hint = "list one under required_items or optional_items"
        yield Finding("missing-key", message, hint, ("bundle",))
    for key in _LISTS:
        for path, part in parts(document, "bundle", key):
            yield from _part(path, part, text(document, "name"))


def _part(path: Path, part: dict[str, Any], name: str | None) -> Iterator[Finding]:
    if name is not None and text(part, "catalog_item") == name:
        yield _circular(f"the bundle {shown(name)} is a part of itself", (*path, "catalog_item"))
    version = text(part, "version")
    if version is not None and _meets_nothing(version):
        message = "no version is in the range"
        yield Finding("bad-range", message, "change one of its limits", (*path, "version"))


def _meets_nothing(version: str) -> bool:
    try:
        return is_empty_range(version)
    except ValueError:
        return False
