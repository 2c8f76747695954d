"""The shapes of what is asked of syncs and pins, and told of them, in JSON Schema 2020-12."""

from __future__ import annotations

from typing import Final

from paod.api.forms import (
    ABBREVIATED_HASH,
    FLAG,
    KIND,
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

STATUS: Final[Shape] = {
    "enum": ["queued", "running", "completed", "failed", "rejected", "blocked", "superseded"]
}

REASON_GIVEN: Final[Shape] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 500,
    "pattern": r"^[^\x00-\x1f]*$",
}

PIN: Final = record(revision=NUMBER, reason=TEXT, since=TIME)
CHANGE: Final = {
    "kind": KIND,
    "name": TEXT,
    "change": {
        "enum": [
            *("added", "changed", "moved", "renamed", "removed", "restored"),
            *("stale", "fresh", "resolution", "pinned", "released"),
        ]
    },
    "version": TEXT,
    "revision": NUMBER,
    "renamed_from": TEXT_OR_NULL,
}
REASON: Final = record(code=TEXT, message=TEXT)
HEAD_TOLD: Final = {
    "commit_hash": TEXT_OR_NULL,
    "generation": NUMBER,
    "synced_at": TIME_OR_NULL,
    "checked_at": TIME_OR_NULL,
}
_SYNC: Final = record(
    {"preview": ref("outlook")},
    sync_id=NUMBER,
    status=STATUS,
    reason=TEXT,
    message=TEXT,
    trigger=TEXT,
    triggers=rows(TEXT),
    mode={"enum": ["incremental", "full"]},
    dry_run=FLAG,
    requested_commit=TEXT_OR_NULL,
    requested_ref=TEXT_OR_NULL,
    allow_mass_removal=TEXT_OR_NULL,
    pin={"enum": ["set", "clear", None]},
    pin_reason=TEXT_OR_NULL,
    phase=TEXT_OR_NULL,
    repository_url=TEXT,
    branch=TEXT,
    commit_hash=TEXT_OR_NULL,
    from_commit=TEXT_OR_NULL,
    to_commit=TEXT_OR_NULL,
    history_rewritten=FLAG,
    requested_at=TIME,
    sync_started_at=TIME_OR_NULL,
    sync_completed_at=TIME_OR_NULL,
    items_added=NUMBER,
    items_updated=NUMBER,
    items_removed=NUMBER,
    bundles_added=NUMBER,
    bundles_updated=NUMBER,
    bundles_removed=NUMBER,
    problems=NUMBER,
    generation=NUMBER_OR_NULL,
    superseded_by=NUMBER_OR_NULL,
    timings={"type": "object", "additionalProperties": {"type": "number"}},
    error_message=TEXT_OR_NULL,
    webhook=or_null(OPEN),
    changes=or_null(rows(record(**CHANGE))),
    href=TEXT,
)

SYNC_SHAPES: Final[dict[str, Shape]] = {
    "sync-request": record(
        {
            "mode": {"enum": ["incremental", "full"]},
            "commit": ABBREVIATED_HASH,
            "dry_run": FLAG,
            "allow_mass_removal": ABBREVIATED_HASH,
        }
    ),
    "rollback-request": record(
        {"allow_mass_removal": ABBREVIATED_HASH},
        commit=ABBREVIATED_HASH,
        reason=REASON_GIVEN,
    ),
    "resume-request": record({"allow_mass_removal": ABBREVIATED_HASH}),
    "pin-request": record(
        revision={"type": "integer", "minimum": 1, "maximum": 10**15}, reason=REASON_GIVEN
    ),
    "item-pin": record(name=TEXT, pin=or_null(PIN), generation=NUMBER, href=TEXT),
    "queued-sync": record(sync_id=NUMBER, status={"const": "queued"}, href=TEXT),
    "sync": _SYNC,
    "sync-list": page("syncs", "sync"),
    "sync-status": record(
        {
            "commit": record(
                commit_hash=TEXT,
                state={
                    "enum": [
                        *("pending", "applied", "blocked", "rejected", "failed", "superseded"),
                        None,
                    ]
                },
            )
        },
        current=or_null(ref("sync")),
        last=or_null(ref("sync")),
        queued=rows(ref("sync")),
        head=record(**HEAD_TOLD),
        pin=or_null(record(commit_hash=TEXT, reason=TEXT, since=TIME)),
        item_pins=rows(
            record(
                name=TEXT,
                revision=NUMBER,
                version=TEXT,
                reason=TEXT,
                since=TIME,
                branch=record(revision=NUMBER, version=TEXT, is_active=FLAG),
                href=TEXT,
            )
        ),
        went_back=or_null(record(at=TIME, from_generation=NUMBER_OR_NULL, to_generation=NUMBER)),
        leader=or_null(record(instance=TEXT, since=TIME)),
        stale=FLAG,
        stale_reasons=rows(REASON),
        next_poll_at=TIME_OR_NULL,
    ),
}
