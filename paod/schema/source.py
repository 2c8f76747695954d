"""The shape of documents, said once, as Cerberus schemas. All else is made from these.

Beside Cerberus' own rules: ``form`` (a text's form, see ``forms``), ``unique`` (no entry twice) and
``variant`` (which schema holds is chosen by one key, such as a field's ``type``, so that no schema
is tried in vain). Keys that begin with ``x-`` are allowed in every mapping. The order of the keys
of a document is the one that ``paod fmt`` puts them in.
"""

from __future__ import annotations

from paod.model import limits
from paod.schema.fields import FIELD
from paod.schema.fulfillment import FULFILLMENT, MANUAL
from paod.schema.parts import BOOLEAN, FREE, Schema, Variant, at_most, form, required, said, text

_DEPRECATED: Schema = {
    "since": said(text(64), "A version or a date.", "1.4.0", "2026-01-01"),
    "replacement": said(form("name"), "The item to order in its place.", "postgres-cluster"),
    "sunset": said(form("day"), "The last day that it can be ordered.", "2026-12-31"),
}
HEADER: Schema = {
    "name": said(
        required(form("name")),
        "What the document is called everywhere, once in the catalog: lower-case kebab-case, at "
        "most 63 characters, the same as the file's name.",
        "postgres-database",
    ),
    "version": said(
        {"required": True, "form": "version"},
        "Semantic Versioning 2.0.0. Raise it whenever the content changes. Quoted, since 1.10 "
        "alone is a number.",
        "1.0.0",
    ),
    "display_name": said(text(128), "What people read in place of the name.", "PostgreSQL"),
    "description": said(
        required(text()), "What is ordered, in a sentence or two.", "PostgreSQL database instance"
    ),
    "owner": said(required(text(128)), "The team that answers for it.", "platform-data-team"),
    "tags": said(
        at_most(
            limits.TAGS, {"type": "list", "required": True, "unique": True, "schema": text(64)}
        ),
        "Words to find it by, none twice; may be empty.",
        ["database", "storage"],
    ),
    "dependencies": said(
        at_most(limits.DEPENDENCIES, {"type": "list", "unique": True, "schema": form("name")}),
        "Names of items that must be there before this one is ordered.",
        ["dns-record"],
    ),
    "renamed_from": said(
        form("name"),
        "The name that it had before: its history goes on, and the old name leads here.",
        "postgres",
    ),
    "deprecated": said(
        {"type": "dict", "schema": _DEPRECATED},
        "It goes away: since when, what takes its place, and its last day.",
        {"since": "2026-01-01", "replacement": "postgres-cluster", "sunset": "2026-12-31"},
    ),
}
FIELDS: Schema = said(
    at_most(limits.FIELDS, {"type": "list", "schema": {"type": "dict", "variant": "field"}}),
    "What whoever orders is asked, in this order; may be empty.",
)
ITEM: Schema = {
    **HEADER,
    "presentation": said(
        {"type": "dict", "required": True, "schema": {"fields": required(FIELDS)}},
        "The form that whoever orders fills in.",
        {"fields": []},
    ),
    "fulfillment": said(
        {"type": "dict", "required": True, "schema": FULFILLMENT},
        "What happens with an order.",
        {"manual": {"system": "email", "template": {"to": "team@example.com"}}},
    ),
}

_PART: Schema = {
    "catalog_item": said(
        required(form("name")), "The name of an item of this catalog.", "postgres-database"
    ),
    "version": said(
        {"form": "range"},
        "Which versions will do: comparators joined by commas. Without it, any.",
        ">=1.2.0, <2.0.0",
    ),
    "parameters": said(
        FREE,
        "What the item's form is filled in with. Texts may hold {{ … }} over the bundle's fields.",
        {"database_name": "{{ stack_name }}"},
    ),
    "default_enabled": said(BOOLEAN, "Whether an optional part is chosen at first.", True),
}
_PARTS = at_most(limits.PARTS, {"type": "list", "schema": {"type": "dict", "schema": _PART}})
BUNDLE: Schema = {
    **HEADER,
    "bundle": said(
        {
            "type": "dict",
            "required": True,
            "schema": {
                "required_items": said(_PARTS, "Items that every order of the bundle brings."),
                "optional_items": said(_PARTS, "Items that an order may leave out."),
            },
        },
        "The items that are ordered together. A document with this key is a bundle.",
        {"required_items": [{"catalog_item": "postgres-database"}]},
    ),
    "presentation": said(
        {"type": "dict", "schema": {"bundle_fields": FIELDS}},
        "The form that whoever orders the bundle fills in.",
    ),
}

DOCUMENTS: dict[str, Schema] = {"item": ITEM, "bundle": BUNDLE}
VARIANTS: dict[str, Variant] = {"field": FIELD, "manual": MANUAL}
