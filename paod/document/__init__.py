"""PARSE: bytes become a value with a place for each of its parts, or findings that say why not.

The bytes are anybody's: whatever they are, reading them ends soon, in little memory, and raises
nothing. Knows YAML and nothing of what a catalog is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from yaml import Node

from paod.document.compose import TooComplexError, compose, place_of, too_complex
from paod.document.construct import check_aliases, construct
from paod.document.places import Places, paths_of
from paod.document.text import decode, lines_of, place_at
from paod.finding import Finding, Path
from paod.model import Place

__all__ = ["Reading", "decode", "lines_of", "read"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text says. ``value`` is None when it cannot be read as a mapping at all.

    ``findings`` each have a place. Where one names a path, the value there is missing or None.
    """

    value: dict[str, Any] | None
    findings: tuple[Finding, ...]
    places: Places | None = None
    text: str = ""
    nodes: int = 0
    """How many values and keys there are, as often as aliases name them."""

    def place(self, path: Path, *, on_key: bool = False) -> Place:
        """Return where a value stands, or its key: 1-based, the nearest part around if missing."""
        return Place() if self.places is None else self.places.find(path, on_key=on_key)

    def place_in(self, path: Path, part: str, into: int) -> Place:
        """Return where a part of a value first stands in its text, or else the value itself.

        ``into``: so many characters into the part.
        """
        begin, end = (0, 0) if self.places is None else self.places.span(path)
        at = self.text.find(part, begin, end)
        return self.place(path) if at < 0 else place_at(self.text, at + into)

    def source(self, path: Path) -> str:
        """Return a value as it is written, with its quotes if it has any."""
        begin, end = (0, 0) if self.places is None else self.places.span(path)
        return self.text[begin:end]

    def is_comment(self, path: Path) -> bool:
        """Return whether all that stands where a value is missing is a comment."""
        return self.places is not None and self.places.is_comment(path, self.text)


def read(text: str) -> Reading:
    """Read the one YAML document in a text; every fault that parsing can tell is found at once."""
    root = compose(text)
    if isinstance(root, Finding):
        return Reading(None, (root,))
    try:
        if "&" in text:
            check_aliases(root)
        value, found, nodes = construct(root)
    except TooComplexError as error:
        return Reading(None, (too_complex(error),))
    findings = _placed(root, found)
    if not isinstance(value, dict):
        return Reading(None, (*findings, *_not_a_mapping(root, findings)))
    return Reading(value, findings, Places(root), text, nodes)


def _placed(root: Node, found: list[tuple[Finding, Node]]) -> tuple[Finding, ...]:
    if not found:
        return ()
    paths = paths_of(root, {id(node) for _, node in found})
    return tuple(
        Finding(
            finding.code,
            finding.message,
            finding.hint,
            paths.get(id(node), ()),
            place=place_of(node),
        )
        for finding, node in found
    )


def _not_a_mapping(root: Node, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    if findings:
        return ()
    message = "a document is a mapping of keys to values"
    hint = "begin with 'name: my-item'"
    return (Finding("not-a-mapping", message, hint, place=place_of(root)),)
