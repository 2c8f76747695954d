"""Tries paod on machines that have nothing: ``python -m tests.fresh [PART…] [--release trixie]``.

Each part has a fresh minimal Debian of its own, made by debootstrap and entered by chroot, which
needs root and the network. It says in a table how each step ended; ``--keep`` leaves the machines
for a look. The commands are those that README and the docs give, letter by letter.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click

ROOT = Path(__file__).parent.parent
USER = "newcomer"
MIRROR = "http://deb.debian.org/debian"
CA = "/etc/ssl/certs/ca-of-the-host.crt"
ENTER = """
set -e
for one in proc dev sys; do mount --rbind /$one "$0/$one"; done
mount -t tmpfs tmpfs "$0/tmp"
exec chroot "$0" "$@"
"""


@dataclass
class Machine:
    """A root folder with a minimal Debian, a user, and a clone of this checkout's HEAD."""

    root: Path
    ca: str | None
    log: Path
    steps: list[tuple[str, bool, str]] = field(default_factory=list)

    def run(
        self, script: str, *, user: str = USER, limit: float = 3600.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a script by bash in the user's clone; what it prints is returned and logged."""
        place = "/root/paod" if user == "root" else f"/home/{user}/paod"
        words = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", ENTER]
        words += [str(self.root), "su", "-", user, "-s", "/bin/bash", "-c"]
        settings = "export LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive"
        if self.ca:
            settings += f" PIP_CERT={CA}"
        done = subprocess.run(
            [*words, f"{settings}; mkdir -p {place}; cd {place}; {script}"],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=limit,
            stdin=subprocess.DEVNULL,
        )
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"\n$ {script}\n{done.stdout}{done.stderr}\n[{done.returncode}]\n")
        return done

    def step(self, name: str, script: str, *, user: str = USER, want: str = "") -> str:
        """Run a script that has to end well and print ``want``; raise ``AssertionError`` else."""
        began = time.monotonic()
        done = self.run(script, user=user)
        text = done.stdout + done.stderr
        good = done.returncode == 0 and re.search(want, text, re.MULTILINE) is not None
        last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
        self.steps.append((name, good, f"{time.monotonic() - began:5.0f} s  {last.strip()[:150]}"))
        assert good, f"{name}: exit {done.returncode}, see {self.log}"
        return text


@contextmanager
def machine(release: str, part: str, ca: str | None, *, keep: bool) -> Iterator[Machine]:
    """Make a machine, and remove it after use."""
    base = Path(tempfile.gettempdir()) / f"paod-fresh-{release}"
    if not (base / "complete").exists():
        shutil.rmtree(base, ignore_errors=True)
        words = ["debootstrap", "--variant=minbase", release, str(base), MIRROR]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        (base / "complete").touch()
    root = Path(tempfile.mkdtemp(prefix=f"paod-{release}-{part}-"))
    subprocess.run(["cp", "-a", "--reflink=auto", f"{base}/.", str(root)], check=True)
    for file in ("/etc/resolv.conf", "/etc/hosts"):
        shutil.copy(file, f"{root}{file}")
    if ca:
        (root / CA[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ca, f"{root}{CA}")
    subprocess.run(["chroot", str(root), "useradd", "-m", "-s", "/bin/bash", USER], check=True)
    for folder in (root / "home" / USER / "paod", root / "root" / "paod"):
        subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
    subprocess.run(["chroot", str(root), "chown", "-R", f"{USER}:", f"/home/{USER}"], check=True)
    subprocess.run(["chroot", str(root), "chown", "-R", "root:", "/root/paod"], check=True)
    try:
        yield Machine(root, ca, Path(f"{root}.log"))
    finally:
        if not keep:
            shutil.rmtree(root, ignore_errors=True)


def readme(pattern: str) -> str:
    """Return the part of README's commands that a pattern's group finds."""
    found = re.search(pattern, (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert found, pattern
    return found[1]


def newcomer(machine: Machine) -> None:
    """README's two commands as a normal user, after the one line that it gives for Debian."""
    line = readme(r"`(apt-get install -y [^`]+)` first")
    machine.step("apt-get line of README", f"apt-get update -qq && {line}", user="root")
    demo = readme(r"^(python3 -m venv .* paod demo)$")
    script = "timeout --signal=INT --kill-after=20 150 {} > demo.log 2>&1; cat demo.log"
    command = demo.rpartition(" && ")
    prepare, run = command[0], command[2]
    machine.step("README's first command", f"{prepare} && {script.format(run)}", want="http://127")
    tests = readme(r"^(python3 -m venv .*/pytest .*)$")
    machine.step("README's second command", tests, want=r"\d+ passed")


def ci(machine: Machine) -> None:
    """What CI runs, as root."""
    machine.step("git", "apt-get update -qq && apt-get install -y git", user="root")
    machine.step(".ci/run as root", "CI=true bash .ci/run", user="root", want=r"\d+ passed")


def package(machine: Machine) -> None:
    """The Debian package's life: built, installed, upgraded, removed, purged."""
    tools = "git ca-certificates make debhelper python3-venv python3-debconf"
    install = f"apt-get update -qq && apt-get install -y --no-install-recommends {tools}"
    machine.step("what builds it", install, user="root")
    machine.step("packaging/build", "packaging/build /tmp/first && mv /tmp/first ..", user="root")
    # A release later, whose settings file has one line more.
    newer = (
        "sed -i 's/^__version__ = .*/__version__ = \"9.9.9\"/' paod/__init__.py && "
        "echo '# new' >> systemd/paod.env && packaging/build /tmp/second && mv /tmp/second .."
    )
    machine.step("a newer one", newer, user="root")
    apt = "apt-get install -y --no-install-recommends"
    machine.step("install", f"{apt} ../first/*.deb", user="root", want="systemctl enable --now")
    looks = (
        "paod --version",
        "stat -c %a /etc/paod/secrets | grep -x 700",
        "stat -c %a /etc/paod/secrets/webhook-secret | grep -x 600",
        "test $(stat -c %s /etc/paod/secrets/webhook-secret) = 64",
        "test -e /usr/lib/systemd/system/paod.service",
        "test -e /usr/lib/systemd/system/paod.socket",
        "test ! -e /etc/systemd/system/multi-user.target.wants/paod.service",
        "systemd-analyze verify --man=no /usr/lib/systemd/system/paod.service",
        "(paodctl status; test $? = 2)",
        "! dpkg --verify paod | grep -v /usr/share/doc",
    )
    machine.step("what it installed", " && ".join(looks), user="root")
    serve = (
        "git config --global --add safe.directory '*'; "
        "PAO_REPO_URL=/tmp/demo PAO_STATE_DIR=/tmp/state paod sync"
    )
    made = "cp -r config/example-catalog /tmp/demo && cd /tmp/demo && git init -q -b main . && "
    made += "git -c user.name=a -c user.email=a@example.com add -A && "
    made += "git -c user.name=a -c user.email=a@example.com commit -qm one && "
    machine.step("a sync by it", made + serve, user="root", want="[0-9]+ items|added")
    mine = (
        "echo PAO_REPO_BRANCH=mine >> /etc/paod/paod.env && "
        "mkdir -p /var/lib/private/paod && echo data > /var/lib/private/paod/paod.db"
    )
    machine.step("settings and data of my own", mine, user="root")
    kept = (
        "grep -x PAO_REPO_BRANCH=mine /etc/paod/paod.env && "
        "test -s /etc/paod/secrets/webhook-secret && paod --version | grep 9.9.9"
    )
    upgrade = f"{apt} -o Dpkg::Options::=--force-confold ../second/*.deb && {kept}"
    machine.step("upgrade", upgrade, user="root")
    removed = "apt-get remove -y paod && test ! -e /opt/paod && test -e /etc/paod/paod.env"
    machine.step("remove", removed, user="root")
    purged = (
        "apt-get purge -y paod && test ! -e /etc/paod/secrets && "
        "test -e /var/lib/private/paod/paod.db"
    )
    machine.step("purge keeps the data", purged, user="root", want="its data stays")
    asked = (
        f"{apt} ../second/*.deb && "
        "echo paod paod/purge_data boolean true | debconf-set-selections && "
        "apt-get purge -y paod && test ! -e /var/lib/private/paod && test ! -e /etc/paod"
    )
    machine.step("purge with the data, where asked", asked, user="root")


PARTS: dict[str, Callable[[Machine], None]] = {"newcomer": newcomer, "ci": ci, "package": package}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("--release", "releases", multiple=True, default=("bookworm", "trixie"))
@click.option("--ca", help="Certificates that pip trusts there, where a proxy stands before PyPI.")
@click.option("--keep", is_flag=True, help="Leave the machines for a look.")
def main(names: tuple[str, ...], releases: tuple[str, ...], ca: str | None, keep: bool) -> None:
    """Try the parts that are named, or all."""
    if os.geteuid() != 0:
        raise click.UsageError("debootstrap, chroot and mounts need root")
    rows: list[tuple[str, str, bool, str]] = []
    for release in releases:
        for name in names or PARTS:
            with machine(release, name, ca, keep=keep) as made:
                click.echo(f"{release} {name}: {made.log}")
                try:
                    PARTS[name](made)
                except (AssertionError, subprocess.TimeoutExpired) as error:
                    click.echo(str(error))
                rows += [(release, *step) for step in made.steps]
    for release, name, good, said in rows:
        click.echo(f"{release:<10}{'ok' if good else 'FAILED':<8}{name:<36}{said}")
    sys.exit(int(not all(row[2] for row in rows)))


if __name__ == "__main__":
    main()
