"""A plan for people at a terminal: each document, whom it breaks, how it differs, what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from paod.cli.findings import print_findings, tally
from paod.cli.output import complain, print_line
from paod.preview.words import change_word, counts, subject, version_span

MARKS = {
    "added": ("+", "green"),
    "restored": ("+", "green"),
    "removed": ("-", "red"),
    "stale": ("!", "bold red"),
}
OTHER = ("~", "yellow")


def print_plan(found: Mapping[str, Any]) -> None:
    """Print a preview, as ``told`` gives it."""
    for change in found["changes"]:
        _print_change(change)
    if found["left_out"]["changes"]:
        print_line(f"… and {found['left_out']['changes']} more documents")
    new, mended = found["problems"]["new"], found["problems"]["cleared"]
    print_findings(new)
    for path in found["overlaps"]:
        print_line(f"! {path} has changed on {found['branch']} as well: the merge may differ")
    print_line(f"{subject(found)}: {counts(found)}{'; breaks orders' * found['breaking']}")
    if new or mended:
        print_line(f"problems: {tally(new)} new, {tally(mended)} mended")
    if found["status"] != "completed":
        complain(f"it would be {found['status']} ({found['reason']}): {found['message']}")


def _print_change(change: Mapping[str, Any]) -> None:
    mark, style = MARKS.get(change["change"], OTHER)
    words = [mark, change["kind"], change["name"], version_span(change), change_word(change)]
    print_line(" ".join(words), style)
    for line, line_style in _lines(change):
        print_line(f"    {line}", line_style)


def _lines(change: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    for effect in change["effects"]:
        where = f" ({effect['pointer']})" if effect["pointer"] else ""
        if effect["breaking"]:
            yield f"breaks orders: {effect['message']}{where}", "bold red"
        else:
            yield f"note: {effect['message']}{where}", None
    for line in change["differences"]:
        mark, style = MARKS.get(line["change"], OTHER)
        yield f"{mark} {line['path']}: {_values(line)}", style
    if change["left_out"]:
        yield f"… and {change['left_out']} more lines", None


def _values(line: Mapping[str, Any]) -> str:
    values = [line[key] for key in ("before", "after") if key in line]
    shown = " → ".join(json.dumps(value, ensure_ascii=False) for value in values)
    return shown or "too large to show"
