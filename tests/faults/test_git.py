"""What remotes, networks, disks and other programs do to a mirror, and what it does then.

The ids name rows of the list of faults that paod is built against: G remote and network, H refs,
O mirror on disk, F measured findings.
"""

from __future__ import annotations

import faulthandler
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pygit2
import pytest

from paod.errors import AccessDenied, FetchFailed, MirrorBroken, MirrorError, SettingsError
from paod.mirror import Credentials, Mirror, Remote
from tests.origin import Origin
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


def open_mirror(tmp_path: Path, url: str, **settings: object) -> Mirror:
    mirror = Mirror(tmp_path / "state" / "mirror", Remote(url, **settings), "catalog")
    mirror.open()
    return mirror


def with_token(token: str = TOKEN) -> Callable[[], Credentials]:
    return lambda: Credentials("x-access-token", token)


def whole(mirror: Mirror, commit: str) -> dict[str, bytes | int]:
    """Return every file under the root as the mirror reads it."""
    return {c.path: mirror.read(c.oid or "", 10_000) for c in mirror.changes(None, commit)}


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


def test_a_transfer_that_goes_on_too_long_ends(tmp_path: Path, server: GitServer) -> None:
    """G3: ended at the first object after the deadline."""
    server.fault = Fault("drip", on="pack", pause=0.005)
    mirror = open_mirror(tmp_path, server.url(), timeout=0.3)
    with pytest.raises(FetchFailed) as caught:
        mirror.fetch()
    assert caught.value.reason_given == "RemoteTimeout"


def test_what_no_callback_can_end_is_announced_first(tmp_path: Path, server: GitServer) -> None:
    """G3, F9: a drip of heads meets no timeout; whoever was told the phase kills the process."""
    server.fault = Fault("drip", on="heads")
    child = fetching_child(tmp_path, server.url(), timeout=0.5)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(1.5)
    child.kill()
    assert child.communicate()[0].splitlines() == ["open 0.5", "fetch 0.5"]
    server.fault = None
    assert open_mirror(tmp_path, server.url()).fetch() is not None


def fetching_child(tmp_path: Path, url: str, timeout: float = 60) -> subprocess.Popen[str]:
    """Open and fetch in a process of its own that tells its phases."""
    program = (
        "import sys; from pathlib import Path; from paod.mirror import Mirror, Remote\n"
        "told = lambda name, seconds: print(name, seconds, flush=True)\n"
        "remote = Remote(sys.argv[2], timeout=float(sys.argv[3]))\n"
        "mirror = Mirror(Path(sys.argv[1]), remote, 'catalog', on_phase=told)\n"
        "mirror.open(); print(mirror.fetch(), mirror.rebuilds, flush=True)\n"
    )
    folder = str(tmp_path / "state" / "mirror")
    command = [sys.executable, "-c", program, folder, url, str(timeout)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


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
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    for name in ("authority", "self"):
        extra = ["-addext", "subjectAltName=IP:127.0.0.1"] if name == "self" else []
        openssl("req", "-x509", *ec, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2",
                "-subj", f"/CN={name}", *extra)  # fmt: skip
    for name, alternative in names.items():
        openssl("req", *ec, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=x")
        (folder / "extensions").write_text(f"subjectAltName={alternative}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "authority.pem", "-CAkey",
                "authority.key", "-CAcreateserial", "-out", f"{name}.pem", "-extfile", "extensions",
                "-days", "-1" if name == "expired" else "2")  # fmt: skip
    return folder


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


# the mirror on disk


def pack_of(mirror: Path, suffix: str) -> Path:
    return next((mirror / "objects" / "pack").glob(f"*{suffix}"))


def overwrite(path: Path, data: bytes, at: int = 0) -> None:
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def truncate(path: Path, size: int) -> None:
    path.chmod(0o600)
    os.truncate(path, size)


def replaced_by_folder(path: Path, name: str = "x") -> None:
    path.unlink()
    (path / name).mkdir(parents=True)


def emptied(folder: Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def replaced_by_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("not a mirror")


def replaced_by_stranger(folder: Path) -> None:
    emptied(folder)
    (folder / "family.lock").write_text("photos")


def replaced_by_checkout(folder: Path) -> None:
    shutil.rmtree(folder)
    pygit2.init_repository(str(folder))


def with_loose_object(folder: Path) -> None:
    (folder / "objects/aa").mkdir()
    (folder / "objects/aa" / ("b" * 38)).write_bytes(b"x")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "pack truncated": lambda m: truncate(pack_of(m, ".pack"), 2000),
    "pack emptied": lambda m: truncate(pack_of(m, ".pack"), 0),
    "pack flipped": lambda m: overwrite(pack_of(m, ".pack"), b"\xff\x00\xff", at=3000),
    "pack missing": lambda m: pack_of(m, ".pack").unlink(),
    "pack is a folder": lambda m: replaced_by_folder(pack_of(m, ".pack")),
    "index zeroed": lambda m: overwrite(pack_of(m, ".idx"), bytes(1600)),
    "index truncated": lambda m: truncate(pack_of(m, ".idx"), 100),
    "index missing": lambda m: pack_of(m, ".idx").unlink(),
    "index flipped": lambda m: overwrite(pack_of(m, ".idx"), b"\xff\xff", at=1100),
    "HEAD garbage": lambda m: (m / "HEAD").write_bytes(b"\0garbage"),
    "HEAD missing": lambda m: (m / "HEAD").unlink(),
    "config garbage": lambda m: (m / "config").write_bytes(b"[[[\xff"),
    "config missing": lambda m: (m / "config").unlink(),
    "config of another": lambda m: (m / "config").write_text("[core]\nworktree = /\n"),
    "packed-refs garbage": lambda m: (m / "packed-refs").write_bytes(b"zzz\0\xff\n"),
    "ref garbage": lambda m: (m / "refs/paod/main").write_text("zzz\n"),
    "ref emptied": lambda m: (m / "refs/paod/main").write_text(""),
    "ref to a missing commit": lambda m: (m / "refs/paod/main").write_text("1" * 40 + "\n"),
    "ref is a folder": lambda m: replaced_by_folder(m / "refs/paod/main"),
    "objects missing": lambda m: shutil.rmtree(m / "objects"),
    "refs missing": lambda m: shutil.rmtree(m / "refs"),
    "borrowed objects": lambda m: (m / "objects/info/alternates").write_text("/srv/objects\n"),
    "loose object": with_loose_object,
    "loose rubbish": lambda m: (m / "objects/rubbish").write_text("x"),
    "emptied": emptied,
    "deleted": shutil.rmtree,
    "a file": replaced_by_file,
    "a foreign folder": replaced_by_stranger,
    "a working tree": replaced_by_checkout,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_mirror_is_mended_at_start(tmp_path: Path, origin: Origin, damage: str) -> None:
    """O7, O11"""
    mirror = open_mirror(tmp_path, origin.url)
    before = whole(mirror, mirror.fetch() or "")
    mirror.close()
    DAMAGES[damage](mirror.folder)
    again = open_mirror(tmp_path, origin.url)
    assert again.fetch() == origin.head
    assert whole(again, origin.head) == before


CUT_SHORT = {"pack truncated", "pack emptied", "index truncated"}


@pytest.mark.parametrize("damage", [name for name in DAMAGES if name not in CUT_SHORT])
def test_a_mirror_damaged_while_open_is_mended_and_never_read_wrongly(
    tmp_path: Path, origin: Origin, damage: str
) -> None:
    """O7, O11: what is read is right or ``MirrorBroken``; a renewed mirror has everything."""
    first = origin.head
    mirror = open_mirror(tmp_path, origin.url)
    mirror.fetch()
    expected = whole(mirror, first)
    second = origin.write("catalog/b/new.yaml", "new").commit()
    DAMAGES[damage](mirror.folder)
    try:
        assert mirror.fetch() == second
        found = whole(mirror, second)
    except MirrorError:
        mirror.renew("it was damaged by a test")
        assert mirror.fetch() == second
        found = whole(mirror, second)
    assert found == {**expected, "catalog/b/new.yaml": b"new"}


@pytest.mark.parametrize("damage", sorted(CUT_SHORT))
def test_a_pack_cut_short_while_open_is_read_rightly_or_ends_the_process(
    tmp_path: Path, origin: Origin, damage: str
) -> None:
    """O7: libgit2 reads packs through the memory map, where a missing page is a deadly signal."""
    mirror = open_mirror(tmp_path, origin.url)
    expected = whole(mirror, mirror.fetch() or "")
    child = os.fork()
    if child == 0:  # nothing of pytest in the child, whatever happens
        faulthandler.disable()
        DAMAGES[damage](mirror.folder)
        try:
            os._exit(0 if whole(mirror, origin.head) == expected else 1)
        except MirrorError:
            os._exit(2)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, 2, -signal.SIGBUS, -signal.SIGSEGV)
    mirror.open()
    assert mirror.rebuilds == 1
    assert mirror.fetch() == origin.head
    assert whole(mirror, origin.head) == expected


def test_a_foreign_folder_is_set_aside_untouched(tmp_path: Path, origin: Origin) -> None:
    folder = tmp_path / "state" / "mirror"
    folder.mkdir(parents=True)
    (folder / "family.lock").write_text("photos")
    open_mirror(tmp_path, origin.url)
    assert (tmp_path / "state" / "mirror.broken-000001" / "family.lock").read_text() == "photos"


def test_a_link_in_place_of_the_mirror_is_not_followed(tmp_path: Path, origin: Origin) -> None:
    """O11"""
    target = tmp_path / "precious"
    target.mkdir()
    (target / "x.lock").write_text("precious")
    (tmp_path / "state").mkdir()
    for number in range(4):
        folder = tmp_path / "state" / "mirror"
        if folder.exists():
            shutil.rmtree(folder)
        folder.symlink_to(target if number < 3 else tmp_path / "dangling")
        assert open_mirror(tmp_path, origin.url).fetch() == origin.head
        assert not folder.is_symlink()
    assert [path.name for path in target.iterdir()] == ["x.lock"]
    assert len(list((tmp_path / "state").glob("mirror.broken-*"))) == 2


def test_a_mirror_swapped_for_a_link_while_open_is_left_alone(
    tmp_path: Path, origin: Origin
) -> None:
    """O11"""
    mirror = open_mirror(tmp_path, origin.url)
    mirror.fetch()
    moved = mirror.folder.rename(tmp_path / "moved")
    mirror.folder.symlink_to(moved)
    head = origin.write("catalog/b/new.yaml", "new").commit()
    assert mirror.fetch() == head
    assert not mirror.folder.is_symlink()
    assert not (moved / "refs/paod/main").read_text().startswith(head)


def test_only_the_last_two_broken_mirrors_are_kept(tmp_path: Path, origin: Origin) -> None:
    for _ in range(4):
        mirror = open_mirror(tmp_path, origin.url)
        mirror.fetch()
        (mirror.folder / "HEAD").write_text("broken")
    mirror.open()
    assert sorted(path.name for path in mirror.folder.parent.iterdir()) == [
        "mirror",
        "mirror.broken-000003",
        "mirror.broken-000004",
    ]


LOCKS = ["HEAD.lock", "config.lock", "packed-refs.lock", "shallow.lock", "refs/paod/main.lock"]
TEMPORARY = ["objects/pack/pack_git2_abc123", "objects/pack/tmp_pack_x", "objects/pack/tmp_idx_x"]
HALVES = [f"objects/pack/pack-{'a' * 40}.pack", f"objects/pack/pack-{'b' * 40}.idx"]


@pytest.mark.parametrize("leftover", [*LOCKS, *TEMPORARY, *HALVES])
def test_a_leftover_is_removed_at_start_and_logged(
    tmp_path: Path, origin: Origin, leftover: str, caplog: pytest.LogCaptureFixture
) -> None:
    """O9, F10"""
    mirror = open_mirror(tmp_path, origin.url)
    mirror.fetch()
    (mirror.folder / leftover).write_bytes(b"left over")
    with caplog.at_level("WARNING", "paod.mirror"):
        mirror.open()
    assert not (mirror.folder / leftover).exists()
    assert leftover in caplog.text
    assert mirror.rebuilds == 0
    head = origin.write("catalog/b/new.yaml", "new").commit()
    assert mirror.fetch() == head


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_that_appears_while_open_is_cleared(
    tmp_path: Path, origin: Origin, lock: str
) -> None:
    mirror = open_mirror(tmp_path, origin.url)
    mirror.fetch()
    (mirror.folder / lock).write_bytes(b"")
    head = origin.write("catalog/b/new.yaml", "new").commit()
    assert mirror.fetch() == head
    assert mirror.rebuilds == 0


def test_a_mirror_that_was_being_made_is_cleared_away(tmp_path: Path, origin: Origin) -> None:
    (tmp_path / "state" / "mirror.new-abc123").mkdir(parents=True)
    mirror = open_mirror(tmp_path, origin.url)
    assert [path.name for path in mirror.folder.parent.iterdir()] == ["mirror"]


def test_a_fetch_killed_anywhere_leaves_a_usable_mirror(
    tmp_path: Path, origin: Origin, server: GitServer
) -> None:
    """O9, F10"""
    for at in (0, 400, 4000, 9000):
        server.fault = Fault("stall", on="pack", at=at)
        child = fetching_child(tmp_path, server.url())
        while not any(seen.method == "POST" for seen in server.seen):
            time.sleep(0.01)
        time.sleep(0.1)
        child.send_signal(signal.SIGKILL)
        child.communicate()
        server.seen.clear()
    server.fault = None
    mirror = open_mirror(tmp_path, server.url())
    assert not list((mirror.folder / "objects" / "pack").iterdir())
    assert mirror.fetch() == origin.head
    assert len(whole(mirror, origin.head)) == 20


@pytest.mark.parametrize("length", [0, 1, 5, 10, 20])
def test_a_truncated_loose_object_does_not_hang_the_start(
    tmp_path: Path, origin: Origin, length: int
) -> None:
    """O8, F5: libgit2 would spin on it for ever; in a process of its own, with a deadline."""
    mirror = open_mirror(tmp_path, origin.url)
    mirror.fetch()
    head = origin.head
    compressed = bytes.fromhex("789c4bcac94f523064c8cd4f49050019a203ec")
    loose = mirror.folder / "objects" / head[:2] / head[2:]
    loose.parent.mkdir()
    loose.write_bytes(compressed[:length])
    child = fetching_child(tmp_path, origin.url)
    try:
        told, _ = child.communicate(timeout=20)
    finally:
        child.kill()
    assert told.splitlines()[-1] == f"{head} 1"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_mirror_of_another_user_is_refused_with_the_remedy(
    tmp_path: Path, origin: Origin
) -> None:
    """O10"""
    mirror = open_mirror(tmp_path, origin.url)
    os.chown(mirror.folder, 12345, 12345)
    with pytest.raises(MirrorError, match="belongs to user 12345") as caught:
        mirror.open()
    assert "chown" in caught.value.hint
    assert caught.value.reason_given == "MirrorNotOwned"
    assert pygit2.settings.owner_validation is True


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_repository_of_another_user_is_refused_with_the_remedy(
    tmp_path: Path, origin: Origin
) -> None:
    mirror = open_mirror(tmp_path, origin.url)
    origin.close()
    os.chown(origin.path, 12345, 12345)
    with pytest.raises(AccessDenied, match="another user") as caught:
        mirror.fetch()
    assert caught.value.reason_given == "RepositoryNotOwned"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_state_folder_that_may_not_be_written_is_said(tmp_path: Path, origin: Origin) -> None:
    (tmp_path / "state").mkdir(mode=0o500)
    with pytest.raises(MirrorError, match="cannot be made"):
        open_mirror(tmp_path, origin.url)


def test_a_full_disk_is_said_and_the_next_fetch_works(tmp_path: Path, origin: Origin) -> None:
    """O6"""
    state = tmp_path / "state"
    state.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(state)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs leave to mount a tmpfs")
    try:
        mirror = open_mirror(tmp_path, origin.url)
        filler = state / "filler"
        with pytest.raises(OSError, match="No space"):
            filler.write_bytes(bytes(200 * 1024))
        with pytest.raises(MirrorError) as caught:
            mirror.fetch()
        assert caught.value.reason_given == "MirrorStorageFull"
        filler.unlink()
        assert mirror.fetch() == origin.head
        assert len(whole(mirror, origin.head)) == 20
    finally:
        subprocess.run(["umount", "-l", str(state)], check=True)


def test_a_bad_object_with_a_good_name_is_found_by_its_hash(tmp_path: Path, origin: Origin) -> None:
    """O7: a pack damaged while open is noticed at the object, not passed on."""
    mirror = open_mirror(tmp_path, origin.url)
    mirror.fetch()
    expected = whole(mirror, origin.head)
    pack = pack_of(mirror.folder, ".pack")
    for at in range(200, pack.stat().st_size - 30, 997):
        overwrite(pack, bytes([pack.read_bytes()[at] ^ 0x55]), at)
    reopened = Mirror(mirror.folder, mirror.remote, "catalog")
    reopened._attach()
    try:
        assert whole(reopened, origin.head) == expected
    except MirrorBroken:
        return
    pytest.fail("damage went unnoticed")


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
