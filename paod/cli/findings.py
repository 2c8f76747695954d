"""Problems of documents, printed as compilers do: ``path:line:column: error[code]: message``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from paod.cli.outcome import counted
from paod.cli.output import print_line

STYLES = {"error": "bold red", "warning": "yellow"}


def print_findings(problems: Sequence[Mapping[str, Any]]) -> None:
    """Print each problem, its hint on a line below it."""
    for problem in problems:
        place = f"{problem['path']}:{problem['line']}:{problem['column']}"
        severity = problem["severity"]
        head = f"{place}: {severity}[{problem['code']}]: {problem['message']}"
        print_line(head, STYLES.get(severity))
        if problem["hint"]:
            print_line(f"    hint: {problem['hint']}")


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
