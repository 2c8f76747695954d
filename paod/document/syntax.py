"""From libyaml's complaint to what the author did: where it began, in words, with the remedy.

libyaml tells where it could not go on, which is often a line or a page after the slip itself.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Final

from yaml import CSafeLoader, Mark, MarkedYAMLError, ScalarToken, YAMLError, scan
from yaml.reader import ReaderError

from paod.document.text import forbidden_character, lines_of, place_at
from paod.finding import INVISIBLE, INVISIBLE_HINT, INVISIBLE_MESSAGE, Finding
from paod.model import Place

QUOTE_TEMPLATE: Final = 'quote a value that begins with {{: "{{ … }}"'
_WORDS: Final = {
    "mapping values are not allowed in this context": (
        "a ':' stands where no key can be",
        "quote a value that holds ': ', and check the indentation",
    ),
    "could not find expected ':'": (
        "a line has no ':' after its key",
        "write 'key: value', or indent it where it goes on with the line above",
    ),
    "did not find expected key": (
        "the line does not go on with what stands above it",
        "check the indentation, and the quotes of the line above",
    ),
    "did not find expected '-' indicator": (
        "a list goes on without '-'",
        "indent the line as the one above it, or begin each entry with '- ' at the same column",
    ),
    "found undefined alias": (
        "an alias names no anchor",
        "quote a value that begins with *, or define the anchor first",
    ),
    "did not find expected alphabetic or numeric character": (
        "a value begins with * or &",
        "quote the value",
    ),
    "found unknown escape character": (
        "a backslash escapes nothing here",
        "use single quotes, which leave backslashes alone, as in '^\\d+$', or write \\\\",
    ),
    "found duplicate anchor": ("an anchor stands twice", "give each anchor a name of its own"),
    "found unexpected end of stream": (
        "the file ends where a value goes on",
        "close the quote that was opened",
    ),
}
"""What libyaml says, in an author's words, and how to mend it."""
_BEGINS_NOTHING: Final = "found character that cannot start any token"
_ANY_HINT: Final = "check the indentation and the quotes, here and on the line above"
_CONFLICT: Final = re.compile(r"(?:\A|(?<=[\r\n]))(?:<{7}|>{7})(?=[ \r\n]|\Z)")
_TEMPLATE: Final = re.compile(r"(:|-)\s+\{\{")
_TYPOGRAPHIC: Final = re.compile(r"[:-]\s+([\u2018\u201c\u201e\u00ab])")
_CLOSE_DASH: Final = re.compile(r" *(-)[A-Za-z_][\w-]*:(?: |$)")
_AN_ENTRY: Final = re.compile(r"( *)- ")
_TAB: Final = "found a tab character that violates indentation"
_NAMED_WHERE_IT_BEGAN: Final = frozenset(
    {"while scanning a simple key", "while scanning an alias", "while scanning an anchor"}
)
_LATE: Final = frozenset({"did not find expected key", "did not find expected '-' indicator"})
"""Said where a quote was closed on a later line, by one that was to open the next text."""
_NEVER_CLOSED: Final = {
    "while parsing a flow node": "a [ or { is never closed",
    "while parsing a flow sequence": "the [ is not closed where its list should end",
    "while parsing a flow mapping": "the { is not closed where its mapping should end",
    "while scanning a quoted scalar": "the quote is never closed",
}


def syntax_fault(error: YAMLError, text: str) -> Finding:
    """Return what is wrong with a text that is not YAML."""
    if isinstance(error, ReaderError):
        return forbidden_character(text) or Finding("bad-character", "a character is not allowed")
    conflict = _CONFLICT.search(text)
    if conflict is not None:
        return _conflict(place_at(text, conflict.start()))
    if not isinstance(error, MarkedYAMLError):
        return Finding("yaml-syntax", "the file is not YAML", _ANY_HINT)
    return _marked(error, text)


def _conflict(place: Place) -> Finding:
    hint = "keep one side, and remove the lines that begin with <<<<<<<, ======= and >>>>>>>"
    return Finding("yaml-syntax", "a merge conflict was not resolved", hint, place=place)


def _marked(error: MarkedYAMLError, text: str) -> Finding:
    place = _place(error.problem_mark or error.context_mark)
    problem = (error.problem or "the file is not YAML").split(";")[0]
    if error.context == "expected a single document in the stream":
        hint = "keep one document a file: remove the '---' line and what follows it"
        return Finding("multiple-documents", "a second document begins", hint, place=place)
    if "Unicode character escape code" in problem:
        message = "the escape stands for no character"
        return Finding("bad-character", message, "remove it", place=place)
    lines = lines_of(text)
    dash = _dash(lines, place.line)
    if dash is not None:
        return dash
    quote = _closed_late(text, place) if problem in _LATE else None
    if quote is not None:
        message = f"the quote that opens here is closed on line {place.line} only"
        hint = "close it where the text ends"
        return Finding("yaml-syntax", message, hint, place=quote)
    opened = _TYPOGRAPHIC.search("".join(lines[place.line - 1 : place.line]))
    if opened is not None:
        place = Place(place.line, opened.start(1) + 1)
        message, hint = "the quote is a letter to YAML", "write \" or ' in its place"
        return Finding("yaml-syntax", message, hint, place=place)
    if _begins_with_template(lines, place.line):
        return Finding(
            "yaml-syntax", "a template stands without quotes", QUOTE_TEMPLATE, place=place
        )
    if error.context in _NEVER_CLOSED:
        return _never_closed(error, _NEVER_CLOSED[error.context], lines)
    if problem == _TAB:
        return _tab(_place(error.problem_mark), lines)
    if problem == _BEGINS_NOTHING:
        return _no_token(place, lines)
    invisible = _invisible(place, lines)
    if invisible is not None:
        return invisible
    if error.context in _NAMED_WHERE_IT_BEGAN:
        place = _place(error.context_mark)
    said = f"{problem} ({error.context})" if error.context else problem
    message, hint = _WORDS.get(problem, (said, _ANY_HINT))
    return Finding("yaml-syntax", message, hint, place=place)


def _dash(lines: list[str], number: int) -> Finding | None:
    """Name a dash that has no space behind it, or does not stand under the one above it."""
    for at in (number, number - 1):
        line = "".join(lines[max(at - 1, 0) : max(at, 0)])
        close = _CLOSE_DASH.match(line)
        if close is not None:
            place = Place(at, close.start(1) + 1)
            hint = "write a space after the dash: '- name: …'"
            return Finding("yaml-syntax", "the dash begins no entry", hint, place=place)
    here = _AN_ENTRY.match("".join(lines[number - 1 : number]))
    if here is None:
        return None
    for line in reversed(lines[: number - 1]):
        above = _AN_ENTRY.match(line)
        if above is not None and abs(len(above[1]) - len(here[1])) == 1:
            place, column = Place(number, len(here[1]) + 1), len(above[1]) + 1
            message = f"the dash stands in column {place.column}, the one above it in {column}"
            return Finding("yaml-syntax", message, f"begin it in column {column}", place=place)
        if above is not None or not line.strip():
            return None
    return None


def _no_token(place: Place, lines: list[str]) -> Finding:
    """Name the character that begins nothing: mostly a tab, or what YAML keeps for itself."""
    line = "".join(lines[place.line - 1 : place.line])
    character = line[place.column - 1 : place.column]
    if character == "\t":
        return _tab(place, lines)
    known = character != "" and character in "@`%"
    message = f"a value begins with {character}" if known else _BEGINS_NOTHING
    return Finding("yaml-syntax", message, "quote the value", place=place)


def _tab(place: Place, lines: list[str]) -> Finding:
    """Name the tab itself: libyaml may tell of the line's begin."""
    line = "".join(lines[place.line - 1 : place.line])
    at = line.find("\t", max(0, place.column - 1))
    place = Place(place.line, max(at + 1, 1))
    message = "a tab stands in the indentation"
    return Finding("yaml-syntax", message, "indent with spaces", place=place)


def _invisible(place: Place, lines: list[str]) -> Finding | None:
    """Name a space that is none to YAML, on this line or the one before it."""
    for number in (place.line, place.line - 1):
        found = INVISIBLE.search("".join(lines[max(number - 1, 0) : max(number, 0)]))
        if found is not None:
            place = Place(number, found.start() + 1)
            return Finding("yaml-syntax", INVISIBLE_MESSAGE, INVISIBLE_HINT, place=place)
    return None


def _closed_late(text: str, place: Place) -> Place | None:
    """Return where a quoted text of several lines began that ended just before a place."""
    last = None
    with suppress(YAMLError):
        for token in scan(text, Loader=CSafeLoader):
            if token.start_mark.line + 1 > place.line:
                break
            if isinstance(token, ScalarToken) and token.style in ("'", '"'):
                last = token
    if last is None or last.end_mark.line + 1 != place.line or last.end_mark.column >= place.column:
        return None
    return None if last.start_mark.line == last.end_mark.line else _place(last.start_mark)


def _place(mark: Mark | None) -> Place:
    return Place() if mark is None else Place(mark.line + 1, mark.column + 1)


def _begins_with_template(lines: list[str], line: int) -> bool:
    """Whether the line, or the one before it, has a value that begins with two braces."""
    near = lines[max(0, line - 2) : line]
    return any(_TEMPLATE.search(one) for one in near)


def _never_closed(error: MarkedYAMLError, message: str, lines: list[str]) -> Finding:
    """Name the place where it was opened, not the one where the file ended."""
    place = _place(error.context_mark)
    if place.line > len(lines):  # libyaml names the end: the last bracket before it was opened last
        place = _last_bracket(lines)
    return Finding("yaml-syntax", message, "close it, or quote the value", place=place)


def _last_bracket(lines: list[str]) -> Place:
    for number in range(len(lines), 0, -1):
        column = max(lines[number - 1].rfind("["), lines[number - 1].rfind("{"))
        if column >= 0:
            return Place(number, column + 1)
    return Place(max(1, len(lines)), 1)
