"""A preview as the comment of a pull request: short, and inert whatever authors wrote.

What authors wrote stands in code spans, in which a Git host sees no mention, no link and no markup;
sentences have every character encoded that could be markup. The first line is a mark by which a bot
finds its own comment, to write it anew in place of adding one for each push.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from paod.preview.words import change_word, counts, has_new_errors, subject, version_span

MARK = "<!-- paod:plan -->"
MOST_LINES = 30
"""Of one list; a comment is for reading."""
MOST_CHARACTERS = 60_000
"""GitHub takes 65,536."""
_LONGEST = 300
_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_HIDDEN = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_MARKUP = re.compile(r"[\\`*_{}\[\]<>!|~&$^+=]|:(?=\S)|(?<=www)\.", re.IGNORECASE)

Line = tuple[Callable[[Any], str], Any]
"""What puts something into words, and the something."""


def markdown(found: Mapping[str, Any]) -> str:
    """Return a preview (as ``told`` gives it) in GitHub's Markdown, a newline at its end."""
    sections = [
        f"{MARK}\n### Catalog: {_verdict(found)}",
        _span(found),
        _refusal(found),
        _section("Breaks those who order it", _broken(found)),
        _section("Would change", _others(found)),
        _section("New problems", _problems(found["problems"]["new"])),
        _cleared(found),
        _section("Changed on the branch as well, so that the merge may differ", _overlaps(found)),
    ]
    return _within("\n\n".join(section for section in sections if section) + "\n")


def _within(text: str) -> str:
    """Cut a comment at the end of a line where it is longer than a host takes."""
    if len(text) <= MOST_CHARACTERS:
        return text
    return text[: text.rindex("\n", 0, MOST_CHARACTERS)] + "\n- and more: see `paod plan`\n"


def code(text: object) -> str:
    """Return a text as a code span, whatever stands in it."""
    clean = _cut(_HIDDEN.sub("", _SPACE.sub(" ", str(text))).strip())
    return f"`{clean.replace('`', chr(39))}`" if clean else "``"


def prose(text: str) -> str:
    """Return a sentence that is shown as it is: no markup, no link, no mention."""
    clean = _cut(_HIDDEN.sub("", _SPACE.sub(" ", text)).strip())
    apart = re.sub(r"[@#](?=\S)", lambda found: f"{found[0]}\u200b", clean)
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", apart)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _verdict(found: Mapping[str, Any]) -> str:
    if found["status"] != "completed":
        return f"would be {found['status']}"
    said = ["breaks orders"] if found["breaking"] else []
    said += ["has new errors"] if has_new_errors(found) else []
    return " and ".join(said) or ("nothing breaks" if found["changes"] else "no change")


def _span(found: Mapping[str, Any]) -> str:
    return f"{code(subject(found))}: {counts(found)}"


def _refusal(found: Mapping[str, Any]) -> str:
    if found["status"] == "completed":
        return ""
    reason, message = code(found["reason"]), prose(found["message"])
    return f"> **{found['status'].capitalize()}** ({reason}): {message}"


def _section(title: str, lines: Iterable[str]) -> str:
    listed = list(lines)
    return f"**{title}**\n\n" + "\n".join(listed) if listed else ""


def _broken(found: Mapping[str, Any]) -> Iterator[str]:
    lines: list[Line] = []
    for change in found["changes"]:
        if change["breaking"]:
            lines.append((_document, change))
            lines += [(_effect, effect) for effect in change["effects"] if effect["breaking"]]
    yield from _bounded(lines)


def _others(found: Mapping[str, Any]) -> Iterator[str]:
    lines: list[Line] = []
    for change in found["changes"]:
        effects = [effect for effect in change["effects"] if not effect["breaking"]]
        if effects or not change["breaking"]:
            lines.append((_document, change))
            lines += [(_effect, effect) for effect in effects]
    yield from _bounded(lines)
    if left := found["left_out"]["changes"]:
        yield f"- and {left} more documents"


def _document(change: Mapping[str, Any]) -> str:
    kind = "bundle " if change["kind"] == "bundle" else ""
    return (
        f"- {kind}{code(change['name'])} {code(version_span(change))} {prose(change_word(change))}"
    )


def _effect(effect: Mapping[str, Any]) -> str:
    where = f" ({code(effect['pointer'])})" if effect["pointer"] else ""
    return f"  - {prose(effect['message'])}{where}"


def _problems(problems: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield from _bounded([(_problem, problem) for problem in problems])


def _problem(problem: Mapping[str, Any]) -> str:
    place = code(f"{problem['path']}:{problem['line']}:{problem['column']}")
    hint = f" *{prose(problem['hint'])}*" if problem["hint"] else ""
    words = problem["severity"], code(problem["code"]), place, prose(problem["message"])
    return f"- {' '.join(words)}{hint}"


def _cleared(found: Mapping[str, Any]) -> str:
    cleared = len(found["problems"]["cleared"])
    return f"{cleared} problem{'' if cleared == 1 else 's'} mended." if cleared else ""


def _overlaps(found: Mapping[str, Any]) -> Iterator[str]:
    yield from _bounded([(_path, path) for path in found["overlaps"]])


def _path(path: str) -> str:
    return f"- {code(path)}"


def _bounded(lines: Sequence[Line]) -> Iterator[str]:
    """Yield the first lines, and how many there are more; none but those are put into words."""
    for words, value in lines[:MOST_LINES]:
        yield words(value)
    if len(lines) > MOST_LINES:
        yield f"- and {len(lines) - MOST_LINES} more lines"
