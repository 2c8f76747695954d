"""What disks, kills and other programs do to the mirror's folder, and how it is mended.

The ids name rows of the list of faults that paod is built against: O process, mirror and host, F
measured findings.
"""

from __future__ import annotations

import faulthandler
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pygit2
import pytest

from paod.errors import AccessDenied, FetchFailed, MirrorBroken, MirrorError
from paod.mirror import Mirror
from tests.mirrors import fetching_child, open_mirror, whole
from tests.nobody import without_root
from tests.origin import Origin
from tests.remote import Fault, GitServer
from tests.syncing import Paod


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
    "ref garbage": lambda m: (m / "refs/paod/branch").write_text("zzz\n"),
    "ref emptied": lambda m: (m / "refs/paod/branch").write_text(""),
    "ref to a missing commit": lambda m: (m / "refs/paod/branch").write_text("1" * 40 + "\n"),
    "ref is a folder": lambda m: replaced_by_folder(m / "refs/paod/branch"),
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
    assert not (moved / "refs/paod/branch").read_text().startswith(head)


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


LOCKS = ["HEAD.lock", "config.lock", "packed-refs.lock", "shallow.lock", "refs/paod/branch.lock"]
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


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: to give a folder away")
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


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: to give a folder away")
def test_a_repository_of_another_user_is_refused_with_the_remedy(
    tmp_path: Path, origin: Origin
) -> None:
    mirror = open_mirror(tmp_path, origin.url)
    origin.close()
    os.chown(origin.path, 12345, 12345)
    with pytest.raises(AccessDenied, match="another user") as caught:
        mirror.fetch()
    assert caught.value.reason_given == "RepositoryNotOwned"


def test_a_state_folder_that_may_not_be_written_is_said(origin: Origin) -> None:
    def work(folder: Path) -> None:
        (folder / "state").mkdir(mode=0o500)
        with pytest.raises(MirrorError, match="cannot be made"):
            open_mirror(folder, origin.url)

    without_root(work)


def test_a_full_disk_is_said_and_the_next_fetch_works(tmp_path: Path, origin: Origin) -> None:
    """O6"""
    state = tmp_path / "state"
    state.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(state)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs root: to mount a tmpfs")
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


def test_a_shallow_clone_as_remote_has_a_reason_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with Origin(tmp_path) as origin:
        for number in range(4):
            origin.write("catalog/a/x.yaml", str(number)).commit()
        origin.close()
        shallow = tmp_path / "shallow.git"
        clone = ["git", "clone", "-q", "--bare", "--depth", "2", f"file://{origin.path}", shallow]
        subprocess.run(clone, check=True, capture_output=True)
        paod = Paod(tmp_path / "state", origin, {"PAO_REPO_URL": str(shallow)})
        for _ in range(3):
            failed = paod.sync()
            assert (failed.status, failed.reason) == ("failed", "RemoteIncomplete")
            assert "--unshallow" in failed.message
        assert [path.name for path in paod.folder.glob("mirror.git*")] == ["mirror.git"]
        whole = ["git", "-C", shallow, "fetch", "-q", "--unshallow"]
        subprocess.run(whole, check=True, capture_output=True)
        assert paod.sync().status == "completed"
        paod.database.close()


def test_a_shallow_clone_that_is_served_is_told_with_its_remedy(tmp_path: Path) -> None:
    with Origin(tmp_path) as origin, GitServer(tmp_path) as server:
        for number in range(3):
            origin.write("catalog/a/x.yaml", str(number)).commit()
        origin.close()
        shallow = tmp_path / "shallow.git"
        clone = ["git", "clone", "-q", "--bare", "--depth", "2", f"file://{origin.path}", shallow]
        subprocess.run(clone, check=True, capture_output=True)
        mirror = open_mirror(tmp_path, server.url("shallow.git"))
        with pytest.raises(FetchFailed) as caught:
            mirror.fetch()
        assert "--unshallow" in caught.value.hint
        assert mirror.rebuilds == 0
        mirror.close()
