"""A commit's status as GitHub's REST API takes it: POST /repos/{owner}/{repo}/statuses/{sha}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson

from paod.messages.requests import Request
from paod.messages.words import counted, cut, found
from paod.model import SyncResult

CONTEXT = "paod/catalog"
MOST_CHARACTERS = 140
"""Of a description; GitHub refuses longer ones."""
MOST_PATH = 48
STATE_REPEATS = frozenset(("UpToDate",))
"""Reasons whose status says nothing new of a commit that has that state already."""


def commit_status(
    result: SyncResult, first: Mapping[str, Any] | None = None
) -> dict[str, Any] | None:
    """Return the facts of the status that a sync's commit gets, None where it had none.

    ``failure`` is the author's to fix, ``error`` the operator's. ``first``: the problem that the
    author should look at first, a row of them; its code is told, for the address that explains it.
    """
    if result.to_commit is None:
        return None
    state, said = _verdict(result, "" if first is None else _shown(first))
    facts = {"commit": result.to_commit, "state": state, "description": said}
    if first is None or state != "failure":
        return facts
    return {**facts, "code": first["code"]}


def _verdict(result: SyncResult, first: str) -> tuple[str, str]:
    if result.status == "failed":
        return "error", f"not synced yet ({result.reason}): {result.message}"
    wrong = found(result.errors, result.warnings)
    if result.status == "rejected":
        return "failure", f"rejected: {counted(result.errors, 'error')}{first}"
    if result.status == "blocked":
        # what to do is the operator's, and a command that is cut in the middle is nobody's
        return "failure", f"held back ({result.reason}): {result.message.partition('; ')[0]}"
    if result.errors:
        return "failure", f"{wrong}{first}; {_changed(result)}"
    return "success", _changed(result) + (f"; {wrong}" if wrong else "")


def _shown(problem: Mapping[str, Any]) -> str:
    """Return where a problem is and which: of a long path the end, for the file's name is there."""
    path, code = str(problem["path"]), problem["code"]
    if len(path) > MOST_PATH:
        path = f"…{path[1 - MOST_PATH :]}"
    line = f":{problem['line']}" if problem["line"] else ""
    return f", first {path}{line} {code} (paod explain {code})"


def _changed(result: SyncResult) -> str:
    items, bundles = result.items, result.bundles
    counts = {
        "added": items.added + bundles.added,
        "updated": items.updated + bundles.updated,
        "removed": items.removed + bundles.removed,
    }
    if not any(counts.values()):
        return "catalog unchanged"
    return "catalog: " + ", ".join(f"{count} {name}" for name, count in counts.items())


def github_request(
    facts: Mapping[str, Any], api: str, repository: tuple[str, str], token: str, link: str | None
) -> Request:
    """Return the request that sets a status. ``repository``: owner and name."""
    owner, name = (quote(part, safe="") for part in repository)
    body = {
        "state": facts["state"],
        "description": cut(facts["description"], MOST_CHARACTERS),
        "context": CONTEXT,
    }
    if link is not None:
        body["target_url"] = link
    return Request(
        f"{api}/repos/{owner}/{name}/statuses/{quote(facts['commit'], safe='')}",
        {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "X-GitHub-Api-Version": "2022-11-28",
        },
        orjson.dumps(body),
    )
