"""VALIDATE, meaning: what cannot be said of one key alone.

Takes documents of any shape: what is not as expected is passed over here, since ``schema`` says so.
Executes nothing that an author wrote but regular expressions, in RE2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from paod.finding import Finding
from paod.rules.effort import effort
from paod.rules.fields import check_fields
from paod.rules.fulfillment import check_steps
from paod.rules.references import check_references
from paod.rules.templates import check_templates

__all__ = ["check", "effort"]


def check(document: Mapping[str, Any]) -> Iterator[Finding]:
    """Find what a document says that does not hold together."""
    yield from check_references(document)
    yield from check_fields(document)
    yield from check_steps(document)
    yield from check_templates(document)
