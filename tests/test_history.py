"""Random histories through real Git, real syncs and both databases, held against the model.

Two installations follow each history, one on SQLite and one on PostgreSQL. After each step that
synced, what either serves equals what the rules give for the first-parent history up to the applied
commit. Items are pinned and released meanwhile, which the branch's catalog never knows of, and a
portal keeps a copy of each installation's catalog by the feed alone. At the end a fresh
installation, on one of the databases, gives the same catalog.

``PAOD_HISTORIES=10000 pytest tests/test_history.py`` tries so many instead of the 500 of CI.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from paod.api.told import Told
from paod.errors import PinRefused
from paod.model import SyncRequest
from paod.store import Delivery, Found, ProblemFilters, Removed, Renamed, Store
from paod.webhook import HOSTS, Decision, Followed, decide
from tests.databases import NAMES as DATABASES
from tests.databases import ready_database_in
from tests.hosts import github as sent
from tests.model import Model, Spec, Tree, replay
from tests.origin import Origin
from tests.postgres import MEMORY
from tests.render import render
from tests.syncing import Paod
from tests.test_store_pins import Portal, everything

HISTORIES = int(os.environ.get("PAOD_HISTORIES", "500"))
STEPS = 9
NAMES = ("ant", "bee", "cow", "dog")
PATHS = (
    "catalog/data/ant.yaml",
    "catalog/data/bee.yaml",
    "catalog/compute/cow.yaml",
    "catalog/compute/deep/dog.yaml",
    "catalog/web/other.yml",
)
LINKS = "catalog/data/shared"
"""Where a symlink stands that looks like no file's name."""
VERSIONS = ((1, 0, 0), (1, 1, 0), (2, 0, 0))

LINK = Spec("link", broken=True)
"""A symlink: never followed, a problem wherever it stands."""

names = st.sampled_from(NAMES)
paths = st.sampled_from(PATHS)
synced = st.sampled_from([True, True, False])


def served(store: Store, kind: str, name: str) -> dict[str, Any] | str | None:
    """Return what a reader learns of a name, as far as the rules speak of it."""
    found = store.item(name) if kind == "item" else store.bundle(name)
    if isinstance(found, Renamed):
        return f"renamed to {found.to}"
    if isinstance(found, Removed):
        return "removed"
    if found is None:
        return None
    body = found.body
    facts = {key: body[key] for key in ("name", "version", "description", "category")}
    stale = body["stale"] and body["stale"]["since_commit"]
    resolved = body["resolved"] if kind == "bundle" else None
    source = (body["source"]["path"], body["source"]["commit"])
    return {**facts, "source": source, "stale": stale, "resolved": resolved}


def expected(model: Model, hashes: list[str], kind: str, name: str) -> dict[str, Any] | str | None:
    """Return what the model says that a reader learns of a name."""
    thing = model.things.get((kind, name))
    if thing is not None and thing.active:
        spec = thing.spec
        since = model.stale_since.get(thing.path)
        return {
            "name": name,
            "version": ".".join(map(str, spec.version)),
            "description": f"Body number {spec.body}",
            "category": thing.path.split("/")[1],
            "source": (thing.path, hashes[thing.revisions[-1][0] - 1]),
            "stale": since and hashes[since - 1],
            "resolved": _resolved(model, spec) if kind == "bundle" else None,
        }
    target = model.aliases.get((kind, name))
    if target is not None:
        return f"renamed to {target}"
    return None if thing is None else "removed"


def _resolved(model: Model, spec: Spec) -> bool:
    found = [model.things.get(("item", name)) for name in spec.needs]
    return all(thing is not None and thing.active for thing in found)


def assert_same_catalog(store: Store, model: Model, hashes: list[str], *, fresh: bool) -> None:
    """Compare every name, both kinds; a store with more history may know more removed names."""
    pinned = {pin["name"]: pin["revision"] for pin in store.item_pins()}
    for kind in ("item", "bundle"):
        for name in NAMES:
            if kind == "item" and name in pinned:
                found = store.item(name)
                assert isinstance(found, Found)
                assert found.body["revision"] == pinned[name]
                continue
            want = expected(model, hashes, kind, name)
            got = served(store, kind, name)
            if pinned and isinstance(want, dict) and isinstance(got, dict):
                want["resolved"] = got["resolved"]  # against what is pinned
            if not fresh and want is None and got == "removed":
                continue
            assert got == want, (kind, name)


def assert_same_revisions(store: Store, model: Model, hashes: list[str]) -> None:
    """Compare each history with the model's, oldest first."""
    for (kind, name), thing in model.things.items():
        rows = store.versions(kind, name, None, 100)
        assert rows is not None
        found = [(row["commit"]["hash"], row["change"]) for row in reversed(rows.rows)]
        assert found == [(hashes[number - 1], change) for number, change in thing.revisions]


def assert_same_problems(store: Store, model: Model) -> None:
    """Compare which files have an error: broken ones, and those that another file keeps out.

    And which are told that a rename has no effect.
    """
    bad = {path for path, spec in model.tree.items() if spec.broken} | set(model.refused)
    rows = store.problems(ProblemFilters(severity="error"), None, 100).rows
    assert {row["path"] for row in rows} == bad
    rows = store.problems(ProblemFilters(code="rename-without-effect"), None, 100).rows
    assert {row["path"] for row in rows} == model.without_effect()


@dataclass
class Client(Portal):
    """A reader as the documentation wants one: sends the epoch, and begins again at a 410."""

    told: Path = Path()
    """Where the installation keeps what readers were told, outside of the database."""
    epoch: str = ""

    def follow_on(self, store: Store) -> None:
        """Bring the copy up to date from what may be another process, or a database put back."""
        self.store = store
        seen = Told(store, self.told).follow(store.served())
        if self.epoch and not store.knows(self.epoch, self.generation):
            self.copy, self.generation = dict(everything(store, NAMES)), seen.generation
        self.follow()
        self.epoch = seen.epoch


FOLLOWED = Followed("https://github.com/org/x.git", "main", "catalog")
_deliveries = count()


def delivery(decision: Decision) -> Delivery:
    """Return a delivery that came now, as the receiver stores it."""
    return Delivery(
        f"delivery-{next(_deliveries)}",
        "push",
        decision.status,
        decision.reason,
        decision.about.get("after"),
        decision.about,
        decision.branch_gone,
        decision.unchanged_since,
    )


class Histories(RuleBasedStateMachine):
    """An author, an operator and bad luck, taking turns."""

    def __init__(self) -> None:
        super().__init__()
        self.scratch = tempfile.TemporaryDirectory(dir=MEMORY)
        folder = Path(self.scratch.name)
        self.origin = Origin(folder)
        self.line: list[tuple[str, Tree]] = []
        self.pinned: int | None = None
        self.paods = [self.installed(name, name) for name in DATABASES]
        self.portals = [Client(paod.store, told=paod.folder / "told") for paod in self.paods]

    def installed(self, folder: str, database: str) -> Paod:
        """Return a new installation."""
        place = Path(self.scratch.name) / folder
        return Paod(place, self.origin, database=ready_database_in(place, database))

    @initialize(first=st.booleans())
    def begin(self, first: bool) -> None:
        self.commit({PATHS[0]: Spec("ant"), PATHS[2]: Spec("cow")} if first else {})
        self.sync()

    def teardown(self) -> None:
        if self.line:
            self.release_all()
            self.check_fresh()
        for paod in self.paods:
            self.close(paod)
        self.origin.close()
        self.scratch.cleanup()

    def close(self, paod: Paod) -> None:
        """Close a file; the next history takes the open connections to a server over."""
        if not paod.database.shared:
            paod.database.close()

    # what happens to the branch

    def commit(self, tree: Tree) -> None:
        """Make one commit whose tree is this one."""
        before = self.line[-1][1] if self.line else {}
        self.stage(before, tree)
        self.line.append((self.origin.commit(f"Commit number {len(self.line) + 1}"), tree))

    def stage(self, before: Tree, tree: Tree) -> None:
        for path in sorted({*before, *tree}):
            if path not in tree:
                self.origin.remove(path)
            elif before.get(path) != tree[path] and tree[path] == LINK:
                self.origin.symlink(path, "../elsewhere")
            elif before.get(path) != tree[path]:
                self.origin.write(path, render(tree[path]))

    @property
    def tree(self) -> Tree:
        return self.line[-1][1]

    def edit(self, path: str, spec: Spec | None, sync: bool) -> None:
        """Commit one file's new state, None to remove it."""
        tree = {**self.tree, path: spec} if spec is not None else dict(self.tree)
        if spec is None:
            tree.pop(path, None)
        self.commit({key: value for key, value in tree.items() if value is not None})
        if sync:
            self.sync()

    def some(self, path: str) -> str | None:
        """Return a path that is there, from one that may not be."""
        there = sorted(self.tree)
        return there[PATHS.index(path) % len(there)] if there else None

    @rule(path=paths, name=names, body=st.integers(0, 2), sync=synced, data=st.data())
    def add(self, path: str, name: str, body: int, sync: bool, data: st.DataObject) -> None:
        others = [other for other in NAMES if other != name]
        kind = data.draw(st.sampled_from(["item", "item", "bundle"]))
        needs = data.draw(st.lists(st.sampled_from(others), min_size=1, max_size=2, unique=True))
        former = data.draw(st.none() | st.none() | st.sampled_from([*others, "never"]))
        version = data.draw(st.sampled_from(VERSIONS))
        parts = tuple(needs) if kind == "bundle" or body == 0 else ()
        self.edit(path, Spec(name, body, version, kind, former, needs=parts), sync)

    @rule(path=paths, name=names, sync=synced)
    def add_first(self, path: str, name: str, sync: bool) -> None:
        """Begin a move in two steps: the new document says whose place it is to take."""
        there = self.some(path)
        if there is not None and path not in self.tree and self.tree[there].name != name:
            former = self.tree[there].name
            self.edit(path, Spec(name, 6, (3, 0, 0), renamed_from=former), sync)

    @rule(one=paths, other=paths, name=names, sync=synced)
    def pass_on(self, one: str, other: str, name: str, sync: bool) -> None:
        """Rename along a chain, or in a circle where the last name is the first one's."""
        first, second = self.some(one), self.some(other)
        if first is None or second is None or first == second:
            return
        tree = dict(self.tree)
        a, b = tree[first], tree[second]
        if LINK in (a, b) or a.name == b.name or b.name == name:
            return
        tree[first] = Spec(b.name, a.body, (2, 0, 0), a.kind, a.name, _without(a.needs, b.name))
        tree[second] = Spec(name, b.body, (2, 0, 0), b.kind, b.name, _without(b.needs, name))
        self.commit({path: _made_valid(spec) for path, spec in tree.items()})
        if sync:
            self.sync()

    @rule(path=paths, needs=names, sync=synced)
    def change_kind(self, path: str, needs: str, sync: bool) -> None:
        there = self.some(path)
        if there is None or self.tree[there].name == needs:
            return
        bundle = self.tree[there].kind == "item"
        self.alter(there, sync, kind="bundle" if bundle else "item", needs=(needs,))

    @rule(path=paths, body=st.integers(3, 5), version=st.sampled_from(VERSIONS), sync=synced)
    def change(self, path: str, body: int, version: tuple[int, int, int], sync: bool) -> None:
        self.alter(path, sync, body=body, version=version)

    @rule(path=paths, sync=synced)
    def break_(self, path: str, sync: bool) -> None:
        self.alter(path, sync, broken=True)

    @rule(path=paths, sync=synced)
    def mend(self, path: str, sync: bool) -> None:
        self.alter(path, sync, broken=False)

    @rule(path=paths, comment=st.integers(1, 3), sync=synced)
    def comment(self, path: str, comment: int, sync: bool) -> None:
        self.alter(path, sync, comment=comment)

    @rule(path=paths, name=names, declared=st.booleans() | names, sync=synced)
    def rename(self, path: str, name: str, declared: bool | str, sync: bool) -> None:
        there = self.some(path)
        if there is None:
            return
        old = self.tree[there]
        former = declared if isinstance(declared, str) else old.name if declared else None
        former = None if former == name else former
        self.alter(there, sync, name=name, renamed_from=former, needs=_without(old.needs, name))

    def alter(self, path: str, sync: bool, **changed: Any) -> None:
        there = path if path in self.tree else self.some(path)
        if there is None or self.tree[there] == LINK:
            return
        old = self.tree[there]
        self.edit(there, _made_valid(Spec(**{**old.__dict__, **changed})), sync)

    @rule(path=paths | st.just(LINKS), sync=synced)
    def link(self, path: str, sync: bool) -> None:
        self.edit(path, LINK, sync)

    @rule(sync=synced)
    def unlink(self, sync: bool) -> None:
        if LINKS in self.tree:
            self.edit(LINKS, None, sync)

    @rule(path=paths, to=paths, sync=synced)
    def move(self, path: str, to: str, sync: bool) -> None:
        there = self.some(path)
        if there is None or to in self.tree:
            return
        tree = {key: spec for key, spec in self.tree.items() if key != there}
        self.commit({**tree, to: self.tree[there]})
        if sync:
            self.sync()

    @rule(one=paths, other=paths, sync=synced)
    def swap(self, one: str, other: str, sync: bool) -> None:
        if one in self.tree and other in self.tree:
            self.commit({**self.tree, one: self.tree[other], other: self.tree[one]})
        if sync:
            self.sync()

    @rule(path=paths, to=paths, sync=synced)
    def duplicate(self, path: str, to: str, sync: bool) -> None:
        there = self.some(path)
        if there is not None:
            self.edit(to, self.tree[there], sync)

    @rule(path=paths, sync=synced)
    def remove(self, path: str, sync: bool) -> None:
        there = self.some(path)
        if there is not None:
            self.edit(there, None, sync)

    @rule(path=paths, name=names, sync=synced)
    def merge(self, path: str, name: str, sync: bool) -> None:
        """Two commits on a side branch: the main line gets one step from both."""
        base, before = self.line[-1]
        self.origin.start("side", base)
        middle = {**before, path: Spec(name, 7)}
        self.stage(before, middle)
        self.origin.commit("On the side")
        self.stage(middle, {**before, path: Spec(name, 8)})
        side = self.origin.commit("On the side again")
        self.origin.switch("main")
        self.stage(before, {**before, path: Spec(name, 8)})
        merged = self.origin.commit("Merge side", parents=(base, side))
        self.line.append((merged, {**before, path: Spec(name, 8)}))
        if sync:
            self.sync()

    @precondition(lambda self: len(self.line) > 1)
    @rule(back=st.integers(1, 4), again=st.booleans(), path=paths, name=names)
    def force_push(self, back: int, again: bool, path: str, name: str) -> None:
        del self.line[max(1, len(self.line) - back) :]
        self.origin.force(self.line[-1][0])
        if again:
            self.edit(path, Spec(name, 9), sync=False)
        self.sync()

    # what happens to paod

    @rule()
    def restart(self) -> None:
        for paod in self.paods:
            paod.restart()
        self.sync()

    @rule()
    def lose_mirror(self) -> None:
        for paod in self.paods:
            paod.lose_mirror()
        self.sync()

    @rule()
    def full(self) -> None:
        self.sync(SyncRequest("manual", mode="full"))

    @rule(back=st.integers(0, 3))
    def rollback(self, back: int) -> None:
        self.sync()
        if self.pinned is not None:
            return
        number = max(0, len(self.line) - 1 - back)
        self.pinned = number
        request = SyncRequest(
            "rollback", commit=self.line[number][0], pin="set", reason="a bad merge"
        )
        self.sync(request)

    @precondition(lambda self: self.pinned is not None)
    @rule()
    def resume(self) -> None:
        self.pinned = None
        self.sync(SyncRequest("manual", pin="clear"))

    @rule(name=names, revision=st.integers(1, 3), follow=st.booleans())
    def pin(self, name: str, revision: int, follow: bool) -> None:
        """Hold an item where there is such a revision."""
        for paod in self.paods:
            with suppress(PinRefused):
                paod.store.pin_item(name, revision, "why")
        if follow:
            self.follow()

    @rule(name=names)
    def release(self, name: str) -> None:
        for paod in self.paods:
            with suppress(PinRefused):
                paod.store.release_item(name)

    def release_all(self) -> None:
        for paod in self.paods:
            for pin in paod.store.item_pins():
                paod.store.release_item(pin["name"])
        self.sync()
        self.follow()

    def follow(self) -> None:
        """Let each portal bring its copy up to date by the feed, and compare."""
        for paod, portal in zip(self.paods, self.portals, strict=True):
            portal.follow_on(paod.store)
            copy = {key: one for key, one in portal.copy.items() if one is not None}
            assert copy == everything(paod.store, NAMES)

    @rule()
    def touch(self) -> None:
        """Commit something outside of the catalog, which no delivery needs a sync for."""
        before, tree = self.line[-1]
        self.origin.write("README.md", f"after {before}")
        self.line.append((self.origin.commit(f"Commit number {len(self.line) + 1}"), tree))

    @rule(pushed=st.integers(1, 3))
    def deliver(self, pushed: int) -> None:
        """Deliver a push of the last commits as GitHub does; whatever came before may be lost."""
        start = max(0, len(self.line) - 1 - pushed)
        if start == len(self.line) - 1:
            return
        decision = decide(HOSTS["github"], "push", self.payload(start), FOLLOWED)
        assert isinstance(decision, Decision)
        for paod in self.paods:
            received = paod.store.receive(delivery(decision), decision.request)
            if received.sync_id is not None:
                assert paod.run_queued().status == "completed"
            elif self.pinned is None:
                assert paod.store.commit_state(self.line[-1][0]) == "applied"
        if self.pinned is None:
            self.check(spared=True)

    def payload(self, start: int) -> dict[str, Any]:
        """Return what GitHub sends of a push from one commit of the line to the last."""
        hashes = [commit for commit, _ in self.line[start:]]
        commits = [
            {"id": after, "added": self.differing(before, after), "modified": [], "removed": []}
            for before, after in pairwise(hashes)
        ]
        return sent("refs/heads/main", hashes[0], hashes[-1], FOLLOWED.url, []) | {
            "commits": commits
        }

    def differing(self, before: str, after: str) -> list[str]:
        """Return the files in which a commit differs from the one before it."""
        return self.origin.git("diff", "--name-only", before, after).split()

    @rule()
    def back_up(self) -> None:
        """Copy the file's database, as it may be put back later."""
        paod, copy = self.paods[0], Path(self.scratch.name) / "backup.db"
        copy.unlink(missing_ok=True)
        with sqlite3.connect(paod.folder / "paod.db") as source, sqlite3.connect(copy) as target:
            source.backup(target)

    @rule()
    def put_back(self) -> None:
        """Put the copy back while paod is stopped, as somebody does who has a bad day."""
        paod, copy = self.paods[0], Path(self.scratch.name) / "backup.db"
        if not copy.exists():
            return
        paod.database.close()
        for file in paod.folder.glob("paod.db*"):
            file.unlink()
        shutil.copy(copy, paod.folder / "paod.db")
        paod.start()
        if paod.store.head().pin is not None:
            paod.sync(SyncRequest("manual", pin="clear"))
        if self.pinned is not None:
            commit = self.line[self.pinned][0]
            paod.sync(SyncRequest("rollback", commit=commit, pin="set", reason="again"))
        self.sync()

    # what must hold

    def sync(self, request: SyncRequest | None = None) -> None:
        """Sync and compare; a pinned catalog stays where it was pinned."""
        for paod in self.paods:
            held = self.pinned is not None and request is None
            before = paod.store.head().commit if held else None
            result = paod.sync(request)
            assert result.status == "completed", result
            assert not held or paod.store.head().commit == before
        if self.pinned is None or (request is not None and request.pin):
            self.check()
        if len(self.line) % 3 == 0:
            self.follow()

    def check(self, *, spared: bool = False) -> None:
        """Hold all against the model; ``spared``: a sync that would have changed nothing."""
        end = len(self.line) if self.pinned is None else self.pinned + 1
        model, hashes = self.modelled(end)
        for paod in self.paods:
            with paod.database.snapshot():
                assert spared or paod.store.head().commit == hashes[-1]
                assert_same_catalog(paod.store, model, hashes, fresh=False)
                assert_same_problems(paod.store, model)

    def modelled(self, end: int) -> tuple[Model, list[str]]:
        line = self.line[:end]
        return replay([tree for _, tree in line]), [commit for commit, _ in line]

    def check_fresh(self) -> None:
        """Hold a new installation's catalog and history against the model too.

        On one database, to save time: what it is about is the fold.
        """
        model, hashes = self.modelled(len(self.line))
        fresh = self.installed("fresh", DATABASES[len(self.line) % 2])
        fresh.sync()
        with fresh.database.snapshot():
            assert_same_catalog(fresh.store, model, hashes, fresh=True)
            assert_same_revisions(fresh.store, model, hashes)
        self.close(fresh)
        log = self.origin.git("log", "--first-parent", "--reverse", "--format=%H", "main")
        assert log.split() == hashes


def _without(needs: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(one for one in needs if one != name)


def _made_valid(spec: Spec) -> Spec:
    """Return a spec that is valid: a bundle without parts is an item."""
    if spec.kind == "bundle" and not spec.needs:
        return Spec(**{**spec.__dict__, "kind": "item"})
    return spec


LIMITS = settings(
    max_examples=HISTORIES // 4,
    stateful_step_count=STEPS,
    deadline=None,
    derandomize=False,  # else, in CI, all quarters were the same histories
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.timeout(900)  # a busy machine; a limit that strikes looks like a flaky history
@pytest.mark.parametrize("quarter", range(4))
def test_every_history_gives_the_catalog_of_the_model(quarter: int) -> None:
    """The quarters run beside each other."""
    run_state_machine_as_test(Histories, settings=LIMITS)
