"""From YAML nodes to values: mappings, lists, texts, numbers, booleans and nothing else.

Everything wrong is found in one pass and replaced by None or left out, so that the rest can still
be checked. Aliases are expanded, within a budget that stops a bomb long before it goes off.
"""

from __future__ import annotations

from typing import Any

from yaml import MappingNode, Node, ScalarNode, SequenceNode

from paod.document.compose import (
    MAX_DEPTH,
    MAX_NODES,
    PLAIN,
    UNTAGGED,
    TooComplexError,
    place_of,
)
from paod.document.scalars import MAX_SCALAR_BYTES, BadScalarError, is_text, plain, tagged, unsafe
from paod.document.syntax import QUOTE_TEMPLATE
from paod.finding import INVISIBLE, INVISIBLE_HINT, INVISIBLE_MESSAGE, Finding, shown
from paod.model import limits

MAX_ALIASES = limits.ALIASES
MAX_KEY = limits.KEY_CHARACTERS
MAX_FOUND = limits.FINDINGS
"""Faults after which the rest of a document is not looked at."""

_COLLECTIONS = {"tag:yaml.org,2002:map": MappingNode, "tag:yaml.org,2002:seq": SequenceNode}
_MERGE = "<<"
_SHORT = MAX_SCALAR_BYTES // 4
"""Characters that are within the limit whatever they are."""


def construct(root: Node) -> tuple[Any, list[tuple[Finding, Node]], int]:
    """Return the value of a composed document, what is wrong in it, and how many values it has.

    Each fault stands with its node. Values are counted as often as aliases name them.
    TooComplexError: there is too much of it once aliases are expanded.
    """
    constructor = _Constructor()
    value = constructor.value(root, 1)
    return value, constructor.found, MAX_NODES - constructor.left


def check_aliases(root: Node) -> None:
    """Refuse a document that uses its anchors too often. Visits each node once: safe on a bomb.

    TooComplexError: more than ``MAX_ALIASES`` nodes are used again.
    """
    seen: set[int] = set()
    aliases = 0
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            aliases += 1
            continue
        seen.add(id(node))
        waiting.extend(_parts(node))
    if aliases > MAX_ALIASES:
        raise TooComplexError(f"the document has more than {MAX_ALIASES} aliases")


def merged(node: MappingNode) -> list[MappingNode]:
    """Return the mappings that a mapping takes keys from by ``<<``, the strongest first."""
    sources: list[MappingNode] = []
    for key, value in node.value:
        if _is_merge(key):
            parts = value.value if isinstance(value, SequenceNode) else [value]
            sources.extend(part for part in parts if isinstance(part, MappingNode))
    return sources


class _Constructor:
    """One walk over the nodes of a document."""

    __slots__ = ("firsts", "found", "left")

    def __init__(self) -> None:
        self.found: list[tuple[Finding, Node]] = []
        self.left = MAX_NODES
        self.firsts: dict[int, dict[str | None, Node]] = {}

    def value(self, node: Node, depth: int) -> Any:
        """Return what a node stands for; None where something is wrong with it.

        Nine in ten nodes are short scalars without a tag, which are done with first.
        """
        if node.__class__ is ScalarNode:
            text = node.value
            if len(text) <= _SHORT:
                if node.tag is PLAIN:
                    return text if is_text(text) else self._scalar(node)
                if node.tag is UNTAGGED and "\0" not in text:
                    return text
            return self._scalar(node)
        if node.tag is not UNTAGGED and not self._is_plain_collection(node):
            return None
        if depth > MAX_DEPTH:
            raise TooComplexError(f"values are nested more than {MAX_DEPTH} deep", node)
        if node.__class__ is MappingNode:
            return self._mapping(node, depth)
        self._spend(len(node.value), node)
        inner = depth + 1
        return [self.value(child, inner) for child in node.value]

    def _mapping(self, node: MappingNode, depth: int) -> dict[str, Any]:
        self._spend(2 * len(node.value), node)
        result: dict[str, Any] = {}
        merges = False
        inner = depth + 1
        for key_node, value_node in node.value:
            key = key_node.value
            if key_node.tag is not PLAIN or not is_text(key) or len(key) > MAX_KEY:
                if _is_merge(key_node):
                    merges = True
                    continue
                key = self._key(key_node)
                if key is None:
                    continue
            if not key.isascii() and INVISIBLE.match(key):
                self._add("yaml-syntax", INVISIBLE_MESSAGE, INVISIBLE_HINT, key_node)
            if key in result:
                self._duplicate(node, key, key_node)
                continue
            result[key] = self.value(value_node, inner)
        if merges:
            self._merge(node, result, depth)
        return result

    def _merge(self, node: MappingNode, result: dict[str, Any], depth: int) -> None:
        keys = [key for key, _ in node.value if _is_merge(key)]
        for second in keys[1:]:
            self._duplicate(node, _MERGE, second)
        if len(merged(node)) != _merge_sources(node):
            message = "'<<' takes a mapping, or a list of mappings"
            self._add("unsafe-tag", message, "name an anchor: <<: *defaults", keys[0])
        for source in merged(node):
            for key, value in (self.value(source, depth + 1) or {}).items():
                result.setdefault(key, value)

    def _scalar(self, node: ScalarNode) -> Any:
        text = node.value
        tag = node.tag
        if len(text) > _SHORT and len(text.encode()) > MAX_SCALAR_BYTES:
            raise TooComplexError(f"a value is longer than {MAX_SCALAR_BYTES} bytes", node)
        try:
            if tag is PLAIN:
                return plain(text)
            if "\0" in text:
                raise BadScalarError(Finding("bad-character", "U+0000 is not allowed", "remove it"))
            return text if tag is UNTAGGED else tagged(tag, text)
        except BadScalarError as error:
            self._note(error.finding, node)
            return None

    def _key(self, node: Node) -> str | None:
        """Return a mapping's key; None, and a finding, when it is no usable text."""
        if not isinstance(node, ScalarNode):
            message = "a list or mapping cannot be a key"
            self._add("yaml-syntax", message, f"use a text as the key; {QUOTE_TEMPLATE}", node)
            return None
        before = len(self.found)
        key = self._scalar(node)
        if isinstance(key, str):
            if len(key) > MAX_KEY:
                raise TooComplexError(f"a key is longer than {MAX_KEY} characters", node)
            return key
        if len(self.found) == before:
            kind = {bool: "a boolean", int: "a number", float: "a number"}.get(type(key), "nothing")
            self._add("bad-key", f"a key must be a text, this one is {kind}", "quote it", node)
        return None

    def _is_plain_collection(self, node: Node) -> bool:
        if isinstance(node, _COLLECTIONS.get(node.tag, ())):
            return True
        self._note(unsafe(node.tag).finding, node)
        return False

    def _spend(self, nodes: int, node: Node) -> None:
        self.left -= nodes
        if self.left < 0:
            message = f"the document has more than {MAX_NODES} values once its aliases are expanded"
            raise TooComplexError(message, node)

    def _duplicate(self, parent: MappingNode, key: str, node: Node) -> None:
        first = self._first(parent, key)
        lines = f"line {place_of(first).line} and line {place_of(node).line}"
        message = f"the key {shown(key)} stands twice, on {lines}"
        self._add("duplicate-key", message, "remove one of the two", node)

    def _first(self, parent: MappingNode, key: str) -> Node:
        """Return where a key of a mapping stands first; the mapping is gone through once."""
        index = self.firsts.get(id(parent))
        if index is None:
            index = self.firsts[id(parent)] = {}
            for found, _ in parent.value:
                index.setdefault(_text(found), found)
        return index[key]

    def _add(self, code: str, message: str, hint: str, node: Node) -> None:
        self._note(Finding(code, message, hint), node)

    def _note(self, finding: Finding, node: Node) -> None:
        if len(self.found) == MAX_FOUND:
            raise TooComplexError(f"the document has more than {MAX_FOUND} problems", node)
        self.found.append((finding, node))


def _is_merge(node: Node) -> bool:
    return node.tag is PLAIN and node.value == _MERGE


def _merge_sources(node: MappingNode) -> int:
    values = [value for key, value in node.value if _is_merge(key)]
    return sum(len(value.value) if isinstance(value, SequenceNode) else 1 for value in values)


def _text(node: Node) -> str | None:
    return node.value if isinstance(node, ScalarNode) else None


def _parts(node: Node) -> list[Node]:
    if isinstance(node, MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, SequenceNode) else []
