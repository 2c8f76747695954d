"""What libyaml reads as YAML 1.1 did, put so that it reads YAML 1.2, which JSON is a part of.

Only LF, CRLF and CR end a line; two escapes of JSON may stand for one character; a tab on a line
without content indents nothing. Every text that is handed to libyaml is as long as the author's, so
that all places stay true, and what stands in for something is taken back out of the nodes.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from yaml import CollectionNode, MappingNode, Node, ScalarNode

from paod.document.text import lines_of

_BREAKS: Final = "\x85\u2028\u2029"
"""What ended a line in YAML 1.1, and is a letter as any other in 1.2."""
_ANY_BREAK: Final = re.compile(f"[{_BREAKS}]")
_PAIR: Final = re.compile(
    r"((?<!\\)(?:\\\\)*\\u)([dD])([89abAB][0-9a-fA-F]{2}\\u)([dD])([c-fC-F][0-9a-fA-F]{2})"
)
_BLOCKS: Final = ("eE", "aA", "bB", "cC")
"""First digits of characters that may stand in for surrogates, as small and as capital letters."""
_BEYOND: Final = re.compile(r"\\U000[fF]([0-9a-fA-F]{4})|([\U000f0000-\U000ffffd])")
_LOOSE_TAB: Final = re.compile(r"(?:\A|(?<=[\r\n]))([ ]*)\t[ \t]*(?=[#\r\n]|\Z)")

Restore = Callable[[ScalarNode], str]
"""Gives a scalar's value as the author wrote it."""


@dataclass(frozen=True, slots=True)
class Adapted:
    """A text for libyaml, and what gives its scalars back what was replaced."""

    text: str
    steps: tuple[Restore, ...] = ()

    def restore(self, root: Node) -> None:
        """Put what the author wrote in the place of what stands in for it."""
        if not self.steps:
            return
        for node in scalars(root):
            for step in self.steps:
                node.value = step(node)


def adapt(text: str) -> Adapted:
    """Return a text as libyaml is to be given it, but for tabs; most texts stay what they are."""
    steps: list[Restore] = []
    if not text.isascii() and _ANY_BREAK.search(text):
        text, step = _without_breaks(text)
        steps.append(step)
    if "\\u" in text and _PAIR.search(text):
        digits = next((one for one in _BLOCKS if not _uses(text, one)), None)
        if digits is not None:
            text = _PAIR.sub(lambda found: _moved(found, "dD", digits), text)
            steps.append(_joined(digits))
    return Adapted(text, tuple(steps))


def without_loose_tabs(text: str, kept: frozenset[int] = frozenset()) -> str:
    """Return a text with spaces for the tabs of lines that hold nothing, or only a comment.

    ``kept``: where such lines begin that are part of a value.
    """
    if "\t" not in text:
        return text
    return _LOOSE_TAB.sub(
        lambda found: found[0] if found.start() in kept else " " * len(found[0]), text
    )


def tabs_of_values(text: str, root: Node) -> frozenset[int]:
    """Return where lines begin that hold nothing but a tab, which is a block text's own."""
    loose = [(found.start(), len(found[1])) for found in _LOOSE_TAB.finditer(text)]
    if not loose:
        return frozenset()
    blocks = [node for node in scalars(root) if node.style in ("|", ">")]
    return frozenset(start for node in blocks for start in _own_tabs(text, node, loose))


def scalars(root: Node) -> Iterator[ScalarNode]:
    """Yield each scalar of a document once."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ScalarNode):
            yield node
        elif isinstance(node, CollectionNode) and id(node) not in seen:
            seen.add(id(node))
            for part in node.value:
                waiting.extend(part if isinstance(node, MappingNode) else (part,))


def _without_breaks(text: str) -> tuple[str, Restore]:
    """Write characters beyond the common ones, that the text does not have, for such breaks."""
    taken = {_number(found) for found in _BEYOND.finditer(text)}
    free = (0xF0000 + number for number in range(0xFFFD) if number not in taken)
    stand_ins = dict(zip(map(ord, _BREAKS), free, strict=False))
    back = {stand_in: letter for letter, stand_in in stand_ins.items()}
    return text.translate(stand_ins), lambda node: str(node.value).translate(back)


def _number(found: re.Match[str]) -> int:
    return int(found[1], 16) if found[1] else ord(found[2]) - 0xF0000


def _uses(text: str, digits: str) -> bool:
    """Whether a text has a character of a block already, written out or escaped."""
    first = digits[0]
    pattern = rf"[\u{first}800-\u{first}fff]|\\(?:u|U0000)[{digits}][89a-fA-F]"
    return re.search(pattern, text) is not None


def _moved(found: re.Match[str], there: str, here: str) -> str:
    """Write the first digits of both escapes otherwise, small or capital as they were."""
    first, second = (here[there.index(found[number])] for number in (2, 4))
    return found[1] + first + found[3] + second + found[5]


def _joined(digits: str) -> Restore:
    """Return what makes one character of both that stand in for a pair, or the escapes' text."""
    base = int(digits[0], 16) << 12
    pair = re.compile(
        f"([{chr(base + 0x800)}-{chr(base + 0xBFF)}])([{chr(base + 0xC00)}-{chr(base + 0xFFF)}])"
    )
    escapes = re.compile(
        rf"(\\u)([{digits}])([89abAB][0-9a-fA-F]{{2}}\\u)([{digits}])([c-fC-F][0-9a-fA-F]{{2}})"
    )

    def character(found: re.Match[str]) -> str:
        high, low = ord(found[1]) & 0x3FF, ord(found[2]) & 0x3FF
        return chr(0x10000 + (high << 10) + low)

    def restored(node: ScalarNode) -> str:
        if node.style == '"':
            return pair.sub(character, node.value)
        return escapes.sub(lambda found: _moved(found, digits, "dD"), node.value)

    return restored


def _own_tabs(text: str, node: ScalarNode, loose: list[tuple[int, int]]) -> Iterator[int]:
    """Yield where lines of one block text begin whose tab stands behind its indentation."""
    begin, end = node.start_mark.index, node.end_mark.index
    first = bisect(loose, (begin, 0))
    if first == len(loose) or loose[first][0] >= end:
        return
    indent = _indent(text[begin:end])
    for start, column in islice(loose, first, bisect(loose, (end, 0))):
        if column >= indent:
            yield start


def _indent(block: str) -> int:
    """Return how far the lines of a block text are indented, as its least indented one is."""
    lines = lines_of(block)[1:]
    return min((len(one) - len(one.lstrip(" ")) for one in lines if one.strip()), default=0)
