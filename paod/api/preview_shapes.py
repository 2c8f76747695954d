"""The shapes of what a change would mean, in JSON Schema 2020-12."""

from __future__ import annotations

from typing import Final

from paod.api.forms import (
    FLAG,
    KIND,
    NUMBER,
    TEXT,
    TEXT_OR_NULL,
    Shape,
    record,
    ref,
    rows,
)

_VALUES: Final[Shape] = {"before": {}, "after": {}, "abridged": {"const": True}}
_PLANNED: Final = {
    "enum": [
        *("added", "changed", "moved", "renamed", "removed", "restored"),
        *("stale", "fresh", "resolution"),
    ]
}
_CHANGE: Final = record(
    kind=KIND,
    name=TEXT,
    change=_PLANNED,
    renamed_from=TEXT_OR_NULL,
    version=TEXT,
    version_before=TEXT_OR_NULL,
    path=TEXT,
    path_before=TEXT_OR_NULL,
    breaking=FLAG,
    effects=rows(record(_VALUES, code=TEXT, breaking=FLAG, pointer=TEXT, message=TEXT)),
    differences=rows(
        record(
            _VALUES,
            change={"enum": ["added", "removed", "changed", "reordered"]},
            path=TEXT,
            pointer=TEXT,
        )
    ),
    left_out=NUMBER,
)
_OUTLOOK: Final = {
    "breaking": FLAG,
    "merge_base": TEXT_OR_NULL,
    "counts": {"type": "object", "propertyNames": _PLANNED, "additionalProperties": NUMBER},
    "changes": rows(_CHANGE),
    "problems": record(new=rows(ref("problem")), cleared=rows(ref("problem"))),
    "overlaps": rows(TEXT),
    "left_out": record(changes=NUMBER, problems=NUMBER),
}

PREVIEW_SHAPES: Final[dict[str, Shape]] = {
    "outlook": record(**_OUTLOOK),
    "preview": record(
        sync_id=NUMBER,
        ref=TEXT_OR_NULL,
        branch=TEXT,
        status={"enum": ["completed", "rejected", "blocked"]},
        reason=TEXT,
        message=TEXT,
        from_commit=TEXT_OR_NULL,
        to_commit=TEXT_OR_NULL,
        **_OUTLOOK,
        href=TEXT,
    ),
}
