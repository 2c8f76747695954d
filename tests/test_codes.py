"""The list of codes is what the documentation says, and what ``paod explain`` says of each."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from paod.cli import main
from paod.codes import CODES, as_markdown
from paod.schema.source import VARIANTS

SPEC = Path(__file__).parents[1] / "docs" / "pao-yaml-spec.md"
Shown = pytest.CaptureFixture[str]


def sections() -> dict[str, str]:
    """Return each code's section of the documentation, its heading included."""
    parts = re.split(r"^(?=#{2,3} )", SPEC.read_text("utf-8"), flags=re.MULTILINE)
    found = ((re.match(r"### `([a-z0-9-]+)`", part), part.strip()) for part in parts)
    return {heading[1]: part for heading, part in found if heading is not None}


def test_the_documentation_explains_every_code_and_no_other() -> None:
    assert list(sections()) == list(CODES)


@pytest.mark.parametrize("code", list(CODES))
def test_the_documentation_and_the_program_say_the_same(code: str, capsys: Shown) -> None:
    known = CODES[code]
    assert sections()[code] == as_markdown(known)
    assert main(["explain", code]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"{known.severity}[{code}]\n\n{known.meaning}\n")
    for part in (known.example, known.remedy, known.mended):
        assert all(line in shown for line in part.split("\n"))


def test_codes_are_kebab_case_and_say_how_to_mend() -> None:
    for name, code in CODES.items():
        assert name == code.code
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
        assert code.meaning.endswith(".")
        assert code.remedy.endswith(".")
        assert code.mended != code.example


def test_all_codes_are_listed_and_told_to_machines(capsys: Shown) -> None:
    assert main(["explain"]) == 0
    assert [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()[1:]] == list(CODES)
    assert main(["explain", "--json"]) == 0
    assert [one["code"] for one in json.loads(capsys.readouterr().out)["codes"]] == list(CODES)
    assert main(["explain", "--json", "bad-path"]) == 0
    assert json.loads(capsys.readouterr().out)["about"] == "file"


@pytest.mark.parametrize("given", ["unknown-type", "error[unknown-type]", "Error[unknown-type]:"])
def test_a_code_may_be_copied_from_a_problem(given: str, capsys: Shown) -> None:
    assert main(["explain", given]) == 0
    assert capsys.readouterr().out.startswith("error[unknown-type]\n")


def test_a_code_that_is_none(capsys: Shown) -> None:
    assert main(["explain", "unknwon-type"]) == 2
    assert "did you mean 'unknown-type'?" in capsys.readouterr().err
    assert main(["explain", "\x1b[2J"]) == 2
    assert "`paod explain` lists all codes" in capsys.readouterr().err


def test_every_type_of_field_is_named_where_one_is_unknown() -> None:
    for name in VARIANTS["field"].choices:
        assert re.search(rf"\b{name}\b", CODES["unknown-type"].remedy)
