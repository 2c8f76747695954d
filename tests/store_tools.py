"""What the store's tests share: an empty store in a folder, and syncs that need no repository."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from paod.catalog.fold import fold
from paod.catalog.plan import plan
from paod.model import (
    Commit,
    Document,
    ExaminedFile,
    Place,
    Plan,
    Problem,
    Reference,
    Step,
    Stored,
    SyncRequest,
    SyncResult,
)
from paod.store import Outlets, Source, Store
from tests.databases import database_in, opened, ready_url_in
from tests.steps import digest

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that a test turns."""

    now: datetime = BEGINNING

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: float) -> None:
        """Let time go by."""
        self.now += timedelta(**by)


def empty_store(
    folder: Path,
    clock: Callable[[], datetime] | None = None,
    outlets: Outlets | None = None,
    **options: Any,
) -> Store:
    """Return a store with its tables and nothing in them."""
    source = Source("https://example.org/catalog.git", "main")
    store = Store(database_in(folder, **options), clock or Clock(), source, outlets)
    store.migrate()
    return store


def ready_store(folder: Path) -> Store:
    """Return a folder's empty store: quicker than making its tables."""
    return Store(opened(ready_url_in(folder)), Clock())


def item(name: str, **content: Any) -> Document:
    """Return an item's document, as validation would."""
    return document("item", {"name": name, **content})


def bundle(name: str, *parts: str, **content: Any) -> Document:
    """Return a bundle's document; each part is ``name`` or ``name range``."""
    wanted = [part.partition(" ") for part in parts]
    required = [{"catalog_item": part, "version": version} for part, _, version in wanted]
    body = {"name": name, "bundle": {"required_items": required}, **content}
    references = tuple(
        Reference(
            "required_item", part, version, f"/bundle/required_items/{place}", Place(10 + place, 5)
        )
        for place, (part, _, version) in enumerate(wanted)
    )
    return replace(document("bundle", body), references=references)


def document(kind: Any, content: Mapping[str, Any]) -> Document:
    """Return a document of this content, with what every document has filled in."""
    whole = {
        "version": "1.0.0",
        "description": "Something to order",
        "owner": "a-team",
        "tags": [],
        **content,
    }
    text = orjson.dumps(whole, option=orjson.OPT_SORT_KEYS).decode()
    return Document(
        kind=kind,
        name=whole["name"],
        version=whole["version"],
        content=text,
        content_hash=digest(text),
        source_hash=f"sha256:{digest(text)}",
        renamed_from=whole.get("renamed_from"),
    )


def examined(found: Document | Iterable[Problem] | None) -> ExaminedFile | None:
    """Return a file that holds a document, or one with only problems."""
    if found is None:
        return None
    if isinstance(found, Document):
        return ExaminedFile(digest(found)[:40], found, (), found.name)
    problems = tuple(found)
    return ExaminedFile(digest(problems)[:40], None, problems, None)


def commit(number: int) -> Commit:
    """Return the tests' commit of that number."""
    return Commit(f"{number:040x}", "An Author", f"2026-01-01T00:{number % 60:02}:00Z", "Subject")


Edit = Mapping[str, Document | Iterable[Problem] | None]


@dataclass
class Syncs:
    """Syncs of made-up commits on a store, each from where the last one ended."""

    store: Store
    stored: Stored = field(default_factory=Stored)
    number: int = 0

    def sync(self, edit: Edit) -> Plan:
        """Commit an edit (path → document, problems, or None: removed) and sync to it."""
        planned = self.planned(edit)
        self.apply(planned)
        return planned

    def planned(self, edit: Edit) -> Plan:
        """Plan the sync of an edit without applying it."""
        self.number += 1
        changes = tuple((path, examined(found)) for path, found in sorted(edit.items()))
        folded = fold(self.stored.catalog, [Step(commit(self.number), changes)], "warn")
        return plan(self.stored, folded, anew=not self.stored.catalog.commit)

    def apply(self, planned: Plan) -> int:
        """Claim a sync and apply a plan with it; return the sync's id."""
        sync_id = running(self.store)
        after = planned.catalog.commit
        assert after is not None
        result = result_of(planned, self.stored.catalog.commit)
        self.store.apply(sync_id, planned, result, commit=after, basis="basis")
        self.stored = self.store.settled(planned.after)
        return sync_id


def running(store: Store, request: SyncRequest | None = None) -> int:
    """Queue a sync and claim it; return its id."""
    store.enqueue(request or SyncRequest("manual"))
    claimed = store.claim(dry_run=request is not None and request.dry_run)
    assert claimed is not None
    return claimed.id


def result_of(planned: Plan, before: str | None) -> SyncResult:
    """Return the outcome of a sync that applies a plan."""
    return SyncResult(
        status="completed",
        reason="Succeeded",
        message="",
        from_commit=before,
        to_commit=planned.catalog.commit,
        items=planned.items,
        bundles=planned.bundles,
        errors=planned.after.errors,
        warnings=planned.after.warnings,
        timings={"fold": 0.25},
    )


def ended(
    status: Any = "completed", reason: str = "UpToDate", message: str = "", **more: Any
) -> SyncResult:
    """Return the outcome of a sync that applied nothing."""
    return SyncResult(status, reason, message, **more)


def with_mappings(steps: Iterable[Step]) -> Iterator[Step]:
    """Make each document's content a mapping, as it is in earnest."""
    for step in steps:
        yield replace(
            step, changes=tuple((path, _with_mapping(file)) for path, file in step.changes)
        )


def _with_mapping(file: ExaminedFile | None) -> ExaminedFile | None:
    if file is None or file.document is None:
        return file
    found = file.document
    content = {"name": found.name, "tags": [found.name], "says": orjson.loads(found.content)}
    text = orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode()
    return replace(file, document=replace(found, content=text))
