"""What one difference means for those who order an item: a value with its place and a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from paod.difference import ABSENT
from paod.finding import Path, pointer


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that is otherwise for who orders.

    ``breaking``: an order that was accepted may be refused, or come to something else, though it
    says the same. ``path`` leads into the newer document, or into the older one for what is gone.
    """

    code: str
    breaking: bool
    message: str
    path: Path = ()
    before: Any = ABSENT
    after: Any = ABSENT

    def as_json(self) -> dict[str, Any]:
        """Return the effect as readers see it; ``before``, ``after``: only where there is."""
        shown = {
            "code": self.code,
            "breaking": self.breaking,
            "pointer": pointer(self.path),
            "message": self.message,
        }
        values = {"before": self.before, "after": self.after}
        return shown | {name: value for name, value in values.items() if value is not ABSENT}


@dataclass(frozen=True, slots=True)
class Pair:
    """One field of a form, or one part of a bundle, that both documents have, by its name."""

    name: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    old: Path
    new: Path

    @property
    def type(self) -> str:
        """The type of the newer field."""
        return str(self.after.get("type"))

    def differs(self, key: str) -> bool:
        """Say whether a key has another value, or is there in one of them alone."""
        before, after = self.before.get(key, ABSENT), self.after.get(key, ABSENT)
        return type(before) is not type(after) or bool(before != after)

    def effect(self, code: str, key: str, message: str, *, breaking: bool) -> Effect:
        """Return an effect at a key, which is where it stands in the newer document if it does."""
        path = (*self.new, key) if key in self.after or key not in self.before else (*self.old, key)
        before, after = self.before.get(key, ABSENT), self.after.get(key, ABSENT)
        return Effect(code, breaking, message, path, before, after)
