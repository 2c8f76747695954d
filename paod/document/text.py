"""From bytes to text: what is no UTF-8 text of an author's own is refused before any parsing."""

from __future__ import annotations

import re

from paod.finding import Finding
from paod.model import Place

_LFS = b"version https://git-lfs.github.com/spec/"
_FORBIDDEN = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_LINE = re.compile(r"[^\r\n]*(?:\r\n|[\r\n]|\Z)")
_LINE_END = re.compile("\r\n|[\n\r]")


def decode(data: bytes) -> str | Finding:
    """Return a file's text without its byte order mark, or what forbids reading it."""
    if data.startswith(_LFS):
        message = "the file is a pointer to Git LFS, not the document"
        return Finding("lfs-pointer", message, "commit the document itself, outside of LFS")
    if data.count(0) * 4 > len(data):
        return _not_utf8("the file is not UTF-8: every other byte is zero, as in UTF-16", 0, data)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _not_utf8("the file is not UTF-8", error.start, data)


def forbidden_character(text: str) -> Finding | None:
    """Find the first character that YAML does not allow in a file: control characters, mostly."""
    found = _FORBIDDEN.search(text)
    if found is None:
        return None
    message = f"the character U+{ord(found[0]):04X} is not allowed in a document"
    return Finding("bad-character", message, "remove it", place=place_at(text, found.start()))


def place_at(text: str, offset: int) -> Place:
    """Return the line and column of a character, counting lines as YAML 1.2 and editors do."""
    ends = [end.end() for end in _LINE_END.finditer(text, 0, offset)]
    return Place(len(ends) + 1, offset - (ends[-1] if ends else 0) + 1)


def lines_of(text: str) -> list[str]:
    """Return a text's lines without their ends: LF, CRLF or CR, and nothing else."""
    lines = _LINE_END.split(text)
    return lines if lines[-1] else lines[:-1]


def lines_with_ends(text: str) -> list[str]:
    """Return a text's lines, each with its end; the last one may have none."""
    return [found[0] for found in _LINE.finditer(text) if found[0]]


def line_end_of(text: str) -> str:
    """Return how the first line of a text ends; LF where there is one line only."""
    found = _LINE_END.search(text)
    return found[0] if found else "\n"


def _not_utf8(message: str, start: int, data: bytes) -> Finding:
    before = data[:start].decode("utf-8", "replace")
    hint = "save the file as UTF-8"
    return Finding("not-utf8", message, hint, place=place_at(before, len(before)))
