"""What tells one Git host from another, as a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs

from paod.webhook import shapes
from paod.webhook.letter import Letter
from paod.webhook.payload import Malformed
from paod.webhook.push import Push, read_deletion, shown
from paod.webhook.signature import Genuine, GetHeader


def _validator(shape: dict[str, Any]) -> Any:
    return jsonschema_rs.validator_for(shape, mask="the value")


_DELETION = _validator(shapes.DELETION)
_DELIVERY = re.compile(r"[0-9A-Za-z]+(-[0-9A-Za-z]+)*")


@dataclass(frozen=True, slots=True)
class Host:
    """One Git host. ``name`` stands in the receiver's address, ``title`` in sentences.

    Of the headers of a list, the first that is there counts. ``shape`` is the JSON Schema of what
    is read of a push; whatever else is in it is passed over. ``read`` gets what has that shape.
    """

    name: str
    title: str
    genuine: Genuine
    proof_headers: tuple[str, ...]
    event_headers: tuple[str, ...]
    delivery_headers: tuple[str, ...]
    shape: dict[str, Any]
    read: Callable[[Mapping[str, Any]], Push]
    pushes: frozenset[str] = frozenset({"push"})
    deletions: frozenset[str] = frozenset()
    """Events that say in GitHub's shape that a branch or tag was deleted."""
    pings: frozenset[str] = frozenset({"ping"})
    event_unless_told: str | None = None
    folds_case: bool = True
    """Whether it takes owner and name of a repository in any case for the same."""
    told_apart_by_bytes: bool = True
    """Whether two pushes never have the same bytes, so that those are a delivery without an id."""
    _validator: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile the shape once."""
        object.__setattr__(self, "_validator", _validator(self.shape))

    def matching_secret(self, secrets: Iterable[str], get: GetHeader, body: Letter) -> int | None:
        """Return which secret made a call (its index), None when none did.

        Every secret is tried, whatever the headers look like, so that all refusals take the same
        time.
        """
        matches = [self.genuine(secret, get, body) for secret in secrets]
        return matches.index(True) if any(matches) else None

    def event(self, get: GetHeader) -> str | None:
        """Return the event's name as the host gives it, None: it gives none."""
        return _first(self.event_headers, get) or self.event_unless_told

    def delivery(self, get: GetHeader) -> str | None:
        """Return the delivery's id as the host gives it, without braces; None: it gives none."""
        found = _first(self.delivery_headers, get)
        return found if found is None else re.sub(r"^\{(.*)\}$", r"\1", found)

    def push(self, payload: Mapping[str, Any]) -> Push | Malformed:
        """Read a push event's payload."""
        return _malformed(self._validator, payload) or self.read(payload)

    def deletion(self, payload: Mapping[str, Any]) -> Push | Malformed:
        """Read the payload of an event that a ref was deleted."""
        return _malformed(_DELETION, payload) or read_deletion(payload)


def _malformed(validator: Any, payload: Mapping[str, Any]) -> Malformed | None:
    for error in validator.iter_errors(payload):
        place = "".join(f"/{part}" for part in error.instance_path) or "/"
        return Malformed("bad-shape", f"at {shown(place)}: {error.message}")
    return None


def is_delivery_id(text: str) -> bool:
    """Return whether a text is a delivery id as Git hosts make them: GUID form, at most 64."""
    return len(text) <= 64 and _DELIVERY.fullmatch(text) is not None


def _first(names: Iterable[str], get: GetHeader) -> str | None:
    return next((value for value in map(get, names) if value is not None), None)
