"""Findings as other programs read them: GitHub's annotations, JUnit's XML, SARIF 2.1.0.

Paths are from the Git repository's root here, since that is where those programs look for files.
Pure: each returns a text or a value.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from paod import __version__
from paod.cli.checks import Checked
from paod.codes import CODES, Code
from paod.log import escape as escape_unseen
from paod.model import Problem

_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML 1.0 document may hold, not even by number."""

SARIF_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def github(found: Iterable[Checked]) -> list[str]:
    """Return workflow commands, which GitHub shows at the line of a pull request."""
    return [
        f"::{one.severity} file={_property(checked.prefix + one.path)},line={one.line},"
        f"col={one.column},title={_property(one.code)}::{_data(_said(one))}"
        for checked in found
        for one in checked.problems
    ]


def junit(found: Sequence[Checked], *, strict: bool) -> str:
    """Return a test suite with a case for each document, failed by an error.

    Warnings fail it too when ``strict``, and otherwise stand in its output.
    """
    suite = ElementTree.Element("testsuite", name="paod validate")
    for checked in found:
        problems: dict[str, list[Problem]] = {path: [] for path in checked.paths}
        for one in checked.problems:
            problems[one.path].append(one)
        for path, own in problems.items():
            _fill(_case(suite, checked.prefix + path), own, strict)
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("errors", "0")
    whole = ElementTree.Element("testsuites")
    whole.append(suite)
    ElementTree.indent(whole)
    return ElementTree.tostring(whole, encoding="unicode", xml_declaration=False)


def sarif(found: Iterable[Checked]) -> dict[str, Any]:
    """Return a log of one run; its rules are all codes that there are."""
    driver = {
        "name": "paod",
        "semanticVersion": __version__,
        "rules": [_rule(code) for code in CODES.values()],
    }
    results = [_result(checked, one) for checked in found for one in checked.problems]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def escape(text: str) -> str:
    """Return a text with what would steer a terminal, and what XML cannot hold, made visible."""
    return _NO_XML.sub(lambda found: ascii(found[0])[1:-1], escape_unseen(text))


def _said(problem: Problem) -> str:
    return f"{problem.message}\n{problem.hint}" if problem.hint else problem.message


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _case(suite: ElementTree.Element, path: str) -> ElementTree.Element:
    return ElementTree.SubElement(
        suite, "testcase", classname="paod", name=escape(path), file=escape(path)
    )


def _fill(case: ElementTree.Element, problems: Iterable[Problem], strict: bool) -> None:
    failing = [one for one in problems if strict or one.severity == "error"]
    others = [one for one in problems if one not in failing]
    if failing:
        about = escape(failing[0].message)
        failure = ElementTree.SubElement(case, "failure", type=failing[0].code, message=about)
        failure.text = "\n".join(map(_line, failing))
    if others:
        ElementTree.SubElement(case, "system-out").text = "\n".join(map(_line, others))


def _line(one: Problem) -> str:
    place = f"{one.path}:{one.line}:{one.column}"
    hint = f" ({one.hint})" if one.hint else ""
    return escape(f"{place}: {one.severity}[{one.code}]: {one.message}{hint}")


def _rule(code: Code) -> dict[str, Any]:
    return {
        "id": code.code,
        "shortDescription": {"text": code.meaning},
        "help": {"text": code.remedy},
        "defaultConfiguration": {"level": code.severity},
        "properties": {"tags": [code.about]},
    }


def _result(checked: Checked, one: Problem) -> dict[str, Any]:
    path = checked.prefix + one.path
    region = {"startLine": one.line, "startColumn": one.column}
    artifact = {"uri": quote(path), "uriBaseId": "%SRCROOT%"}
    mark = hashlib.sha256("\0".join((one.code, path, one.pointer, one.message)).encode())
    return {
        "ruleId": one.code,
        "ruleIndex": list(CODES).index(one.code),
        "level": one.severity,
        "message": {"text": _said(one)},
        "locations": [{"physicalLocation": {"artifactLocation": artifact, "region": region}}],
        "partialFingerprints": {"paod/v1": mark.hexdigest()},
    }
