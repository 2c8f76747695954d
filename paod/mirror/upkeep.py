"""Keeping the mirror's folder usable: made, swept of leftovers, judged, set aside when broken.

The judgement is made on plain files before libgit2 opens anything, because a truncated loose object
makes libgit2 spin for ever with the interpreter's lock held. The mirror has packs only, so any
loose object is a stranger. Nothing here talks to the remote.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import pygit2
from pygit2.enums import RepositoryOpenFlag
from pygit2.packbuilder import PackBuilder

from paod.errors import MirrorError
from paod.mirror.remote import Remote
from paod.model.limits import ANNEX_BYTES

_LOG = logging.getLogger("paod.mirror")
_KEPT_ASIDE = 2
_FORMAT = "1"
_BORROWED = Path("objects", "info", "alternates")
_LEAST_SECONDS = 60.0
_READ_A_SECOND = 4 * 2**20
_PACKED_A_SECOND = 2**20
_REFERENCE = re.compile(rb"([0-9a-f]{40}|ref: refs/[!-~]+)\n?")


@contextmanager
def storage(folder: Path) -> Iterator[None]:
    """Wrap what the file system refuses, once for every place that changes the folder."""
    try:
        yield
    except (OSError, pygit2.GitError) as error:
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise MirrorError(
            f"the mirror {folder} cannot be made or changed: {error}",
            "paod must be able to write where PAO_STATE_DIR is",
            reason="MirrorStorageFull" if full else None,
        ) from error


def check_owner(folder: Path) -> None:
    """Raise ``MirrorError`` where the folder belongs to another user of this machine."""
    owner = folder.lstat().st_uid
    if owner != os.geteuid():
        raise MirrorError(
            f"the mirror {folder} belongs to user {owner}, and paod runs as {os.geteuid()}",
            f"chown -R {os.geteuid()} {folder}, or run paod as its owner",
            reason="MirrorNotOwned",
        )


def stranger(folder: Path, remote: Remote) -> str | None:
    """Return why the folder is not this remote's mirror at all, None where it is one."""
    if folder.is_symlink() or not folder.is_dir():
        return "it is not a folder"
    try:
        config = pygit2.Config(str(folder / "config"))
        ours = "paod.format" in config and config["paod.format"] == _FORMAT
        url = config["remote.origin.url"] if ours else None
    except (pygit2.GitError, KeyError, ValueError, OSError) as error:
        return f"its config cannot be read: {error}"
    if not ours:
        return "it is not a mirror of paod's"
    return None if url == remote.url else "it is a mirror of another repository"


def sweep(folder: Path) -> None:
    """Remove what a killed fetch left: locks, temporary packs, halves of a pack. Log each."""
    for leftover in [path for path in _leftovers(folder) if not path.is_dir()]:
        _LOG.warning("mirror: removed the leftover %s", leftover)
        leftover.unlink(missing_ok=True)


def _leftovers(folder: Path) -> Iterator[Path]:
    yield from folder.glob("*.lock")
    yield from (folder / "refs").rglob("*.lock")
    packs = folder / "objects" / "pack"
    for pattern in ("pack_git2_*", "tmp_*", ".tmp*", "*.lock"):
        yield from packs.glob(pattern)
    for half in packs.glob("pack-*.*"):
        other = {".pack": ".idx", ".idx": ".pack"}.get(half.suffix)
        if other and not half.with_suffix(other).exists():
            yield half


def seconds_to_open(folder: Path) -> float:
    """Return after how many seconds reading every pack may be taken for hung, on a slow disk."""
    return _LEAST_SECONDS + _bytes_of(_packs(folder)) / _READ_A_SECOND


def seconds_to_consolidate(small: list[Path]) -> float:
    """Return after how many seconds ``consolidate`` may be taken for hung."""
    return _LEAST_SECONDS + _bytes_of(small) / _PACKED_A_SECOND


def fault(folder: Path, lender: Path | None = None) -> str | None:
    """Return why a mirror of ours cannot be relied on, None where it can."""
    objects = folder / "objects"
    if not (objects / "pack").is_dir() or not (objects / "info").is_dir():
        return "it has no folder for packs"
    if (folder / _BORROWED).exists() if lender is None else not _borrows(folder, lender):
        return "it borrows objects from another repository"
    if lender is not None and _bytes_of(_packs(folder)) > ANNEX_BYTES:
        return f"what was looked at takes more than {ANNEX_BYTES // 2**20} MiB"
    loose = next(_loose_objects(folder), None)
    if loose is not None:
        return f"it has a loose object ({loose.parent.name}{loose.name})"
    damaged = next((pack for pack in _packs(folder) if not _is_whole(pack)), None)
    if damaged is not None:
        return f"{damaged.name} is damaged"
    return _unreadable_inside(folder)


def _borrowed(lender: Path) -> bytes:
    return os.fsencode(lender / "objects") + b"\n"


def _borrows(folder: Path, lender: Path) -> bool:
    try:
        return (folder / _BORROWED).read_bytes() == _borrowed(lender)
    except OSError:
        return False


def _unreadable_inside(folder: Path) -> str | None:
    try:
        references = [path for path in (folder / "refs").rglob("*") if path.is_file()]
        for reference in (folder / "HEAD", *references):
            if not _REFERENCE.fullmatch(reference.read_bytes()):
                return f"its {reference.name} is no reference"
        repository = pygit2.Repository(str(folder), RepositoryOpenFlag.NO_SEARCH)
        for name in repository.references:
            repository.odb.read_header(repository.references[name].target)
    except (pygit2.GitError, KeyError, ValueError, TypeError, OSError) as error:
        return f"it cannot be read: {error}"
    return None if repository.is_bare else "it has a working tree"


def consolidate(folder: Path, repository: pygit2.Repository, small: list[Path]) -> None:
    """Put small packs into one; the repository has to be opened again then.

    The new one is made beside and looked over before any is deleted. It has the name of one of the
    small ones where that holds all of them already, as a process killed here leaves it.
    """
    identifiers = {oid for pack in small for oid in _objects_in(pack)}

    def add(builder: PackBuilder) -> None:
        for oid in sorted(identifiers):
            builder.add(pygit2.Oid(raw=oid))

    with TemporaryDirectory(prefix=f"{folder.name}.new-", dir=folder.parent) as beside:
        repository.pack(beside, add)
        written = put_in_place(Path(beside), folder / "objects" / "pack", identifiers)
    for pack in set(small) - {written}:
        for part in (pack, pack.with_suffix(".idx")):
            part.unlink(missing_ok=True)
    _LOG.info("mirror: put %d packs of %d objects into one", len(small), len(identifiers))


def put_in_place(beside: Path, packs: Path, identifiers: set[bytes]) -> Path:
    """Move the one new pack among the others; raise ``OSError`` where it does not hold them all."""
    made = list(_in_folder(beside))
    if len(made) != 1 or not _is_whole(made[0]) or set(_objects_in(made[0])) != identifiers:
        raise OSError(errno.EIO, "the pack that was to hold all small ones does not")
    for part in (made[0], made[0].with_suffix(".idx")):
        part.replace(packs / part.name)
    return packs / made[0].name


def small_packs(folder: Path) -> list[Path]:
    """Return the packs without those that are much bigger than all smaller ones together.

    Each fetch leaves one, and each is an open file.
    """
    sizes = sorted((pack.stat().st_size, pack) for pack in _packs(folder))
    while sizes and sizes[-1][0] > 2 * sum(size for size, _ in sizes[:-1]):
        sizes.pop()
    return [pack for _, pack in sizes]


def _objects_in(pack: Path) -> Iterator[bytes]:
    """Yield the hash of each object in a pack, from its index (version 2)."""
    index = pack.with_suffix(".idx").read_bytes()
    count = int.from_bytes(index[1028:1032], "big")
    return (index[at : at + 20] for at in range(1032, 1032 + 20 * count, 20))


def create(folder: Path, remote: Remote, lender: Path | None = None) -> None:
    """Make an empty mirror beside, then put it in its place by one rename."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = Path(mkdtemp(prefix=f"{folder.name}.new-", dir=folder.parent))
    repository = pygit2.init_repository(str(new), bare=True)
    configure(repository, remote)
    repository.free()
    if lender is not None:
        (new / _BORROWED).write_bytes(_borrowed(lender))
    new.rename(folder)


def configure(repository: pygit2.Repository, remote: Remote) -> None:
    """Write the settings that every mirror has; none of them is a secret."""
    wanted = {
        "paod.format": _FORMAT,
        "remote.origin.url": remote.url,
        "http.followRedirects": "false",
        "gc.auto": "0",
    }
    for name, value in wanted.items():
        if name not in repository.config or repository.config[name] != value:
            repository.config[name] = value


def set_aside(folder: Path, why: str) -> None:
    """Rename a mirror that cannot be used; keep the last two of them and delete older ones."""
    earlier = sorted(_beside(folder, "broken"))
    last = int(earlier[-1].name.rpartition("-")[2]) if earlier else 0
    aside = folder.with_name(f"{folder.name}.broken-{last + 1:06d}")
    folder.rename(aside)
    _LOG.warning("mirror: set aside as %s, because %s", aside, why)
    for old in [*earlier, aside][:-_KEPT_ASIDE]:
        delete(old)


def sweep_beside(folder: Path) -> None:
    """Delete mirrors that a killed process was about to put in place."""
    for new in _beside(folder, "new"):
        _LOG.warning("mirror: removed the leftover %s", new)
        delete(new)


def _beside(folder: Path, what: str) -> Iterator[Path]:
    name = re.compile(re.escape(f"{folder.name}.{what}-") + r"\w+")
    return (path for path in folder.parent.glob("*") if name.fullmatch(path.name))


def delete(path: Path) -> None:
    """Delete a mirror, or whatever stands in its place."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path, ignore_errors=True)


def _loose_objects(folder: Path) -> Iterator[Path]:
    for entry in (folder / "objects").iterdir():
        if entry.name not in ("pack", "info"):
            yield from entry.iterdir() if entry.is_dir() else (entry,)


def _packs(folder: Path) -> Iterator[Path]:
    return _in_folder(folder / "objects" / "pack")


def _in_folder(folder: Path) -> Iterator[Path]:
    return folder.glob("pack-*.pack")


def _bytes_of(packs: Iterable[Path]) -> int:
    return sum(pack.lstat().st_size for pack in packs)


def _is_whole(pack: Path) -> bool:
    """Whether a pack and its index have the contents that their last bytes are the hash of."""
    try:
        index = pack.with_suffix(".idx").read_bytes()
        trailer = _verified_trailer(pack)
    except OSError:
        return False
    sound = hashlib.sha1(index[:-20], usedforsecurity=False).digest() == index[-20:]
    return sound and len(index) > 1072 and trailer is not None and index[-40:-20] == trailer


def _verified_trailer(pack: Path) -> bytes | None:
    size = pack.stat().st_size - 20
    if size < 12:
        return None
    digest = hashlib.sha1(usedforsecurity=False)
    with pack.open("rb") as file:
        while size > 0 and (block := file.read(min(size, 2**20))):
            digest.update(block)
            size -= len(block)
        trailer = file.read(20)
    return trailer if digest.digest() == trailer else None
