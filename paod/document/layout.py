"""A document's text laid out: its keys in order, its texts quoted alike, all else as it stood.

A value on its key's line stands one space behind the colon.

Works on the text itself, at the places that the parser tells, so that comments, blank lines,
indentation and line ends stay what they are. Whatever it makes is read again, and given back only
if it says the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import orjson
from yaml import CollectionNode, MappingNode, Node, ScalarNode

from paod.document import read
from paod.document.compose import PLAIN, UNTAGGED, compose
from paod.document.quoting import written
from paod.document.scalars import BadScalarError, plain
from paod.document.text import line_end_of, lines_with_ends

_SURPLUS = re.compile(r":(?: [ \t]+|\t[ \t]*)")
_BLANK_LINES = ("\n\n", "\n\r\n", "\r\r")
Rank = Callable[[str], int]
"""Where a key of a document belongs; keys of the same rank stay in the order they have."""


@dataclass(frozen=True, slots=True)
class _Block:
    """A key of a document with its value; ``lead`` is the comments and blank lines above it."""

    key: str
    lead: str
    body: str


def lay_out(text: str, rank: Rank) -> str | None:
    """Return a document's text laid out; None: it cannot be read without a fault.

    What would change its meaning is not done: an alias that would come before its anchor keeps the
    keys in their order. A document in braces, such as JSON, stays as it is.
    """
    content = _content(text)
    if content is None:
        return None
    for step in (_spaced, _quoted, _ordered):
        root = compose(text)
        assert isinstance(root, MappingNode)  # or it had no content
        if not root.flow_style:
            changed = step(text, root, rank)
            text = changed if _content(changed) == content else text
    return text


def _content(text: str) -> bytes | None:
    """Return what a text says, in a form that tells 1 from true and 1.0."""
    reading = read(text)
    if reading.value is None or reading.findings:
        return None
    return orjson.dumps(reading.value, option=orjson.OPT_SORT_KEYS)


def _spaced(text: str, root: MappingNode, _rank: Rank) -> str:
    """Write one space between a key's colon and a value on its line."""
    parts, at = [], 0
    for key, value in sorted(_pairs(root), key=lambda pair: pair[0].end_mark.index):
        begin, end = key.end_mark.index, value.start_mark.index
        if begin >= at and _SURPLUS.fullmatch(text, begin, max(begin, end)):
            parts += [text[at:begin], ": "]
            at = end
    return "".join([*parts, text[at:]])


def _pairs(root: MappingNode) -> Iterator[tuple[Node, Node]]:
    """Yield each key with its value, once."""
    seen: set[int] = set()
    waiting: list[Node] = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen or not isinstance(node, CollectionNode):
            continue
        seen.add(id(node))
        if isinstance(node, MappingNode):
            yield from node.value
        waiting += _parts(node)


def _quoted(text: str, root: MappingNode, _rank: Rank) -> str:
    """Write every text of one line as texts are written."""
    parts, at = [], 0
    for node, in_flow in sorted(_scalars(root), key=lambda pair: pair[0].start_mark.index):
        begin, end = node.start_mark.index, node.end_mark.index
        if begin >= at and _is_ours(node, text[begin:end]) and not _clings(text, end):
            parts += [text[at:begin], written(node.value, in_flow=in_flow)]
            at = end
    return "".join([*parts, text[at:]])


def _scalars(root: MappingNode) -> Iterator[tuple[ScalarNode, bool]]:
    """Yield each scalar once, and whether it stands in brackets or braces."""
    seen: set[int] = set()
    waiting: list[tuple[Node, bool]] = [(root, False)]
    while waiting:
        node, in_flow = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, ScalarNode):
            yield node, in_flow
        elif isinstance(node, CollectionNode):
            inner = in_flow or bool(node.flow_style)
            waiting += [(part, inner) for part in _parts(node)]


def _parts(node: CollectionNode) -> list[Node]:
    if isinstance(node, MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value)


def _is_ours(node: ScalarNode, source: str) -> bool:
    """Say whether a scalar is a text on one line, without an anchor, a tag or an escape."""
    if "\n" in source or not node.value or not node.value.isprintable():
        return False
    if node.tag is UNTAGGED:
        return source[:1] in ("'", '"')
    return node.tag is PLAIN and source == node.value and _is_text(node.value)


def _is_text(source: str) -> bool:
    try:
        return isinstance(plain(source), str)
    except BadScalarError:
        return False


def _clings(text: str, end: int) -> bool:
    """Say whether a key's colon touches the value, as in JSON: only quotes keep them apart."""
    return text[end : end + 1] == ":" and text[end + 1 : end + 2].strip() != ""


def _ordered(text: str, root: MappingNode, rank: Rank) -> str:
    """Put the document's keys in order, each with the comments above it.

    What stands above the first key stays at the top, and what stands below the last at the end.
    """
    keys = [key for key, _ in root.value]
    if any(key.start_mark.column for key in keys):
        return text
    blocks, tail = _blocks(text, root)
    ordered = sorted(blocks, key=lambda block: rank(block.key))
    if ordered == blocks:
        return text
    top = text[: keys[0].start_mark.index]
    if not top.strip() or top.endswith(_BLANK_LINES):
        ordered[0] = replace(ordered[0], lead=ordered[0].lead.lstrip())
    return top + "".join(block.lead + block.body for block in ordered) + tail


def _blocks(text: str, root: MappingNode) -> tuple[list[_Block], str]:
    """Cut a document at its keys; also return what stands below the last of them."""
    starts = [*(key.start_mark.index for key, _ in root.value), len(text)]
    line_end = line_end_of(text)
    blocks, lead = [], ""
    for (key, _), (begin, end) in zip(root.value, pairwise(starts), strict=True):
        body, below = _cut(text[begin:end])
        body += "" if body.endswith(("\n", "\r")) else line_end
        blocks.append(_Block(key.value, lead, body))
        lead = below
    return blocks, lead


def _cut(lines: str) -> tuple[str, str]:
    """Cut before the blank lines and the comments at the margin that end some lines."""
    kept = lines_with_ends(lines)
    count = len(kept)
    while count > 1 and (not kept[count - 1].strip() or kept[count - 1].startswith("#")):
        count -= 1
    return "".join(kept[:count]), "".join(kept[count:])
