"""Whose commits are trusted: an SSH allowed-signers file, and a commit's signature held against it.

OpenSSH's own ``ssh-keygen`` judges, as it does for git: what it takes for a good signature is what
everybody else does, hardware keys included, and nothing of a security format is written anew here.
It is a subprocess with a time limit, asked with files made of what was read and checked here.
Only who is trusted is read in this module; what a signature is worth is not decided by it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from paod.errors import Blocked, PaodError, SettingsError
from paod.permissions import descriptor_writable_by_all

MOST_BYTES = 262_144
SECONDS = 10.0
"""For one look by ssh-keygen, which takes milliseconds."""
NAMESPACE = "git"
KEY_TYPES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
HINT = (
    "PAO_ALLOWED_SIGNERS takes lines of `name@example.com ssh-ed25519 AAAA…`, with the options"
    ' namespaces="…", valid-after="…" and valid-before="…" before the type'
)

_IDENTITY = "paod"
"""The one name that all keys get for ssh-keygen: whose key it is decides nothing."""
_OPTION = r'[A-Za-z-]+(?:="[^"]*")?'
_LINE = re.compile(
    rf'(?P<who>"[^"]+"|[^\s"]+)\s+(?:(?P<options>{_OPTION}(?:,{_OPTION})*)\s+)?'
    r"(?P<type>[a-z0-9@.-]+)\s+(?P<key>AAAA[A-Za-z0-9+/]+={0,2})(?:\s.*)?"
)
_MOMENT = re.compile(r"\d{8}(\d{4}(\d{2})?)?Z?")
_COMMITTED = re.compile(rb"^committer .*> (\d{1,11})(?: |$)", re.MULTILINE)
_SAMPLE_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC6gsVbiOYB0OMmbF/vXe4j6kWwaM9QpqXM9Gj8YlTz4"
_SAMPLE_TEXT = b"tree 0\ncommitter paod <paod@example.com> 1767607200 +0000\n\npaod\n"
_SAMPLE_SIGNATURE = b"""-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgLqCxVuI5gHQ4yZsX+9d7iPqRbB
oz1Cmpcz0aPxiVPPgAAAADZ2l0AAAAAAAAAAZzaGE1MTIAAABTAAAAC3NzaC1lZDI1NTE5
AAAAQB5zFm7SPVBH+LwvFG/28lwdkkTARAmJEDHjVy1BKP+01n+/lDFM4aLFH2AH1wokE8
o3cDsFD84POoDQGyf6Zw0=
-----END SSH SIGNATURE-----
"""
"""By a key that was made for this and thrown away: it is trusted in ``try_verifier`` alone."""
_OF_OUR_FILE = re.compile(r"^\S*/allowed:\d+: |\r", re.MULTILINE)
_GOOD = re.compile(r"\b(SHA256:[A-Za-z0-9+/]{43})\b")


@dataclass(frozen=True, slots=True)
class Signer:
    """One key that is trusted: whose it is, its options as they were written, and itself."""

    who: str
    options: str
    key: str

    @property
    def fingerprint(self) -> str:
        digest = hashlib.sha256(base64.b64decode(self.key.split()[1])).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    @property
    def may_sign_commits(self) -> bool:
        """Whether its namespaces, if it has any, hold git's."""
        names = dict(_options(self.options)).get("namespaces")
        return names is None or any(fnmatchcase(NAMESPACE, one) for one in names.split(","))


class Signers:
    """The signers of a file, which is read again at each use, so that a change needs no restart."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def check(self) -> None:
        """Raise ``SettingsError`` for a file that cannot be used, all of its faults at once."""
        signers = self._read()
        try_verifier()
        keys = "".join(f"{one.key}\n" for one in signers)
        said = _ask(["-l", "-f", "-"], keys.encode())
        if bad := [one.who for one in signers if one.fingerprint not in said.stdout]:
            raise SettingsError(
                f"ssh-keygen does not take the keys of {', '.join(bad)} in {self._file}"
                f"{_in_brackets(said)}",
                HINT,
            )

    def verify(self, commit: str, raw: bytes) -> str:
        """Return who signed a commit, given its object's bytes.

        Raises ``Blocked`` (``Unverified``) where that is nobody who is trusted, ``SettingsError``
        where the file cannot be used, ``PaodError`` where ssh-keygen cannot.
        """
        payload, signature = split_signature(commit, raw)
        signers = self._read()
        said = _verify(signers, payload, signature)
        if said.returncode != 0:
            try_verifier()  # or what is no verdict at all would pass for one
            told = _in_brackets(said)
            raise _unverified(commit, f"no key of {self._file} made its signature{told}")
        found = _GOOD.search(said.stdout)
        return next((one.who for one in signers if found and one.fingerprint == found[1]), "")

    def _read(self) -> list[Signer]:
        text = self._text()
        faults: list[str] = []
        signers: list[Signer] = []
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip() and not line.startswith("#"):
                try:
                    signers.append(_signer(line.strip()))
                except ValueError as error:
                    faults.append(f"line {number}: {error}")
        if not faults and not any(one.may_sign_commits for one in signers):
            faults.append("it holds no key that may sign commits")
        if faults:
            raise SettingsError(f"PAO_ALLOWED_SIGNERS, {self._file}: {'; '.join(faults)}", HINT)
        return signers

    def _text(self) -> str:
        try:
            with self._file.open("rb") as file:
                everybodys = descriptor_writable_by_all(file.fileno())
                data = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise SettingsError(
                f"PAO_ALLOWED_SIGNERS, {self._file}, cannot be read: {error.strerror}", HINT
            ) from error
        if everybodys:
            raise SettingsError(f"every user can write {self._file}", f"chmod o-w {self._file}")
        if len(data) > MOST_BYTES:
            raise SettingsError(f"{self._file} is larger than {MOST_BYTES} bytes", HINT)
        try:
            return data.decode("ascii")
        except UnicodeDecodeError:
            raise SettingsError(f"{self._file} is not plain ASCII text", HINT) from None


def try_verifier() -> None:
    """Have ssh-keygen verify what is known to be good; raise ``PaodError`` where it does not.

    Its exit status is the same for a bad signature and for whatever else keeps it from looking,
    and its words are OpenSSH's to change. What it says of a good signature shows which it is.
    """
    said = _verify([Signer("", "", _SAMPLE_KEY)], _SAMPLE_TEXT, _SAMPLE_SIGNATURE)
    if said.returncode != 0 or _GOOD.search(said.stdout) is None:
        raise PaodError(
            f"ssh-keygen cannot verify signatures here{_in_brackets(said)}",
            _remedy(),
            reason="VerifierFailed",
        )


def _remedy() -> str:
    import pwd  # Windows has none, and does not come here

    user = os.getuid()
    try:
        pwd.getpwuid(user)
    except KeyError:
        line = f"paod:x:{user}:{os.getgid()}::/:/usr/sbin/nologin"
        return f"it needs its user to have a name: add `{line}` to /etc/passwd of the container"
    return "OpenSSH 8.9 or newer is needed, and room for small temporary files"


def _in_brackets(said: subprocess.CompletedProcess[str]) -> str:
    """Return what the helper complained of, on one line and in brackets; "" where it did not."""
    why = "; ".join(_OF_OUR_FILE.sub("", said.stderr).split("\n")).strip("; \r")[:300]
    return f" ({why})" if why else ""


def _verify(
    signers: list[Signer], payload: bytes, signature: bytes
) -> subprocess.CompletedProcess[str]:
    lines = (f"{_IDENTITY} {one.options} {one.key}\n" for one in signers)
    moment = f"-Overify-time={_committed(payload)}"
    names = ["-I", _IDENTITY, "-n", NAMESPACE]
    try:
        with tempfile.TemporaryDirectory(prefix="paod-signers-") as folder:
            allowed, armoured = Path(folder, "allowed"), Path(folder, "signature")
            allowed.write_text("".join(lines), encoding="ascii")
            armoured.write_bytes(signature)
            files = ["-f", str(allowed), "-s", str(armoured)]
            return _ask(["-Y", "verify", *names, *files, moment], payload)
    except OSError as error:
        raise PaodError(
            f"signatures cannot be verified: {error.strerror}",
            "there has to be room for small temporary files",
            reason="VerifierFailed",
        ) from error


def _ask(arguments: list[str], given: bytes) -> subprocess.CompletedProcess[str]:
    program = shutil.which("ssh-keygen")
    if program is None:
        raise SettingsError(
            "PAO_ALLOWED_SIGNERS is set, and there is no program ssh-keygen",
            "install OpenSSH's client: apt-get install openssh-client",
        )
    # times without a zone are UTC, so that all machines judge alike
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}
    try:
        done = subprocess.run(  # noqa: S603 (no word of it is a stranger's)
            [program, *arguments],
            input=given,
            capture_output=True,
            timeout=SECONDS,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PaodError(
            f"ssh-keygen did not answer within {SECONDS:g} seconds", reason="VerifierFailed"
        ) from None
    said, complained = (text.decode("ascii", "replace") for text in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(arguments, done.returncode, said, complained)


def split_signature(commit: str, raw: bytes) -> tuple[bytes, bytes]:
    """Return what was signed of a commit's object, and the signature; raise ``Blocked``.

    What was signed is the object without its signatures' own headers.
    """
    header, gap, message = raw.partition(b"\n\n")
    kept: list[bytes] = []
    signatures: list[list[bytes]] = []
    into = kept
    for line in header.split(b"\n"):
        if line.startswith(b" "):
            into.append(line if into is kept else line[1:])
            continue
        name, _, value = line.partition(b" ")
        if name == b"gpgsig":
            into = [value]
            signatures.append(into)
        elif name == b"gpgsig-sha256":  # of the other object format: it is not this object's
            into = []
        else:
            into = kept
            kept.append(line)
    if not signatures:
        raise _unverified(commit, "it is not signed")
    if len(signatures) > 1:
        raise _unverified(commit, "it has several signatures")
    signature = b"\n".join(signatures[0]) + b"\n"
    if not signature.startswith(b"-----BEGIN SSH SIGNATURE-----"):
        raise _unverified(commit, "it is signed with something else than an SSH key")
    return b"\n".join(kept) + gap + message, signature


def _unverified(commit: str, why: str) -> Blocked:
    return Blocked(
        f"commit {commit} is not signed by one of PAO_ALLOWED_SIGNERS: {why}",
        "push a signed commit after it (git commit -S, gpg.format=ssh); the catalog stays",
        reason="Unverified",
    )


def _committed(payload: bytes) -> str:
    """Return when the commit was made, as ssh-keygen takes it; keys are judged as of then."""
    found = _COMMITTED.search(payload.partition(b"\n\n")[0])
    # ssh-keygen takes no time of the first second
    seconds = max(1, min(int(found[1]), 253_402_300_799)) if found else 1
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(seconds))


def _signer(line: str) -> Signer:
    """Read one line; raise ValueError with what is wrong about it."""
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError("it is not `principals [options] type key`")
    options = found["options"] or ""
    for name, value in _options(options):
        _check_option(name, value)
    if found["type"] not in KEY_TYPES:
        raise ValueError(f"{found['type']} is no type of key that is supported")
    if _type_inside(found["key"]) != found["type"]:
        raise ValueError(f"the key is damaged, or is no {found['type']}")
    return Signer(found["who"].strip('"'), options, f"{found['type']} {found['key']}")


def _options(text: str) -> Iterator[tuple[str, str | None]]:
    for name, given, value in re.findall(r'([A-Za-z-]+)(?:(=)"([^"]*)")?', text):
        yield name.lower(), value if given else None


def _check_option(name: str, value: str | None) -> None:
    if name == "cert-authority":
        raise ValueError("certificates are not supported: list the keys themselves")
    if name in ("valid-after", "valid-before"):
        if not _MOMENT.fullmatch(value or ""):
            raise ValueError(f"{name} takes YYYYMMDD or YYYYMMDDHHMM[SS], with Z or without")
    elif name != "namespaces" or not value:
        raise ValueError(f"the option {name} is not supported, or lacks its value")


def _type_inside(key: str) -> str:
    """Return the type that a key's own bytes begin with."""
    try:
        data = base64.b64decode(key, validate=True)
    except binascii.Error:
        return ""
    return data[4 : 4 + int.from_bytes(data[:4])].decode("ascii", "replace")
