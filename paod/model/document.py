"""What a file says: from a path in a tree to a document, or to problems with their places."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from paod.model.words import EntryType, Key, Kind, Severity


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a file: line and column, 1-based, in characters."""

    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a document. ``pointer`` is a JSON Pointer (RFC 6901), "" the whole."""

    code: str
    severity: Severity
    message: str
    path: str = ""
    line: int = 1
    column: int = 1
    pointer: str = ""
    hint: str = ""
    document: str | None = None
    commit: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the problem in the shape every reader sees: API, database, commands and logs."""
        return {
            "code": self.code,
            "severity": self.severity,
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "pointer": self.pointer,
            "message": self.message,
            "hint": self.hint,
            "document": self.document,
            "commit": self.commit,
        }


def path_text(raw: bytes) -> str:
    """Return a path's bytes as text: UTF-8, and ``%XX`` for each byte that is not part of it."""
    return "".join(
        f"%{ord(character) - 0xDC00:02X}" if "\udc80" <= character <= "\udcff" else character
        for character in raw.decode("utf-8", "surrogateescape")
    )


@dataclass(frozen=True, slots=True)
class TreeChange:
    """One path that differs between two trees. ``oid`` is the blob now there, None: it is gone.

    ``path`` is from the repository's root, ``/``-separated; bytes that are not UTF-8 stand in it as
    ``%XX``.
    """

    path: str
    oid: str | None
    type: EntryType = "file"


@dataclass(frozen=True, slots=True)
class Reference:
    """One document's mention of another: a bundle's part, a dependency, what replaces it.

    ``range`` is a version range as written (``>=1.2.0, <2.0.0``), "" any version. ``pointer`` and
    ``place`` are those of the name.
    """

    type: Literal["required_item", "optional_item", "dependency", "replacement"]
    name: str
    range: str
    pointer: str
    place: Place


@dataclass(frozen=True, slots=True)
class Document:
    """What one file says, found well-formed.

    ``content`` is canonical JSON: the whole document, keys sorted, no white space, UTF-8 text.
    ``content_hash`` is its SHA-256 in hex; ``source_hash`` is ``sha256:<hex>`` of the file's bytes.
    ``name_place`` and ``version_place`` are where the values stand.
    """

    kind: Kind
    name: str
    version: str
    content: str
    content_hash: str
    source_hash: str
    name_place: Place = Place()
    version_place: Place = Place()
    renamed_from: str | None = None
    renamed_place: Place = Place()
    references: tuple[Reference, ...] = ()

    @property
    def key(self) -> Key:
        return (self.kind, self.name)

    @property
    def claims(self) -> tuple[str, ...]:
        """The name that it claims, and the one whose history it wants to go on with."""
        return (self.name,) if self.renamed_from is None else (self.name, self.renamed_from)

    @property
    def mentions(self) -> tuple[str, ...]:
        """Every name that it says something of, its own aside."""
        former = () if self.renamed_from is None else (self.renamed_from,)
        return (*(reference.name for reference in self.references), *former)


@dataclass(frozen=True, slots=True)
class ExaminedFile:
    """A file and what validation found in it. ``document`` is None when a problem is an error.

    ``name`` is the name that could be read from it, good or bad, to say whose problem it is.
    ``work`` counts what the verdict took, in units of about a microsecond: by the bytes and the
    rules alone, the same on any machine.
    """

    oid: str
    document: Document | None
    problems: tuple[Problem, ...] = ()
    name: str | None = None
    units: int = field(default=0, compare=False)
    """Units of work that the verdict took (see ``limits``); 0 where nothing was counted."""
