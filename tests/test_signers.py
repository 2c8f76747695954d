"""Commits that can be trusted: real keys, real signatures by git, judged by ssh-keygen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from paod.cli import main
from paod.errors import Blocked, PaodError, SettingsError
from paod.model import SyncRequest
from paod.signers import Signers
from tests.kept import kept_logging
from tests.origin import Origin
from tests.programs import program
from tests.syncing import Paod

WHEN = 1_767_607_200
"""2026-01-05 10:00 UTC."""


def make_key(folder: Path, name: str, kind: str = "ed25519") -> Path:
    path = folder / name
    command = [program("ssh-keygen"), "-q", "-t", kind, "-N", "", "-C", name, "-f", str(path)]
    subprocess.run(command, check=True, timeout=30)
    return path


@pytest.fixture(name="keys", scope="module")
def _keys(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("keys")
    return {name: make_key(folder, name) for name in ("ada", "bob")} | {
        "rsa": make_key(folder, "rsa", "rsa")
    }


def public(key: Path) -> str:
    return " ".join(key.with_suffix(".pub").read_text().split()[:2])


def sign(origin: Origin, key: Path, message: str = "Signed", when: int = WHEN) -> str:
    """Commit the head's tree once more, signed; return the commit."""
    moment = f"@{when} +0100"
    commit = origin.git(
        *("-c", "gpg.format=ssh", "-c", f"user.signingkey={key}"),
        *("commit-tree", "-S", f"{origin.head}^{{tree}}", "-p", origin.head, "-m", message),
        environment={"GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment},
    )
    return origin.force(commit)


@pytest.fixture(name="origin")
def _origin(tmp_path):
    with Origin(tmp_path) as origin:
        origin.write("README.md", "a repository").commit(when=WHEN - 60)
        yield origin


@pytest.fixture(name="file")
def _file(tmp_path) -> Path:
    return tmp_path / "allowed_signers"


def verify(origin: Origin, file: Path, commit: str | None = None, raw: bytes | None = None) -> str:
    commit = commit or origin.head
    origin.close()
    return Signers(file).verify(commit, raw or origin.output("cat-file", "commit", commit))


def refused(origin: Origin, file: Path, **given) -> str:
    with pytest.raises(Blocked) as caught:
        verify(origin, file, **given)
    assert caught.value.reason_given == "Unverified"
    return str(caught.value)


@pytest.mark.parametrize("name", ["ada", "rsa"])
def test_a_listed_key_signs(origin, file, keys, name):
    file.write_text(
        "# who may change the catalog\n\n"
        f"bob@example.com {public(keys['bob'])} a comment\n"
        f"{name}@example.com,{name}@example.org {public(keys[name])}\n"
    )
    Signers(file).check()
    sign(origin, keys[name])
    assert verify(origin, file) == f"{name}@example.com,{name}@example.org"


def test_another_key_and_no_key_do_not(origin, file, keys):
    file.write_text(f"ada@example.com {public(keys['ada'])}\n")
    assert "it is not signed" in refused(origin, file)
    sign(origin, keys["bob"])
    assert "no key of" in refused(origin, file)


def test_a_commit_that_was_altered_is_not_the_signed_one(origin, file, keys):
    file.write_text(f"ada@example.com {public(keys['ada'])}\n")
    sign(origin, keys["ada"], "Raise the limit to 10")
    origin.close()
    raw = origin.output("cat-file", "commit", origin.head)
    assert verify(origin, file, raw=raw)
    for altered in (
        raw.replace(b"limit to 10", b"limit to 99"),
        raw.replace(b"tree ", b"tree 0", 1),
        raw.replace(b"\nparent ", b"\nparent 0", 1),
        raw + b"\n",
        raw.replace(b"\ngpgsig ", b"\nx-note: more\ngpgsig ", 1),
        raw.replace(b"U1NIU0lH", b"U1NIU0lI", 1),
    ):
        assert altered != raw
        refused(origin, file, raw=altered)


def test_signatures_of_other_kinds_are_told(origin, file, keys):
    file.write_text(f"ada@example.com {public(keys['ada'])}\n")
    sign(origin, keys["ada"])
    origin.close()
    raw = origin.output("cat-file", "commit", origin.head)
    pgp = raw.replace(b"SSH SIGNATURE", b"PGP SIGNATURE")
    assert "something else than an SSH key" in refused(origin, file, raw=pgp)
    header, _, message = raw.partition(b"\n\n")
    twice = header + header[header.index(b"\ngpgsig") :] + b"\n\n" + message
    assert "several signatures" in refused(origin, file, raw=twice)
    fake = b"tree x\n\n\ngpgsig -----BEGIN SSH SIGNATURE-----\n"
    assert "not signed" in refused(origin, file, raw=fake)


@pytest.mark.parametrize(
    ("options", "good"),
    [
        ('valid-after="20250101"', True),
        ('valid-after="20260105095959Z",valid-before="20260105100001Z"', True),
        ('valid-before="20260105100000"', True),
        ('valid-before="20260105095959"', False),
        ('valid-after="20260106"', False),
        ('namespaces="git"', True),
        ('namespaces="file,g*"', True),
    ],
)
def test_a_key_is_judged_as_of_the_commits_time_in_utc(origin, file, keys, options, good):
    file.write_text(f"ada@example.com {options} {public(keys['ada'])}\n")
    sign(origin, keys["ada"])
    if good:
        assert verify(origin, file) == "ada@example.com"
    else:
        refused(origin, file)


def test_a_second_line_gives_the_same_key_another_time(origin, file, keys):
    key = public(keys["ada"])
    file.write_text(f'old valid-before="20250101" {key}\n!x,new {key}\n')
    sign(origin, keys["ada"])
    assert verify(origin, file)


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGKdMXRSd4i7B1RxahnVmenkQvbVCLJK9WKbcMbVFD7K"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no key that may sign commits"),
        ("# nobody\n", "no key that may sign commits"),
        (f'a namespaces="file" {KEY}', "no key that may sign commits"),
        ("nonsense here", "line 1: it is not"),
        (KEY, "line 1: it is not"),
        (f"# x\na cert-authority {KEY}", "line 2: certificates"),
        (f"a valid-before=20250101 {KEY}", "it is not"),
        (f'a valid-before="soon" {KEY}', "valid-before takes"),
        (f"a verify-required {KEY}", "verify-required is not supported"),
        (f"a namespaces {KEY}", "namespaces is not supported, or lacks"),
        ("a ssh-dss AAAAB3NzaC1kc3MAAACBAP", "ssh-dss is no type"),
        (f"a ssh-rsa {KEY.split()[1]}", "is no ssh-rsa"),
        (f"a {KEY[:-8]}", "ssh-keygen does not take the keys of a"),
        (f"\xe4 {KEY}", "not plain ASCII"),
        ("x" * 300_000, "larger than"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_its_lines(file, text, told):
    file.write_text(text)
    with pytest.raises(SettingsError, match="allowed_signers") as caught:
        Signers(file).check()
    assert told in str(caught.value)


def test_a_file_that_everybody_can_write_trusts_everybody(file):
    file.write_text(f"a {KEY}")
    Signers(file).check()
    file.chmod(0o666)
    with pytest.raises(SettingsError, match="every user can write"):
        Signers(file).check()
    file.unlink()
    with pytest.raises(SettingsError, match="cannot be read"):
        Signers(file).check()


def test_without_ssh_keygen_it_says_what_to_install(file, monkeypatch):
    file.write_text(f"a {KEY}")
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SettingsError, match="no program ssh-keygen") as caught:
        Signers(file).check()
    assert "openssh-client" in caught.value.hint


def test_an_ssh_keygen_that_hangs_verifies_nothing(origin, file, keys, monkeypatch, tmp_path):
    program = tmp_path / "bin" / "ssh-keygen"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    file.write_text(f"ada@example.com {public(keys['ada'])}\n")
    sign(origin, keys["ada"])
    origin.close()
    raw = origin.output("cat-file", "commit", origin.head)
    monkeypatch.setattr("paod.signers.SECONDS", 0.2)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    with pytest.raises(PaodError, match="did not answer") as caught:
        Signers(file).verify(origin.head, raw)
    assert caught.value.reason_given == "VerifierFailed"


def helper_that_says(folder: Path, words: str, status: int = 255) -> Path:
    """Make an ssh-keygen that fails as another does, whatever it is asked."""
    program = folder / "bin" / "ssh-keygen"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat > /dev/null\necho '{words}' >&2\nexit {status}\n")
    program.chmod(0o755)
    return program.parent


def test_a_helper_that_fails_gives_no_verdict(origin, file, keys, monkeypatch, tmp_path):
    words = "No user exists for uid 4711"
    file.write_text(f"ada@example.com {public(keys['ada'])}\n")
    sign(origin, keys["ada"])
    origin.close()
    raw = origin.output("cat-file", "commit", origin.head)
    monkeypatch.setenv("PATH", f"{helper_that_says(tmp_path, words)}:/usr/bin:/bin")
    for look in (Signers(file).check, lambda: Signers(file).verify(origin.head, raw)):
        with pytest.raises(PaodError) as caught:
            look()
        assert not isinstance(caught.value, Blocked | SettingsError)
        assert str(caught.value) == f"ssh-keygen cannot verify signatures here ({words})"
        assert caught.value.reason_given == "VerifierFailed"


@pytest.mark.skipif(os.getuid() != 0, reason="another user is needed")
def test_a_user_without_a_name_is_told_what_ssh_keygen_lacks(keys):
    program = (
        "import os, sys; from pathlib import Path; from paod.signers import Signers\n"
        "from paod.errors import PaodError; import codecs; codecs.lookup('ascii')\n"
        "os.setgid(54321); os.setuid(54321); os.umask(0o077)\n"
        "import tempfile; folder = tempfile.TemporaryDirectory(); file = Path(folder.name, 'a')\n"
        "file.write_text(sys.argv[1])\n"
        "try: Signers(file).check()\n"
        "except PaodError as error: print(error, error.hint, sep='\\n')\n"
    )
    command = [sys.executable, "-c", program, f"ada@example.com {public(keys['ada'])}"]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
    assert said.splitlines() == [
        "ssh-keygen cannot verify signatures here (No user exists for uid 54321)",
        "it needs its user to have a name: add `paod:x:54321:54321::/:/usr/sbin/nologin`"
        " to /etc/passwd of the container",
    ]


def test_a_commit_of_the_first_second_is_judged(origin, file, keys):
    file.write_text(f"ada@example.com {public(keys['ada'])}\n")
    sign(origin, keys["ada"], when=0)
    assert verify(origin, file) == "ada@example.com"


# in a sync

ITEM = (
    Path(__file__).parent.parent / "config/example-catalog/catalog/databases/postgres-database.yaml"
)
PATH = "catalog/databases/postgres-database.yaml"


def names(paod: Paod) -> list[str]:
    return [row["name"] for row in paod.database.query("SELECT name FROM catalog_items")]


def test_an_unsigned_head_is_held_and_a_signed_one_after_it_lands_both(
    tmp_path, origin, file, keys
):
    file.write_text(f"ada@example.com {public(keys['ada'])}\n")
    signed = sign(origin, keys["ada"])
    paod = Paod(tmp_path / "state", origin, {"PAO_ALLOWED_SIGNERS": str(file)})
    assert paod.sync().status == "completed"
    unsigned = origin.write(PATH, ITEM.read_bytes()).commit()
    held = paod.sync()
    assert (held.status, held.reason) == ("blocked", "Unverified")
    assert (held.from_commit, held.to_commit) == (signed, unsigned)
    assert unsigned in held.message
    assert paod.store.head().commit == signed
    assert names(paod) == []
    assert paod.store.commit_state(unsigned) == "blocked"
    dry = paod.sync(SyncRequest("manual", dry_run=True))
    assert (dry.status, dry.reason) == ("blocked", "Unverified")
    assert "verify" in dry.timings

    head = sign(origin, keys["ada"])
    landed = paod.sync()
    assert (landed.status, landed.to_commit) == ("completed", head)
    assert names(paod) == ["postgres-database"]
    # the rule of histories is as it was: the revision is the unsigned commit's
    [revision] = paod.database.query("SELECT commit_hash FROM catalog_item_versions")
    assert revision["commit_hash"] == unsigned
    paod.database.close()


def test_a_rollback_needs_a_signed_commit_too(tmp_path, origin, file, keys):
    file.write_text(f"ada@example.com {public(keys['ada'])}\n")
    first = origin.head
    signed = sign(origin, keys["ada"])
    sign(origin, keys["ada"])
    paod = Paod(tmp_path / "state", origin, {"PAO_ALLOWED_SIGNERS": str(file)})
    assert paod.sync().status == "completed"
    back = SyncRequest("rollback", commit=first, pin="set", reason="why")
    assert paod.sync(back).reason == "Unverified"
    assert paod.store.head().pin is None
    back = SyncRequest("rollback", commit=signed, pin="set", reason="why")
    assert paod.sync(back).status == "completed"
    assert paod.store.head().pin.commit == signed
    paod.database.close()


def test_a_file_that_broke_fails_the_sync_and_mended_needs_no_restart(tmp_path, origin, file, keys):
    good = f"ada@example.com {public(keys['ada'])}\n"
    file.write_text(good)
    sign(origin, keys["ada"])
    paod = Paod(tmp_path / "state", origin, {"PAO_ALLOWED_SIGNERS": str(file)})
    file.write_text("oops\n")
    failed = paod.sync()
    assert (failed.status, failed.reason) == ("failed", "BadSettings")
    assert "line 1" in failed.message
    file.write_text(good)
    assert paod.sync().status == "completed"
    paod.database.close()


@pytest.mark.parametrize("command", ["serve", "sync"])
def test_a_bad_file_stops_the_start(tmp_path, file, command, monkeypatch, capsys):
    file.write_text(f"a cert-authority {KEY}\nb foo {KEY}\n")
    monkeypatch.setenv("PAO_REPO_URL", "/nowhere")
    monkeypatch.setenv("PAO_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("PAO_ALLOWED_SIGNERS", str(file))
    with kept_logging():
        assert main([command]) == 2
    told = capsys.readouterr().err
    assert "line 1: certificates" in told
    assert "line 2: the option foo" in told
    assert "hint: PAO_ALLOWED_SIGNERS takes" in told
    assert not (tmp_path / "state").exists()
