"""How to fix a value, made from the value itself: what a hint says differs from what stands there.

A hint that is done literally has to work. What an author wrote may be a secret, so nothing is
quoted that is more than a short word, a number or a version.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from paod.finding import INVISIBLE, INVISIBLE_HINT
from paod.schema.parts import Meaning, Schema

_BOOLEANS: Final = {
    **dict.fromkeys(("yes", "on", "y", "true"), "true"),
    **dict.fromkeys(("no", "off", "n", "false"), "false"),
}
_SHORT_VERSION: Final = re.compile(r"[vV]?([0-9]{1,9})(?:\.([0-9]{1,9}))?(?:\.([0-9]{1,9}))?")
_GROUPED: Final = re.compile(r"([-+]?)(?=[0-9])0*([0-9][0-9_,' ]{0,20})")
_PLAIN_NUMBER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_CURLY: Final = re.compile("[\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb]")
_DASHED: Final = re.compile(r"-[A-Za-z_]")
_HOW: Final = {
    "string": "write one text",
    "integer": "write one number, without a fraction",
    "number": "write one number",
    "boolean": "write true or false",
    "list": "write each entry on a line of its own, after '- '",
    "dict": "write its keys below it, indented, each with a value: 'key: value'",
}


def type_hint(types: list[str], value: Any) -> str:
    """Return how a value is written as one of some types of Cerberus'."""
    if "boolean" in types and isinstance(value, str) and value.lower() in _BOOLEANS:
        return f"write {_BOOLEANS[value.lower()]}, without quotes"
    if "string" in types and isinstance(value, bool | int | float):
        return f"quote it: {json.dumps(json.dumps(value))}"
    if {"integer", "number"} & set(types) and isinstance(value, str):
        return number_hint(value)
    if "list" in types and isinstance(value, dict) and any(map(_DASHED.match, map(str, value))):
        return "write a space after the dash: '- name: …'"
    return _HOW[types[0]]


def number_hint(value: str) -> str:
    """Return how a text that should be a number is written as one."""
    if _PLAIN_NUMBER.fullmatch(value) and len(value) <= 24:
        return f"write {value}, without quotes"
    found = _GROUPED.fullmatch(value)
    if found is None:
        return "write a number, without quotes"
    digits = re.sub(r"[^0-9]", "", found[2])
    return f"write it as a plain number: {found[1].strip('+')}{digits}"


def version_hint(source: str) -> str:
    """Return how a short version is written in full, "" where it is none."""
    found = _SHORT_VERSION.fullmatch(source)
    if found is None:
        return ""
    whole = ".".join(str(int(part or 0)) for part in found.groups())
    return f'write it as MAJOR.MINOR.PATCH: "{whole}"'


def letter_hint(value: str) -> str:
    """Return what to do about a quote or a space that is a letter to YAML, "" where none is."""
    if _CURLY.search(value):
        return "typographic quotes are letters to YAML: write \" or ' in their place"
    if INVISIBLE.search(value):
        return f"a space that YAML takes for a letter stands in it: {INVISIBLE_HINT}"
    return ""


def key_hint(key: str, known: list[str]) -> str:
    """Return what to do about a key whose letters are right and whose signs are not."""
    if key.startswith("-") and key.lstrip("-") in known:
        return f"write a space after the dash: '- {key.lstrip('-')}: …'"
    return letter_hint(key)


def lines_for(keys: list[str], rules: Schema) -> str:
    """Return what to add for keys that are missing: each with a value that it could have."""
    lines = [f"{key}: {_example(rules.get(key, {}))}" for key in keys]
    return f"add it: {lines[0]}" if len(lines) == 1 else "\n".join(["add these lines:", *lines])


def _example(rules: Schema) -> str:
    meaning = rules.get("meta")
    if isinstance(meaning, Meaning) and meaning.examples:
        return json.dumps(meaning.examples[0], ensure_ascii=False)
    return "…"
