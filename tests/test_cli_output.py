"""What commands print: for people, for pipes, for machines; and nothing that steers a terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from paod.cli.excerpt import excerpt
from paod.cli.findings import has_errors, print_findings, tally
from paod.cli.outcome import changed, counted, short, summary
from paod.cli.output import complain, print_json, print_line, print_pairs, print_table, waiting
from paod.document import lines_of

CHECKOUT = Path(__file__).parent.parent
HOSTILE = "a\x1b[2Jb\nc\x9bd"


def test_piped_tables_are_lines_of_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "tags", "note"), [("x", ["a", "b"], None), ("y", [], HOSTILE)])
    assert capsys.readouterr().out.splitlines() == [
        "name\ttags\tnote",
        "x\ta, b\t-",
        "y\t-\ta\\x1b[2Jb\\nc\\x9bd",
    ]


def test_pairs_are_aligned_and_leave_out_what_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    print_pairs([("a", 1), ("none", None), ("bcd", HOSTILE)])
    assert capsys.readouterr().out == "a    1\nbcd  a\\x1b[2Jb\\nc\\x9bd\n"


def test_json_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"é": HOSTILE + "\x7f"})
    shown = capsys.readouterr().out
    assert json.loads(shown) == {"é": HOSTILE + "\x7f"}
    assert all(line.isascii() and line.isprintable() for line in shown.splitlines())


def test_complaints_keep_their_lines_and_lose_their_controls(
    capsys: pytest.CaptureFixture[str],
) -> None:
    complain("one\ntwo \x1b[1m", "three\x07")
    assert capsys.readouterr().err == "paod: one\ntwo \\x1b[1m\n  hint: three\\x07\n"


def test_a_line_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_line(HOSTILE, "bold")
    assert capsys.readouterr().out == "a\\x1b[2Jb\\nc\\x9bd\n"


def problem(severity: str, hint: str = "") -> dict[str, object]:
    place = {"path": "catalog/a/b.yaml", "line": 3, "column": 7}
    return {**place, "severity": severity, "code": "bad-name", "message": "no", "hint": hint}


def test_problems_look_like_a_compilers(capsys: pytest.CaptureFixture[str]) -> None:
    print_findings([problem("error", "so"), problem("warning")])
    assert capsys.readouterr().out.splitlines() == [
        "catalog/a/b.yaml:3:7: error[bad-name]: no",
        "    hint: so",
        "catalog/a/b.yaml:3:7: warning[bad-name]: no",
    ]


def test_problems_show_their_line_where_the_file_is_at_hand(
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = {"catalog/a/b.yaml": b"name: x\r\n\nfields: [{name: 'a b', type: strng}] # \x1b[2J\n"}
    far = problem("warning") | {"line": 9}
    other = problem("error") | {"path": "catalog/gone.yaml"}
    found = [problem("error", "so") | {"column": 17}, problem("error") | {"column": 30}, far, other]
    print_findings(found, files.get)
    assert capsys.readouterr().out.splitlines() == [
        "catalog/a/b.yaml:3:17: error[bad-name]: no",
        "     3 | fields: [{name: 'a b', type: strng}] # \\x1b[2J",
        "       |                 ^^^^^",
        "    hint: so",
        "",
        "catalog/a/b.yaml:3:30: error[bad-name]: no",
        "     3 | fields: [{name: 'a b', type: strng}] # \\x1b[2J",
        "       |                              ^^^^^",
        "",
        "catalog/a/b.yaml:9:7: warning[bad-name]: no",
        "",
        "catalog/gone.yaml:3:7: error[bad-name]: no",
    ]


@pytest.mark.parametrize(
    ("line", "column", "marked"),
    [
        ("name: Post gres # old", 7, "Post gres"),
        ("name: x", 1, "name"),
        ("name:", 1, "name"),
        ("a: b:c", 4, "b:c"),
        ("url: http://x, y", 6, "http://x"),
        ("name: x", 99, ""),
        ("x: [1, 2]", 4, "["),
        ("\ttype: strng", 8, "strng"),
        ("x: é長い", 4, "é長い"),
        ("x: " + "y" * 300, 4, "y" * 96 + "…"),
        ("y" * 300 + ": z", 303, "z"),
    ],
)
def test_the_mark_stands_under_the_token(line: str, column: int, marked: str) -> None:
    found = excerpt(line, column)
    assert found.text[found.start : found.end] == marked
    assert len(found.text) <= 102
    wide = {"長": 2, "い": 2}
    assert found.before == sum(wide.get(char, 1) for char in found.text[: found.start])
    assert found.width == (sum(wide.get(char, 1) for char in marked) or 1)


def test_lines_are_counted_as_the_parser_counts_them() -> None:
    assert lines_of("a\rb\r\nc\u2028d\n\n") == ["a", "b", "c\u2028d", ""]


@pytest.mark.parametrize(
    ("severities", "said", "errors"),
    [
        ([], "no problems", False),
        (["warning"], "1 warning", False),
        (["error", "error", "warning"], "2 errors and 1 warning", True),
    ],
)
def test_tallies(severities: list[str], said: str, errors: bool) -> None:
    problems = [problem(severity) for severity in severities]
    assert tally(problems) == said
    assert has_errors(problems) is errors


def row(**more: object) -> dict[str, object]:
    base = {"sync_id": 7, "status": "completed", "reason": "Succeeded", "dry_run": False}
    ends = {"from_commit": "a" * 40, "to_commit": "b" * 40, "message": ""}
    return {**base, **ends, **more}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            row(items_added=1, items_updated=2),
            f"sync 7 completed: changed items +1 ~2 -0 ({'a' * 12} → {'b' * 12})",
        ),
        (
            row(dry_run=True, from_commit=None, bundles_removed=3),
            f"sync 7 completed: would change bundles +0 ~0 -3 (nothing → {'b' * 12})",
        ),
        (row(), f"sync 7 completed: changed nothing that readers see ({'a' * 12} → {'b' * 12})"),
        (row(reason="UpToDate", message="nothing new"), "sync 7 completed: nothing new"),
        (
            row(status="blocked", reason="MassRemoval", message="no; say so"),
            "sync 7 blocked (MassRemoval): no; say so",
        ),
    ],
)
def test_a_sync_in_one_line(given: dict[str, object], said: str) -> None:
    assert summary(given) == said


def test_small_words() -> None:
    assert changed({}) == "nothing that readers see"
    assert short(None) == "nothing"
    assert (counted(1, "error"), counted(1200, "error")) == ("1 error", "1,200 errors")


def on_a_terminal(*command: str, folder: Path) -> bytes:
    """Run Python with a terminal for all three streams, and return what the terminal got."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        environment = {"TERM": "xterm-256color", "PYTHONPATH": str(CHECKOUT)}
        os.execve(sys.executable, [sys.executable, *command], environment)
    got, end = b"", time.monotonic() + 60
    try:
        while time.monotonic() < end:
            if select.select([terminal], [], [], 1)[0]:
                got += os.read(terminal, 65_536)
    except OSError:  # the other side is closed
        pass
    os.waitpid(pid, 0)
    os.close(terminal)
    return got


def test_on_a_terminal_there_is_colour_and_nothing_of_the_authors(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog" / "databases"
    catalog.mkdir(parents=True)
    (catalog / "bad\x1b]0;owned\x07.yaml").write_text("name: [red]x[/red]\n")
    got = on_a_terminal("-m", "paod", "validate", folder=tmp_path)
    assert b"\x1b[" in got
    assert b"error[bad-path]" in got
    assert b"owned\x07" not in got
    assert b"\x1b]0;" not in got


def test_on_a_terminal_there_are_tables(tmp_path: Path) -> None:
    (tmp_path / "table.py").write_text("""
from paod.cli.output import print_table, waiting
with waiting("at [it]") as tell:
    tell("at [b]")
print_table(("name", "note"), [("x", "[bold]kept[/bold]\\x1b[2J")])
""")
    got = on_a_terminal("table.py", folder=tmp_path)
    assert "─".encode() in got
    assert b"[bold]kept[/bold]" in got
    assert b"\\x1b[2J" in got


def run_paod(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, **options.pop("environment", {})}
    return subprocess.run(
        [sys.executable, "-m", "paod", *arguments],
        env=environment,
        timeout=60,
        check=False,
        cwd=CHECKOUT,
        **options,
    )


@pytest.fixture
def unreadable(tmp_path: Path) -> Path:
    """A document whose finding holds letters that Latin-1 has not, in message and excerpt."""
    file = tmp_path / "a.yaml"
    file.write_text("name: a\ndescription: x → y 😀: …\n", "utf-8")
    return file


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "cp437", "utf-8:strict"])
def test_what_a_terminal_cannot_encode_is_written_otherwise(
    encoding: str, unreadable: Path
) -> None:
    ended = run_paod(
        "validate",
        str(unreadable),
        environment={"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        capture_output=True,
    )
    shown = ended.stdout.decode(encoding.partition(":")[0])
    assert (ended.returncode, ended.stderr) == (1, b"")
    expected = "x → y 😀: …" if encoding.startswith("utf-8") else "x -> y \\U0001f600: "
    assert expected in shown


def test_the_doctor_draws_its_arrows_as_the_terminal_can(tmp_path: Path) -> None:
    environment = {"PYTHONIOENCODING": "latin-1", "PAO_STATE_DIR": str(tmp_path)}
    ended = run_paod("doctor", environment=environment, capture_output=True)
    assert ended.returncode == 1
    assert b"-> " in ended.stdout
    assert b"Traceback" not in ended.stderr


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
@pytest.mark.parametrize("command", [("doctor",), ("validate", "-"), ("--help",), ("nothing",)])
def test_a_closed_stream_is_one_that_nobody_reads(
    closed: tuple[int, ...], command: tuple[str, ...], tmp_path: Path
) -> None:
    """What is opened next must not take the stream's number, nor a command stumble over it."""
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    environment = {"PAO_STATE_DIR": str(tmp_path / "state")}
    with (tmp_path / "err").open("wb") as errors:
        ended = run_paod(
            *command,
            environment=environment,
            **quiet,
            stderr=errors,
            preexec_fn=lambda: [os.close(number) for number in closed],
        )
    expected = {"doctor": 1, "validate": 1, "--help": 0, "nothing": 2}[command[0]]
    assert ended.returncode == expected
    assert b"Traceback" not in (tmp_path / "err").read_bytes()


def test_a_stream_that_takes_nothing_is_said() -> None:
    with Path(os.devnull).open("rb") as unwritable:
        ended = run_paod("doctor", stdout=unwritable, stderr=subprocess.PIPE)
    assert ended.returncode == 1
    assert ended.stderr.startswith(b"paod: the output cannot be written: ")


def test_what_shows_that_a_command_works_has_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under it the doctor forks, and a child that a thread was forked beside may hang."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        before = threading.active_count()
        with waiting("looking at [everything]") as tell:
            assert threading.active_count() == before
            tell("reading\x1b[2J")
    monkeypatch.undo()
    shown = ""
    with suppress(OSError):  # which is the end of what was written
        while data := os.read(ours, 65_536):
            shown += data.decode()
    os.close(ours)
    assert "looking at [everything]" in shown
    assert "reading\\x1b[2J" in shown
