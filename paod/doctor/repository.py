"""The repository: reachable, open to us, and with the branch in it.

It is asked in a child process, which is killed when its time is over: nothing else ends a
connection that hangs before its first byte.
"""

from __future__ import annotations

import json
import os
import select
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from paod.config import Settings
from paod.daemon.child import Lifeline, fork
from paod.doctor.finding import Finding, bad, good, skipped, warning
from paod.errors import BranchNotFound, PaodError
from paod.mirror import remote_tip
from paod.sync import remote_of

MOST_SECONDS: Final = 20.0
GRACE: Final = 2.0
_WHERE: Final = "docs/operations.md tells each reason, under `The mirror and the remote`"


def ask(settings: Settings, moved_to: str | None) -> tuple[list[Finding], str | None]:
    """Ask the remote for its branch, for at most some twenty seconds; return where that is, too.

    ``moved_to``: where its host redirects to, as the daemon found out.
    """
    if not settings.repo_url:
        return [
            bad("repository", "PAO_REPO_URL is not set", "set it to the repository's address"),
            skipped("branch", "there is no repository"),
        ], None
    seconds = min(settings.repo_timeout, MOST_SECONDS)
    began = time.monotonic()
    answer = _asked_in_child(settings, seconds)
    found = list(_judged(settings, answer, time.monotonic() - began, seconds))
    if moved_to is not None and found[0].state == "good":
        told = f"{settings.repo_url} answers, by a redirect to {moved_to}"
        found[0] = warning("repository", told, f"set PAO_REPO_URL to {moved_to}")
    return found, answer.get("tip") if answer is not None else None


CRASHED: Final = {
    "reason": "WorkerCrashed",
    "message": "what asked the repository was ended by a fault in libgit2 or libssh2",
    "hint": "with an RSA key over ssh use an Ed25519 one (libssh2 1.11.1 crashes at some servers);"
    " else please report it",
}


def _judged(
    settings: Settings, answer: dict[str, Any] | None, took: float, seconds: float
) -> Iterator[Finding]:
    branch = settings.repo_branch
    reached = good("repository", f"{settings.repo_url} answered in {took:.1f} s and let us in")
    if answer is None:
        message = f"{settings.repo_url} gave no answer within {seconds:.0f} s"
        hint = "see to the network, the proxy (PAO_REPO_PROXY) and the address"
        yield bad("repository", message, hint)
    elif "tip" in answer:
        yield reached
        yield _there(branch, answer["tip"])
        return
    elif answer["reason"] == BranchNotFound.reason:
        yield reached
        yield bad("branch", answer["message"], answer["hint"])
        return
    else:
        message = f"{answer['message']} ({answer['reason']})"
        yield bad("repository", message, answer["hint"] or _WHERE)
    yield skipped("branch", "the repository did not tell")


def _there(branch: str, tip: str | None) -> Finding:
    if tip is None:
        return warning("branch", "the repository has no commits yet", f"push to {branch}")
    return good("branch", f"{branch} is at {tip[:12]}")


def _asked_in_child(settings: Settings, seconds: float) -> dict[str, Any] | None:
    """Return what a child found, None where it did not end in time."""
    lifeline = Lifeline()
    read, write = os.pipe()
    with tempfile.TemporaryDirectory(prefix="paod-doctor-") as folder:
        pid = fork(lambda: _ask(settings, seconds, Path(folder), write), lifeline)
        os.close(write)
        try:
            return _heard(read, seconds + GRACE)
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(read)
            lifeline.close()


def _ask(settings: Settings, seconds: float, folder: Path, write: int) -> int:
    """Ask the remote and write down what it said. In the child."""
    answer: dict[str, Any]
    try:
        remote = replace(remote_of(settings), timeout=seconds)
        answer = {"tip": remote_tip(remote, folder)}
    except PaodError as error:
        answer = {"reason": error.reason_given, "message": str(error), "hint": error.hint}
    os.write(write, json.dumps(answer).encode())
    os.close(write)
    return 0


def _heard(read: int, seconds: float) -> dict[str, Any] | None:
    """Read what a child wrote until it ends; an answer is less than a pipe holds."""
    if not select.select([read], [], [], seconds)[0]:
        return None
    data = os.read(read, 65_536)
    return dict(json.loads(data)) if data else CRASHED
