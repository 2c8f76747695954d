"""From the tests' ``Spec`` trees to the fold's steps, without Git and without YAML."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence

from paod.model import Commit, Document, ExaminedFile, Place, Problem, Reference, Step
from tests.model import Spec, Tree


def digest(value: object) -> str:
    """Return a hash that is the same for equal values."""
    return hashlib.sha256(repr(value).encode()).hexdigest()


def commit(number: int) -> Commit:
    """Return the tests' commit of that number."""
    return Commit(f"{number:040x}", "An Author", f"2026-01-01T00:00:{number % 60:02}Z", "subject")


def examined(spec: Spec) -> ExaminedFile:
    """Return what validation would find in a file with this spec."""
    oid = digest(spec)[:40]
    if spec.broken:
        problem = Problem("yaml-syntax", "error", "broken", line=2, document=None)
        return ExaminedFile(oid, None, (problem,), None)
    version = ".".join(map(str, spec.version))
    bundle = spec.kind == "bundle"
    references = tuple(
        Reference(
            "required_item" if bundle else "dependency", name, "", f"/{place}", Place(9 + place)
        )
        for place, name in enumerate(spec.needs)
    )
    if spec.replaced_by is not None:
        references += (Reference("replacement", spec.replaced_by, "", "/d", Place(20)),)
    document = Document(
        kind="bundle" if bundle else "item",
        name=spec.name,
        version=version,
        content=json.dumps(spec.content()),
        content_hash=digest(spec.content()),
        source_hash="sha256:" + digest(spec),
        name_place=Place(1 + spec.comment, 7),
        version_place=Place(2 + spec.comment, 10),
        renamed_from=spec.renamed_from,
        references=references,
    )
    return ExaminedFile(oid, document, (), spec.name)


def steps(history: Sequence[Tree], first: int = 1) -> Iterator[Step]:
    """Yield the steps from the one with this number on, each from its tree before to its own."""
    for number in range(first, len(history) + 1):
        before = history[number - 2] if number > 1 else {}
        after = history[number - 1]
        changes = [
            (path, None if path not in after else examined(after[path]))
            for path in sorted({*before, *after})
            if before.get(path) != after.get(path)
        ]
        yield Step(commit(number), tuple(changes))
