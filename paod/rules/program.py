"""How large a regular expression's program becomes, estimated before RE2 is asked to make it.

RE2 writes ``x{1,1000}`` out a thousand times, and asks nobody: 300 characters become 60,000
instructions that take a tenth of a second to make and, at worst, are all met at each character of
a text. The estimate reads a pattern once, knows no library and no machine, and errs upwards.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_REPEAT = re.compile(r"\{(\d{1,9})(?:(,)(\d{0,9}))?\}")
_PROPERTY = re.compile(r"[pP](?:\{\^?([A-Za-z_]{1,40})\}|([A-Za-z]))")
_GROUP = re.compile(r"\?(?:P?<[^>)]*>|[a-zA-Z-]*:)")
_FLAGS = re.compile(r"\?[a-zA-Z-]*\)")
_NAMED = re.compile(r"\[:\^?[a-z]{1,10}:\]")
_ESCAPED = re.compile(r"x\{[0-9A-Fa-f]{1,8}\}|x[0-9A-Fa-f]{2}|[0-7]{1,3}|.", re.DOTALL)
_FOLDED = re.compile(r"\(\?[a-zA-Z]*i")

_PROPERTIES = {"L": 1300, "C": 1300, "M": 700, "N": 400, "P": 500, "S": 600, "Z": 100}
"""Instructions of a class of Unicode's, by its first letter; of a script, ``_SCRIPT``."""
_SCRIPT = 500
_CLASSES = {"d": 6, "s": 8, "w": 8, "D": 16, "S": 16, "W": 16}
_ANY = 12
_RANGE = 4


@dataclass(slots=True)
class _Group:
    """A group that is open: what stands in it so far, and the last part of that."""

    before: int = 0
    last: int = 0

    def add(self, size: int) -> None:
        self.before += self.last
        self.last = size

    def whole(self) -> int:
        return self.before + self.last


@dataclass(slots=True)
class _Estimate:
    pattern: str
    at: int = 0
    groups: list[_Group] = field(default_factory=lambda: [_Group()])

    def run(self) -> int:
        while self.at < len(self.pattern):
            char = self.pattern[self.at]
            self.at += 1
            self._take(char)
        return 2 + sum(group.whole() for group in self.groups)

    def _take(self, char: str) -> None:
        if char == "(":
            self._open()
        elif char == ")" and len(self.groups) > 1:
            inner = self.groups.pop()
            self.groups[-1].add(inner.whole() + 2)
        elif char in "*+?":
            self.groups[-1].last += 1
        elif char == "{" and (repeat := _REPEAT.match(self.pattern, self.at - 1)):
            self._repeat(repeat)
        elif char == "\\":
            self.groups[-1].add(self._escape())
        elif char == "[":
            self.groups[-1].add(self._class())
        else:
            self.groups[-1].add(_ANY if char == "." else len(char.encode("utf-8", "replace")))

    def _open(self) -> None:
        flags = _FLAGS.match(self.pattern, self.at)
        if flags is not None:
            self.at = flags.end()
            return
        named = _GROUP.match(self.pattern, self.at)
        self.at = named.end() if named else self.at
        self.groups.append(_Group())

    def _repeat(self, found: re.Match[str]) -> None:
        self.at = found.end()
        least, most = int(found[1]), int(found[3] or 0)
        self.groups[-1].last = (self.groups[-1].last + 1) * max(least + bool(found[2]), most, 1)

    def _escape(self) -> int:
        if self.pattern[self.at : self.at + 1] == "Q":
            end = self.pattern.find("\\E", self.at)
            literal = self.pattern[self.at + 1 : end if end >= 0 else len(self.pattern)]
            self.at = end + 2 if end >= 0 else len(self.pattern)
            return len(literal.encode("utf-8", "replace"))
        named = _PROPERTY.match(self.pattern, self.at)
        if named is not None:
            self.at = named.end()
            name = named[1] or named[2]
            return _PROPERTIES.get(name[0], _SCRIPT) if len(name) <= 2 else _SCRIPT
        single = _ESCAPED.match(self.pattern, self.at)
        if single is None:
            return 1
        self.at = single.end()
        return _CLASSES.get(single[0], 1 if len(single[0]) == 1 else _RANGE)

    def _class(self) -> int:
        size, first = 2, self.at
        if self.pattern.startswith("^", self.at):
            size, first = size + _ANY, first + 1
            self.at = first
        while self.at < len(self.pattern):
            if self.pattern[self.at] == "]" and self.at > first:
                self.at += 1
                break
            size += self._member()
            if self.pattern.startswith("-", self.at) and not self.pattern.startswith("-]", self.at):
                self.at += 1  # a range is as large as its ends
        return size

    def _member(self) -> int:
        named = _NAMED.match(self.pattern, self.at)
        if named is not None:
            self.at = named.end()
            return _CLASSES["w"]
        char = self.pattern[self.at]
        self.at += 1
        if char == "\\":
            return self._escape()
        return 1 if char.isascii() else 2 * _RANGE


def program_size(pattern: str) -> int:
    """Return about how many instructions a pattern's program has; more where it is in doubt.

    One pass over the pattern. A pattern that RE2 refuses gets a number too.
    """
    size = _Estimate(pattern).run()
    return 2 * size if _FOLDED.search(pattern) else size
