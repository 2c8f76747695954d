"""What a catalog is made from besides history, as the one who made it had it: said and compared.

In JSON: the repository, branch and root that it is of, the rules by which files are judged, and who
that was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

SOURCE: Final = ("repository", "branch", "root")
"""What another catalog altogether would come of."""
WHO: Final = "instance"


def other_source(applied: str | None, mine: str) -> str:
    """Return how the source of the catalog and one's own differ, "" where they do not."""
    return "; ".join(_differences(applied, mine, source=True))


def other_rules(applied: str | None, mine: str) -> str:
    """Return how the rules of the catalog and one's own differ, "" where they do not."""
    return "; ".join(_differences(applied, mine, source=False))


def who_applied(applied: str | None) -> str:
    """Return the machine that made the catalog what it is, as far as it is known."""
    return str(_read(applied).get(WHO) or "another machine")


def _differences(applied: str | None, mine: str, *, source: bool) -> Iterator[str]:
    theirs, ours = _read(applied), _read(mine)
    for name in theirs.keys() & ours.keys() if theirs else ():
        if name != WHO and (name in SOURCE) == source and theirs[name] != ours[name]:
            yield f"{name}: {_said(ours[name])} here, {_said(theirs[name])} there"


def _read(text: str | None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
