"""How a text is written as a scalar: one way for each text, so that quotes tell something.

Plain where every reader of YAML, old or new, takes it for this very text. Otherwise in double
quotes, or in single ones where double ones would need a backslash.
"""

from __future__ import annotations

import re

_HARMLESS = re.compile(r"[^\W\d_](?:[\w ./()+=%@&!?,;'-]|:(?=[\w/]))*|(?:[0-9]+[smhd])+")
_HARMLESS_IN_FLOW = re.compile(r"[^\W\d_][\w ./()+=%@&;'-]*|(?:[0-9]+[smhd])+")
_OTHERWISE_READ = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""Words that YAML 1.1 or 1.2 take for something else, in lower case."""


def written(text: str, *, in_flow: bool = False) -> str:
    """Return a printable text as it is written on one line; in ``[…]`` and ``{…}`` more is quoted.

    The text must be printable, as ``str.isprintable`` says: nothing is escaped.
    """
    harmless = _HARMLESS_IN_FLOW if in_flow else _HARMLESS
    if harmless.fullmatch(text) and text[-1] != " " and text.lower() not in _OTHERWISE_READ:
        return text
    if '"' in text or "\\" in text:
        return "'" + text.replace("'", "''") + "'"
    return f'"{text}"'
