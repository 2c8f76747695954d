"""Over ssh: the configured key, and only to a host that the configured file knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from paod.errors import AccessDenied, FetchFailed
from paod.mirror import Mirror, Remote
from tests.origin import Origin
from tests.ssh_remote import SshServer


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Origin]:
    with Origin(tmp_path) as origin:
        origin.write("catalog/a/x.yaml", "one").commit()
        yield origin


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SshServer]:
    folder = tmp_path / "ssh"
    folder.mkdir()
    with SshServer(folder) as server:
        yield server


def open_mirror(origin: Origin, server: SshServer, **settings: object) -> Mirror:
    remote = Remote(server.url(origin.path), timeout=20, **settings)
    mirror = Mirror(origin.path.parent / "mirror", remote, "catalog")
    mirror.open()
    return mirror


def test_a_known_host_and_a_good_key(origin: Origin, server: SshServer) -> None:
    mirror = open_mirror(origin, server, ssh_key=server.key, known_hosts=server.known_hosts)
    assert mirror.fetch() == origin.head
    head = origin.write("catalog/a/x.yaml", "two").commit()
    assert mirror.fetch() == head
    assert set(server.logins) == {"git"}
    mirror.open()
    assert mirror.rebuilds == 0


@pytest.mark.parametrize("knows", ["another key", "nobody", "no such file"])
def test_an_unknown_host_is_refused_before_the_key_is_used(
    tmp_path: Path, origin: Origin, server: SshServer, knows: str
) -> None:
    """G11"""
    (tmp_path / "empty").write_text("")
    known = {"another key": server.strangers, "nobody": tmp_path / "empty"}
    file = known.get(knows, tmp_path / "missing")
    with pytest.raises(FetchFailed, match="host key") as caught:
        open_mirror(origin, server, ssh_key=server.key, known_hosts=file).fetch()
    assert caught.value.reason_given == "TlsError"
    assert "PAO_REPO_KNOWN_HOSTS" in caught.value.hint
    assert server.logins == []


def test_a_changed_a_revoked_and_an_unknown_key_are_told_apart(
    tmp_path: Path, origin: Origin, server: SshServer
) -> None:
    """G11"""
    file, good = tmp_path / "hosts", server.known_hosts.read_text().strip()
    said = {}
    texts = {
        "changed": server.strangers.read_text() + "\n",
        "revoked": f"{good}\n@revoked * {good.partition(' ')[2]}\n",
        "unknown": "# nobody\n",
    }
    for what, text in texts.items():
        file.write_text(text)
        with pytest.raises(FetchFailed, match="host key") as caught:
            open_mirror(origin, server, ssh_key=server.key, known_hosts=file).fetch()
        said[what] = f"{caught.value}; {caught.value.hint}"
    assert "has changed" in said["changed"]
    assert f"line 1 of {file}" in said["changed"]
    assert f"revoked at line 2 of {file}" in said["revoked"]
    assert "is unknown" in said["unknown"]
    assert f"ssh-keyscan -p {server.port} 127.0.0.1" in said["unknown"]
    assert server.logins == []


@pytest.mark.parametrize("name", ["[127.0.0.*]:*", "127.0.0.1", "[127.0.0.1]:{port},other"])
def test_patterns_and_a_windows_editors_lines_are_taken(
    tmp_path: Path, origin: Origin, server: SshServer, name: str
) -> None:
    file = tmp_path / "hosts"
    line = server.known_hosts.read_text().partition(" ")[2].strip()
    file.write_bytes(f"# ours\r\n{name.format(port=server.port)} {line}\r\n".encode())
    mirror = open_mirror(origin, server, ssh_key=server.key, known_hosts=file)
    assert mirror.fetch() == origin.head


def test_without_a_file_of_known_hosts_the_users_own_is_asked(
    tmp_path: Path, origin: Origin, server: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    mirror = open_mirror(origin, server, ssh_key=server.key)
    with pytest.raises(FetchFailed):
        mirror.fetch()
    (home / ".ssh" / "known_hosts").write_text(server.known_hosts.read_text())
    assert mirror.fetch() == origin.head


@pytest.mark.parametrize("key", ["wrong", "missing", "none", "garbage"])
def test_a_key_that_does_not_open_is_said(
    tmp_path: Path, origin: Origin, server: SshServer, key: str
) -> None:
    """G5"""
    (tmp_path / "garbage").write_text("not a key")
    keys = {"wrong": server.wrong_key, "missing": tmp_path / "missing", "none": None}
    path = keys.get(key, tmp_path / "garbage")
    mirror = open_mirror(origin, server, ssh_key=path, known_hosts=server.known_hosts)
    with pytest.raises(AccessDenied) as caught:
        mirror.fetch()
    assert caught.value.reason_given == "AuthenticationFailed"
    assert "PAO_REPO_SSH_KEY" in caught.value.hint


SAID = {
    "plain git": ("fatal: '{path}' does not appear to be a git repository\n", 128),
    "GitHub": ("ERROR: Repository not found.\n", 1),
    "GitLab": (
        "remote: \nremote: ========\nremote: \nremote: ERROR: The project you were looking for"
        " could not be found or you don't have permission to view it.\nremote: ========\n",
        1,
    ),
    "Gitea": ("Gitea: Repository does not exist or you do not have access\n", 1),
    "Azure": ("remote: TF401019: The Git repository with name or identifier x does not exist\n", 1),
    "who lies": ("timed out: proxy certificate \x1b[31mredirect\n", 1),
}


@pytest.mark.parametrize("host", SAID)
@pytest.mark.parametrize("name", ["tls-catalog", "timeout-catalog", "proxy", "redirect-eof"])
def test_what_a_server_says_decides_nothing_and_is_quoted_on_one_line(
    origin: Origin, server: SshServer, host: str, name: str
) -> None:
    path = origin.path.parent / f"{name}.git"
    said, status = SAID[host]
    server.refuses = (said.format(path=path), status)
    remote = Remote(server.url(path), ssh_key=server.key, known_hosts=server.known_hosts)
    mirror = Mirror(origin.path.parent / "mirror", remote, "catalog")
    mirror.open()
    with pytest.raises(AccessDenied) as caught:
        mirror.fetch()
    assert caught.value.reason_given == "RepositoryNotFound"
    told = str(caught.value)
    assert told.isprintable()
    assert "and said: " in told
    assert "====" not in told
    assert mirror.tip() is None


def test_a_missing_repository_over_ssh(origin: Origin, server: SshServer) -> None:
    remote = Remote(
        server.url(origin.path.parent / "tls-timeout.git"),
        ssh_key=server.key,
        known_hosts=server.known_hosts,
    )
    mirror = Mirror(origin.path.parent / "mirror", remote, "catalog")
    mirror.open()
    with pytest.raises((FetchFailed, AccessDenied)) as caught:
        mirror.fetch()
    assert caught.value.reason_given not in ("TlsError", "RemoteTimeout")
    assert mirror.tip() is None
