"""The page for authors: its examples are good, its commands run, its codes are all there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from paod.codes import CODES
from paod.schema.source import FIELD
from paod.validate import Rules, parse_text
from tests.test_schema import item

PAGE = (Path(__file__).parent.parent / "docs" / "authoring.md").read_text("utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)


def whole(example: str) -> dict[str, object]:
    """Return a whole document of an example: a document, some fields, or some keys."""
    value = yaml.safe_load(example)
    if isinstance(value, list):
        return item(presentation={"fields": value})
    return value if "version" in value else item(**value)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_is_good(example: str) -> None:
    assert parse_text(yaml.safe_dump(whole(example)).encode(), Rules()) == ()


def test_each_type_of_field_has_an_example() -> None:
    shown = re.findall(r"^### `(\w+)`\n\n.+?```yaml\n(.*?)```", PAGE, re.M | re.S)
    assert [name for name, _ in shown] == list(FIELD.choices)
    for name, example in shown:
        assert [field["type"] for field in yaml.safe_load(example)] == [name]


def test_every_code_leads_to_what_is_said_of_it() -> None:
    table = PAGE.partition("\n## When something is wrong\n")[2]
    linked = re.findall(r"\[`([a-z0-9-]+)`\]\(pao-yaml-spec\.md#([a-z0-9-]+)\)", table)
    assert linked == [(code, f"{code}-{known.severity}") for code, known in CODES.items()]


def test_the_first_item_is_made_as_the_page_says(tmp_path: Path) -> None:
    """The commands of the first section, in an empty repository; between them, its example."""
    section = PAGE.partition("\n## Fields\n")[0]
    first, second = re.findall(r"```sh\n(.*?)```", section, re.S)
    [example] = re.findall(r"```yaml\n(.*?)```", section, re.S)
    run(tmp_path, "git init --quiet .")
    run(tmp_path, first)
    file = tmp_path / "catalog" / "collaboration" / "team-wiki.yaml"
    assert file.is_file()
    file.write_text(example)
    assert run(tmp_path, second).endswith("1 document checked: no problems\n")
    assert file.read_text() == example
    assert run(tmp_path, "git status --porcelain") == ""


def run(folder: Path, script: str) -> str:
    """Run a script as its reader would, with paod in the path."""
    environ = {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder),
        **{
            f"GIT_{who}_{what}": "author@example.com"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    done = subprocess.run(
        ["bash", "-euc", script], cwd=folder, env=environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
