"""From text to YAML nodes with their places, by libyaml, within the budgets.

The parser recurses in C: some 20,000 brackets would end the process. So depth and nodes are counted
while it composes, in hooks that it calls at each node, and it stops at the first node too many.
"""

from __future__ import annotations

from typing import Any

from yaml import MarkedYAMLError, Node, ScalarNode, YAMLError
from yaml._yaml import CParser

from paod.document.adapting import adapt, tabs_of_values, without_loose_tabs
from paod.document.syntax import syntax_fault
from paod.finding import Finding
from paod.model import Place, limits

MAX_DEPTH = limits.DEPTH
MAX_NODES = limits.NODES

PLAIN = "plain"
"""The ``tag`` of a scalar that stands without quotes. Compared by identity, as the next."""
UNTAGGED = "untagged"
"""The ``tag`` of a quoted scalar, and of a collection without a tag of its own."""

_PLAIN = (True, False)
_TOO_DEEP = f"values are nested more than {MAX_DEPTH} deep"
_DEEPEST = "exceeded maximum nesting depth"
"""What libyaml says from 0.2.6 on, where it looked ahead to brackets a thousand deep."""


class TooComplexError(Exception):
    """The file asks for more than a budget allows. ``node``: where it was noticed, if known."""

    def __init__(self, message: str, node: Node | None = None) -> None:
        super().__init__(message)
        self.node = node


def compose(text: str) -> Node | Finding:
    """Return the root node of the one document in a text, or why there is none.

    A node's ``tag`` is ``PLAIN`` or ``UNTAGGED``, or what an author wrote: its meaning is decided
    elsewhere.
    """
    adapted = adapt(text)
    root = _composed(without_loose_tabs(adapted.text))
    if isinstance(root, Node) and (kept := tabs_of_values(adapted.text, root)):
        root = _composed(without_loose_tabs(adapted.text, kept))
    if isinstance(root, Node):
        adapted.restore(root)
    return root


def _composed(text: str) -> Node | Finding:
    composer = _Composer(text)
    try:
        root = composer.get_single_node()
    except TooComplexError as error:
        return too_complex(error)
    except YAMLError as error:
        if _DEEPEST in str(error):
            return too_complex(TooComplexError(_TOO_DEEP), _mark_of(error))
        return syntax_fault(error, text)
    if root is None or _says_nothing(root):
        return Finding("empty-document", "the file holds no document", "write one, or remove it")
    return root


def place_of(node: Node) -> Place:
    """Return where a node begins."""
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)


class _Composer(CParser):
    """libyaml's composer without PyYAML's own resolution of tags, counting what it composes."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0
        self.nodes = 0
        self.last: Node | None = None

    def descend_resolver(self, parent: Node | None, index: Any) -> None:
        self.nodes += 1
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooComplexError(_TOO_DEEP, parent)
        if self.nodes > MAX_NODES:
            raise TooComplexError(f"the document has more than {MAX_NODES} values", parent)

    def ascend_resolver(self) -> None:
        self.depth -= 1

    def resolve(self, kind: type[Node], value: str | None, implicit: Any) -> str:
        return PLAIN if implicit == _PLAIN else UNTAGGED


def _mark_of(error: YAMLError) -> Place | None:
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    return None if mark is None else Place(mark.line + 1, mark.column + 1)


def _says_nothing(root: Node) -> bool:
    return isinstance(root, ScalarNode) and root.tag is PLAIN and root.value == ""


def too_complex(error: TooComplexError, place: Place | None = None) -> Finding:
    """Return what tells an author that the document asks for too much."""
    hint = "split the document, or write it more simply"
    if error.node is not None:
        place = place_of(error.node)
    return Finding("too-complex", str(error), hint, place=place)
