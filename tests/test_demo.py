"""The demo: its repository, its settings, the commands that it shows, its end."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from paod.demo import run
from paod.demo.repository import README, SHOWCASE, make_repository
from paod.errors import SettingsError
from tests.programs import needs

ROOT = Path(__file__).parent.parent


def git(folder, *arguments):
    return subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_repository_is_the_example_with_a_history(tmp_path):
    folder = tmp_path / "repository"
    make_repository(folder)
    example = ROOT / "config" / "example-catalog" / "catalog"
    files = {path.relative_to(example) for path in example.rglob("*.yaml")}
    made = {path.relative_to(folder / "catalog") for path in (folder / "catalog").rglob("*.yaml")}
    assert made == files
    assert all(
        (folder / "catalog" / file).read_text() == (example / file).read_text() for file in files
    )
    assert git(folder, "branch", "--show-current") == "main"
    assert git(folder, "status", "--porcelain") == ""
    subjects = git(folder, "log", "--reverse", "--format=%s").splitlines()
    assert len(subjects) == 4
    first = git(folder, "show", f"HEAD~3:{SHOWCASE}")
    assert 'version: "0.9.0"' in first
    assert (folder / "README.md").read_text() == README


def test_history_is_of_several_people_and_days(tmp_path):
    make_repository(tmp_path / "repository")
    lines = git(tmp_path / "repository", "log", "--format=%an %as %cs").splitlines()
    assert len({line.split()[0] for line in lines}) == 2
    assert len({line.split()[2] for line in lines}) == 4


def test_a_stranger_s_git_settings_play_no_part(tmp_path, monkeypatch):
    (tmp_path / ".gitconfig").write_text("[commit]\n\tgpgsign = true\n[core]\n\thooksPath = /bin\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody Else")
    make_repository(tmp_path / "repository")
    monkeypatch.delenv("GIT_DIR")
    assert "Somebody" not in git(tmp_path / "repository", "log", "--format=%an")


class Serving:
    """Stands in the daemon's place: notes what it was given, and ends with a status."""

    def __init__(self, status=0, error=None):
        self.status, self.error = status, error

    def __call__(self, settings, listener):
        self.settings, self.port = settings, listener.getsockname()[1]
        self.repository_was_there = Path(settings.repo_url, ".git").is_dir()
        if self.error:
            raise self.error
        return self.status


def test_a_temporary_demo_leaves_nothing():
    serving, said = Serving(), []
    assert run(serving, said.append, port=0) == 0
    assert serving.repository_was_there
    folder = Path(serving.settings.repo_url).parent
    assert not folder.exists()
    assert str(folder) in said[0]
    assert "removed" in said[-1]


def test_a_demo_that_fails_leaves_nothing_either():
    serving = Serving(error=RuntimeError("broken"))
    with pytest.raises(RuntimeError):
        run(serving, lambda _text: None, port=0)
    assert not Path(serving.settings.repo_url).parent.exists()


def test_a_given_folder_is_kept_and_used_again(tmp_path):
    said = []
    run(Serving(), said.append, tmp_path / "demo", port=0)
    repository = tmp_path / "demo" / "repository"
    head = git(repository, "rev-parse", "HEAD")
    assert "kept" in said[-1]
    run(Serving(), said.append, tmp_path / "demo", port=0)
    assert git(repository, "rev-parse", "HEAD") == head


def test_a_foreign_folder_is_left_alone(tmp_path):
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / "precious").touch()
    with pytest.raises(SettingsError, match="is not empty"):
        run(Serving(), lambda _text: None, tmp_path, port=0)
    assert [path.name for path in (tmp_path / "repository").iterdir()] == ["precious"]


def test_the_next_free_port_is_taken(tmp_path):
    first, second = Serving(), Serving()

    def meanwhile(settings, listener):
        run(second, lambda _text: None, tmp_path / "b", port=listener.getsockname()[1])
        return first(settings, listener)

    run(meanwhile, lambda _text: None, tmp_path / "a", port=0)
    assert second.port > first.port


def test_without_git_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError, match="no git program") as caught:
        run(Serving(), lambda _text: None, port=0)
    assert "apt install git" in caught.value.hint


def test_the_built_package_carries_the_example(tmp_path):
    source = tmp_path / "source"
    wanted = shutil.ignore_patterns(".git", "tests", "*.egg-info", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, source, ignore=wanted)
    subprocess.run(
        [sys.executable, "setup.py", "--quiet", "build", "--build-base", str(tmp_path / "build")],
        cwd=source,
        check=True,
        capture_output=True,
    )
    built = tmp_path / "build" / "lib" / "paod" / "demo" / "example-catalog"
    assert (built / SHOWCASE).is_file()


def wait_until_ready(api):
    for _ in range(200):
        try:
            urllib.request.urlopen(api.replace("/api/v1", "/readyz"), timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the demo serves no catalog")


@pytest.fixture
def demo(tmp_path):
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "paod", "demo", "--port", "0"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


@needs("curl")
def test_every_command_that_it_shows_does_what_it_says(demo, tmp_path):
    shown = list(iter(demo.stdout.readline, "Ctrl-C ends the demo and removes all that it made.\n"))
    commands = [line[2:].rstrip("\n") for line in shown if line.startswith("  ")]
    script = "\n".join(
        [
            "set -e",
            *commands[commands.index("# where the catalog stands, and what became of an item") :],
        ]
    )
    wait_until_ready(next(line.split()[-1] for line in shown if "API  " in line))
    done = subprocess.run(
        ["bash", "-c", script],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    in_order = (
        r"serves +[0-9a-f]{12}",
        r"^1\tadded\t0\.9\.0",
        r"^~ item postgres-database 1\.0\.0 → 1\.1\.0 changed",
        r"^3\tchanged\t1\.1\.0\t.*Change an item$",
        r"catalog/databases/postgres-database\.yaml:\d+:\d+: error\[yaml-syntax\]",
        r"^no problems$",
    )
    places = [re.search(one, done.stdout, re.MULTILINE) for one in in_order]
    assert all(places), (in_order, done.stdout)
    starts = [place.start() for place in places if place]
    assert starts == sorted(starts)
    assert len(json.loads(done.stdout.splitlines()[-1])["items"]) == 3
    demo.send_signal(signal.SIGINT)
    farewell = demo.communicate(timeout=10)[0]
    assert demo.returncode == 0
    assert "removed" in farewell
    assert not list(tmp_path.glob("paod-demo-*"))


def test_a_taken_port_is_said(tmp_path):
    said = []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run(Serving(), said.append, tmp_path / "demo", port=port)
    assert f"Port {port} is taken" in said[0]
