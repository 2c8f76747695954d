"""Incidents of paod's own machine: disk, mirror, database, secrets, processes."""

from __future__ import annotations

import os
import shutil
import signal
import urllib.error
import urllib.request
from pathlib import Path

from paod.cli.exits import Exit
from tests.incidents.remote import FAILING, WELL
from tests.incidents.seen import AtLeast, Expected, matching
from tests.incidents.site import ADMIN_TOKEN, ITEMS, WEBHOOK_SECRET, Site
from tests.running import item
from tests.served import signed


def full_disk(site: Site) -> None:
    """The disk is full. Reading goes on, syncs fail whole, and go on once there is room."""
    site.serve(PAO_REPO_TIMEOUT="2")
    before = site.origin.head
    filler = fill(site.state)
    site.push("item-0", item("item-0").replace("1.0.0", "1.0.1"))
    site.sees(
        "nothing can be written",
        Expected(
            stale=("NotChecked",),
            bad={"disk": "make room"},
            warned={"catalog": "not asked for news"},
            status={"head.commit_hash": before},
            metrics={'paod_catalog_items{state="fresh"}': ITEMS, "paod_catalog_generation": 1},
            log=(r"StorageFull|no room|is full",),
        ),
    )
    assert len(site.daemon.names()) == ITEMS
    filler.unlink()
    site.sees(
        "there is room again",
        Expected(
            status={"head.commit_hash": site.origin.head},
            metrics=WELL | {"paod_catalog_generation": 2},
            log=(r"the sync worker goes on|status=completed reason=Succeeded",),
        ),
    )


def fill(folder: Path) -> Path:
    """Fill the disk of a folder; return the file that does."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (2**20, 2**12, 1):
            try:
                while file.write(b"\0" * size):
                    pass
            except OSError:
                continue
    return filler


def mirror_deleted(site: Site) -> None:
    """The mirror is deleted while paod runs. It is cloned again, and nobody notices."""
    site.serve()
    shutil.rmtree(site.state / "mirror.git")
    pushed = site.push("item-10")
    site.sees(
        "it is cloned again",
        Expected(
            status={"head.commit_hash": pushed, "last.status": "completed"},
            metrics=WELL
            | {
                "paod_git_mirror_rebuilds_total": AtLeast(1),
                'paod_sync_total{status="failed"}': 0,
            },
            log=(r"mirror", r"status=completed reason=Succeeded .*added=1"),
        ),
    )
    assert (site.state / "mirror.git").is_dir()


def database_restored(site: Site) -> None:
    """The database is damaged, and restored from a backup. The next sync goes on from there."""
    site.serve()
    backup = site.folder / "backup.db"
    assert site.run("backup", str(backup))[0] == Exit.FINE
    site.push("item-10")
    site.wait_for_items(ITEMS + 1)
    assert site.daemon.stop()[0] == Exit.FINE
    database = site.state / "paod.db"
    database.write_bytes(b"\0" * database.stat().st_size)
    site.again()
    site.sees(
        "the database is damaged",
        Expected(
            unreadable="paod restore",
            bad={"database": "paod restore"},
            warned={"daemon": "does not run"},
            metrics=None,
            log=(r"paod restore",),
        ),
    )
    assert site.daemon.process.wait(10) == Exit.FAILED
    ended, said = site.run("restore", str(backup))
    assert (ended, "the former database is" in said) == (Exit.FINE, True), said
    site.again()
    site.wait_for_items(ITEMS + 1)
    site.sees(
        "the backup is in its place",
        Expected(
            status={"head.commit_hash": site.origin.head, "daemon_running": True},
            metrics=WELL | {"paod_catalog_generation": 2},
            log=(r"trigger=startup status=completed reason=Succeeded .*added=1",),
        ),
    )


def secret_rotated(site: Site) -> None:
    """The webhook's secret and the API's token are rotated. Both are read from their files."""
    site.serve(PAO_SYNC_INTERVAL="0")
    secret, token = "the-new-secret-of-the-webhook", "the-new-token-of-an-administrator"
    assert (deliver(site, WEBHOOK_SECRET), admin(site, ADMIN_TOKEN)) == (200, 200)
    site.secret("webhook-secret", f"{secret}\n{WEBHOOK_SECRET}")
    site.secret("admin-token", f"{token}\n{ADMIN_TOKEN}")
    site.daemon.process.send_signal(signal.SIGHUP)
    assert [deliver(site, one) for one in (secret, WEBHOOK_SECRET)] == [200, 200]
    assert [admin(site, one) for one in (token, ADMIN_TOKEN)] == [200, 200]
    site.secret("webhook-secret", secret)
    site.secret("admin-token", token)
    site.daemon.process.send_signal(signal.SIGHUP)
    assert [deliver(site, one) for one in (secret, WEBHOOK_SECRET)] == [200, 401]
    assert [admin(site, one) for one in (token, ADMIN_TOKEN)] == [200, 401]
    deliveries = "paod_webhook_deliveries_total"
    site.sees(
        "the former ones are refused",
        Expected(
            status={"daemon_running": True},
            metrics=WELL
            | {
                f'{deliveries}{{event="ping",outcome="pong"}}': 4,
                f'{deliveries}{{outcome="refused"}}': 1,
            },
            log=(r"event=ping secret=1 outcome=pong", r"trigger=manual", r"refused"),
        ),
    )
    assert len(matching(r"secret=0 outcome=pong", site.daemon.log)) == 3


def deliver(site: Site, secret: str) -> int:
    """Send a ping as GitHub would; return the answer's status."""
    body = b'{"zen": "Keep it logically awesome."}'
    headers = {
        "X-Hub-Signature-256": signed(body, secret),
        "X-GitHub-Event": "ping",
        "X-GitHub-Delivery": os.urandom(16).hex(),
        "Content-Type": "application/json",
    }
    return call(site, "/api/v1/webhooks/github", headers, body)


def admin(site: Site, token: str) -> int:
    """Ask for what only administrators see; return the answer's status."""
    return call(site, "/api/v1/admin/catalog/syncs", {"Authorization": f"Bearer {token}"})


def call(site: Site, path: str, headers: dict[str, str], body: bytes | None = None) -> int:
    """Ask the daemon; return the answer's status."""
    address = f"http://127.0.0.1:{site.daemon.port}{path}"
    try:
        with urllib.request.urlopen(urllib.request.Request(address, body, headers)) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def worker_killed(site: Site) -> None:
    """The sync worker is killed in each sync. The API answers, and the last good catalog stays."""
    site.serve()
    assert site.daemon.stop()[0] == Exit.FINE
    pushed = site.push("item-10")
    site.again(PAOD_FAILPOINT="before_commit")
    site.sees(
        "it dies in each sync",
        Expected(
            stale=("WorkerCrashed",),
            says=("SIGKILL", "journalctl -k"),
            warned={"catalog": "WorkerCrashed"},
            metrics={FAILING: AtLeast(3), 'paod_catalog_items{state="fresh"}': ITEMS},
            alerts=("sync-failed",),
            log=(r"sync worker \d+ ended: SIGKILL", r"is tried again in \d+ s"),
        ),
    )
    assert len(set(site.daemon.workers("api"))) == 1
    assert site.daemon.stop()[0] == Exit.FINE
    site.again(PAOD_FAILPOINT="")
    site.wait_for_items(ITEMS + 1)
    site.sees(
        "what killed it is gone",
        Expected(
            status={"head.commit_hash": pushed},
            metrics=WELL,
            alerts=("recovered",),
            log=(r"status=completed reason=Succeeded .*added=1",),
        ),
    )
