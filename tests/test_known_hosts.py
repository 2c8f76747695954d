"""known_hosts by OpenSSH's rules: one table of files, each line by itself and together."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from paod.errors import SettingsError
from paod.mirror.known_hosts import known_host
from tests.programs import program


def key(letter: str, kind: str = "ssh-ed25519") -> str:
    data = len(kind).to_bytes(4) + kind.encode() + (32).to_bytes(4) + letter.encode() * 32
    return base64.b64encode(data).decode()


GOOD, OTHER = key("a"), key("b")
LINE = f"ssh-ed25519 {GOOD}"


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (f"git.example.com {LINE}", [GOOD]),
        (f"git.example.com {LINE} a comment\r\n", [GOOD]),
        (f"# a comment\r\n\r\nGit.Example.com {LINE}\r\n", [GOOD]),
        (f"  git.example.com\t{LINE}", [GOOD]),
        (f"*.example.com {LINE}", [GOOD]),
        (f"git.e?ample.com,other {LINE}", [GOOD]),
        (f"*.example.com,!git.example.com {LINE}", []),
        (f"!other.example.com {LINE}", []),
        (f"example.com {LINE}", []),
        (f"git.example.com.evil {LINE}", []),
        (f"[git.example.com]:22 {LINE}", []),
        (f"git.example.com {LINE}\ngit.example.com ssh-ed25519 {OTHER}", [GOOD, OTHER]),
        (f"git.example.com {LINE}\n@revoked * {LINE}", []),
        (f"@revoked git.example.com {LINE}\ngit.example.com {LINE}", []),
        (f"@revoked git.example.com ssh-ed25519 {OTHER}\ngit.example.com {LINE}", [GOOD]),
        (f"@revoked other.example.com {LINE}\ngit.example.com {LINE}", [GOOD]),
        (f"@cert-authority *.example.com ssh-ed25519 {OTHER}\ngit.example.com {LINE}", [GOOD]),
        (f"@unknown git.example.com {LINE}", []),
        (f"git.example.com ssh-rsa {GOOD}", []),
        (f"git.example.com ssh-ed25519 {GOOD[:-9]}!", []),
        ("git.example.com ssh-ed25519", []),
        ("", []),
    ],
)
def test_what_a_file_says_of_a_host(tmp_path: Path, text: str, keys: list[str]) -> None:
    file = tmp_path / "known_hosts"
    file.write_bytes(text.encode())
    found = known_host([file, tmp_path / "missing"], "git.example.com", 22)
    assert [line.key for line in found.keys] == keys
    assert found.as_file().count("git.example.com ssh-ed25519 ") == len(keys)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("[git.example.com]:2222", True),
        ("[*.example.com]:2222", True),
        ("*.example.com", True),
        ("git.example.com", True),
        ("[git.example.com]:2223", False),
    ],
)
def test_a_port_of_its_own_comes_first_and_none_will_do(
    tmp_path: Path, name: str, known: bool
) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"{name} {LINE}\n")
    found = known_host([file], "git.example.com", 2222)
    assert found.as_file() == (f"[git.example.com]:2222 {LINE}\n" if known else "")
    file.write_text(f"[git.example.com]:2222 ssh-ed25519 {OTHER}\ngit.example.com {LINE}\n")
    assert [line.key for line in known_host([file], "git.example.com", 2222).keys] == [OTHER]


@pytest.mark.parametrize("port", [22, 2222])
def test_names_hashed_by_openssh_are_found(tmp_path: Path, port: int) -> None:
    file = tmp_path / "known_hosts"
    name = "git.example.com" if port == 22 else f"[git.example.com]:{port}"
    file.write_text(f"{name} {LINE}\n")
    subprocess.run([program("ssh-keygen"), "-H", "-f", str(file)], check=True, capture_output=True)
    assert "example" not in file.read_text()
    assert known_host([file], "git.example.com", port).keys
    assert not known_host([file], "other.example.com", port).keys


def test_an_authority_alone_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"# ours\n@cert-authority *.example.com {LINE}\n")
    with pytest.raises(SettingsError, match=f"line 2 of {file}.*certificate authority"):
        known_host([file], "git.example.com", 22)
    assert known_host([file], "elsewhere.example.org", 22).keys == ()


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        known_host([tmp_path], "git.example.com", 22)
