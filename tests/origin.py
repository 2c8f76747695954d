"""A real repository to sync from, made with the git program, a few milliseconds a commit.

``Origin`` is bare. Files are staged by ``write``, ``move``, ``remove`` and ``commit`` sends
them to one long-lived ``git fast-import``. All that is not a plain commit is the git program.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

AUTHOR = "Ada Example <ada@example.org>"
FIRST_TIME = int(datetime(2025, 1, 6, 9, tzinfo=UTC).timestamp())
_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada Example",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada Example",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}
_QUICK = ["-c", "core.fsync=none", "-c", "fastimport.unpackLimit=1", "-c", "gc.auto=0"]


class Origin:
    """A bare repository in ``folder`` with one branch checked out in mind: ``branch``.

    ``heads`` maps each branch to its commit. Commits are a minute apart unless told otherwise.
    """

    def __init__(self, folder: Path, branch: str = "main", name: str = "origin.git") -> None:
        self.path = folder / name
        self.branch = branch
        self.heads: dict[str, str] = {}
        self.time = FIRST_TIME
        self._staged: list[bytes] = []
        self._importer: subprocess.Popen[bytes] | None = None
        self._run("init", "--quiet", "--bare", "-b", branch, str(self.path))

    def __enter__(self) -> Origin:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        return f"file://{self.path}"

    @property
    def head(self) -> str:
        """The commit of the current branch."""
        return self.heads[self.branch]

    # staging

    def write(self, path: str, content: str | bytes, mode: str = "100644") -> Origin:
        data = content.encode() if isinstance(content, str) else content
        self._staged.append(b"M %s inline %s\n%s" % (mode.encode(), _quoted(path), _data(data)))
        return self

    def write_all(self, files: Mapping[str, str | bytes]) -> Origin:
        for path, content in files.items():
            self.write(path, content)
        return self

    def symlink(self, path: str, target: str) -> Origin:
        return self.write(path, target, "120000")

    def submodule(self, path: str, commit: str = "1" * 40) -> Origin:
        self._staged.append(b"M 160000 %s %s\n" % (commit.encode(), _quoted(path)))
        return self

    def remove(self, path: str) -> Origin:
        """Remove a file, or a folder and all that is in it."""
        self._staged.append(b"D %s\n" % _quoted(path))
        return self

    def move(self, old: str, new: str) -> Origin:
        """Move a file or a folder; what ``new`` held is replaced."""
        self._staged.append(b"R %s %s\n" % (_quoted(old), _quoted(new)))
        return self

    def clear(self) -> Origin:
        """Remove every file."""
        self._staged.append(b"deleteall\n")
        return self

    # commits

    def commit(
        self,
        message: str = "Change the catalog",
        *,
        author: str = AUTHOR,
        when: int | datetime | None = None,
        parents: tuple[str, ...] | None = None,
    ) -> str:
        """Commit what is staged on the current branch; return the commit's hash.

        ``when`` is both the author's and the committer's time, seconds or a ``datetime``.
        """
        if parents is None:
            parents = (self.heads[self.branch],) if self.branch in self.heads else ()
        stamp = b"%s %d +0000\n" % (author.encode(), self._moment(when))
        lines = [b"reset refs/heads/%s\n" % self.branch.encode()] if not parents else []
        lines += [b"commit refs/heads/%s\nmark :1\n" % self.branch.encode()]
        lines += [b"author ", stamp, b"committer ", stamp, _data(message.encode())]
        lines += [b"from %s\n" % parents[0].encode()] if parents else []
        lines += [b"merge %s\n" % parent.encode() for parent in parents[1:]]
        found = self._send(b"".join([*lines, *self._staged, b"get-mark :1\n"]))
        self._staged.clear()
        self.heads[self.branch] = found
        return found

    def merge(self, branch: str, message: str = "", *, when: int | datetime | None = None) -> str:
        """Merge ``branch`` into the current one with git's own merge; conflicts are an error."""
        parents = (self.head, self.heads[branch])
        tree = self.git("merge-tree", "--write-tree", *parents).splitlines()[0]
        moment = f"{self._moment(when)} +0000"
        arguments = [argument for parent in parents for argument in ("-p", parent)]
        commit = self.git(
            *("commit-tree", tree, *arguments, "-m", message or f"Merge {branch}"),
            environment={"GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment},
        )
        return self.force(commit)

    # refs

    def start(self, branch: str, at: str | None = None) -> Origin:
        """Make a branch at a commit (the current head) and work on it from now on."""
        self.force(at or self.head, branch)
        return self.switch(branch)

    def switch(self, branch: str) -> Origin:
        self.branch = branch
        return self

    def force(self, commit: str, branch: str | None = None) -> str:
        """Point a branch (the current one) at any commit: a force push."""
        branch = branch or self.branch
        self.git("update-ref", f"refs/heads/{branch}", commit)
        self.heads[branch] = commit
        return commit

    def delete(self, branch: str) -> None:
        self.git("update-ref", "-d", f"refs/heads/{branch}")
        del self.heads[branch]

    def rename(self, old: str, new: str) -> None:
        """Rename a branch; HEAD follows it."""
        self.force(self.heads[old], new)
        self.delete(old)
        self.git("symbolic-ref", "HEAD", f"refs/heads/{new}")
        self.branch = new if self.branch == old else self.branch

    def tag(self, name: str, at: str | None = None) -> None:
        self.git("tag", name, at or self.head)

    # raw objects, and reading back

    def raw(self, kind: str, content: bytes) -> str:
        """Store an object whatever is in it, as no ordinary git program would."""
        return self.git("hash-object", "-w", "--stdin", "--literally", "-t", kind, feed=content)

    def raw_tree(self, *entries: tuple[str, bytes, str]) -> str:
        """Store a tree of ``(mode, name, oid)`` in just that order."""
        packed = (b"%s %s\0" % (m.encode(), n) + bytes.fromhex(oid) for m, n, oid in entries)
        return self.raw("tree", b"".join(packed))

    def files(self, commit: str | None = None) -> dict[str, bytes]:
        """Every regular file of a commit (the head), by its path."""
        listing = self.git("ls-tree", "-r", "-z", "--full-tree", commit or self.head)
        rows = [row.partition("\t") for row in listing.split("\0") if row]
        blobs = {path: meta.split()[2] for meta, _, path in rows if meta.startswith("100")}
        return {path: self.output("cat-file", "blob", oid) for path, oid in blobs.items()}

    def git(
        self, *arguments: str, feed: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> str:
        """Run git in the repository and return what it printed, without the last newline."""
        self.close()
        return self.output(*arguments, feed=feed, environment=environment).decode().rstrip("\n")

    def output(
        self, *arguments: str, feed: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> bytes:
        return self._run("-C", str(self.path), *arguments, feed=feed, environment=environment)

    def clone(self, folder: Path) -> Path:
        """Clone into a working tree, as an author would."""
        self.close()
        self._run("clone", "--quiet", str(self.path), str(folder))
        return folder

    def close(self) -> None:
        """End the import that is under way, if any; the next commit starts one again."""
        if self._importer is not None:
            self._importer.communicate(timeout=30)
            assert self._importer.returncode == 0, "git fast-import failed"
            self._importer = None

    def _run(
        self, *arguments: str, feed: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> bytes:
        done = subprocess.run(
            ["git", *_QUICK, *arguments],
            input=feed,
            capture_output=True,
            env={**_ENVIRONMENT, **(environment or {})},
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"git {arguments}: {done.stderr.decode(errors='replace')}"
        return done.stdout

    def _send(self, commands: bytes) -> str:
        if self._importer is None:
            self._importer = subprocess.Popen(
                ["git", "-C", str(self.path), *_QUICK, "fast-import", "--quiet", "--force"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=_ENVIRONMENT,
            )
        assert self._importer.stdin is not None
        assert self._importer.stdout is not None
        self._importer.stdin.write(commands + b"checkpoint\nprogress done\n")
        self._importer.stdin.flush()
        answer = self._importer.stdout.readline().decode().strip()
        assert self._importer.stdout.readline() == b"progress done\n", "git fast-import failed"
        return answer

    def _moment(self, when: int | datetime | None) -> int:
        if when is None:
            self.time += 60
        else:
            self.time = int(when.timestamp()) if isinstance(when, datetime) else when
        return self.time


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def _quoted(path: str) -> bytes:
    """Quote a path as fast-import reads it; odd bytes come as surrogate escapes."""
    raw = os.fsencode(path)
    escaped = b"".join(
        b"\\%03o" % byte if byte < 32 or byte in b'"\\' else bytes([byte]) for byte in raw
    )
    return b'"' + escaped + b'"'
