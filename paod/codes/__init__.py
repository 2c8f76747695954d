"""Every code that a problem can have: the one list that validation, documentation and tests share.

A code is for ever: tools outside sort and silence by it. ``docs/pao-yaml-spec.md`` explains each,
and a test holds it against this list.
"""

from __future__ import annotations

from collections.abc import Mapping

from paod.codes.code import About, Code
from paod.codes.meaning import CATALOG, FIELDS, FULFILLMENT, REPORT, SHAPE
from paod.codes.page import as_markdown, as_text
from paod.codes.reading import FILE, YAML

__all__ = ["CODES", "About", "Code", "as_markdown", "as_text"]

CODES: Mapping[str, Code] = {
    code.code: code for code in [*FILE, *YAML, *SHAPE, *FIELDS, *FULFILLMENT, *CATALOG, *REPORT]
}
"""Every code by its name. ``severity`` is the usual one; a setting can raise the version rules'."""
