"""The mirror itself: one object that holds the open repository and answers the questions asked."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path

import pygit2
from pygit2.enums import RepositoryOpenFlag

from paod.errors import CommitNotFound, FetchFailed, MirrorError
from paod.mirror import copying, upkeep
from paod.mirror.references import APPLIED, BRANCH, References
from paod.mirror.remote import Remote
from paod.mirror.source import Source
from paod.mirror.transport import Conversation, isolate
from paod.mirror.trees import Limits

_LOG = logging.getLogger("paod.mirror")
_REVISION = re.compile(r"[0-9a-f]{7,64}")
_MANY_PACKS = 50
_TOO_MANY_PACKS = 200

OnPhase = Callable[[str, float], None]
"""Told what begins and after how many seconds it may be taken for hung."""


def _ignore(name: str, seconds: float) -> None:
    """Tell nobody of a phase."""


class Mirror(Source):
    """paod's bare copy of one branch of one repository. ``open`` comes before everything else.

    Anything that is not in the mirror or cannot be read there is ``MirrorBroken``: then ``renew``
    and ``fetch``.
    """

    def __init__(
        self,
        folder: Path,
        remote: Remote,
        root: str,
        *,
        limits: Limits | None = None,
        on_phase: OnPhase = _ignore,
        lender: Path | None = None,
    ) -> None:
        """``lender``: a mirror of the same remote, whose objects need not be here as well."""
        super().__init__(root, limits)
        self._lender = lender
        self.folder = folder
        self.remote = remote
        self.rebuilds = 0
        self._on_phase = on_phase
        self._inode: tuple[int, int] | None = None

    # the folder

    def open(self) -> None:
        """Make the mirror ready without the network: sweep it, judge it, make it anew if need be.

        Raises ``MirrorError`` where it belongs to another user or there is no room for it.
        """
        self.close()
        isolate()
        why = self._judged()
        if why is None:
            self._attach()
        else:
            self.renew(why)

    def renew(self, why: str) -> None:
        """Set the mirror aside and begin an empty one; the next fetch fills it.

        One that no commit was ever applied from is deleted: it holds what the remote sent, no more.
        So is one that borrows.
        """
        was_open = self._inode is not None
        unproven = self._lender is not None or (
            was_open and self._references.commit(APPLIED) is None
        )
        self.close()
        with upkeep.storage(self.folder):
            self.rebuilds += was_open or self._is_there()
            if self._is_there() and unproven:
                upkeep.delete(self.folder)
            elif self._is_there():
                upkeep.set_aside(self.folder, why)
            _LOG.info("mirror: made at %s, because %s", self.folder, why)
            upkeep.create(self.folder, self.remote, self._lender)
        self._attach()

    def close(self) -> None:
        """Let go of the folder's files; ``open`` takes hold of them again.

        libgit2 keeps open packs by their path, for the whole process. A pack that was set aside
        would be read on in place of the new one of that name, were the old one still held.
        """
        if self._inode is not None:
            self._repository.free()
        self._inode = None

    def _is_there(self) -> bool:
        return self.folder.exists() or self.folder.is_symlink()

    def _judged(self) -> str | None:
        """Return why the folder cannot be the mirror; what was merely left over is swept.

        It has a time of its own, by the size of what is read: not that of a fetch.
        """
        with upkeep.storage(self.folder):
            self._on_phase("open", upkeep.seconds_to_open(self.folder))
            upkeep.sweep_beside(self.folder)
            if not self._is_there():
                return "it was not there"
            upkeep.check_owner(self.folder)
            why = upkeep.stranger(self.folder, self.remote)
            if why is not None:
                return why
            upkeep.sweep(self.folder)
            return upkeep.fault(self.folder, self._lender)

    def _attach(self) -> None:
        with upkeep.storage(self.folder):
            self.folder.chmod(0o700)
            stat = self.folder.lstat()
            self._inode = (stat.st_dev, stat.st_ino)
            repository = pygit2.Repository(str(self.folder), RepositoryOpenFlag.NO_SEARCH)
            upkeep.configure(repository, self.remote)
            self._references = References(repository)
            self._references.follow(self.remote.branch)
            if self._lender is not None:
                self._references.copy_from(self._lender)
        self._read_from(repository)

    def _is_in_place(self) -> bool:
        try:
            stat = self.folder.lstat()
        except OSError:
            return False
        same = (stat.st_dev, stat.st_ino) == self._inode
        return same and (self.folder / "objects" / "pack").is_dir()

    # the remote

    def remote_tip(self) -> str | None:
        """Ask the remote where the branch stands; None: the repository has no refs at all.

        Raises ``BranchNotFound``, ``AccessDenied`` or ``FetchFailed``. Nobody waits for this as
        for a fetch, so it is the moment to put packs together.
        """
        conversation = self._conversation("heads")
        tip = conversation.tip()
        self._consolidate(_MANY_PACKS)
        return tip

    def fetch(self) -> str | None:
        """Bring the branch here if it moved; return its commit, None: the repository is empty.

        Where the fetch failed because the mirror is broken, it is made anew and fetched once more.
        Raises like ``remote_tip``.
        """
        try:
            return self._fetch()
        except MirrorError as error:
            if error.reason_given == "MalformedCommit":
                return self._fetch_whole()
            if error.reason_given not in ("MirrorBroken", "RemoteProtocolError"):
                raise
            why = self._judged()
            if why is None and error.reason_given != "MirrorBroken":
                raise
        if why is not None:
            self.renew(why)
        return self._fetch()

    def _fetch(self) -> str | None:
        conversation = self._conversation("fetch")
        advertised = conversation.tip()
        former = self.tip()
        if advertised is None or (advertised == former and self._objects.has_commit(advertised)):
            return advertised
        self._bring(conversation, self.remote.ref, BRANCH, advertised)
        self._check_sent(advertised, self.tip())
        if former is not None and self._was_left(former, advertised):
            self._references.keep_former(former)
        self._consolidate(_TOO_MANY_PACKS)
        return advertised

    def _bring(self, conversation: Conversation, ref: str, place: str, advertised: str) -> None:
        """Fetch a ref into a local one; where libgit2 cannot walk a local repository, copy it."""
        try:
            conversation.fetch(ref, place)
        except MirrorError as error:
            local = self.remote.address.kind == "local"
            if not local or error.reason_given != "MalformedCommit":
                raise
            self._copy(place, advertised)

    def _copy(self, place: str, commit: str) -> None:
        with upkeep.storage(self.folder):
            copying.copy(
                Path(self.remote.address.path), commit, self.folder, self._objects.has_commit
            )
            self._references.hold(place, commit)

    def _check_sent(self, advertised: str, fetched: str | None) -> None:
        if fetched != advertised or not self._objects.has_commit(advertised):
            raise FetchFailed(
                f"{self.remote.url} advertised {advertised} and did not send it",
                reason="RemoteProtocolError",
            )

    def fetch_beside(self, wanted: str) -> str:
        """Bring a ref of the remote here without touching the branch; return its commit.

        ``wanted`` is a ref in full (``refs/pull/7/head``), or the digits of a commit that a ref of
        the remote shows. Its objects stay, but it is held by no reference and no revision to
        ``resolve``. Raises like ``remote_tip``; ``BranchNotFound`` (``RefNotFound``) where the
        remote has it not.
        """
        try:
            return self._fetch_beside(wanted)
        except MirrorError as error:
            if error.reason_given != "MalformedCommit":
                raise
        with self._references.out_of_sight():
            return self._fetch_beside(wanted)

    def _fetch_beside(self, wanted: str) -> str:
        conversation = self._conversation("fetch")
        ref, advertised = conversation.find(wanted)
        if not self._objects.has_commit(advertised):
            with self._references.beside() as place:
                self._bring(conversation, ref, place, advertised)
                self._check_sent(advertised, self._references.commit(place))
        return advertised

    def _was_left(self, former: str, tip: str) -> bool:
        return self._objects.has_commit(former) and not self.is_ancestor(former, tip)

    def _fetch_whole(self) -> str | None:
        """Fetch without telling the remote what is here, which takes a walk over each commit."""
        with self._references.out_of_sight():
            return self._fetch()

    def _consolidate(self, many: int) -> None:
        """Put the small packs together where there are more than ``many``."""
        try:
            small = upkeep.small_packs(self.folder)
            if len(small) <= many:
                return
            self._on_phase("consolidate", upkeep.seconds_to_consolidate(small))
            upkeep.consolidate(self.folder, self._repository, small)
        except (pygit2.GitError, OSError) as error:  # no reason to fail what has been fetched
            _LOG.warning("mirror: its packs cannot be put together: %s", error)
            return
        self.close()
        self._attach()

    def _conversation(self, phase: str) -> Conversation:
        self._on_phase(phase, self.remote.timeout)
        if not self._is_in_place():
            self.renew("its folder was deleted or replaced while paod ran")
        return Conversation(
            self._repository,
            self.remote,
            self.folder / "home",
            lambda: self._on_phase(phase, self.remote.timeout),
        )

    # commits

    def tip(self) -> str | None:
        """Return the branch's commit as last fetched, None: never fetched."""
        return self._references.tip()

    def resolve(self, revision: str) -> str:
        """Return the commit that 7 to 40 hex digits name; raise ``CommitNotFound``.

        Nothing else is a revision here: no branch, no ``HEAD~1``, no expression. It has to be in
        the history of the branch, of the applied commit, or of what a force push took off the
        branch: from a local path come the objects of every branch.
        """
        digits = revision.lower()
        found = self._objects.expand(digits) if _REVISION.fullmatch(digits) else None
        if found is None or not self._objects.has_commit(found):
            raise CommitNotFound(
                f"{revision[:80]!a} is no commit of the mirror",
                "give at least 7 hex digits of a commit that was on the branch",
            )
        if not any(self.is_ancestor(found, held) for held in self._references.held()):
            raise CommitNotFound(
                f"{found} is not in the history of branch {self.remote.branch!a}",
                "give a commit that is or was on the branch, or merge it there first",
            )
        return found

    def raw(self, commit: str) -> bytes:
        """Return a commit's object as it is; libgit2 has checked it against the hash."""
        return self._objects.read(commit, "commit")

    def keep(self, commit: str) -> None:
        """Hold the applied commit alive, whatever becomes of the branch, until another is kept."""
        self._references.keep(commit)
