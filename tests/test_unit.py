"""The systemd unit: hardened, whole, and not too tight for what paod does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from paod.config import load
from tests.confined import read_unit
from tests.origin import Origin
from tests.programs import needs, program
from tests.running import ROOT, Running, item, pasted

UNIT = ROOT / "systemd" / "paod.service"
SOCKET = ROOT / "systemd" / "paod.socket"
MOST_EXPOSED = 1.5


def test_u1_the_unit_exposes_little() -> None:
    told = subprocess.run(
        [program("systemd-analyze"), "security", "--offline=true", "--no-pager", str(UNIT)],
        capture_output=True,
        text=True,
        check=True,
    )
    level = re.search(r"Overall exposure level for paod.service: ([0-9.]+)", told.stdout)
    assert level is not None
    assert float(level[1]) <= MOST_EXPOSED


def test_u2_systemd_understands_every_line(tmp_path: Path) -> None:
    """Units as an old systemd has them, but for the program, which is not installed here."""
    for unit in (UNIT, SOCKET):
        text = unit.read_text().replace("/opt/paod/bin/paod", "/bin/true")
        (tmp_path / unit.name).write_text(text)
    told = subprocess.run(
        [program("systemd-analyze"), "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stderr) == (0, "")


def test_u2_what_the_unit_has_to_say_is_there() -> None:
    unit = read_unit(UNIT)
    assert unit["Type"] == ["notify"]
    assert unit["NotifyAccess"] == ["main"]
    assert unit["WatchdogSec"] == ["30"]
    assert unit["StateDirectoryMode"] == ["0700"]
    assert unit["LoadCredential"] == ["paod:/etc/paod/secrets"]


@needs("systemd-analyze")
def test_paod_works_within_the_unit_s_restrictions(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    under = [sys.executable, "-m", "tests.confined", str(UNIT), str(state)]
    with Origin(tmp_path) as origin:
        origin.write("catalog/a/one.yaml", item("one")).commit("first")
        daemon = Running(state, origin.url, under=under)
        try:
            if daemon.process.poll() is not None and "unshare" in "\n".join(daemon.log):
                pytest.skip("this machine lets nobody make a namespace")
            daemon.wait_for_names("one")
            origin.write("catalog/a/two.yaml", item("two")).commit("second")
            daemon.sync()
            daemon.wait_for_names("one", "two")
            for worker in (*daemon.workers("api"), *daemon.workers("sync")):
                assert_confined(worker, state)
            assert daemon.stop()[0] == 0
            assert not [line for line in daemon.log if " error " in line or " warning " in line]
        finally:
            daemon.kill()


def assert_confined(pid: int, state: Path) -> None:
    status = Path(f"/proc/{pid}/status").read_text()
    said = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert (said["NoNewPrivs"], said["Seccomp"]) == ("1", "2")
    assert {int(said[name], 16) for name in ("CapEff", "CapPrm", "CapBnd")} == {0}
    mounts = [line.split() for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines()]
    writable = {fields[4] for fields in mounts if "rw" in fields[5].split(",")}
    assert writable == {str(state)}


def test_what_the_docs_install_starts(tmp_path: Path) -> None:
    """The pasted lines, in a folder in place of ``/``; what systemd then does with it by hand."""
    venv, *lines = pasted("## As a service").splitlines()
    assert venv == "python3 -m venv /opt/paod && /opt/paod/bin/pip install --quiet ."
    extra, *more = pasted("(#as-a-service), on each machine").splitlines()
    assert extra == "/opt/paod/bin/pip install --quiet '.[postgres]'"
    (tmp_path / "etc" / "systemd" / "system").mkdir(parents=True)
    script = "\n".join(lines + more).replace("/etc/", f"{tmp_path}/etc/")
    subprocess.run(["bash", "-euc", script], cwd=ROOT, check=True, timeout=30)
    assert (tmp_path / "etc/systemd/system/paod.service").read_text() == UNIT.read_text()
    secrets = tmp_path / "etc" / "paod" / "secrets"
    assert secrets.stat().st_mode & 0o777 == 0o700
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    for file in secrets.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600
        (credentials / f"paod_{file.name}").write_bytes(file.read_bytes())
    text = (tmp_path / "etc" / "paod" / "paod.env").read_text()
    said = dict(re.findall(r"^(PAO_\w+)=(.*)$", text, re.M))
    settings = load(said | {"CREDENTIALS_DIRECTORY": str(credentials), "STATE_DIRECTORY": "/x"})
    assert settings.webhook_secret is not None
    assert settings.repo_token is None, "an empty file counts as not set"
    assert settings.db_password is not None
    assert settings.admin_token is not None


def test_commands_of_the_service_see_what_it_sees() -> None:
    said = re.findall(r"-p (\w+)=(\S+)", (ROOT / "systemd" / "paodctl").read_text())
    unit = read_unit(UNIT)
    assert {name: unit[name] for name, _ in said} == {name: [value] for name, value in said}
    assert {"DynamicUser", "User", "StateDirectory", "EnvironmentFile", "LoadCredential"} < {
        name for name, _ in said
    }


def test_what_the_docs_back_up_is_restored(tmp_path: Path) -> None:
    """The pasted lines, as the service's user would run them; systemd only tells of its calls."""
    state, home = tmp_path / "lib", tmp_path / "root"
    home.mkdir()
    script = pasted("reach\nonly its own folder")
    for folder, place in (("/var/lib/paod/", state), ("/root/", home)):
        assert folder in script
        script = script.replace(folder, f"{place}/")
    functions = f'paodctl() {{ {sys.executable} -m paod "$@"; }}\nsystemctl() {{ echo "$*"; }}\n'
    with Origin(tmp_path) as origin:
        origin.write("catalog/a/one.yaml", item("one")).commit("first")
        told = subprocess.run(
            ["bash", "-euc", f"{functions}paodctl sync\n{script}"],
            env={
                "PATH": os.environ["PATH"],
                "PAO_REPO_URL": origin.url,
                "PAO_STATE_DIR": str(state),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert told.returncode == 0, told.stderr
    steps = re.findall(r"^(?:\S+: generation|stop|restored|start)", told.stdout, re.MULTILINE)
    assert [step.split()[-1] for step in steps] == ["generation", "stop", "restored", "start"]
    assert not (state / "paod.backup").exists()
    [kept] = home.iterdir()
    assert (kept.stat().st_mode & 0o777, kept.owner()) == (0o600, home.owner())
