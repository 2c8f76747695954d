"""Incidents of the repository: its token, its branch, what is pushed to it, its host."""

from __future__ import annotations

import time

from paod.cli.exits import Exit
from tests.incidents.seen import AtLeast, Expected
from tests.incidents.site import ITEMS, REPOSITORY_TOKEN, Site, path_of
from tests.running import item

FAILING = "paod_sync_consecutive_failures"
WELL = {"paod_database_up": 1, FAILING: 0, "paod_sync_held": 0, "paod_catalog_pinned": 0}


def token_revoked(site: Site) -> None:
    """The repository's token is revoked. A new one in its file is used without a restart."""
    site.serve()
    site.git.token = new = "the-token-that-is-good-now"
    site.push("item-0", item("item-0").replace("1.0.0", "1.0.1"))
    site.wait_for_failures(3)
    site.sees(
        "the token is refused",
        Expected(
            stale=("AuthenticationFailed",),
            says=("it refused the credentials", "PAO_REPO_TOKEN"),
            bad={"repository": "PAO_REPO_TOKEN"},
            metrics={FAILING: AtLeast(3), 'paod_catalog_items{state="fresh"}': ITEMS},
            alerts=("sync-failed",),
            log=(r"status=failed reason=AuthenticationFailed", r"PAO_REPO_TOKEN"),
        ),
    )
    site.secret("repo-token", new)
    assert site.run("sync")[0] == Exit.FINE
    site.sees(
        "a new token is in its file",
        Expected(
            status={"head.commit_hash": site.origin.head},
            metrics=WELL | {"paod_catalog_generation": 2},
            alerts=("recovered",),
            log=(r"status=completed reason=Succeeded",),
        ),
    )


def branch_renamed(site: Site) -> None:
    """The branch is renamed. The catalog stays until the setting follows."""
    site.serve()
    site.origin.rename("main", "trunk")
    renamed = site.push("item-10")
    site.sees(
        "the branch is gone",
        Expected(
            stale=("BranchNotFound",),
            says=("'trunk'", "PAO_REPO_BRANCH"),
            bad={"branch": "'trunk'"},
            metrics={FAILING: AtLeast(1), 'paod_catalog_items{state="fresh"}': ITEMS},
            alerts=("branch-gone",),
            log=(r"status=failed reason=BranchNotFound", r"PAO_REPO_BRANCH"),
        ),
    )
    assert site.daemon.stop()[0] == Exit.FINE
    site.again(PAO_REPO_BRANCH="trunk")
    site.wait_for_items(ITEMS + 1)
    site.sees(
        "PAO_REPO_BRANCH is its new name",
        Expected(
            status={"head.commit_hash": renamed},
            metrics=WELL | {'paod_catalog_items{state="fresh"}': ITEMS + 1},
            alerts=("recovered",),
            log=(r"trigger=startup status=completed reason=Succeeded",),
        ),
    )


def mass_removal(site: Site) -> None:
    """A commit removes most of the catalog. It is held until somebody gives leave for it."""
    site.serve()
    for number in range(2, ITEMS):
        site.origin.remove(path_of(f"item-{number}"))
    emptied = site.origin.commit("Clear up")
    site.sees(
        "the commit is held",
        Expected(
            stale=("MassRemoval",),
            says=("8 of 10", f"paod sync --commit {emptied} --allow-mass-removal"),
            metrics={"paod_sync_held": 1, FAILING: 0, 'paod_catalog_items{state="fresh"}': ITEMS},
            alerts=("held",),
            log=(r"status=blocked reason=MassRemoval", r"--allow-mass-removal"),
        ),
    )
    ended, said = site.run("plan")
    assert (ended, "item-9" in said) == (Exit.FAILED, True), said
    assert site.run("sync", "--allow-mass-removal")[0] == Exit.FINE
    site.sees(
        "leave is given",
        Expected(
            status={"head.commit_hash": emptied, "stats.items.active": 2},
            metrics=WELL | {'paod_catalog_items{state="removed"}': ITEMS - 2},
            alerts=("recovered",),
            log=(r"status=completed reason=Succeeded .*removed=8",),
        ),
    )


def bad_merge(site: Site) -> None:
    """A bad merge is rolled back. The catalog is held until the branch is mended, then resumed."""
    site.serve()
    good = site.origin.head
    site.origin.start("feature")
    site.push("item-1", item("item-1").replace("type: string", "type: strng"))
    site.push("item-2", item("item-2").replace("1.0.0", "2.0.0"))
    site.origin.switch("main")
    merged = site.origin.merge("feature")
    site.sees(
        "the merge is served",
        Expected(
            status={"head.commit_hash": merged, "stats.problems.error": 1},
            metrics=WELL
            | {
                'paod_catalog_validation_errors{severity="error"}': 1,
                'paod_catalog_items{state="stale"}': 1,
            },
            alerts=("problems-new",),
            log=(r"status=completed reason=Succeeded .*updated=1 removed=0 problems=1",),
        ),
    )
    assert site.run("rollback", good, "--reason", "the merge is bad")[0] == Exit.FINE
    site.sees(
        "it is rolled back",
        Expected(
            status={"head.commit_hash": good, "pin.reason": "the merge is bad"},
            metrics=WELL
            | {
                "paod_catalog_pinned": 1,
                'paod_sync_total{trigger="rollback",status="completed"}': 1,
                'paod_catalog_validation_errors{severity="error"}': 0,
            },
            alerts=("problems-cleared",),
            log=(r"trigger=rollback status=completed reason=Succeeded",),
        ),
    )
    site.origin.write_all({path_of(name): item(name) for name in ("item-1", "item-2")})
    mended = site.origin.commit("Revert the merge")
    assert site.run("sync")[1].count("held at"), "a sync of a pinned catalog says so"
    assert site.run("resume")[0] == Exit.FINE
    site.sees(
        "the branch is mended and followed",
        Expected(
            status={"head.commit_hash": mended, "pin": None, "stats.problems.error": 0},
            metrics=WELL,
            log=(r"reason=Pinned", r"trigger=manual status=completed reason=Succeeded"),
        ),
    )


def remote_down(site: Site) -> None:
    """The repository's host is down for an hour. paod asks ever less often, and comes back.

    The hour is a minute, in which sixty polls would have come: an interval of a second stands for
    one of a minute. What fakes the clock of a process (libfaketime) hangs Python's waits.
    """
    site.serve(PAO_REPO_TIMEOUT="10")
    port = site.git.port
    site.git.stop()
    began, syncs = time.monotonic(), len(site.daemon.syncs())
    site.sees(
        "for some minutes nobody answers",
        Expected(
            stale=("RemoteUnreachable",),
            says=("cannot be reached",),
            bad={"repository": "RemoteUnreachable"},
            metrics={FAILING: AtLeast(3), 'paod_catalog_items{state="fresh"}': ITEMS},
            alerts=("sync-failed",),
            log=(r"status=failed reason=RemoteUnreachable", r"3 failed in a row, the next sync in"),
        ),
    )
    while time.monotonic() - began < 60:
        assert len(site.daemon.names()) == ITEMS
        time.sleep(1)
    tries = len(site.daemon.syncs()) - syncs
    assert 3 <= tries < 12, f"{tries} tries in an hour"
    site.sees(
        "after an hour",
        Expected(
            stale=("NotChecked", "RemoteUnreachable"),
            bad={"repository": "RemoteUnreachable"},
            metrics={FAILING: AtLeast(3)},
        ),
    )
    assert site.git.token == REPOSITORY_TOKEN
    site.git.start(port)
    back = site.push("item-10")
    site.sees(
        "it is back",
        Expected(
            status={"head.commit_hash": back},
            metrics=WELL,
            alerts=("recovered",),
            log=(r"status=completed reason=Succeeded",),
        ),
    )
