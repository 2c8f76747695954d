"""The shapes of all bodies, by name, in JSON Schema 2020-12: as described, and as checked.

An object of an answer lists every key that it always has as required. Documents and what authors
wrote in them are open: their own schema is that of the catalog's files.
"""

from __future__ import annotations

from typing import Final

from paod.api.forms import (
    FLAG,
    NUMBER,
    NUMBER_OR_NULL,
    OPEN,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    TIME_OR_NULL,
    Shape,
    or_null,
    page,
    record,
    ref,
    rows,
)
from paod.api.preview_shapes import PREVIEW_SHAPES
from paod.api.sync_shapes import CHANGE, HEAD_TOLD, PIN, REASON, STATUS, SYNC_SHAPES
from paod.webhook import HOSTS

STALE: Final = record(since_commit=TEXT, problems=NUMBER)
COMMIT: Final = record(hash=TEXT, author=TEXT, time=TEXT, subject=TEXT)

_ENTRY: Final = record(
    {"is_active": FLAG, "stale": STALE, "pin": PIN},
    name=TEXT,
    version=TEXT,
    description=TEXT,
    owner=TEXT,
    tags=rows(TEXT),
    category=TEXT,
    href=TEXT,
)
_DOCUMENT: Final = record(
    name=TEXT,
    version=TEXT,
    category=TEXT,
    source=record(path=TEXT, commit=TEXT, hash=TEXT),
    revision=NUMBER,
    generation=NUMBER,
    is_active=FLAG,
    stale=or_null(STALE),
    created_at=TIME,
    updated_at=TIME,
    href=TEXT,
    versions_href=TEXT,
    diff_href=TEXT,
)
_ITEM: Final = {
    **_DOCUMENT,
    "required": [*_DOCUMENT["required"], "pin"],
    "properties": _DOCUMENT["properties"] | {"pin": or_null(PIN)},
    "additionalProperties": True,
}
_PART: Final = record(
    catalog_item=TEXT,
    range=TEXT,
    required=FLAG,
    version=TEXT_OR_NULL,
    reason=TEXT_OR_NULL,
    href=TEXT,
)
_BUNDLE: Final = {
    **_DOCUMENT,
    "required": [*_DOCUMENT["required"], "resolved", "reasons", "parts"],
    "properties": _DOCUMENT["properties"]
    | {"resolved": FLAG, "reasons": rows(TEXT), "parts": rows(_PART)},
    "additionalProperties": True,
}
_VERSION: Final = record(
    {"document": OPEN},
    revision=NUMBER,
    change={"enum": ["added", "changed", "moved", "renamed", "removed", "restored"]},
    name=TEXT,
    version=TEXT,
    renamed_from=TEXT_OR_NULL,
    category=TEXT,
    source=record(path=TEXT, hash=TEXT),
    content_hash=TEXT,
    commit=COMMIT,
    generation=NUMBER,
    sync_id=NUMBER,
    created_at=TIME,
    href=TEXT,
)
_PROBLEM: Final = {
    "code": TEXT,
    "severity": {"enum": ["error", "warning"]},
    "path": TEXT,
    "line": NUMBER,
    "column": NUMBER,
    "pointer": TEXT,
    "message": TEXT,
    "hint": TEXT,
    "document": TEXT_OR_NULL,
    "commit": TEXT_OR_NULL,
}
_RECORDED: Final = {
    "id": NUMBER,
    "status": {"enum": ["open", "resolved"]},
    "rejected": FLAG,
    "first_seen_at": TIME,
    "resolved_at": TIME_OR_NULL,
    "sync_id": NUMBER,
}
_FACET: Final = rows(record(name=TEXT, count=NUMBER))
_BY: Final[Shape] = {
    "type": "object",
    "additionalProperties": record(items=NUMBER, bundles=NUMBER),
}
_COUNTS: Final = {"active": NUMBER, "inactive": NUMBER, "stale": NUMBER}

SHAPES: Final[dict[str, Shape]] = {
    "pagination": record(next_cursor=TEXT_OR_NULL, has_more=FLAG),
    "entry": _ENTRY,
    "item": _ITEM,
    "bundle": _BUNDLE,
    "item-list": page("items", "entry", generation=NUMBER, epoch=TEXT),
    "bundle-list": page("bundles", "entry", generation=NUMBER, epoch=TEXT),
    "version": _VERSION,
    "version-list": page("versions", "version"),
    "difference": record(
        name=TEXT,
        from_=ref("version"),
        to=ref("version"),
        changes=rows(
            record(
                {"before": {}, "after": {}},
                change={"enum": ["added", "removed", "changed", "reordered"]},
                path=TEXT,
                pointer=TEXT,
            )
        ),
    ),
    "parameters": record(parameters=OPEN),
    "parameter-check": record(valid=FLAG, errors=rows(record(field=TEXT, code=TEXT, message=TEXT))),
    "facets": record(
        categories=_FACET,
        owners=_FACET,
        tags=_FACET,
        truncated=rows({"enum": ["categories", "owners", "tags"]}),
    ),
    "change": record(**CHANGE, generation=NUMBER, href=TEXT),
    "change-list": page("changes", "change", generation=NUMBER, epoch=TEXT),
    **SYNC_SHAPES,
    **PREVIEW_SHAPES,
    **{f"{host.name}-push": host.shape for host in HOSTS.values()},
    "delivery-answer": record(
        {"sync_triggered": FLAG, "delivery_id": TEXT, "sync_id": NUMBER, "reason": TEXT},
        status={"enum": ["pong", "accepted", "ignored", "duplicate"]},
    ),
    "problem": record(**_PROBLEM),
    "problem-list": page("validation_errors", "recorded-problem"),
    "recorded-problem": record(**_PROBLEM, **_RECORDED),
    "document": {"description": "A document of the catalog, good or bad."},
    "document-check": record(valid=FLAG, problems=rows(ref("problem"))),
    "stats": record(
        items=record(**_COUNTS),
        bundles=record(**_COUNTS, unresolved=NUMBER),
        by_category=_BY,
        by_owner=_BY,
        problems=record(error=NUMBER, warning=NUMBER),
        last_updated_at=TIME_OR_NULL,
    ),
    "event": record(
        delivery_id=TEXT,
        event=TEXT,
        status=TEXT,
        reason=TEXT,
        commit_hash=TEXT_OR_NULL,
        payload=OPEN,
        attempts=NUMBER,
        received_at=TIME,
        last_received_at=TIME,
        sync_id=NUMBER_OR_NULL,
        sync=or_null(record(sync_id=NUMBER, status=STATUS, reason=TEXT, href=TEXT)),
        href=TEXT,
    ),
    "event-list": page("events", "event"),
    "health": record(
        {**HEAD_TOLD, "stale": FLAG, "pinned": FLAG, "leader": {"type": ["boolean", "null"]}},
        status={"enum": ["ok", "degraded", "unavailable"]},
        reasons=rows(REASON),
        version=TEXT,
        webhooks={"enum": ["on", "off"]},
    ),
    "liveness": record(status={"const": "alive"}),
    "readiness": record(status={"enum": ["ready", "not ready"]}, reason=TEXT_OR_NULL),
    "openapi": OPEN,
    "metrics": TEXT,
    "explanation": TEXT,
    "refusal": {
        **record(
            type=TEXT,
            title=TEXT,
            status={"type": "integer"},
            detail=TEXT,
            instance=TEXT,
            request_id=TEXT,
        ),
        "additionalProperties": True,
    },
}
