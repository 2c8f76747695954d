"""From findings to problems: placed, ordered, with hints, and no more than anybody reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from paod.codes import CODES
from paod.document import Reading
from paod.finding import Finding, Near, pointer
from paod.model import Place, Problem, Severity, limits

MAX_PROBLEMS = limits.PROBLEMS
_ORDER = {"error": 0, "warning": 1}


def severity_of(finding: Finding) -> Severity:
    """Return the usual severity of what was found."""
    return CODES[finding.code].severity


def problems_of(
    path: str, findings: Iterable[Finding], reading: Reading | None, name: str | None
) -> tuple[Problem, ...]:
    """Return what was found as problems by line and column: the first 50, errors before warnings.

    Where there are more, one stands for the rest. ``name`` is the one that the file gives itself.
    """
    placed = [(_problem(path, finding, reading, name), finding.hint) for finding in findings]
    placed.sort(key=lambda one: _by_place(one[0]))
    if len(placed) <= MAX_PROBLEMS:
        return tuple(_hinted(placed))
    placed.sort(key=lambda one: _ORDER[one[0].severity])
    rest = [problem for problem, _ in placed[MAX_PROBLEMS:]]
    kept = sorted(placed[:MAX_PROBLEMS], key=lambda one: _by_place(one[0]))
    shown_ones = tuple(_hinted(kept))
    return (*shown_ones, _more(shown_ones[-1], rest))


def _hinted(placed: Iterable[tuple[Problem, str | Near]]) -> Iterator[Problem]:
    """Give each problem its hint; a near name is looked for in the first few alone."""
    searches = limits.HINTS
    for problem, hint in placed:
        if isinstance(hint, Near):
            problem = replace(problem, hint=hint.text(search=searches > 0))
            searches -= 1
        yield problem


def _by_place(problem: Problem) -> tuple[int, int, str, str, str]:
    return problem.line, problem.column, problem.code, problem.pointer, problem.message


def _more(last: Problem, rest: Sequence[Problem]) -> Problem:
    """Return the problem that stands for those that are not shown, an error if one of them is."""
    return replace(
        last,
        code="more-problems",
        severity=rest[0].severity,
        message=f"the file has {len(rest)} more problems",
        hint="mend those that are shown, then look again",
        pointer="",
    )


def _problem(path: str, finding: Finding, reading: Reading | None, name: str | None) -> Problem:
    place = finding.place or _place(finding, reading)
    return Problem(
        code=finding.code,
        severity=severity_of(finding),
        message=finding.message,
        path=path,
        line=place.line,
        column=place.column,
        pointer=pointer(finding.path),
        hint=_indented(finding, reading) if isinstance(finding.hint, str) else "",
        document=name,
    )


def _indented(finding: Finding, reading: Reading | None) -> str:
    """Return a hint whose lines are to be pasted, as far in as the mapping that they belong to."""
    first, *lines = str(finding.hint).split("\n")
    if not lines or reading is None or finding.code != "missing-key":
        return str(finding.hint)
    if reading.source(finding.path).startswith("{"):
        return f"add in the braces: {', '.join(lines)}"
    margin = " " * (reading.place(finding.path).column - 1)
    return "\n".join((first, *(margin + line for line in lines)))


def _place(finding: Finding, reading: Reading | None) -> Place:
    if reading is None:
        return Place()
    if finding.part:
        return reading.place_in(finding.path, finding.part, finding.into)
    return reading.place(finding.path, on_key=finding.on_key)
