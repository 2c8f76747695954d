"""The facts of each alert: its name, how grave it is, one sentence, and what a program can use.

Lists are bounded; the counts beside them are whole. What strangers wrote (a problem's message) goes
in as it is: whoever puts it into a form escapes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from paod.messages.words import found
from paod.model import CatalogChange, SyncResult

Trouble = Literal["sync-failed", "held", "rejected", "branch-gone"]
"""What lasts until a sync ends it; each is told when it begins."""
Facts = dict[str, Any]

MOST_PROBLEMS = 20
MOST_CHANGES = 100
_LISTS: Mapping[str, str] = {"added": "added", "restored": "added", "removed": "removed"}
"""In which list of ``catalog-changed`` a change stands; all others are in ``changed``."""
_STANDS: Mapping[str, str] = {
    "held": "the branch's commit is still held back",
    "rejected": "the branch's commit is still rejected",
}


def trouble(name: Trouble, result: SyncResult, failures: int) -> Facts:
    """Tell of a sync that began a trouble; ``failures``: how many failed in a row."""
    if name == "branch-gone":
        return branch_gone(result.message)
    commit = _short(result.to_commit)
    if name == "sync-failed":
        said = f"{failures} syncs in a row failed ({result.reason}): {result.message}"
        return _alert(name, "error", said, failures=failures)
    if name == "rejected":
        said = f"{commit} is rejected: {result.message}"
        return _alert(name, "error", said, errors=result.errors, warnings=result.warnings)
    return _alert(name, "error", f"{commit} is held back ({result.reason}): {result.message}")


def branch_gone(why: str) -> Facts:
    """Tell that the remote has the branch no more."""
    return _alert("branch-gone", "error", f"the branch is gone, the catalog stays: {why}")


def recovered(ended: Sequence[str], standing: str | None) -> Facts:
    """Tell which troubles ended, and which one still stands."""
    said = "syncs work again" if standing else "the catalog follows the branch again"
    if standing:
        said += f"; {_STANDS.get(standing, standing)}"
    return _alert("recovered", "info", said, ended=sorted(ended), standing=standing)


def problems_new(problems: Sequence[Mapping[str, Any]]) -> Facts:
    """Tell of problems that the catalog did not have before. Each is a row of them."""
    errors = sum(one["severity"] == "error" for one in problems)
    return _problems("problems-new", "error" if errors else "warning", "new", problems)


def problems_cleared(problems: Sequence[Mapping[str, Any]]) -> Facts:
    """Tell of problems that are gone."""
    return _problems("problems-cleared", "info", "cleared", problems)


def catalog_changed(generation: int, changes: Iterable[CatalogChange]) -> Facts:
    """Tell what readers see otherwise now."""
    lists: dict[str, list[Facts]] = {"added": [], "changed": [], "removed": []}
    for one in changes:
        lists[_LISTS.get(one.change, "changed")].append(
            {"kind": one.kind, "name": one.name, "version": one.version, "change": one.change}
        )
    counts = {name: len(listed) for name, listed in lists.items()}
    told = ", ".join(f"{count} {name}" for name, count in counts.items())
    shown = {name: listed[:MOST_CHANGES] for name, listed in lists.items()}
    return _alert(
        "catalog-changed",
        "info",
        f"the catalog changed: {told}",
        generation=generation,
        counts=counts,
        **shown,
    )


def _problems(name: str, severity: str, how: str, rows: Sequence[Mapping[str, Any]]) -> Facts:
    errors = sum(one["severity"] == "error" for one in rows)
    warnings = len(rows) - errors
    said = found(errors, warnings, how)
    first = sorted(rows, key=lambda one: (one["severity"], one["path"], one["line"]))
    shown = [
        {key: one[key] for key in ("code", "severity", "path", "line", "message", "hint")}
        for one in first[:MOST_PROBLEMS]
    ]
    return _alert(name, severity, said, errors=errors, warnings=warnings, problems=shown)


def _alert(name: str, severity: str, summary: str, **more: Any) -> Facts:
    return {"alert": name, "severity": severity, "summary": summary, **more}


def _short(commit: str | None) -> str:
    return f"commit {commit[:12]}" if commit else "what the branch has now"
