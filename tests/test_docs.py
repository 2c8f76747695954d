"""The documentation held against the program: what is there is named, what is named is there.

Tables and problem codes are held against their pages by the tests of the schema and of the codes.
"""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from paod.api.app import resources
from paod.cli import main
from paod.cli.root import COMMANDS, root
from paod.config import SETTINGS, load
from paod.config.table import known_names
from paod.database import open_database
from paod.metrics import Meters
from paod.store import Store
from tests.kept import kept_logging
from tests.origin import Origin

CHECKOUT = Path(__file__).parent.parent
README = CHECKOUT / "README.md"
DOCS = CHECKOUT / "docs"
EXAMPLE = CHECKOUT / "config" / "example-catalog"
OPERATIONS = DOCS / "operations.md"
PAGES = [README, CHECKOUT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]
INSTRUCTIONS = [page for page in PAGES if page.name != "architecture.md"]
"""Pages that tell how to use the program; the other one also tells of plans."""
OF_DAEMONS = {"serve", "demo", "watch", "webhook"}
"""Commands that stay, or call one that does: their own tests run them."""
OF_OPERATORS = {"cancel", "backup", "doctor", "migrate", "restore"}
"""Commands that README leaves to the page for operators, and whose own tests run them."""
OF_AUTHORS = {"new", "fmt", "schema"}
"""Commands that README leaves to the page for authors, whose test runs them."""
CONFIGURED = [*PAGES, *sorted((CHECKOUT / "systemd").iterdir()), CHECKOUT / "config" / "paod.yaml"]


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def rows_of(page: Path) -> dict[str, list[str]]:
    """Return the rows of a page's tables by the code in their first cell."""
    rows = {}
    for line in text_of(page).splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells and (name := re.fullmatch(r"`(.+)`", cells[0])):
            rows[name[1]] = cells[1:]
    return rows


def options_of(name: str) -> set[str]:
    """Return a command's options, and those of the commands below it."""
    command = root.get_command(click.Context(root), name)
    assert command is not None
    below = command.commands.values() if isinstance(command, click.Group) else ()
    parameters = [parameter for one in (command, *below) for parameter in one.params]
    return {option for parameter in parameters for option in parameter.opts}


def commands_in(pages: Iterable[Path]) -> list[list[str]]:
    """Return every ``paod …`` that stands in code, as words."""
    found = []
    for page in pages:
        code = re.findall(r"`([^`\n]+)`", text_of(page))
        code += [
            line
            for block in re.findall(r"```sh\n(.*?)```", text_of(page), re.S)
            for line in block.splitlines()
        ]
        for line in code:
            if (
                call := re.search(r"(?:^|/|&& )paod ([a-z].*)", line.replace("\\|", "|"))
            ) is not None:
                found.append(shlex.split(re.sub(r"[\[\]]", " ", call[1])))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text_of(page))):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        there = page.parent / path if path else page
        assert there.exists(), target
        if anchor and there.suffix == ".md":
            titles = re.findall(r"^#+ (.+)$", text_of(there), re.M)
            slugs = [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]
            assert anchor in slugs, target


def test_every_setting_stands_in_the_table_with_its_default() -> None:
    rows = rows_of(OPERATIONS)
    for setting in SETTINGS:
        assert setting.name in rows, setting.name
        shown = rows[setting.name][0].replace("`", "")
        if setting.default is not None:
            assert shown == setting.default, setting.name
    assert [name for name in rows if name.startswith("PAO_")] == [one.name for one in SETTINGS]


@pytest.mark.parametrize("page", CONFIGURED, ids=lambda page: page.name)
def test_no_setting_is_named_that_is_none(page: Path) -> None:
    named = set(re.findall(r"\bPAO_[A-Z_]*[A-Z]\b", text_of(page)))
    assert named <= set(known_names())


def test_the_service_starts_with_good_settings() -> None:
    lines = text_of(CHECKOUT / "systemd" / "paod.env").splitlines()
    environ = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert load({**environ, "STATE_DIRECTORY": "/var/lib/paod"}).state_dir == Path("/var/lib/paod")


def test_every_command_stands_in_the_docs() -> None:
    told = {words[0] for words in commands_in([OPERATIONS])}
    assert told >= set(COMMANDS)


@pytest.mark.parametrize("page", INSTRUCTIONS, ids=lambda page: page.name)
def test_commands_that_are_shown_exist(page: Path) -> None:
    for words in commands_in([page]):
        assert words[0] in COMMANDS, words
        shown = {word.split("=")[0] for word in words if word.startswith("--")}
        assert shown <= options_of(words[0]) | {"--help"}, words


def test_every_command_helps() -> None:
    for name in COMMANDS:
        command = root.get_command(click.Context(root), name)
        assert command is not None
        assert command.help, name


def test_every_route_is_described(tmp_path: Path) -> None:
    settings = load({"PAO_REPO_URL": "/nowhere", "PAO_STATE_DIR": str(tmp_path)})
    store = Store(open_database(settings.db_url))
    store.migrate()
    told = text_of(DOCS / "pao-rest-spec.md")
    stopping, now = threading.Event(), lambda: datetime.now(UTC)
    found = resources(store, settings, stopping, time.monotonic, now, Meters())
    missing = [
        one.path for one in found if not re.search(re.escape(one.path) + r"(?![\w/{])", told)
    ]
    store.close()
    assert not missing


def readme_command(end: str) -> str:
    """Return the one line of README that ends so."""
    [line] = [line for line in text_of(README).splitlines() if line.endswith(end)]
    return line


def test_ci_runs_the_tests_as_readme_says() -> None:
    command = readme_command(".venv/bin/pytest -n 4 --dist worksteal")
    assert command.startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert "'.[test]'" in command
    run = text_of(CHECKOUT / ".ci" / "run")
    assert "grep -m 1 '\\.venv/bin/pytest' README.md" in run


def test_the_demo_runs_as_readme_says() -> None:
    """What comes after the set-up, which .ci/run does: the installed program's one command."""
    *setup, command = readme_command("paod demo").split(" && ")
    assert setup == ["python3 -m venv .venv", ".venv/bin/pip install --quiet ."]
    words = shlex.split(command.replace(".venv/bin/paod", f"{sys.executable} -m paod"))
    demo = subprocess.Popen(
        [*words, "--port", "0"], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    assert demo.stdout is not None
    try:
        said = ""
        while "Ctrl-C" not in said:
            line = demo.stdout.readline()
            assert line, said
            said += line
        address = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert address is not None
        await_ready(f"{address[0]}/readyz")
    finally:
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=20)
    assert demo.returncode == 0


def test_what_readme_tells_to_do_can_be_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    document = EXAMPLE / "catalog" / "databases" / "postgres-database.yaml"
    path = "catalog/databases/postgres-database.yaml"
    with kept_logging(), Origin(tmp_path) as origin:
        first = origin.write(path, text_of(document)).commit()
        origin.write(path, text_of(document).replace("1.0.0", "1.1.0")).commit()
        monkeypatch.setenv("PAO_REPO_URL", origin.url)
        monkeypatch.setenv("PAO_STATE_DIR", str(tmp_path / "state"))
        origin.git("update-ref", "refs/pull/7/head", first)
        monkeypatch.chdir(origin.clone(tmp_path / "work"))
        assert main(["sync"]) == 0
        done = set()
        for words in commands_in([README]):
            if words[0] not in OF_DAEMONS:
                told = [first if word == "4f0c1a2b" else word for word in words]
                assert main(told) == 0, (words, capsys.readouterr())
                done.add(words[0])
    assert done == set(COMMANDS) - OF_DAEMONS - OF_AUTHORS - OF_OPERATORS


def await_ready(url: str) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                assert answer.status == 200
                return
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.1)


NO_REASONS = {"SIGHUP"}
"""What a request says of itself, in words that nobody looks up."""


def test_every_reason_stands_in_the_manual() -> None:
    """Those of errors, those that are given with one, and those of results and health."""
    given = re.compile(r'reason(?:: ClassVar\[str\])? ?= ?"([A-Z]\w+)"')
    ended = re.compile(r'(?:_ended|SyncResult|Reason)\(\s*(?:"[a-z]+", )?"([A-Z]\w+)"')
    sources = [text_of(path) for path in sorted((CHECKOUT / "paod").rglob("*.py"))]
    found = {
        reason for source in sources for form in (given, ended) for reason in form.findall(source)
    }
    assert {"Succeeded", "NeverSynced", "QueueFull", "StoreUnavailable"} <= found
    section = text_of(OPERATIONS).split("## Every reason", 1)[1].split("\n## ", 1)[0]
    told = set(re.findall(r"`([A-Z]\w+)`", section))
    assert found - NO_REASONS <= told
