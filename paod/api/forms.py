"""What shapes are made of: JSON Schema in the few forms that the API's bodies have."""

from __future__ import annotations

from typing import Any, Final

Shape = dict[str, Any]

TEXT: Final[Shape] = {"type": "string"}
TEXT_OR_NULL: Final[Shape] = {"type": ["string", "null"]}
NUMBER: Final[Shape] = {"type": "integer", "minimum": 0}
NUMBER_OR_NULL: Final[Shape] = {"type": ["integer", "null"], "minimum": 0}
FLAG: Final[Shape] = {"type": "boolean"}
TIME: Final[Shape] = {"type": "string", "format": "date-time"}
TIME_OR_NULL: Final[Shape] = {"type": ["string", "null"], "format": "date-time"}
OPEN: Final[Shape] = {"type": "object", "additionalProperties": True}
KIND: Final[Shape] = {"enum": ["item", "bundle"]}
ABBREVIATED_HASH: Final[Shape] = {"type": "string", "pattern": "^[0-9a-f]{7,64}$"}


def ref(name: str) -> Shape:
    """Return a reference to a described shape."""
    return {"$ref": f"#/components/schemas/{name}"}


def or_null(shape: Shape) -> Shape:
    """Return a shape that may also be null."""
    return {"oneOf": [shape, {"type": "null"}]}


def rows(shape: Shape) -> Shape:
    """Return the shape of a list."""
    return {"type": "array", "items": shape}


def record(optional: Shape | None = None, /, **required: Shape) -> Shape:
    """Return the shape of an object with just these keys."""
    properties = {name.rstrip("_"): shape for name, shape in required.items()}
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties | (optional or {}),
        "additionalProperties": False,
    }


def page(plural: str, row: str, /, **more: Shape) -> Shape:
    """Return the shape of one page of a list."""
    return record(**{plural: rows(ref(row))}, pagination=ref("pagination"), **more)
