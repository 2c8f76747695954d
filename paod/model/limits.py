"""Every limit on what comes in: its name, value, unit and reason, in one table.

The program takes its limits from here and ``docs/limits.md`` shows them; a test holds the two
together. A limit that a setting changes stands here with its default.

Work is counted in units, never by a clock: the same document comes to the same count on every
machine, however busy. A unit is what takes about a microsecond on one core of 2024; the factors
below were measured there (``python -m tests.costly --calibrate`` measures them again).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Group = Literal["document", "commit", "request"]


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit. ``reason`` says what would cost too much without it."""

    name: str
    group: Group
    value: int
    unit: str
    reason: str


_LIMITS: dict[str, Limit] = {}


def _limit(group: Group, name: str, value: int, unit: str, reason: str) -> int:
    assert name not in _LIMITS
    _LIMITS[name] = Limit(name, group, value, unit, reason)
    return value


FILE_BYTES: Final = _limit(
    "document", "file", 262_144, "bytes", "default of `PAO_MAX_FILE_BYTES`; a file is read whole"
)
DEPTH: Final = _limit(
    "document", "depth", 32, "levels", "the parser recurses: brackets without end end the process"
)
NODES: Final = _limit(
    "document", "values", 20_000, "values and keys", "memory; counted again with aliases expanded"
)
ALIASES: Final = _limit(
    "document",
    "aliases",
    100,
    "aliases",
    "each stands for all that it names, as often as it is used",
)
SCALAR_BYTES: Final = _limit("document", "value", 65_536, "bytes", "memory of whoever reads it")
KEY_CHARACTERS: Final = _limit("document", "key", 256, "characters", "keys stand in messages")
CONTENT_BYTES: Final = _limit(
    "document",
    "content",
    524_288,
    "bytes",
    "as JSON with aliases expanded: what the database keeps and every reader is sent",
)
TAGS: Final = _limit(
    "document", "tags", 50, "tags", "each is a row, and stands in lists, search and facets"
)
DEPENDENCIES: Final = _limit(
    "document", "dependencies", 100, "names", "each is looked up whenever its item changes"
)
FIELDS: Final = _limit("document", "fields", 200, "fields", "each is checked in every order")
OPTIONS: Final = _limit("document", "options", 1_000, "options", "of one field; sent to readers")
PARTS: Final = _limit(
    "document", "parts", 200, "parts", "of each of a bundle's two lists; resolved at each change"
)
STEPS: Final = _limit("document", "steps", 200, "steps", "each is held against all others' names")
STEP_GOALS: Final = _limit("document", "depends_on", 200, "names", "of one step")
RANGE_CHARACTERS: Final = _limit("document", "range", 512, "characters", "of a version range")
RANGE_PARTS: Final = _limit(
    "document", "comparators", 16, "comparators", "of a version range; compared at each change"
)
REGEXP_CHARACTERS: Final = _limit("document", "regexp", 512, "characters", "of one regexp")
REGEXP_PROGRAM: Final = _limit(
    "document",
    "regexp program",
    4_000,
    "instructions",
    "as estimated: repeats with a count multiply. An order's text may meet each at every character",
)
TEMPLATE_CHARACTERS: Final = _limit("document", "template", 16_384, "characters", "of one template")
TEMPLATE_CODE: Final = _limit(
    "document",
    "template code",
    4_096,
    "characters",
    "between {{ and }}, {% and %} of one template: each costs the parser microseconds",
)
PROBLEMS: Final = _limit("document", "problems", 50, "problems", "nobody reads more at once")
FINDINGS: Final = _limit(
    "document", "findings", 500, "problems", "the file is bad by then, and not looked at further"
)
HINTS: Final = _limit(
    "document", "hints", 5, "near names", "comparing a name with all others costs milliseconds"
)
WORK: Final = _limit(
    "document", "work", 50_000, "units", "of one document, whatever its size: about 50 ms"
)
WORK_PER_KIB: Final = _limit(
    "document", "work per KiB", 20_000, "units", "on top, for each KiB of the file: about 20 ms"
)

TREE_FILES: Final = _limit("commit", "files", 20_000, "files", "under the catalog root")
TREE_FOLDERS: Final = _limit("commit", "folders", 20_000, "folders", "under the catalog root")
TREE_DEPTH: Final = _limit("commit", "folder depth", 128, "folders", "the walk recurses")
COMMIT_BYTES: Final = _limit(
    "commit",
    "changed bytes",
    100 * 1024 * 1024,
    "bytes",
    "of all documents that one commit changed, whoever has seen them before",
)
COMMIT_WORK: Final = _limit(
    "commit",
    "work of a commit",
    120_000_000,
    "units",
    "of the verdicts on all documents that one commit changed: about two minutes",
)
COMMIT_OBJECT: Final = _limit(
    "commit",
    "commit object",
    16 * 1024 * 1024,
    "bytes",
    "its message and headers; a larger one is passed over, its tree compared with the next",
)
PASSED_COMMIT_OBJECT: Final = _limit(
    "commit",
    "commit object to pass over",
    256 * 1024 * 1024,
    "bytes",
    "read whole for its parent; history begins after a larger one",
)
FETCH_SECONDS: Final = _limit(
    "commit", "fetch", 3_600, "seconds", "of one that makes progress: no repository takes longer"
)
LEAST_SPEED: Final = _limit(
    "commit",
    "speed of a fetch",
    1_000,
    "bytes a second",
    "at least, within `PAO_REPO_TIMEOUT`, unless paod works on what came",
)
ANNEX_BYTES: Final = _limit(
    "commit",
    "proposals",
    512 * 1024 * 1024,
    "bytes",
    "of what was fetched for dry runs alone; past it, that is deleted",
)
KEPT_VERDICTS: Final = _limit(
    "commit",
    "verdicts kept",
    256 * 1024 * 1024,
    "bytes",
    "of a file, for the next attempt of a sync that was cut off",
)
REMEMBERED_VERDICTS: Final = _limit(
    "commit", "verdicts at hand", 32 * 1024 * 1024, "bytes", "of memory, within one sync"
)

BODY_BYTES: Final = _limit(
    "request", "body", 65_536, "bytes", "of JSON, where nothing else is said"
)
ORDER_ERRORS: Final = _limit(
    "request", "order errors", 50, "errors", "of one order check; it ends there"
)
FACETS: Final = _limit(
    "request", "facet values", 1_000, "values", "of one facet: the most frequent ones"
)

LIMITS: Final[Mapping[str, Limit]] = _LIMITS
"""Every limit by its name, in the order of the documentation."""

UNITS_A_DOCUMENT: Final = 1_000
UNITS_A_NODE: Final = 2
UNITS_A_COMPARATOR: Final = 10
UNITS_A_CODE_CHARACTER: Final = 6
UNITS_AN_INSTRUCTION: Final = 1
STEPS_A_UNIT: Final = 200
"""Steps of a regexp's search, instructions times characters, that make one unit."""
BYTES_A_UNIT: Final = 4
"""Bytes of text that are read, decoded and hashed in one unit."""


def work_allowed(size: int) -> int:
    """Return how many units the verdict on a document of so many bytes may take."""
    return WORK + WORK_PER_KIB * size // 1024


def as_markdown(group: Group) -> str:
    """Return one group's table, as the documentation holds it."""
    rows = [f"| {one.name} | {one.value:,} {one.unit} | {one.reason} |" for one in _of(group)]
    return "\n".join(["| what | limit | why |", "| --- | --- | --- |", *rows])


def _of(group: Group) -> list[Limit]:
    return [one for one in _LIMITS.values() if one.group == group]
