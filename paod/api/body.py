"""Request bodies: read up to a limit, parsed strictly, held against the documented shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import falcon
import jsonschema_rs

from paod.api.errors import Refusal
from paod.model.limits import BODY_BYTES
from paod.strict_json import BadJSON, parse

JSON_BYTES: Final = BODY_BYTES


class Shape:
    """A shape that bodies have, by its JSON Schema."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._validator = jsonschema_rs.validator_for(schema, mask="the value")

    def read(self, req: falcon.Request) -> Mapping[str, Any]:
        """Read a request's body; an empty one is an empty object."""
        data = read_bytes(req, JSON_BYTES)
        if not data:
            value: Any = {}
        else:
            _require_json(req)
            value = _parse(data)
        for error in self._validator.iter_errors(value):
            place = "".join(f"/{part}" for part in error.instance_path) or "/"
            raise Refusal("bad-shape", f"at {place}: {error.message}")
        shaped: Mapping[str, Any] = value
        return shaped


def read_bytes(req: falcon.Request, most: int) -> bytes:
    """Read a body of at most ``most`` bytes; a larger one is refused, unread where it says so."""
    if (req.content_length or 0) > most:
        raise too_large(most)
    data: bytes = req.bounded_stream.read(most + 1)
    if len(data) > most:
        raise too_large(most)
    return data


def media_type(req: falcon.Request) -> str:
    """Return a body's type without its parameters, "" where it is not told."""
    return (req.content_type or "").partition(";")[0].strip().lower()


def _require_json(req: falcon.Request) -> None:
    if media_type(req) not in ("", "application/json"):
        raise Refusal("unsupported-media-type", "send `Content-Type: application/json`")


def _parse(data: bytes) -> Any:
    try:
        return parse(data)
    except BadJSON as error:
        raise Refusal("not-json", str(error)) from None


def too_large(most: int) -> Refusal:
    """Return the refusal of a body of more than ``most`` bytes."""
    return Refusal("too-large", f"the body may have at most {most} bytes")
