"""A payload's bytes, once they are known to be genuine: an object of JSON, or a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl

from paod.strict_json import BadJSON, parse

PARSED_BYTES = 3 * 1024 * 1024
"""A larger payload is not parsed: once it is genuine, it means that something changed."""
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Malformed:
    """A payload that cannot be understood: no JSON, or JSON of another shape."""

    kind: Literal["not-json", "bad-shape"]
    detail: str


def read_payload(body: bytes, content_type: str | None) -> Mapping[str, Any] | Malformed:
    """Read a genuine payload, as JSON or as a form with ``payload=``."""
    try:
        value = parse(form_payload(body) if is_form(content_type) else body)
    except BadJSON as error:
        return Malformed("not-json", str(error))
    if not isinstance(value, dict):
        return Malformed("bad-shape", "the payload is not a JSON object")
    return value


def is_form(content_type: str | None) -> bool:
    """Return whether a body of this type is a form."""
    return (content_type or "").partition(";")[0].strip().lower() == FORM


def form_payload(body: bytes) -> bytes:
    """Return the JSON in a form; raise ``BadJSON`` where there is not one of it."""
    try:
        fields = parse_qsl(body.decode("ascii"), max_num_fields=16, errors="strict")
    except ValueError:
        raise BadJSON("the body is not a form") from None
    found = [value for name, value in fields if name == "payload"]
    if len(found) != 1:
        raise BadJSON("the form does not have exactly one field named payload")
    return found[0].encode()
