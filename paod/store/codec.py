"""The shared values as JSON, and back: exactly the same value comes out.

What a table keeps of a document beside its content is its *outline*: where the values stand that
problems point at, and what it mentions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from paod.model import (
    CatalogChange,
    Commit,
    Document,
    ExaminedFile,
    Kind,
    Place,
    Problem,
    Reference,
    Resolved,
)


def dump(value: Any) -> str:
    """Return a value as compact JSON text, keys sorted: PostgreSQL keeps no other order of them."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def dump_or_none(value: Any) -> str | None:
    """Return a value as JSON text, None for None."""
    return None if value is None else dump(value)


def parse(text: str | None) -> Any:
    """Return the value of a JSON text, None for None."""
    return None if text is None else orjson.loads(text)


def dump_outline(document: Document) -> str:
    """Return a document's places and references."""
    outline: dict[str, Any] = {
        "name": _pair(document.name_place),
        "version": _pair(document.version_place),
    }
    if document.renamed_from is not None or document.renamed_place != Place():
        outline["renamed"] = [document.renamed_from, *_pair(document.renamed_place)]
    if document.references:
        outline["references"] = [_dump_reference(one) for one in document.references]
    return dump(outline)


def parse_document(
    kind: Kind,
    name: str,
    version: str,
    content: str,
    content_hash: str,
    source_hash: str,
    outline: str,
) -> Document:
    """Put a document together again."""
    parts = orjson.loads(outline)
    renamed_from, *renamed = parts.get("renamed", (None, 1, 1))
    return Document(
        kind=kind,
        name=name,
        version=version,
        content=content,
        content_hash=content_hash,
        source_hash=source_hash,
        name_place=Place(*parts["name"]),
        version_place=Place(*parts["version"]),
        renamed_from=renamed_from,
        renamed_place=Place(*renamed),
        references=tuple(_parse_reference(one) for one in parts.get("references", ())),
    )


def dump_problem(problem: Problem | None) -> str | None:
    """Return a problem as JSON text, None for None."""
    return None if problem is None else dump(problem.as_json())


def parse_problem(text: str | None) -> Problem | None:
    """Return the problem that a JSON text holds, None for None."""
    return None if text is None else Problem(**orjson.loads(text))


def dump_problems(problems: Iterable[Problem]) -> str | None:
    """Return problems as JSON text, None for none at all."""
    found = [problem.as_json() for problem in problems]
    return dump(found) if found else None


def parse_problems(text: str | None) -> tuple[Problem, ...]:
    """Return the problems that a JSON text holds, none for None."""
    return () if text is None else tuple(Problem(**one) for one in orjson.loads(text))


def examined_json(file: ExaminedFile) -> list[Any]:
    """Return a file's verdict as a list for JSON."""
    document = file.document
    said = None if document is None else [*_facts(document), document.content]
    return [file.oid, file.name, file.units, dump_problems(file.problems), said]


def parse_examined(row: list[Any]) -> ExaminedFile:
    """Return the verdict that such a list holds."""
    oid, name, units, problems, said = row
    document = None
    if said is not None:
        kind, given, version, content_hash, source_hash, outline, content = said
        document = parse_document(kind, given, version, content, content_hash, source_hash, outline)
    return ExaminedFile(oid, document, parse_problems(problems), name, units)


def _facts(document: Document) -> list[str]:
    said = [document.kind, document.name, document.version]
    return [*said, document.content_hash, document.source_hash, dump_outline(document)]


def dump_parts(parts: tuple[Resolved, ...] | None) -> str | None:
    """Return what a bundle's parts resolve to, None for what is no bundle."""
    if parts is None:
        return None
    return dump([[part.name, part.range, part.version, part.reason] for part in parts])


def parse_parts(text: str | None) -> tuple[Resolved, ...]:
    """Return what a bundle's parts resolve to, none for None."""
    return tuple(Resolved(*part) for part in parse(text) or ())


def commit_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the commit of a row, as readers see it."""
    return {
        "hash": row["commit_hash"],
        "author": row["commit_author"],
        "time": row["commit_time"],
        "subject": row["commit_subject"],
    }


def parse_commit(row: Mapping[str, Any]) -> Commit:
    """Return the commit of a row."""
    return Commit(
        row["commit_hash"], row["commit_author"], row["commit_time"], row["commit_subject"]
    )


def change_json(change: CatalogChange) -> dict[str, Any]:
    """Return one line of the changes feed, as readers see it."""
    return {
        "kind": change.kind,
        "name": change.name,
        "change": change.change,
        "version": change.version,
        "revision": change.revision,
        "renamed_from": change.renamed_from,
    }


def _pair(place: Place) -> list[int]:
    return [place.line, place.column]


def _dump_reference(one: Reference) -> list[Any]:
    return [one.type, one.name, one.range, one.pointer, one.place.line, one.place.column]


def _parse_reference(row: list[Any]) -> Reference:
    kind, name, wanted, pointer, line, column = row
    return Reference(kind, name, wanted, pointer, Place(line, column))
