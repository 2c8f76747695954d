"""Problems of documents, printed as the best compilers do.

``path:line:column: error[code]: message``, the line with a mark under the place, the hint.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from paod.cli.excerpt import Excerpt, excerpt
from paod.cli.outcome import counted
from paod.cli.output import Piece, print_line, print_pieces
from paod.document import lines_of

STYLES = {"error": "bold red", "warning": "bold yellow"}
_GUTTER = "blue"
WORTH_A_COUNT = 10
"""So many problems are also counted by code: they do not fit on a screen."""

Source = Callable[[str], bytes | None]
"""Gives a file's bytes by the path in its problems; None where nobody has them."""


def print_findings(problems: Sequence[Mapping[str, Any]], source: Source | None = None) -> None:
    """Print each problem, its line where ``source`` has the file, and its hint below it."""
    path, lines = None, list[str]()
    for number, problem in enumerate(problems):
        if source is not None and number:
            print_line()
        if source is not None and problem["path"] != path:
            path = problem["path"]
            lines = lines_of((source(path) or b"").decode("utf-8-sig", "replace"))
        print_pieces(_head(problem))
        at = problem["line"] - 1
        if at < len(lines) and lines[at].strip():
            _print_excerpt(problem, excerpt(lines[at], problem["column"]))
        first, *rest = problem["hint"].split("\n")
        if first:
            print_pieces([("    hint: ", "cyan"), (first, None)])
        for line in rest:  # to be pasted: indented as one block
            print_line(f"      {line}")


def tally(problems: Sequence[Mapping[str, Any]]) -> str:
    """Return ``no problems``, ``1 error``, ``2 errors and 1 warning``."""
    counts = {
        severity: sum(problem["severity"] == severity for problem in problems)
        for severity in STYLES
    }
    said = [counted(number, severity) for severity, number in counts.items() if number]
    return " and ".join(said) or "no problems"


def has_errors(problems: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether any problem is an error."""
    return any(problem["severity"] == "error" for problem in problems)


def _head(problem: Mapping[str, Any]) -> list[Piece]:
    severity = problem["severity"]
    return [
        (f"{problem['path'] or '-'}:{problem['line']}:{problem['column']}: ", "bold"),
        (f"{severity}[{problem['code']}]", STYLES[severity]),
        (f": {problem['message']}", None),
    ]


def _print_excerpt(problem: Mapping[str, Any], found: Excerpt) -> None:
    style = STYLES[problem["severity"]]
    number = f"{problem['line']:>6} | "
    print_pieces(
        [
            (number, _GUTTER),
            (found.text[: found.start], None),
            (found.text[found.start : found.end], style),
            (found.text[found.end :], None),
        ]
    )
    print_pieces([(f"{'':>6} | ", _GUTTER), (found.mark, style)])


def print_tally(problems: Sequence[Mapping[str, Any]], checked: int) -> None:
    """Print ``3 documents checked: 1 error``, in the colour of the worst of them."""
    worst = "error" if has_errors(problems) else "warning"
    style = STYLES[worst] if problems else "green"
    print_line(f"{counted(checked, 'document')} checked: {tally(problems)}", style)
    if len(problems) >= WORTH_A_COUNT:
        codes = Counter(problem["code"] for problem in problems)
        for code, number in sorted(codes.items(), key=lambda one: (-one[1], one[0])):
            print_line(f"{number:>6}  {code}")
