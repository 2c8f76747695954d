"""Who uses the machines meanwhile: an author, readers, and followers of the feed of changes."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from tests.chaos.site import KINDS, Kind, Site
from tests.faults.test_machines import GONE, Author, Client, Machine
from tests.running import item
from tests.served import bundle

CATALOG = "/api/v1/catalog"
SLOTS = 15
BUNDLES = {"stack-0": ("item-0", "item-1", "item-2"), "stack-1": ("item-2", "item-9")}
ABSENT = 2
"""How many items are removed at a time: fewer than a mass removal is."""

Entry = tuple[Kind, str]


@dataclass
class Slot:
    """What the repository says of one entry; ``commits``: those that made a revision, in order."""

    name: str
    version: str = "1.0.0"
    state: str = "served"
    commits: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"catalog/things/{self.name}.yaml"


def first_files() -> dict[str, str]:
    """Return the files of the first commit."""
    items = {f"item-{n}": item(f"item-{n}") for n in range(SLOTS)}
    stacks = {name: bundle(name, *parts) for name, parts in BUNDLES.items()}
    return {f"catalog/things/{name}.yaml": text for name, text in (items | stacks).items()}


class Refused(Exception):
    """A machine cannot answer now."""


class Pusher(Author):
    """Pushes one change after the other, and delivers each until some machine takes it."""

    def __init__(self, site: Site, seed: int) -> None:
        super().__init__(site.machines, site.origin, site.folder)
        self.site = site
        self.draw = random.Random(seed)
        first = site.origin.head
        self.slots = [Slot(f"item-{n}", commits=[first]) for n in range(SLOTS)]
        self.bundles = {name: Slot(name, commits=[first]) for name in BUNDLES}
        self.gate = threading.Lock()
        """Held while a push is made and delivered."""
        self.seconds: list[tuple[float, str, int]] = []
        """Of each delivery how long it took, to whom, and what was answered (0: an end)."""
        self.taken: list[tuple[float, str]] = []
        """When each delivery was confirmed, and its id."""

    def turn(self) -> None:
        if not self.site.quiet:
            with self.gate:
                self.push()

    def push(self) -> None:
        """Push a change, and have it delivered. Whoever calls holds the gate."""
        number = len(self.commits) + 1
        slot = self._change(number)
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", f"Change {number}")
        self.git("push", "--quiet", "origin", "main")
        self.commits.append(self.git("rev-parse", "HEAD"))
        if slot is not None:
            slot.commits.append(self.commits[-1])
        payload = {
            "ref": "refs/heads/main",
            "after": self.commits[-1],
            "repository": {"clone_url": self.origin.url},
        }
        for attempt in itertools.count(number):
            if self.ended.is_set() or self._delivered(payload, f"delivery-{number}", attempt):
                return
            time.sleep(0.2)

    def _change(self, number: int) -> Slot | None:
        """Change a file; return whose revision that makes, if one."""
        if self.draw.random() < 0.1:
            slot = self.draw.choice(list(self.bundles.values()))
            text = bundle(slot.name, *self.draw.sample([one.name for one in self.slots], 3))
            slot.version = f"1.{number}.0"
            (self.checkout / slot.path).write_text(text.replace("1.0.0", slot.version, 1))
            return slot
        slot = self.draw.choice(self.slots)
        return self._deed(slot)(slot, f"1.{number}.0")

    def _deed(self, slot: Slot) -> Any:
        drawn = self.draw.random()
        if slot.state != "served" or drawn < 0.7:
            return self._write
        if drawn < 0.8:
            return self._break
        absent = sum(one.state == "removed" for one in self.slots)
        return self._remove if drawn < 0.9 and absent < ABSENT else self._rename

    def _write(self, slot: Slot, version: str, extra: str = "") -> Slot:
        text = item(slot.name).replace("1.0.0", version)
        (self.checkout / slot.path).write_text(text + extra)
        slot.version, slot.state = version, "served"
        return slot

    def _break(self, slot: Slot, _version: str) -> None:
        with (self.checkout / slot.path).open("a") as file:
            file.write(f"nonsense-{len(self.commits)}: [\n")
        slot.state = "broken"

    def _remove(self, slot: Slot, _version: str) -> Slot:
        (self.checkout / slot.path).unlink()
        slot.state = "removed"
        return slot

    def _rename(self, slot: Slot, version: str) -> Slot:
        former = slot.name
        (self.checkout / slot.path).unlink()
        slot.name = f"{former.partition('-r')[0]}-r{version.split('.')[1]}"
        return self._write(slot, version, f"renamed_from: {former}\n")

    def _delivered(self, payload: Any, delivery: str, attempt: int) -> bool:
        machines = self.site.running()
        if not machines:
            return False
        machine = machines[attempt % len(machines)]
        went, began, status = self.site.went[machine.name], time.monotonic(), 0
        with suppress(*GONE):
            status, _ = machine.deliver(payload, delivery)
        if machine.name not in self.site.away and went == self.site.went[machine.name]:
            self.seconds.append((time.monotonic() - began, machine.name, status))
        if status == 200:
            self.taken.append((began, delivery))
        return status == 200


class Looker(Client):
    """Reads lists from one machine after the other: one state is never told in two ways."""

    def __init__(self, site: Site) -> None:
        super().__init__(site.machines, 0.1)
        self.site = site
        self.answers = self.refused = 0
        self.told: dict[Any, str] = {}

    def turn(self) -> None:
        for machine in [] if self.site.quiet else self.site.running():
            with suppress(*GONE):
                status, body = machine.ask("GET", f"{CATALOG}/items?limit=100")
                self.answers += status == 200
                self.refused += status == 503
                if status == 200:
                    self._hold(machine, body)

    def _hold(self, machine: Machine, body: Any) -> None:
        state = body["generation"], body["epoch"]
        digest = sha256(repr(body["items"]).encode()).hexdigest()
        if self.told.setdefault(state, digest) != digest:
            self.faults.append(f"{machine.name} says {state} otherwise than it was told")
        while len(self.told) > 100:
            del self.told[next(iter(self.told))]


class Follower(Client):
    """Keeps a copy by the feed as docs/pao-rest-spec.md says ("Keeping a copy"), and by no more."""

    def __init__(self, site: Site, seed: int, wait: int) -> None:
        super().__init__(site.machines, 0.2)
        self.site = site
        self.draw = random.Random(seed)
        self.wait = wait
        self.copy: dict[Entry, Any] = {}
        self.known: tuple[int, str] | None = None
        self.gone = 0

    def turn(self) -> None:
        if self.site.quiet:
            return
        with suppress(*GONE, Refused):
            try:
                self._follow() if self.known else self._begin()
            except Gone:
                self.known = None
                self.gone += 1

    def _begin(self) -> None:
        self.copy, self.known = read_whole(self._ask)

    def _follow(self) -> None:
        assert self.known is not None
        since, epoch = self.known
        asked = f"{CATALOG}/changes?since={since}&epoch={epoch}&limit=5&wait={self.wait}"
        found = list(pages(self._ask, asked))
        rows = [row for page in found for row in page["changes"]]
        for row in rows:
            self.copy.pop((f"{row['kind']}s", row["renamed_from"]), None)  # type: ignore[arg-type]
        for kind, name in dict.fromkeys((f"{row['kind']}s", row["name"]) for row in rows):
            self.copy.pop((kind, name), None)  # type: ignore[arg-type]
            if (body := entry(self._ask, kind, name)) is not None:
                self.copy[kind, name] = body  # type: ignore[index]
        self.known = found[-1]["generation"], found[-1]["epoch"]

    def _ask(self, path: str) -> tuple[int, Any]:
        machine = self.draw.choice(self.site.running() or self.site.machines)
        return machine.ask("GET", path)


class Gone(Exception):
    """The feed or a list answered 410."""


def pages(ask: Any, path: str) -> Iterator[Any]:
    """Yield each page of a list."""
    cursor = ""
    while True:
        page = answer(ask, path + cursor)
        yield page
        if not page["pagination"]["has_more"]:
            return
        cursor = f"&cursor={page['pagination']['next_cursor']}"


def answer(ask: Any, path: str) -> Any:
    """Return what a GET answers, raise where it is refused."""
    status, body = ask(path)
    if status == 410:
        raise Gone
    if status in (429, 503):
        raise Refused
    if status != 200:
        raise AssertionError((path, status, body))
    return body


def entry(ask: Any, kind: str, name: str) -> Any:
    """Return one entry's whole body, None where there is none to read."""
    status, body = ask(f"{CATALOG}/{kind}/{name}")
    if status in (429, 503):
        raise Refused
    if status not in (200, 308, 404, 410):
        raise AssertionError((name, status, body))
    return body if status == 200 else None


def read_whole(ask: Any) -> tuple[dict[Entry, Any], tuple[int, str]]:
    """Read both lists and each body; return them with the generation and the epoch to follow."""
    found = [(kind, page) for kind in KINDS for page in pages(ask, f"{CATALOG}/{kind}?limit=7")]
    names = [(kind, row["name"]) for kind, page in found for row in page[kind]]
    bodies = {(kind, name): entry(ask, kind, name) for kind, name in names}
    known = found[0][1]["generation"], found[-1][1]["epoch"]
    return {key: body for key, body in bodies.items() if body is not None}, known
