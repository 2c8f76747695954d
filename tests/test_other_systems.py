"""An author's commands where the system lacks what Linux has: modules and functions are hidden."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_checkout_parts import _remote as _remote
from tests.test_checkout_parts import clone, names

ROOT = Path(__file__).parent.parent
HIDING = """
import os, signal, sys
lacking = os.environ["LACKING"].split()
for name in lacking:
    if name.startswith("os."):
        if hasattr(os, name[3:]): delattr(os, name[3:])
    elif name.startswith("signal."):
        if hasattr(signal, name[7:]): delattr(signal, name[7:])
    else:
        sys.modules[name] = None
if __name__ == "__main__":
    from paod.cli import main
    sys.exit(main(sys.argv[1:]))
"""
MACOS = "os.sched_getaffinity os.posix_fadvise os.memfd_create os.eventfd os.pidfd_open"
WINDOWS = (
    f"{MACOS} fcntl resource pwd grp termios pty os.fork os.getuid os.geteuid os.getgid os.killpg"
    " os.register_at_fork os.O_NOFOLLOW os.O_NONBLOCK os.O_CLOEXEC os.fchmod os.fchown os.chown"
    " os.uname os.mkfifo os.getloadavg os.sysconf os.statvfs os.pread os.pwrite"
    " signal.SIGHUP signal.SIGCHLD signal.SIGUSR1 signal.SIGALRM signal.pthread_sigmask"
)
each_system = pytest.mark.parametrize("lacking", [MACOS, WINDOWS], ids=["macos", "windows"])


def run(folder: Path, lacking: str, *command: str) -> subprocess.CompletedProcess[str]:
    program = folder.parent / "hiding.py"
    program.write_text(HIDING)
    return subprocess.run(
        [sys.executable, str(program), *command],
        cwd=folder,
        env={**os.environ, "LACKING": lacking, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@each_system
def test_an_authors_commands_need_nothing_of_linux(remote: Path, lacking: str) -> None:
    folder = clone(remote)
    for command, said in {
        ("validate",): "3 documents checked: no problems",
        ("plan", "--base", "origin/main"): "nothing would change",
        ("fmt", "--check"): "3 documents: ",
        ("explain", "bad-name"): "kebab",
        ("schema", "item"): "json-schema.org",
        ("token",): "sha256:",
        ("watch", "--help"): "--serve",
        ("new", "--help"): "Usage",
    }.items():
        ended = run(folder, lacking, *command)
        assert said in ended.stdout, (command, ended.stderr)
        assert "Traceback" not in ended.stderr


def test_what_needs_linux_says_so(remote: Path) -> None:
    ended = run(clone(remote), WINDOWS, "serve")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("paod: this command needs Linux or macOS; ")


@pytest.mark.parametrize("end", [b"\r\n", b"\r"], ids=["crlf", "cr"])
def test_line_ends_of_a_checkout_change_nothing(remote: Path, end: bytes) -> None:
    folder = clone(remote)
    for path in names():
        file = folder / path
        file.write_bytes(file.read_bytes().replace(b"\n", end))
    ended = run(folder, "", "plan", "--base", "origin/main")
    assert ended.stdout.endswith("nothing would change\n"), ended
    assert run(folder, "", "validate", "--base", "origin/main").returncode == 0


def test_the_example_catalog_is_laid_out(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "config/example-catalog", tmp_path / "example")
    ended = run(tmp_path / "example", "", "fmt", "--check")
    assert ended.stdout.endswith(" documents: 0 to lay out\n"), ended.stdout
