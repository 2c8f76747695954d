"""Which host keys a known_hosts file allows a host, by OpenSSH's rules.

libgit2 has rules of its own: it passes over ``@revoked``, patterns and negations, and takes the
carriage return of a Windows editor for a part of the key. So the file is read here, and libgit2
gets one that holds only what it says of the one host that is called.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import translate
from pathlib import Path
from re import compile as pattern

from paod.errors import SettingsError

MOST_BYTES = 4 * 2**20
REVOKED = "@revoked"
AUTHORITY = "@cert-authority"
SYSTEM_FILE = Path("/etc/ssh/ssh_known_hosts")
_SSH_PORT = 22


@dataclass(frozen=True, slots=True)
class Line:
    """One line that says something of the host. ``place``: its file and number, for a message."""

    marker: str
    kind: str
    key: str
    place: str


@dataclass(frozen=True, slots=True)
class KnownHost:
    """What the files say of a host: its good keys, and the places of those and of revoked ones."""

    name: str
    keys: tuple[Line, ...]
    revoked: tuple[Line, ...]

    def as_file(self) -> str:
        """Return a known_hosts file with the good keys alone."""
        return "".join(f"{self.name} {line.kind} {line.key}\n" for line in self.keys)


def files_of(configured: Path | None) -> tuple[Path, ...]:
    """Return the files that count: the configured one alone, else those that git looks at."""
    if configured is not None:
        return (configured,)
    return Path.home() / ".ssh" / "known_hosts", SYSTEM_FILE


def known_host(files: Sequence[Path], host: str, port: int) -> KnownHost:
    """Read what files say of a host; one that is not there says nothing.

    Raises ``SettingsError`` for a file that cannot be read, and where the host is known by a
    certificate authority alone: libssh2 verifies no host certificates.
    """
    named = host if port == _SSH_PORT else f"[{host}]:{port}"
    texts = [(file, _text(file)) for file in files]
    found = [line for file, text in texts for line in lines_about(text, str(file), named)]
    if named != host and not any(line.marker != REVOKED for line in found):
        # as OpenSSH does it: a host that is not known at its port may be known without one
        found += [line for file, text in texts for line in lines_about(text, str(file), host)]
    revoked = tuple(line for line in found if line.marker == REVOKED)
    refused = {line.key for line in revoked}
    keys = tuple(line for line in found if not line.marker and line.key not in refused)
    authority = next((line for line in found if line.marker == AUTHORITY), None)
    if authority is not None and not keys:
        raise SettingsError(
            f"{authority.place} knows {named} by a certificate authority, which is not supported",
            "put the host's own key into the file as well: see ssh-keyscan",
        )
    return KnownHost(named, keys, revoked)


def lines_about(text: str, file: str, name: str) -> Iterator[Line]:
    """Yield what the text of a file says of a host: ``host``, or ``[host]:port``."""
    for number, written in enumerate(text.split("\n"), start=1):
        words = written.split()
        marker = words.pop(0).lower() if words and words[0].startswith("@") else ""
        if len(words) < 3 or words[0].startswith("#") or marker not in ("", REVOKED, AUTHORITY):
            continue
        names, kind, key = words[:3]
        if _is_key(kind, key) and _matches(names, name.lower()):
            yield Line(marker, kind, key, f"line {number} of {file}")


def _matches(names: str, name: str) -> bool:
    if names.startswith("|"):
        return _hash_matches(names, name)
    patterns = [one.lower() for one in names.split(",")]
    if any(one.startswith("!") and _glob_matches(one[1:], name) for one in patterns):
        return False
    return any(_glob_matches(one, name) for one in patterns if not one.startswith("!"))


def _glob_matches(glob: str, name: str) -> bool:
    """Match ``*`` and ``?``; brackets, which stand around a host with a port, are themselves."""
    return pattern(translate(glob.replace("[", "[[]"))).match(name) is not None


def _hash_matches(names: str, name: str) -> bool:
    parts = names.split("|")
    if len(parts) != 4 or parts[1] != "1":
        return False
    try:
        salt, wanted = (base64.b64decode(part, validate=True) for part in parts[2:])
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(hmac.digest(salt, name.encode(), hashlib.sha1), wanted)


def _is_key(kind: str, key: str) -> bool:
    """Whether a key is whole enough to say of which kind it is, and says so."""
    try:
        data = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        return False
    return data[4 : 4 + int.from_bytes(data[:4])] == kind.encode()


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise SettingsError(
            f"the known_hosts file {file} cannot be read: {error.strerror}",
            "PAO_REPO_KNOWN_HOSTS names a file that paod may read",
        ) from error
    if len(data) > MOST_BYTES:
        raise SettingsError(f"{file} is larger than {MOST_BYTES} bytes", "keep only hosts in use")
    return data.decode("ascii", "replace")


def places(lines: Iterable[Line]) -> str:
    """Return where lines stand, for a message."""
    return ", ".join(line.place for line in lines)
