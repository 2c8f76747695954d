"""What is known of one code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from paod.model import Severity

About = Literal["file", "yaml", "shape", "fields", "fulfillment", "catalog", "report"]


@dataclass(frozen=True, slots=True)
class Code:
    """One code: what it is about, what it means, a line that has it, how to mend that.

    ``mended`` is the line without it.
    """

    code: str
    about: About
    severity: Severity
    meaning: str
    example: str
    remedy: str
    mended: str


Row = tuple[str, str, str, str, str]


def table(about: About, *rows: Row) -> list[Code]:
    """Return codes that are errors, from rows of code, meaning, example, remedy, mended."""
    return [Code(code, about, "error", *row) for code, *row in rows]


def warnings(about: About, *rows: Row) -> list[Code]:
    """Return codes that are warnings, from rows as those of ``table``."""
    return [Code(code, about, "warning", *row) for code, *row in rows]
