"""The command line as a whole: its list, its exit statuses, and what it loads before it must."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from paod import __version__
from paod.cli import main
from paod.cli.exits import Exit, exit_status
from paod.cli.root import COMMANDS, root
from paod.cli.serving import forget_secrets
from paod.errors import FetchFailed, SettingsError


def paod(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program as a user does, with an environment of nothing but what is given."""
    return subprocess.run(
        [sys.executable, "-m", "paod", *arguments],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == Exit.FINE
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_helps_with_the_words_of_the_list(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, "--help"]) == Exit.FINE
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.startswith(f"Usage: paod {name}")
    assert COMMANDS[name][1] in shown


def test_help_and_mistakes_load_nothing_heavy() -> None:
    program = """
import sys
from paod.cli import main
main(["--help"]); main(["stauts"])
heavy = {"pygit2", "falcon", "waitress", "cerberus", "yaml", "sqlite_utils", "rich", "re2"}
sys.exit(", ".join(heavy & set(sys.modules)) or 0)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr.decode()


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == Exit.FINE
    assert capsys.readouterr().out == f"paod {__version__}\n"


def test_a_mistyped_command_is_answered_with_the_nearest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["roolback"]) == Exit.USAGE
    assert "Did you mean 'rollback'?" in capsys.readouterr().err
    assert main(["xyzzy"]) == Exit.USAGE


@pytest.mark.parametrize(
    "arguments",
    [["rollback"], ["rollback", "abc1234"], ["diff", "x", "a", "b"], ["serve", "--no-such"], []],
)
def test_wrong_usage_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == Exit.USAGE
    assert "Usage: paod" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["serve", "sync", "resume", "rollback x --reason y"])
def test_o14_without_settings_a_command_that_syncs_says_which(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("PAO_")]:
        monkeypatch.delenv(name)
    assert main(command.split()) == Exit.USAGE
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "PAO_REPO_URL is not set" in shown.err
    assert "hint: `paod demo`" in shown.err


@pytest.mark.parametrize("command", ["status", "problems", "history x", "diff x 1 2"])
def test_commands_that_read_need_no_repository(
    command: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for name in [name for name in os.environ if name.startswith("PAO_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PAO_STATE_DIR", str(tmp_path))
    assert main(command.split()) == Exit.FAILED
    assert "nothing has been synced yet" in capsys.readouterr().err


def test_o14_all_faults_at_once_and_no_secret() -> None:
    ended = paod("serve", PAO_REPO_URL="https://me:canary@h:x/y", PAO_LISTEN="x", PAO_LISTN="y")
    assert ended.returncode == Exit.USAGE
    assert "3 settings cannot be used:" in ended.stderr
    assert "did you mean PAO_LISTEN?" in ended.stderr
    assert "canary" not in ended.stderr


@pytest.mark.parametrize("arguments", [["--config", "{}", "status"], ["status", "--config", "{}"]])
def test_config_may_stand_on_either_side(
    arguments: list[str], tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    file = f"{tmp_path}/none.yaml"
    assert main([argument.format(file) for argument in arguments]) == Exit.USAGE
    assert f"{file} cannot be read" in capsys.readouterr().err


def raise_(error: BaseException) -> object:
    raise error


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (SettingsError("bad", "do"), Exit.USAGE, [("bad", "do")]),
        (FetchFailed("gone", "wait"), Exit.FAILED, [("gone", "wait")]),
        (click.ClickException("no such file"), Exit.USAGE, [("no such file", "")]),
        (KeyboardInterrupt(), Exit.INTERRUPTED, []),
        (click.Abort(), Exit.INTERRUPTED, []),
    ],
)
def test_exit_statuses(error: BaseException, status: Exit, said: list[tuple[str, str]]) -> None:
    heard: list[tuple[str, str]] = []
    assert exit_status(lambda: raise_(error), lambda *words: heard.append(words)) == status
    assert heard == said


def test_a_command_returns_its_status() -> None:
    assert exit_status(lambda: Exit.FAILED, print) == 1
    assert exit_status(lambda: None, print) == 0


def test_a_bug_is_no_exit_status() -> None:
    with pytest.raises(ZeroDivisionError):
        exit_status(lambda: 1 / 0, print)


def test_a_full_disk_is_told_in_a_sentence() -> None:
    ended = subprocess.run(
        f"{sys.executable} -m paod explain > /dev/full",
        shell=True,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == Exit.FAILED
    assert ended.stderr.startswith("paod: the output cannot be written: No space left on device\n")
    assert "Traceback" not in ended.stderr


def test_a_reader_who_leaves_is_no_error() -> None:
    ended = subprocess.run(
        f"{sys.executable} -m paod validate config/example-catalog --format json | true",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stderr == ""


def test_the_root_knows_no_other_commands() -> None:
    assert root.get_command(click.Context(root), "eval") is None


def test_s2_child_programs_inherit_no_secret() -> None:
    environ = {"PAO_REPO_TOKEN": "x", "PAO_DB_URL": "y", "PAO_REPO_BRANCH": "main", "PATH": "/bin"}
    forget_secrets(environ)
    assert environ == {"PAO_REPO_BRANCH": "main", "PATH": "/bin"}


def test_token_prints_a_token_and_its_hash() -> None:
    first, second = paod("token"), paod("token")
    assert first.returncode == 0
    (_, token), (_, digest) = (line.split() for line in first.stdout.splitlines())
    assert token.startswith("paod_")
    assert digest.startswith("sha256:")
    assert first.stdout != second.stdout
