"""The shape of documents, said once, as Cerberus schemas. All else is made from these.

Beside Cerberus' own rules: ``form`` (a text's form, see ``forms``), ``unique`` (no entry twice) and
``variant`` (which schema holds is chosen by one key, such as a field's ``type``, so that no schema
is tried in vain). Keys that begin with ``x-`` are allowed in every mapping.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Variant:
    """A mapping whose schema is chosen by the value of ``key``; other values get ``code``.

    ``called`` is what the choices are called in a message. ``common`` holds whatever the choice.
    """

    key: str
    called: str
    code: str
    common: Schema
    choices: dict[str, Schema]


def _text(longest: int = 4096, shortest: int = 1) -> Schema:
    return {"type": "string", "minlength": shortest, "maxlength": longest}


def _form(name: str) -> Schema:
    return {"type": "string", "form": name}


def _required(schema: Schema) -> Schema:
    return {**schema, "required": True}


BOOLEAN: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
INTEGER: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "min": 0}
ANYTHING: Schema = {"nullable": True}
FREE: Schema = {"type": "dict", "allow_unknown": True}
DURATION: Schema = {"type": ["integer", "string"], "min": 1, "form": "duration"}
OPTIONS: Schema = {
    "type": "list",
    "minlength": 1,
    "unique": True,
    "schema": {"type": ["string", "number"]},
    "required": True,
}

VERSION: Schema = {"required": True, "form": "version"}
RETRIES: Schema = {
    "type": "dict",
    "allow_unknown": True,
    "schema": {"max_attempts": {"type": "integer", "min": 1, "max": 100}},
}

HEADER: Schema = {
    "name": _required(_form("name")),
    "version": VERSION,
    "description": _required(_text()),
    "owner": _required(_text(128)),
    "tags": {"type": "list", "required": True, "unique": True, "schema": _text(64)},
    "display_name": _text(128),
    "dependencies": {"type": "list", "unique": True, "schema": _form("name")},
    "renamed_from": _form("name"),
    "deprecated": {
        "type": "dict",
        "schema": {"since": _text(64), "replacement": _form("name"), "sunset": _form("day")},
    },
}

FIELD_HEADER: Schema = {
    "name": _required(_form("identifier")),
    "type": _required({"type": "string"}),
    "required": BOOLEAN,
    "default": ANYTHING,
    "help_text": _text(),
    "readonly": BOOLEAN,
    "hidden": BOOLEAN,
    "conditional": {
        "type": "dict",
        "schema": {"field": _required(_form("identifier")), "value": _required(ANYTHING)},
    },
}
TEXT: Schema = {
    "min_length": COUNT,
    "max_length": COUNT,
    "regexp": {"type": "string"},
    "format": {"type": "string", "allowed": ["email", "url", "hostname"]},
    "rows": {"type": "integer", "min": 1, "max": 1000},
}
WHOLE: Schema = {
    "min_value": INTEGER,
    "max_value": INTEGER,
    "step": {"type": "integer", "min": 1},
    "precision": {"type": "integer", "min": 0, "max": 15},
}
DECIMAL: Schema = {**WHOLE, "min_value": NUMBER, "max_value": NUMBER, "step": NUMBER}
MOMENT: Schema = {"format": _text(64), "timezone": _form("timezone")}


def _moment(name: str) -> Schema:
    limit = _form(f"{name}-limit")
    return {**MOMENT, f"min_{name}": limit, f"max_{name}": limit}


FIELD = Variant(
    "type",
    "a field type",
    "unknown-type",
    FIELD_HEADER,
    {
        "string": TEXT,
        "textarea": TEXT,
        "integer": WHOLE,
        "int": WHOLE,
        "number": DECIMAL,
        "percentage": DECIMAL,
        "boolean": {},
        "date": _moment("date"),
        "datetime": _moment("datetime"),
        "time": _moment("time"),
        "selection": {"oneof": OPTIONS, "allow_custom": BOOLEAN},
        "multiselect": {"options": OPTIONS, "min_selections": COUNT, "max_selections": COUNT},
    },
)

_JIRA: Schema = {
    "type": "dict",
    "required": True,
    "allow_unknown": True,
    "schema": {key: _required(_text(65_536)) for key in ("project", "issue_type", "summary")},
}
_TEMPLATE: Schema = _required(FREE)
MANUAL = Variant(
    "system",
    "a fulfillment system",
    "bad-value",
    {"system": _required({"type": "string"}), "template": _TEMPLATE},
    {
        "jira": {"template": _JIRA},
        "servicenow": {},
        "email": {},
        "webhook": {},
    },
)

STEP: Schema = {
    "name": _required(_form("identifier")),
    "type": {
        "type": "string",
        "required": True,
        "allowed": ["TerraformFile", "GitHubWorkflow", "HttpPost", "HttpPut", "JiraTicket"],
    },
    "template": {"type": ["dict", "string"], "allow_unknown": True},
    "depends_on": {"type": "list", "unique": True, "schema": _form("identifier")},
    "verification": FREE,
    "retry_policy": RETRIES,
    "timeout": DURATION,
}
FULFILLMENT: Schema = {
    "manual": {"type": "dict", "required": True, "variant": "manual"},
    "automation": {
        "type": "dict",
        "schema": {
            "steps": {
                "type": "list",
                "required": True,
                "schema": {"type": "dict", "schema": STEP},
            },
            "retry_policy": RETRIES,
            "timeout": DURATION,
            "fallback_on_failure": {"type": ["boolean", "string"], "form": "manual"},
        },
    },
}

FIELDS: Schema = {"type": "list", "schema": {"type": "dict", "variant": "field"}}
ITEM: Schema = {
    **HEADER,
    "presentation": {"type": "dict", "required": True, "schema": {"fields": _required(FIELDS)}},
    "fulfillment": {"type": "dict", "required": True, "schema": FULFILLMENT},
}
PART: Schema = {
    "catalog_item": _required(_form("name")),
    "version": {"form": "range"},
    "parameters": FREE,
    "default_enabled": BOOLEAN,
}
PARTS: Schema = {"type": "list", "schema": {"type": "dict", "schema": PART}}
BUNDLE: Schema = {
    **HEADER,
    "bundle": {
        "type": "dict",
        "required": True,
        "schema": {"required_items": PARTS, "optional_items": PARTS},
    },
    "presentation": {"type": "dict", "schema": {"bundle_fields": FIELDS}},
}

DOCUMENTS: dict[str, Schema] = {"item": ITEM, "bundle": BUNDLE}
VARIANTS: dict[str, Variant] = {"field": FIELD, "manual": MANUAL}
