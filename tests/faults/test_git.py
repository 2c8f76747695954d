"""What remotes and networks do to a fetch, and what the mirror does then.

The ids name rows of the list of faults that paod is built against: G remote and network, O process
and host, F measured findings.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import resource
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pygit2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from paod.config import load
from paod.errors import AccessDenied, FetchFailed, MirrorError, SettingsError
from paod.mirror import Credentials, Remote, remote_tip
from paod.mirror.transfer import Transfer
from paod.mirror.transport import LISTED_BYTES, isolate
from paod.sync import moved_to
from tests.mirrors import fetching_child, open_mirror, whole
from tests.origin import Origin
from tests.programs import program
from tests.remote import Fault, GitServer, Proxy

TOKEN = "canary-token-4711"


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Origin]:
    """A repository of some 30 KB that does not compress."""
    with Origin(tmp_path) as origin:
        for number in range(20):
            origin.write(f"catalog/a/{number}.yaml", os.urandom(700).hex())
        origin.commit()
        yield origin


@pytest.fixture
def server(origin: Origin) -> Iterator[GitServer]:
    with GitServer(origin.path.parent) as server:
        yield server


@pytest.fixture
def guarded(origin: Origin) -> Iterator[GitServer]:
    """A server that wants the token."""
    with GitServer(origin.path.parent, token=TOKEN) as server:
        yield server


def with_token(token: str = TOKEN) -> Callable[[], Credentials]:
    return lambda: Credentials("x-access-token", token)


# answers that are none


@pytest.mark.parametrize(
    ("status", "reason", "error"),
    [
        (401, "AuthenticationFailed", AccessDenied),
        (403, "Forbidden", AccessDenied),
        (404, "RepositoryNotFound", AccessDenied),
        (410, "RepositoryNotFound", AccessDenied),
        (429, "RateLimited", FetchFailed),
        (451, "Forbidden", AccessDenied),
        (500, "RemoteError", FetchFailed),
        (502, "RemoteError", FetchFailed),
        (503, "RemoteError", FetchFailed),
    ],
)
@pytest.mark.parametrize("on", ["heads", "pack"])
def test_a_status_has_its_reason_and_is_no_empty_repository(
    tmp_path: Path, server: GitServer, status: int, reason: str, error: type[MirrorError], on: str
) -> None:
    """G5-G8"""
    server.fault = Fault("status", on=on, status=status)
    mirror = open_mirror(tmp_path, server.url())
    with pytest.raises(error) as caught:
        mirror.fetch()
    assert caught.value.reason_given == reason
    assert mirror.tip() is None
    pause = getattr(caught.value, "retry_after", 0)
    assert pause == (60 if status == 429 else 0)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"<html>Log in</html>", "text/html"),
        (b"<html>Log in</html>", "application/x-git-upload-pack-advertisement"),
        (b"", "application/x-git-upload-pack-advertisement"),
        (b"0000" * 9, "application/x-git-upload-pack-advertisement"),
        (b"001e# service=git-upload-pack\n0000zzzz", "application/x-git-upload-pack-advertisement"),
        (b"001e# service=git-upload-pack\n0000ffff", "application/x-git-upload-pack-advertisement"),
    ],
)
def test_an_answer_that_is_not_gits_is_a_protocol_error(
    tmp_path: Path, server: GitServer, body: bytes, content_type: str
) -> None:
    """G9, G15"""
    server.fault = Fault("body", body=body, content_type=content_type)
    with pytest.raises(FetchFailed) as caught:
        open_mirror(tmp_path, server.url()).fetch()
    assert caught.value.reason_given in ("RemoteProtocolError", "RemoteUnreachable")


def test_a_web_page_in_answer_to_credentials_is_a_refusal(
    tmp_path: Path, guarded: GitServer
) -> None:
    """G9: of a user who is disabled, or has terms to accept."""
    guarded.fault = Fault("body", body=b"<html>", content_type="text/html", after_login=True)
    with pytest.raises(AccessDenied, match="web page") as caught:
        open_mirror(tmp_path, guarded.url(), credentials=with_token()).fetch()
    assert caught.value.reason_given == "Forbidden"


@pytest.mark.parametrize("name", ["tls", "proxy", "timeout", "redirect", "sha256", "eof"])
def test_a_repositorys_name_decides_no_reason(tmp_path: Path, server: GitServer, name: str) -> None:
    for url in (f"{server.url(name + '.git')}", str(tmp_path / name), f"file://{tmp_path}/{name}"):
        with pytest.raises(AccessDenied) as caught:
            open_mirror(tmp_path, url).fetch()
        assert caught.value.reason_given == "RepositoryNotFound"


def test_a_reftable_is_named_with_its_remedy(tmp_path: Path, origin: Origin) -> None:
    with (origin.path / "config").open("a") as config:
        config.write(
            "[core]\n\trepositoryformatversion = 1\n[extensions]\n\trefStorage = reftable\n"
        )
    with pytest.raises(AccessDenied, match="reftable") as caught:
        open_mirror(tmp_path, str(origin.path)).fetch()
    assert caught.value.reason_given == "UnsupportedRefStorage"
    assert "git refs migrate" in caught.value.hint


def test_a_server_that_lies_about_the_tip_is_found_out(
    tmp_path: Path, origin: Origin, server: GitServer
) -> None:
    """G15, F8"""
    claim = f"{'1' * 40} refs/heads/main\0 side-band-64k ofs-delta\n".encode()
    body = b"001e# service=git-upload-pack\n0000%04x%s0000" % (len(claim) + 4, claim)
    server.fault = Fault(
        "body",
        on="heads",
        body=body,
        content_type="application/x-git-upload-pack-advertisement",
    )
    mirror = open_mirror(tmp_path, server.url())
    with pytest.raises(FetchFailed):
        mirror.fetch()
    assert mirror.tip() is None
    server.fault = None
    assert mirror.fetch() == origin.head


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/r.git", "https://nowhere.invalid/r.git"])
def test_nobody_there(tmp_path: Path, url: str) -> None:
    """G1, O17"""
    with pytest.raises(FetchFailed) as caught:
        open_mirror(tmp_path, url).fetch()
    assert caught.value.reason_given == "RemoteUnreachable"


# answers that stop, break or lie


@pytest.mark.parametrize("kind", ["cut", "reset", "flip"])
@pytest.mark.parametrize("on", ["heads", "pack"])
@pytest.mark.parametrize("at", [0, 100, 3000])
def test_a_broken_transfer_changes_nothing_and_the_next_one_works(
    tmp_path: Path, origin: Origin, server: GitServer, kind: str, on: str, at: int
) -> None:
    """G4"""
    server.fault = Fault(kind, on=on, at=at, once=True)
    mirror = open_mirror(tmp_path, server.url())
    try:
        fetched = mirror.fetch()
    except MirrorError:
        assert mirror.tip() is None
    else:
        assert fetched == origin.head
    assert not list((mirror.folder / "objects" / "pack").glob("pack_git2_*"))
    assert mirror.fetch() == origin.head
    assert len(whole(mirror, origin.head)) == 20
    assert mirror.rebuilds == 0


@pytest.mark.parametrize(("on", "at"), [("heads", 0), ("heads", 60), ("pack", 0), ("pack", 3000)])
def test_a_stalled_transfer_ends(tmp_path: Path, server: GitServer, on: str, at: int) -> None:
    """G2, F9"""
    server.fault = Fault("stall", on=on, at=at)
    mirror = open_mirror(tmp_path, server.url(), stall_timeout=0.3)
    began = time.monotonic()
    with pytest.raises(FetchFailed) as caught:
        mirror.fetch()
    assert caught.value.reason_given == "RemoteTimeout"
    assert time.monotonic() - began < 3


def test_the_stall_timeout_is_never_above_the_whole_one(tmp_path: Path, server: GitServer) -> None:
    server.fault = Fault("stall")
    began = time.monotonic()
    with pytest.raises(FetchFailed):
        open_mirror(tmp_path, server.url(), timeout=0.3).fetch()
    assert time.monotonic() - began < 3


def test_a_transfer_that_drips_ends(
    tmp_path: Path, server: GitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G3: ended at the first object after the time in which it got on too slowly."""
    monkeypatch.setattr("paod.mirror.transfer._PREPARING_SECONDS", 0.0)
    server.fault = Fault("drip", on="pack", pause=0.005)
    mirror = open_mirror(tmp_path, server.url(), timeout=0.3)
    with pytest.raises(FetchFailed) as caught:
        mirror.fetch()
    assert caught.value.reason_given == "RemoteTimeout"


def test_whoever_watches_over_a_transfer_is_told_that_it_gets_on() -> None:
    """Also while libgit2 works on one huge object, and calls nothing back."""
    work = itertools.count()
    told = threading.Event()
    with Transfer(1.0, told.set, busy=lambda: float(next(work))):
        assert told.wait(30)
    told.clear()
    with Transfer(1.0, told.set, busy=lambda: 0.0) as asked:
        asked.sign()
        assert told.wait(30), "whoever else looked first"
    told.clear()
    with Transfer(1.0, told.set, busy=lambda: 0.0) as still:
        assert not still.look()
    assert not told.is_set()


@pytest.mark.parametrize(
    ("bytes_a_second", "busy", "fault"),
    [
        (1000, 0.0, None),
        (0, 0.1, None),
        (999, 0.09, "made no progress in 60 seconds"),
        (0, 0.0, "made no progress in 60 seconds"),
    ],
)
def test_progress_is_bytes_or_work_on_them(
    bytes_a_second: int, busy: float, fault: str | None
) -> None:
    now = [0.0]
    transfer = Transfer(60.0, lambda: None, lambda: now[0], lambda: busy * now[0])
    for _ in range(3599):
        now[0] += 1.0
        transfer.received += bytes_a_second
        found = transfer.fault()
        if found is not None:
            break
    assert (found, now[0]) == (fault, 61.0 if fault else 3599.0)
    now[0] = 3601.0
    assert transfer.fault() == "did not deliver within 3600 seconds"


def test_what_no_callback_can_end_is_announced_first(tmp_path: Path, server: GitServer) -> None:
    """G3, F9: a drip of heads meets no timeout; whoever was told the phase kills the process."""
    server.fault = Fault("drip", on="heads")
    child = fetching_child(tmp_path, server.url(), timeout=0.5)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(1.5)
    child.kill()
    assert child.communicate()[0].splitlines() == ["open 60.0", "fetch 0.5"]
    server.fault = None
    assert open_mirror(tmp_path, server.url()).fetch() is not None


def test_a_pack_over_the_cap_is_broken_off(tmp_path: Path, server: GitServer) -> None:
    """G14"""
    mirror = open_mirror(tmp_path, server.url(), max_pack_bytes=5000)
    with pytest.raises(FetchFailed) as caught:
        mirror.fetch()
    assert caught.value.reason_given == "RemoteTooLarge"
    assert not list((mirror.folder / "objects" / "pack").iterdir())


# credentials


def test_the_token_is_sent_to_the_remote_and_written_nowhere(
    tmp_path: Path, origin: Origin, guarded: GitServer
) -> None:
    """G5, S1"""
    mirror = open_mirror(tmp_path, guarded.url(), credentials=with_token())
    assert mirror.fetch() == origin.head
    assert mirror.fetch() == origin.head
    assert no_trace_of(TOKEN, mirror.folder)


def test_a_token_in_the_url_is_used_and_written_nowhere(
    tmp_path: Path, origin: Origin, guarded: GitServer
) -> None:
    """G13"""
    url = guarded.url().replace("://", f"://x-access-token:{TOKEN}@")
    mirror = open_mirror(tmp_path, url)
    assert mirror.fetch() == origin.head
    assert no_trace_of(TOKEN, mirror.folder)


def no_trace_of(secret: str, folder: Path) -> bool:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return bool(files) and all(secret.encode() not in path.read_bytes() for path in files)


def test_a_rotated_token_is_used_without_a_restart(
    tmp_path: Path, origin: Origin, guarded: GitServer
) -> None:
    """O15"""
    file = tmp_path / "token"
    file.write_text("old")
    credentials = lambda: Credentials("x-access-token", file.read_text())  # noqa: E731
    mirror = open_mirror(tmp_path, guarded.url(), credentials=credentials)
    with pytest.raises(AccessDenied):
        mirror.fetch()
    file.write_text(TOKEN)
    assert mirror.fetch() == origin.head


@pytest.mark.parametrize("challenge", [True, False])
def test_a_wrong_token_is_tried_once(tmp_path: Path, guarded: GitServer, challenge: bool) -> None:
    """G5, G6, F6"""
    guarded.challenge = challenge
    mirror = open_mirror(tmp_path, guarded.url(), credentials=with_token("wrong-4712"))
    with pytest.raises(AccessDenied) as caught:
        mirror.fetch()
    assert caught.value.reason_given == "AuthenticationFailed"
    assert "wrong-4712" not in f"{caught.value} {caught.value.hint}"
    assert len(guarded.seen) <= 2
    assert len(guarded.logins()) <= 1


def test_no_token_where_one_is_asked_for(tmp_path: Path, guarded: GitServer) -> None:
    with pytest.raises(AccessDenied, match="asks for credentials") as caught:
        open_mirror(tmp_path, guarded.url()).fetch()
    assert "PAO_REPO_TOKEN" in caught.value.hint
    assert len(guarded.seen) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("status", [302, 307])
@pytest.mark.parametrize("on", ["heads", "pack"])
@pytest.mark.parametrize("after_login", [False, True])
def test_a_redirect_never_takes_the_token_along(
    tmp_path: Path, guarded: GitServer, host: str, status: int, on: str, after_login: bool
) -> None:
    """G10, F7: same host and another port, another host; before and after logging in."""
    with GitServer(guarded.folder, token=TOKEN) as other:
        location = f"http://{host}:{other.port}*"
        guarded.fault = Fault(
            "redirect", on=on, status=status, location=location, after_login=after_login
        )
        mirror = open_mirror(tmp_path, guarded.url(), credentials=with_token())
        with pytest.raises(FetchFailed) as caught:
            mirror.fetch()
        assert caught.value.reason_given == "RemoteProtocolError"
        assert other.logins() == []
        assert mirror.tip() is None


def test_a_redirect_within_the_origin_is_followed(
    tmp_path: Path, origin: Origin, guarded: GitServer
) -> None:
    location = "/origin.git/info/refs?service=git-upload-pack"
    guarded.fault = Fault("redirect", on="heads", status=302, location=location, once=True)
    mirror = open_mirror(tmp_path, guarded.url("former-name.git"), credentials=with_token())
    assert mirror.fetch() == origin.head


@pytest.mark.parametrize(
    ("location", "found"),
    [
        ("/new/name.git/info/refs?service=git-upload-pack", "/new/name.git"),
        ("/former-name.git/info/refs", None),
        ("/login", None),
        ("https://elsewhere.example.com/new/name.git/info/refs", None),
        ("http://[", None),
        ("", None),
    ],
)
def test_where_a_repository_has_moved_to_is_asked_and_the_token_stays(
    tmp_path: Path, guarded: GitServer, location: str, found: str | None
) -> None:
    guarded.fault = Fault("redirect", on="heads", status=301, location=location, after_login=True)
    environment = {"PAO_REPO_URL": guarded.url("former-name.git"), "PAO_REPO_TOKEN": TOKEN}
    settings = load(environment | {"PAO_STATE_DIR": str(tmp_path)})
    target = moved_to(settings)
    assert target == (found and guarded.url(found.lstrip("/")))
    assert moved_to(load(environment | {"PAO_REPO_URL": "/srv/x", "HOME": "/h"})) is None


@pytest.mark.parametrize("location", ["*", "ext::sh -c id", "file:///etc", "http://[", ""])
def test_a_redirect_to_nowhere_ends(tmp_path: Path, server: GitServer, location: str) -> None:
    server.fault = Fault("redirect", on="heads", status=302, location=location)
    with pytest.raises(FetchFailed) as caught:
        open_mirror(tmp_path, server.url()).fetch()
    assert caught.value.reason_given == "RemoteProtocolError"
    assert len(server.seen) < 20


# certificates and proxies


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, and certificates of it: good, expired, of another name; and a self-signed."""
    folder = tmp_path_factory.mktemp("tls")
    ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = {"good": "IP:127.0.0.1", "expired": "IP:127.0.0.1", "other": "DNS:example.org"}

    def openssl(*arguments: str) -> None:
        subprocess.run(
            [program("openssl"), *arguments], cwd=folder, check=True, capture_output=True
        )

    for name in ("authority", "self"):
        extra = ["-addext", "subjectAltName=IP:127.0.0.1"] if name == "self" else []
        openssl("req", "-x509", *ec, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2",
                "-subj", f"/CN={name}", *extra)  # fmt: skip
    for name, alternative in names.items():
        openssl("req", *ec, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=x")
        (folder / "extensions").write_text(f"subjectAltName={alternative}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "authority.pem", "-CAkey",
                "authority.key", "-CAcreateserial", "-out", f"{name}.pem", "-extfile", "extensions",
                "-days", "2")  # fmt: skip
    _let_expire(folder / "expired.pem", folder / "authority.key")
    return folder


def _let_expire(certificate: Path, key: Path) -> None:
    """Sign a certificate anew whose time was over yesterday; OpenSSL 3.5 makes none such."""
    old = x509.load_pem_x509_certificate(certificate.read_bytes())
    signer = serialization.load_pem_private_key(key.read_bytes(), None)
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(old.issuer, old.subject, old.public_key(), old.serial_number)
    for extension in old.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    builder = builder.not_valid_before(now - timedelta(days=2))
    new = builder.not_valid_after(now - timedelta(days=1)).sign(signer, hashes.SHA256())
    certificate.write_bytes(new.public_bytes(serialization.Encoding.PEM))


def tls(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / f"{name}.pem", folder / f"{name}.key"


def test_a_private_authority_is_trusted_when_named(
    tmp_path: Path, origin: Origin, certificates: Path
) -> None:
    """G11"""
    with GitServer(tmp_path, certificate=tls(certificates, "good")) as server:
        mirror = open_mirror(tmp_path, server.url(), ca_file=certificates / "authority.pem")
        assert mirror.fetch() == origin.head


@pytest.mark.parametrize("name", ["self", "expired", "other"])
def test_a_certificate_that_proves_nothing_is_refused(
    tmp_path: Path, origin: Origin, certificates: Path, name: str
) -> None:
    """G11: before any request, so that no token can leave."""
    with GitServer(tmp_path, token=TOKEN, certificate=tls(certificates, name)) as server:
        mirror = open_mirror(
            tmp_path,
            server.url(host="localhost" if name == "other" else "127.0.0.1"),
            ca_file=certificates / "authority.pem",
            credentials=with_token(),
        )
        with pytest.raises(FetchFailed) as caught:
            mirror.fetch()
        assert caught.value.reason_given == "TlsError"
        assert server.seen == []


def test_a_file_without_certificates_is_said(tmp_path: Path, server: GitServer) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate")
    with pytest.raises(FetchFailed, match=r"ca\.pem cannot be read"):
        open_mirror(tmp_path, server.url(), ca_file=tmp_path / "ca.pem").fetch()


def test_a_downgrade_to_http_is_not_followed(
    tmp_path: Path, origin: Origin, certificates: Path
) -> None:
    """G10"""
    with (
        GitServer(tmp_path, certificate=tls(certificates, "good")) as server,
        GitServer(tmp_path) as plain,
    ):
        server.fault = Fault("redirect", status=302, location=f"http://127.0.0.1:{plain.port}*")
        mirror = open_mirror(tmp_path, server.url(), ca_file=certificates / "authority.pem")
        with pytest.raises(FetchFailed):
            mirror.fetch()
        assert plain.seen == []


def test_a_proxy_is_used_when_named_and_never_from_the_environment(
    tmp_path: Path, origin: Origin, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G12"""
    authority = certificates / "authority.pem"
    with GitServer(tmp_path, certificate=tls(certificates, "good")) as server, Proxy() as proxy:
        monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
        mirror = open_mirror(tmp_path, server.url(), ca_file=authority)
        assert mirror.fetch() == origin.head
        assert proxy.seen == []
        mirror = open_mirror(tmp_path / "2", server.url(), ca_file=authority, proxy=proxy.url())
        assert mirror.fetch() == origin.head
        assert len(proxy.seen) > 0


def test_a_proxy_that_refuses_is_not_told_the_token(
    tmp_path: Path, origin: Origin, certificates: Path
) -> None:
    """G12"""
    with GitServer(tmp_path, TOKEN, certificate=tls(certificates, "good")) as server:
        remote = {"ca_file": certificates / "authority.pem", "credentials": with_token()}
        with Proxy(password="proxy-4713") as proxy:
            mirror = open_mirror(tmp_path, server.url(), proxy=proxy.url(), **remote)
            with pytest.raises(FetchFailed) as caught:
                mirror.fetch()
            assert caught.value.reason_given == "ProxyRefused"
            assert proxy.logins() == []
            named = proxy.url().replace("://", "://user:proxy-4713@")
            mirror = open_mirror(tmp_path, server.url(), proxy=named, **remote)
            assert mirror.fetch() == origin.head
            assert no_trace_of("proxy-4713", mirror.folder)
            wrong = proxy.url().replace("://", "://user:wrong-4714@")
            mirror = open_mirror(tmp_path, server.url(), proxy=wrong, **remote)
            with pytest.raises(FetchFailed) as caught:
                mirror.fetch()
            assert "wrong-4714" not in f"{caught.value}"
        down = open_mirror(tmp_path, server.url(), proxy=proxy.url(), **remote)
        with pytest.raises(FetchFailed) as caught:
            down.fetch()
        assert caught.value.reason_given == "RemoteUnreachable"


def test_global_git_configuration_is_not_read(
    tmp_path: Path, origin: Origin, server: GitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(f'[url "http://127.0.0.1:1/"]\n\tinsteadOf = {server.url()}\n')
    monkeypatch.setenv("HOME", str(home))
    child = fetching_child(tmp_path, server.url())
    told, _ = child.communicate(timeout=20)
    assert told.splitlines()[-1] == f"{origin.head} 0"


def test_a_libgit2_that_leaks_tokens_is_refused(
    tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F7"""
    monkeypatch.setattr(pygit2, "LIBGIT2_VER", (1, 9, 4))
    with pytest.raises(SettingsError, match=r"1\.9\.5|token"):
        open_mirror(tmp_path, origin.url)


def endless_refs(listener: socket.socket) -> None:
    """Answer each connection with a list of refs that has no end."""

    def chunk(content: bytes) -> bytes:
        return b"%x\r\n%s\r\n" % (len(content), content)

    def line(text: bytes) -> bytes:
        return b"%04x%s" % (len(text) + 4, text)

    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    first = line(b"a" * 40 + b" HEAD\0 side-band-64k ofs-delta\n")
    while True:
        client, _ = listener.accept()
        with contextlib.suppress(OSError), client:
            client.recv(65_536)
            client.sendall(head + chunk(b"001e# service=git-upload-pack\n0000") + chunk(first))
            for number in itertools.count(0, 500):
                refs = (
                    line(b"%040x refs/heads/%09d%s\n" % (one + 1, one, b"x" * 150))
                    for one in range(number, number + 500)
                )
                client.sendall(chunk(b"".join(refs)))


def test_a_list_of_refs_without_end_is_bounded_in_memory(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x.git"
        pid = os.fork()
        if pid == 0:
            endless_refs(listener)
    try:
        before = resource.getrlimit(resource.RLIMIT_AS)
        said, grown = in_child(lambda: ask(url, tmp_path))
        assert "RemoteTooLarge" in said
        assert grown < LISTED_BYTES + 8 * 2**20
        assert resource.getrlimit(resource.RLIMIT_AS) == before
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def ask(url: str, folder: Path) -> str:
    isolate()
    try:
        remote_tip(Remote(url, timeout=60.0), folder)
    except FetchFailed as error:
        return error.reason_given
    return "nothing"


def kilobytes(what: str) -> int:
    """Return a figure of this process's memory, as the kernel tells it."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))


def in_child(look: Callable[[], str]) -> tuple[str, int]:
    """Run in a process of its own; return what was said, and the most that it mapped more."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        before = kilobytes("VmSize")
        said = look()
        grown = 1024 * (kilobytes("VmPeak") - before)
        os.write(write, f"{said} {grown}".encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        said, _, grown = answer.read().partition(" ")
    os.waitpid(pid, 0)
    return said, int(grown)
