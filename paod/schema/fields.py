"""The shape of a form's fields: what all types share, and what each takes beside it."""

from __future__ import annotations

from paod.model.limits import OPTIONS
from paod.schema.parts import (
    ANYTHING,
    BOOLEAN,
    COUNT,
    INTEGER,
    NUMBER,
    Schema,
    Variant,
    form,
    required,
    said,
    text,
)

COMMON: Schema = {
    "name": said(
        required(form("identifier")),
        "What the field is called in orders and templates; once in a form. It begins with a "
        "letter and goes on with letters, digits, '_' and '-'.",
        "database_name",
    ),
    "type": said(
        required({"type": "string"}),
        "What the field takes, and so how a portal draws it. Which other keys there are depends "
        "on it.",
        "string",
    ),
    "required": said(BOOLEAN, "Whether an order must give a value.", True),
    "default": said(
        ANYTHING, "The value where an order gives none. The field itself must accept it."
    ),
    "help_text": said(
        text(), "What a portal says beside the field.", "Lower case, underscores allowed"
    ),
    "readonly": said(BOOLEAN, "The default is shown and cannot be changed.", True),
    "hidden": said(BOOLEAN, "A portal does not show the field.", True),
    "conditional": said(
        {
            "type": "dict",
            "schema": {
                "field": said(
                    required(form("identifier")),
                    "The name of another field of this form.",
                    "environment",
                ),
                "value": said(
                    required(ANYTHING),
                    "The value that the other field must have, or a list of such values. For a "
                    "multiselect: a value that must be among the chosen ones.",
                    "production",
                ),
            },
        },
        "The field is asked for only while another field has a certain value.",
        {"field": "environment", "value": "production"},
    ),
}

TEXT: Schema = {
    "min_length": said(COUNT, "Characters at least.", 3),
    "max_length": said(COUNT, "Characters at most.", 63),
    "regexp": said(
        {"type": "string"},
        "A pattern of RE2, found anywhere in the text: write ^…$ to have it match the whole. No "
        "look-around, no back-references.",
        "^[a-z][a-z0-9_]*$",
    ),
    "format": said(
        {"type": "string", "allowed": ["email", "url", "hostname"]}, "What the text must be."
    ),
    "rows": said({"type": "integer", "min": 1, "max": 1000}, "Lines that a portal shows.", 4),
}


def _numbers(kind: Schema, step: Schema) -> Schema:
    return {
        "min_value": said(kind, "The lowest value.", 1),
        "max_value": said(kind, "The highest value.", 100),
        "step": said(step, "Above 0. Values are min_value (or 0) and steps from there.", 5),
        "precision": said({"type": "integer", "min": 0, "max": 15}, "Decimals at most.", 2),
    }


WHOLE: Schema = _numbers(INTEGER, {"type": "integer", "min": 1})
DECIMAL: Schema = _numbers(NUMBER, NUMBER)


def _moments(name: str, limits: str, *examples: str) -> Schema:
    limit = form(f"{name}-limit")
    return {
        "format": said(
            text(64), "How a portal shows it. Values are always written as ISO 8601.", "DD.MM.YYYY"
        ),
        "timezone": said(
            form("timezone"), "Whose clock it is. Without one, UTC.", "Europe/Paris", "+02:00"
        ),
        f"min_{name}": said(limit, f"The earliest: {limits}.", *examples),
        f"max_{name}": said(limit, f"The latest: {limits}.", *examples),
    }


def _options(about: str) -> Schema:
    rules = {
        "type": "list",
        "minlength": 1,
        "maxlength": OPTIONS,
        "unique": True,
        "schema": {"type": ["string", "number"]},
        "required": True,
    }
    return said(rules, about, ["small", "medium", "large"])


FIELD = Variant(
    key="type",
    called="a field type",
    code="unknown-type",
    common=COMMON,
    choices={
        "string": TEXT,
        "textarea": TEXT,
        "integer": WHOLE,
        "int": WHOLE,
        "number": DECIMAL,
        "percentage": DECIMAL,
        "boolean": {},
        "date": _moments(
            "date", "YYYY-MM-DD, today, or such as today+30d or today-2w", "today", "today+30d"
        ),
        "datetime": _moments(
            "datetime", "YYYY-MM-DDTHH:MM, now, or such as now+12h or now+7d", "now", "now+7d"
        ),
        "time": _moments("time", "HH:MM or HH:MM:SS, within one day", "08:00", "18:30"),
        "selection": {
            "oneof": _options("What can be chosen: texts and numbers, none twice."),
            "allow_custom": said(BOOLEAN, "Any other text or number is accepted too.", True),
        },
        "multiselect": {
            "options": _options("What can be chosen: texts and numbers, none twice."),
            "min_selections": said(COUNT, "How many must be chosen.", 1),
            "max_selections": said(COUNT, "How many can be chosen.", 2),
        },
    },
    meanings={
        "string": "A line of text.",
        "textarea": "Several lines of text.",
        "integer": "A whole number.",
        "int": "A whole number; another name for integer.",
        "number": "A number, with decimals or without.",
        "percentage": "A number from 0 to 100.",
        "boolean": "Yes or no: true or false.",
        "date": "A day: YYYY-MM-DD.",
        "datetime": "A day and a time: YYYY-MM-DDTHH:MM.",
        "time": "A time of day: HH:MM.",
        "selection": "One of several values.",
        "multiselect": "Any number of several values.",
    },
)
