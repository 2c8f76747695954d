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
    media_type = (content_type or "").partition(";")[0].strip().lower()
    try:
        value = parse(_form_payload(body) if media_type == FORM else body)
    except BadJSON as error:
        return Malformed("not-json", str(error))
    if not isinstance(value, dict):
        return Malformed("bad-shape", "the payload is not a JSON object")
    return value


def _form_payload(body: bytes) -> bytes:
    try:
        fields = parse_qsl(body.decode("ascii"), max_num_fields=16, errors="strict")
    except ValueError:
        raise BadJSON("the body is not a form") from None
    found = [value for name, value in fields if name == "payload"]
    if len(found) != 1:
        raise BadJSON("the form does not have exactly one field named payload")
    return found[0].encode()
