"""The list of codes is what the documentation says, and the documentation what the list says."""

import re
from pathlib import Path

import pytest

from paod.codes import CODES

SPEC = Path(__file__).parents[1] / "docs" / "pao-yaml-spec.md"


def explained() -> dict[str, str]:
    """Return each code's section of the documentation: '### `code`' and what follows."""
    parts = re.split(r"^### `([a-z0-9-]+)`(.*)$", SPEC.read_text("utf-8"), flags=re.MULTILINE)
    return {
        code: f"{title}\n{body.split(chr(10) + '## ')[0]}"
        for code, title, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
    }


def test_the_documentation_explains_every_code_and_no_other() -> None:
    assert list(explained()) == list(CODES)


@pytest.mark.parametrize("code", list(CODES))
def test_the_documentation_says_of_a_code_what_the_program_knows(code: str) -> None:
    section = explained()[code]
    known = CODES[code]
    assert f"({known.severity})" in section.splitlines()[0]
    for sentence in (known.meaning, known.example, known.remedy):
        assert sentence in section


def test_codes_are_kebab_case_and_say_how_to_mend() -> None:
    for name, code in CODES.items():
        assert name == code.code
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
        assert code.meaning.endswith(".")
        assert code.remedy.endswith(".")
