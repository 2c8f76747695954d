"""The version rules: what a document may say after what was published under its name.

Versions are compared by canonical content. New content under a version that was published with
other content is a conflict; a version lower than the current one is a regression, unless version
and content are those of an earlier revision: then somebody reverted, and meant it.
"""

from __future__ import annotations

from paod.model import Document, Entry, Problem, Severity
from paod.versions import compare


def version_problem(
    history: Entry | None, document: Document, path: str, severity: Severity
) -> Problem | None:
    """Judge a document against the history it goes on with; None: the version rules are kept."""
    if history is None or _is_published(history, document):
        return None
    if any(version == document.version for version, _ in history.published):
        return _problem(
            "version-conflict",
            f"version {document.version} was already published with other content",
            "give changed content a new version",
            document,
            path,
            severity,
        )
    current = history.document.version
    if compare(document.version, current) < 0:
        return _problem(
            "version-regression",
            f"version {document.version} is lower than the current one, {current}",
            f"use a version above {current}, or revert to an earlier revision as it was",
            document,
            path,
            severity,
        )
    return None


def _is_published(history: Entry, document: Document) -> bool:
    return (document.version, document.content_hash) in history.published


def _problem(
    code: str, message: str, hint: str, document: Document, path: str, severity: Severity
) -> Problem:
    return Problem(
        code=code,
        severity=severity,
        message=message,
        path=path,
        line=document.version_place.line,
        column=document.version_place.column,
        pointer="/version",
        hint=hint,
        document=document.name,
    )
