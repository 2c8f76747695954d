"""One file's verdict: its bytes become a document, or problems that say what to mend.

This is the loader and the checker alike: the sync, ``paod validate`` and the API ask the same
function. A file is good (no problem of it is an error) or bad. Pure: the verdict depends on the
path, the bytes and the ``Rules``, on nothing else, and nothing that is pushed makes it raise.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any, Literal

import orjson

from paod import paths, rules, schema
from paod.document import Reading, decode, read
from paod.finding import NO_VALUE_HINT, Finding, Path, pointer, shown
from paod.model import (
    Document,
    EntryType,
    ExaminedFile,
    Place,
    Problem,
    Reference,
    limits,
)
from paod.rules.parameters import check_parameters
from paod.schema.hints import version_hint
from paod.validate.report import problems_of, severity_of

__all__ = [
    "RULES_VERSION",
    "Refusal",
    "Rules",
    "check_parameters",
    "examine",
    "is_document_path",
    "parse_text",
    "refuse",
]

RULES_VERSION = "5"
"""Changes whenever the verdict on any file can change: the catalog is then folded anew."""

MAX_FINDINGS = limits.FINDINGS
"""Findings after which a document is bad whatever else it says, and not looked at further."""

Refusal = Literal["symlink", "submodule", "too-large", "crashes-parser"]

_REFUSALS: dict[str, tuple[str, str]] = {
    "symlink": ("the path is a symbolic link, which is never followed", "commit the file itself"),
    "submodule": ("the path is a submodule, which is never read", "commit the files themselves"),
    "too-large": ("the file is larger than a document may be", "split it"),
    "crashes-parser": ("the file ended the process that read it", "write it more simply"),
}
_NAME_LINE = re.compile(
    r"(?:\A|(?<=[\r\n]))name:[ \t]*[\"']?([A-Za-z0-9_-]{1,63})[\"']?[ \t]*(?:#|[\r\n]|\Z)"
)
_READ_ON = frozenset({"duplicate-key", "bad-key"})
"""Findings about a key, beside which the value was read all the same."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the verdict depends on beside the file. ``categories`` None: any category is allowed."""

    root: str = "catalog"
    categories: frozenset[str] | None = None
    max_file_bytes: int = limits.FILE_BYTES


def is_document_path(path: str, given: Rules, entry: EntryType = "file") -> bool:
    """Say whether what lies at a path is to be examined, or refused; else it is passed over.

    A symlink or submodule counts too where a document or a folder of documents could stand.
    """
    return paths.classify(path, given.root, entry) != "ignored"


def examine(path: str, data: bytes, oid: str, given: Rules) -> ExaminedFile:
    """Examine one file's bytes. Never raises, whatever they are, but where memory runs out.

    ``path`` is from the repository's root, ``oid`` the blob's. At most 50 problems are reported,
    by line and column; errors come before warnings where there are more.
    """
    try:
        return _examine(path, data, oid, given)
    except MemoryError:  # says something of this process, nothing of the file
        raise
    except Exception:  # anybody's bytes: a file that trips the program up is bad
        return refuse(path, oid, "crashes-parser", given)


def refuse(path: str, oid: str, code: Refusal, given: Rules) -> ExaminedFile:
    """Return the verdict on a file that is not read: a link, too large, a danger to the parser."""
    message, hint = _REFUSALS[code]
    if code == "too-large":
        message = f"the file is larger than {given.max_file_bytes} bytes"
    finding = Finding(code, message, hint)
    findings = [finding, *_path_findings(path, given)]
    return ExaminedFile(oid, None, problems_of(path, findings, None, None))


def parse_text(data: bytes, given: Rules) -> tuple[Problem, ...]:
    """Return the problems of a YAML or JSON document that has no path yet. Never raises."""
    try:
        findings, reading = _findings(data, given)
        return problems_of("", findings, reading, _name(data, reading))
    except Exception:  # as in examine
        return refuse("", "", "crashes-parser", given).problems


def _examine(path: str, data: bytes, oid: str, given: Rules) -> ExaminedFile:
    findings, reading = _findings(data, given)
    findings += _path_findings(path, given)
    name = _name(data, reading)
    value = None if reading is None else reading.value
    if value is not None and isinstance(value.get("name"), str):
        findings += _mismatch(path, value["name"], findings)
    document = None
    if value is not None and reading is not None and not _is_bad(findings):
        document = _document(value, reading, data)
        if document is None:
            findings.append(_too_much_content())
    problems = problems_of(path, findings, reading, name)
    return ExaminedFile(oid, document, problems, name, units_of(data, reading))


def _is_bad(findings: Iterable[Finding]) -> bool:
    return any(severity_of(found) == "error" for found in findings)


def _too_much_content() -> Finding:
    message = f"the document has more than {limits.CONTENT_BYTES} bytes once aliases are expanded"
    return Finding("too-complex", message, "split the document, or use fewer aliases")


def _path_findings(path: str, given: Rules) -> list[Finding]:
    verdict = paths.classify(path, given.root)
    category = paths.category_fault(path, given.root, given.categories)
    found = [one for one in (verdict, category) if isinstance(one, Finding)]
    return [replace(one, place=Place()) for one in found]


def _mismatch(path: str, name: str, findings: list[Finding]) -> list[Finding]:
    stem = paths.stem_of(path)
    if stem == name or any(found.code in ("bad-path", "bad-name") for found in findings):
        return []
    message = f"the file is called {shown(stem)}, the document {shown(name)}"
    return [Finding("path-mismatch", message, f"rename the file to {name}.yaml", ("name",))]


def _findings(data: bytes, given: Rules) -> tuple[list[Finding], Reading | None]:
    """Find all that is wrong with a file's content, and read it as far as that is possible."""
    if len(data) > given.max_file_bytes:
        message, hint = f"the file is larger than {given.max_file_bytes} bytes", "split it"
        return [Finding("too-large", message, hint)], None
    text = decode(data)
    if isinstance(text, Finding):
        return [text], None
    reading = read(text)
    found = list(reading.findings)
    if reading.value is None:
        return found, reading
    unread = [finding.path for finding in found if finding.code not in _READ_ON]
    dear = _costly(data, reading)
    checks = chain(schema.findings(reading.value), dear or rules.check(reading.value))
    new = list(islice((one for one in checks if not _follows(one, unread)), MAX_FINDINGS))
    if len(new) == MAX_FINDINGS:
        message = f"the document has more than {MAX_FINDINGS} problems"
        new.append(Finding("too-complex", message, "mend those that are shown, then look again"))
    return found + [_by_source(one, reading) for one in new], reading


def units_of(data: bytes, reading: Reading | None) -> int:
    """Return how many units of work the verdict on a file takes (see ``limits``)."""
    if reading is None or reading.value is None:
        return limits.UNITS_A_DOCUMENT + len(data)  # a fault is looked for in all of it
    return rules.effort(reading.value, reading.nodes, len(data))


def _costly(data: bytes, reading: Reading) -> list[Finding]:
    """Return what is said of a document that is too much work for its size, before it is done."""
    units, allowed = units_of(data, reading), limits.work_allowed(len(data))
    if units <= allowed:
        return []
    message = (
        f"checking the document takes {units:,} units of work, and its size allows {allowed:,}"
    )
    hint = "write regexps without large repeats and shorter templates, or split the document"
    return [Finding("too-costly", message, hint)]


def _by_source(finding: Finding, reading: Reading) -> Finding:
    """Make a hint of what stands in the text, where its value does not tell it any more."""
    if finding.hint == NO_VALUE_HINT and reading.is_comment(finding.path):
        return replace(finding, hint="the # begins a comment: quote the value")
    if finding.code == "bad-version" and (hint := version_hint(reading.source(finding.path))):
        return replace(finding, hint=hint)
    return finding


def _follows(finding: Finding, unread: Sequence[Path]) -> bool:
    """Say whether a finding is about a value that could not even be read."""
    return any(path and finding.path[: len(path)] == path for path in unread)


def _name(data: bytes, reading: Reading | None) -> str | None:
    """Return the name that a file gives itself, good or bad, as far as it can be made out."""
    if reading is not None and reading.value is not None:
        name = reading.value.get("name")
        return name[:63] if isinstance(name, str) and name.isprintable() and name else None
    found = _NAME_LINE.search(data[:4096].decode("utf-8", "replace"))
    return found[1] if found else None


def _document(value: dict[str, Any], reading: Reading, data: bytes) -> Document | None:
    """Return what a good file says; None: it says too much to be kept and sent."""
    content = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    if len(content) > limits.CONTENT_BYTES:
        return None
    renamed = value.get("renamed_from")
    return Document(
        kind=schema.kind_of(value),
        name=value["name"],
        version=value["version"],
        content=content.decode(),
        content_hash=hashlib.sha256(content).hexdigest(),
        source_hash=f"sha256:{hashlib.sha256(data).hexdigest()}",
        name_place=reading.place(("name",)),
        version_place=reading.place(("version",)),
        renamed_from=renamed,
        renamed_place=Place() if renamed is None else reading.place(("renamed_from",)),
        references=tuple(_references(value, reading)),
    )


def _references(value: dict[str, Any], reading: Reading) -> Iterable[Reference]:
    for key, kind in _REFERENCE_LISTS:
        for index, part in enumerate(value.get("bundle", {}).get(key, ())):
            path = ("bundle", key, index, "catalog_item")
            given = part.get("version", "")
            yield Reference(kind, part["catalog_item"], given, pointer(path), reading.place(path))
    for index, name in enumerate(value.get("dependencies", ())):
        where = ("dependencies", index)
        yield Reference("dependency", name, "", pointer(where), reading.place(where))
    if (name := value.get("deprecated", {}).get("replacement")) is not None:
        yield Reference("replacement", name, "", pointer(_REPLACEMENT), reading.place(_REPLACEMENT))


_REPLACEMENT: Path = ("deprecated", "replacement")
_REFERENCE_LISTS: tuple[tuple[str, Literal["required_item", "optional_item"]], ...] = (
    ("required_items", "required_item"),
    ("optional_items", "optional_item"),
)
