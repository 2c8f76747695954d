"""The version rules: what a document may say after what was published under its name.

Versions are compared by canonical content. New content under a version that was published with
other content is a conflict; a version lower than the current one is a regression, unless version
and content are those of an earlier revision: then somebody reverted, and meant it.
"""

from __future__ import annotations

from paod.model import Document, Entry, Key, Problem, Severity
from paod.model.published import Publications
from paod.versions import compare


def version_problem(
    published: Publications,
    history: tuple[Key, Entry] | None,
    document: Document,
    path: str,
    severity: Severity,
) -> Problem | None:
    """Judge a document against the history it goes on with; None: the version rules are kept.

    ``history`` is its key in ``published`` and its entry, None: it begins with this document.
    """
    if history is None:
        return None
    key, entry = history
    if document.content_hash == entry.document.content_hash:
        return None
    hashes = published.hashes(key, document.version)
    if document.content_hash in hashes:
        return None
    if hashes:
        return _problem(
            "version-conflict",
            f"version {document.version} was already published with other content",
            "give changed content a new version",
            document,
            path,
            severity,
        )
    current = entry.document.version
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
