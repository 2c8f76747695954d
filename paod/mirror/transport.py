"""One conversation with the remote: its heads listed, then the branch fetched if it moved.

A fetch of a missing branch and one without ``+`` both report success in libgit2, so success is read
from the ref and not from the call. Credentials go once, to the configured scheme, host and port.
What no callback can interrupt (a name lookup, a stalled handshake) is left to whoever supervises
the process; a transfer that stands still is ended between bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pygit2
from pygit2.enums import ConfigLevel, CredentialType
from pygit2.remotes import RemoteHead, TransferProgress

from paod.errors import AccessDenied, BranchNotFound, FetchFailed, SettingsError
from paod.mirror import copying
from paod.mirror.copying import Shown
from paod.mirror.failures import translate
from paod.mirror.known_hosts import KnownHost, files_of, known_host, places
from paod.mirror.remote import Remote
from paod.mirror.room import room_for
from paod.mirror.transfer import Transfer
from paod.repository_url import PORTS

LISTED_BYTES = 128 * 2**20
"""Of memory for the remote's list of refs: room for some hundred thousand."""
_OUT_OF_MEMORY = "Out of memory"
"""libgit2's own word for it, which no server can say: what those say stands behind other words."""
_SHOWN_BRANCHES = 5
_PROPOSALS = ("refs/heads/", "refs/pull/", "refs/merge-requests/")
_SAFE_LIBGIT2 = (1, 9, 5)


class Conversation(pygit2.RemoteCallbacks):
    """Talks to one remote for one poll or fetch. Errors are ``FetchFailed`` and its siblings."""

    def __init__(
        self,
        repository: pygit2.Repository,
        remote: Remote,
        home: Path,
        goes_on: Callable[[], object] = lambda: None,
    ) -> None:
        """``goes_on`` is told whenever a fetch that takes long has got on."""
        super().__init__()
        self._goes_on = goes_on
        self._transfer = Transfer(remote.timeout, goes_on)
        self._remote = remote
        self._answered = False
        self._listing = True
        self._identity_refused = False
        self._known = known_host_of(remote)
        _apply_settings(remote, self._known, home)
        with self._translated():
            self._handle = repository.remotes.create_anonymous(remote.url)

    def tip(self) -> str | None:
        """Return the branch's commit on the remote; None: the repository has no refs at all."""
        heads = self._heads()
        if not heads:
            return None
        for head in heads:
            if head.name == self._remote.ref:
                return str(head.oid)
        raise self._missing([(head.name or "", head.symref_target or "") for head in heads])

    def find(self, wanted: str) -> tuple[str, str]:
        """Return the remote's ref of that name, or the first at the commit of those digits.

        With it, its commit. Raises ``BranchNotFound`` (``RefNotFound``) where there is none.
        """
        for head in self._heads():
            name, commit = head.name or "", str(head.oid)
            if name == wanted or (name.startswith(_PROPOSALS) and commit.startswith(wanted)):
                return name, commit
        what = "ref" if wanted.startswith("refs/") else "ref at commit"
        raise BranchNotFound(
            f"{self._remote.url} has no {what} {wanted!a}",
            "a pull request that was closed long ago may have none any more; a branch may be gone",
            reason="RefNotFound",
        )

    def _heads(self) -> Sequence[RemoteHead | Shown]:
        try:
            with self._translated():
                heads = self._listed()
            self._listing = False
            return heads
        except FetchFailed as error:
            if self._remote.address.kind != "local" or error.reason_given != "MalformedCommit":
                raise
        with self._translated():
            return copying.heads(Path(self._remote.address.path))

    def _listed(self) -> list[RemoteHead]:
        """Return what the remote lists, for which libgit2 itself knows no bound."""
        try:
            with room_for(LISTED_BYTES):
                return self._handle.list_heads(callbacks=self, proxy=self._remote.proxy)
        except (MemoryError, pygit2.GitError) as error:
            if isinstance(error, pygit2.GitError) and str(error) != _OUT_OF_MEMORY:
                raise
        raise FetchFailed(
            f"{self._remote.url} lists more refs than {LISTED_BYTES // 2**20} MiB hold",
            "delete refs there, or have the host hide some (git's transfer.hideRefs)",
            reason="RemoteTooLarge",
        )

    def fetch(self, ref: str, place: str) -> None:
        """Fetch a ref of the remote into a local one, whatever that held before."""
        self._transfer = Transfer(self._remote.timeout, self._goes_on)
        with self._translated(), self._transfer:
            self._handle.fetch([f"+{ref}:{place}"], callbacks=self, proxy=self._remote.proxy)

    # what libgit2 calls back

    def credentials(
        self, url: str, username_from_url: str | None, allowed_types: CredentialType
    ) -> pygit2.UserPass | pygit2.Keypair:
        """Answer once, and the configured origin only."""
        if self._remote.proxy is not None and url == self._remote.proxy:
            raise FetchFailed(
                "the proxy asks for credentials",
                "put user and password into PAO_REPO_PROXY",
                reason="ProxyRefused",
            )
        if self._remote.address.kind == "http" and not self._remote.address.same_origin(url):
            raise FetchFailed(
                f"{self._remote.url} led to another address that asks for credentials",
                "set PAO_REPO_URL to the repository's present address",
                reason="RemoteProtocolError",
            )
        if self._answered:
            raise self._denied("refused the credentials")
        self._answered = True
        if allowed_types & CredentialType.SSH_KEY:
            return self._key(username_from_url)
        secret = self._remote.secret()
        if secret is None or not allowed_types & CredentialType.USERPASS_PLAINTEXT:
            raise self._denied("asks for credentials, and there are none")
        return pygit2.UserPass(secret.username, secret.password)

    def certificate_check(self, certificate: None, valid: bool, host: bytes) -> bool:
        """Refuse an https certificate or ssh host key that could not be verified."""
        self._identity_refused = not valid
        return valid

    def sideband_progress(self, string: str) -> None:
        """Take what the remote says for a sign of life; end a fetch that does not get on."""
        self._transfer.sign()
        self._check_progress()

    def transfer_progress(self, stats: TransferProgress) -> None:
        """End a fetch that does not get on, or is over its size."""
        self._transfer.received = stats.received_bytes
        self._check_progress()
        if stats.received_bytes > self._remote.max_pack_bytes:
            raise FetchFailed(
                f"{self._remote.url} sends more than {self._remote.max_pack_bytes} bytes",
                "paod mirrors one branch of at most that size",
                reason="RemoteTooLarge",
            )

    def _check_progress(self) -> None:
        fault = self._transfer.fault()
        if fault is not None:
            raise FetchFailed(
                f"{self._remote.url} {fault}",
                "raise PAO_REPO_TIMEOUT if the line is that slow",
                reason="RemoteTimeout",
            )

    def _key(self, user: str | None) -> pygit2.Keypair:
        key = self._remote.ssh_key
        if key is None or not os.access(key, os.R_OK):
            raise self._denied("asks for an ssh key, and there is none that can be read")
        return pygit2.Keypair(user or "git", None, str(key), "")

    def _denied(self, what: str) -> AccessDenied:
        setting = "PAO_REPO_SSH_KEY" if self._remote.address.kind == "ssh" else "PAO_REPO_TOKEN"
        return AccessDenied(
            f"{self._remote.url} {what}",
            f"check {setting}: it must be valid and may read this repository",
        )

    def _missing(self, heads: list[tuple[str, str]]) -> BranchNotFound:
        prefix = "refs/heads/"
        names = sorted(name.removeprefix(prefix) for name, _ in heads if name.startswith(prefix))
        default = next((target for name, target in heads if name == "HEAD"), "")
        shown = ", ".join(f"{name!a}" for name in names[:_SHOWN_BRANCHES]) or "no branch at all"
        hint = f"set PAO_REPO_BRANCH, or push it again; it has {shown}" + (
            " and more" if len(names) > _SHOWN_BRANCHES else ""
        )
        if default:
            hint += f", its default is {default.removeprefix(prefix)!a}"
        return BranchNotFound(f"{self._remote.url} has no branch {self._remote.branch!r}", hint)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # libgit2's binding also raises KeyError, ValueError, TypeError
            if self._identity_refused:
                raise self._unverified() from error
            translated = translate(
                error, self._remote, listing=self._listing, logged_in=self._answered
            )
            if isinstance(translated, AccessDenied):
                self._remote.on_denied()
            raise translated from error

    def _unverified(self) -> FetchFailed:
        if self._known is not None:
            return _unknown_key(self._remote, self._known)
        return FetchFailed(
            f"the certificate of {self._remote.address.host} could not be verified",
            "for a private certificate authority set PAO_REPO_CA_FILE",
            reason="TlsError",
        )


def remote_tip(remote: Remote, folder: Path) -> str | None:
    """Ask a remote for its branch without a mirror; ``folder`` is an empty one to work in.

    None: the repository has no refs at all. Raises ``MirrorError``.
    """
    isolate()
    repository = pygit2.init_repository(str(folder / "empty.git"), bare=True)
    return Conversation(repository, remote, folder).tip()


def isolate() -> None:
    """Make libgit2 read no configuration but the mirror's, and not wait for the disk.

    The mirror is only a cache: what a power cut leaves of it is judged at the next start, and made
    anew if it is damaged. Waiting would be half the time from a push to the reader.

    Raises ``SettingsError`` for a libgit2 that asks for credentials without saying whom for.
    """
    if pygit2.LIBGIT2_VER < _SAFE_LIBGIT2:
        raise SettingsError(
            f"libgit2 {pygit2.LIBGIT2_VERSION} can be led to give the token to another host",
            "install a pygit2 that brings libgit2 1.9.5 or newer",
        )
    for level in (ConfigLevel.GLOBAL, ConfigLevel.SYSTEM, ConfigLevel.XDG, ConfigLevel.PROGRAMDATA):
        pygit2.settings.search_path[level] = "/dev/null"
    pygit2.settings.enable_fsync_gitdir(False)


def known_host_of(remote: Remote) -> KnownHost | None:
    """Return what the known_hosts files say of an ssh remote; None: it is no such one.

    Raises ``SettingsError`` for a file that cannot be used.
    """
    address = remote.address
    if address.kind != "ssh":
        return None
    return known_host(files_of(remote.known_hosts), address.host, address.port)


def _unknown_key(remote: Remote, known: KnownHost) -> FetchFailed:
    """Say that a host key was refused: changed, revoked or unknown."""
    address, files = remote.address, files_of(remote.known_hosts)
    port = "" if address.port == PORTS["ssh"] else f"-p {address.port} "
    scan = f"`ssh-keyscan {port}{address.host}` prints it for the file of PAO_REPO_KNOWN_HOSTS"
    revoked = f"is revoked at {places(known.revoked)}, or " if known.revoked else ""
    if known.keys:
        what = f"has changed: it is not the one at {places(known.keys)}"
        scan = f"if that is meant, replace it ({scan}); if not, somebody may stand in between"
    else:
        what = f"is unknown: no line of {' or '.join(map(str, files))} says it"
    what = f"the ssh host key of {known.name} {revoked}{what}"
    return FetchFailed(what, scan, reason="TlsError")


def _apply_settings(remote: Remote, known: KnownHost | None, home: Path) -> None:
    """Set what libgit2 keeps for the whole process: timeouts, certificates, the ssh home."""
    milliseconds = 1000 * remote.timeout
    settings = pygit2.settings
    settings.server_connect_timeout = int(min(1000 * remote.connect_timeout, milliseconds))
    settings.server_timeout = int(min(1000 * remote.stall_timeout, milliseconds))
    if remote.ca_file is not None:
        try:
            settings.set_ssl_cert_locations(str(remote.ca_file), None)
        except pygit2.GitError as error:
            raise FetchFailed(
                f"the certificates in {remote.ca_file} cannot be read",
                "PAO_REPO_CA_FILE names a PEM file",
                reason="TlsError",
            ) from error
    if known is not None:
        settings.homedir = str(_ssh_home(known, home))


def _ssh_home(known: KnownHost, home: Path) -> Path:
    """Return a folder whose ``.ssh/known_hosts`` is what counts: libgit2 looks there."""
    folder = home / ".ssh"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file, text = folder / "known_hosts", known.as_file()
    if file.is_symlink() or not file.exists() or file.read_text(encoding="ascii") != text:
        file.unlink(missing_ok=True)
        file.write_text(text, encoding="ascii")
    return home
