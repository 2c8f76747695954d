"""The API's small parts, each alone: cursors, rates, the cache, waiting, freshness."""

import threading
from datetime import UTC, datetime

import pytest
from falcon.testing import TestClient

from paod.api import create_app
from paod.api.cursor import seal, unseal
from paod.api.freshness import next_poll, staleness
from paod.api.owed import Owed
from paod.api.prepared import OVERHEAD_BYTES, Cache, prepare
from paod.api.rate import ADDRESSES, RateLimit
from paod.api.standing import standing
from paod.api.waiting import Waiting
from paod.config import load
from paod.errors import StoreUnavailable
from paod.model import Head, Pin, SyncRequest
from tests.databases import on_each_database
from tests.store_tools import Syncs, empty_store, ended, item, running

pytestmark = on_each_database

PUSH, LATER_PUSH = SyncRequest("webhook"), SyncRequest("webhook", webhook={"after": "later"})
NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class Clock:
    """Time that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("position", ['"a-name"', "7", "[3,4]", '"ü"', ""])
def test_a_cursor_leads_back_to_its_position(position):
    assert unseal("key", ["/items", None], seal("key", ["/items", None], position)) == position


CURSOR = seal("key", ["/items", "owner"], '"name"')


@pytest.mark.parametrize(
    ("key", "scope", "cursor"),
    [
        ("other", ["/items", "owner"], CURSOR),
        ("key", ["/bundles", "owner"], CURSOR),
        ("key", ["/items", None], CURSOR),
        ("key", ["/items", "owner"], CURSOR[:-2] + "AA"),
        ("key", ["/items", "owner"], "A" + CURSOR[1:]),
        ("key", ["/items", "owner"], CURSOR + "AAAA"),
        ("key", ["/items", "owner"], "AAAA"),
        ("key", ["/items", "owner"], "A"),
        ("key", ["/items", "owner"], "not base64!"),
        ("key", ["/items", "owner"], "é"),
        ("key", ["/items", "owner"], ""),
    ],
)
def test_a4_a_forged_or_foreign_cursor_leads_nowhere(key, scope, cursor):
    assert unseal(key, scope, cursor) is None


def test_a_rate_lets_its_count_through_and_then_one_after_the_other():
    clock = Clock()
    limit = RateLimit(3, 60.0, clock)
    assert [limit.take("a") for _ in range(4)] == [0, 0, 0, 20]
    assert limit.take("b") == 0
    clock.now += 20
    assert [limit.take("a"), limit.take("a")] == [0, 20]
    clock.now += 3600
    assert [limit.take("a") for _ in range(4)] == [0, 0, 0, 20]


def test_a_rate_remembers_a_bounded_number_of_addresses():
    limit = RateLimit(1, 60.0, Clock())
    assert limit.take("first") == 0
    assert limit.take("first") > 0
    for number in range(ADDRESSES):
        limit.take(str(number))
    assert limit.take("first") == 0
    assert limit.take(str(ADDRESSES - 1)) > 0


def test_the_cache_keeps_one_generation_and_is_bounded_in_bytes():
    cache = Cache(3 * OVERHEAD_BYTES + 100)
    answers = [prepare("x" * number) for number in (10, 20, 30, 40)]
    for number, answer in enumerate(answers):
        cache.put(1, number, answer)
    assert [cache.get(1, number) for number in range(4)] == [None, *answers[1:]]
    cache.put(2, 0, answers[0])
    assert cache.get(1, 3) is None
    assert cache.get(2, 0) == answers[0]
    assert cache.get(2, 3) is None


def test_an_etag_is_strong_and_that_of_the_bytes():
    one, same, other = prepare({"a": 1}), prepare({"a": 1}), prepare({"a": 2})
    assert one == same
    assert one.etag != other.etag
    assert one.etag.startswith('"')
    assert one.etag.endswith('"')


def waiting(clock: Clock, places: int = 1, stopping: threading.Event | None = None) -> Waiting:
    def pause(seconds: float) -> None:
        clock.now += seconds

    return Waiting(pause, stopping or threading.Event(), clock, places)


def test_waiting_ends_with_the_news_or_with_the_time():
    clock = Clock()
    looks = iter([None, None, None, "news"])
    assert waiting(clock).until(lambda: next(looks), 10) == "news"
    assert clock.now < 1003
    assert waiting(clock).until(lambda: None, 5) is None
    assert clock.now >= 1005


def test_what_is_there_already_is_not_waited_for():
    clock = Clock()
    assert waiting(clock).until(lambda: "there", 10) == "there"
    assert waiting(clock).until(lambda: None, 0) is None
    assert clock.now == 1000


def test_one_waiter_too_many_is_answered_at_once():
    clock = Clock()
    few = waiting(clock, places=1)
    second = []

    def look() -> str | None:
        """Find nothing before waiting; then another one would like to wait, too."""
        if clock.now == 1000:
            return None
        second.append(few.until(lambda: None, 10))
        return "news"

    assert few.until(look, 10) == "news"
    assert second == [None]
    assert clock.now <= 1001
    assert few.until(lambda: None, 5) is None
    assert clock.now >= 1005


def test_waiting_ends_when_the_process_is_to_end():
    clock, stopping = Clock(), threading.Event()
    stopping.set()
    assert waiting(clock, stopping=stopping).until(lambda: None, 10) is None
    assert clock.now == 1000


@pytest.mark.parametrize("error", [StoreUnavailable("locked"), RuntimeError("a fault")])
def test_what_is_owed_is_tried_again_after_any_error(error):
    tries, paid = [], threading.Event()

    def store(request):
        tries.append(request)
        if len(tries) == 1:
            raise error
        paid.set()

    owed = Owed(store, threading.Event(), pause=0.01)
    owed.note(PUSH)
    assert paid.wait(10)
    assert tries == [PUSH, PUSH]


def test_what_is_noted_while_another_is_stored_waits_for_nobody_and_is_not_lost():
    storing, let_go, done = (threading.Event() for _ in range(3))
    stored = []

    def store(request):
        storing.set()
        assert let_go.wait(10)
        stored.append(request)
        if request is LATER_PUSH:
            done.set()

    owed = Owed(store, threading.Event(), pause=0.01)
    owed.note(PUSH)
    assert storing.wait(10)
    owed.note(LATER_PUSH)
    let_go.set()
    assert done.wait(10)
    assert stored == [PUSH, LATER_PUSH]


def settings(interval: str = "60"):
    return load({"PAO_REPO_URL": "https://github.com/org/x.git", "PAO_SYNC_INTERVAL": interval})


def head(**changes) -> Head:
    values = {"commit": "c" * 40, "synced_at": "2026-01-01T10:00:00.000Z"}
    return Head("epoch", **(values | {"checked_at": "2026-01-01T11:59:30.000Z"} | changes))


def sync(**changes) -> dict:
    values = {
        "status": "completed",
        "reason": "Succeeded",
        "requested_commit": None,
        "dry_run": False,
        "to_commit": "d" * 40,
        "sync_completed_at": "2026-01-01T11:59:31.000Z",
    }
    return values | changes


FAILED = {"status": "failed", "reason": "RemoteUnreachable"}
BLOCKED = {"status": "blocked", "reason": "MassRemoval"}


@pytest.mark.parametrize(
    ("at", "last", "interval", "codes"),
    [
        (head(), sync(), "60", []),
        (head(), None, "60", []),
        (Head("e"), None, "60", ["NeverSynced"]),
        (head(commit=None, synced_at=None), sync(), "60", []),
        (head(checked_at="2026-01-01T11:00:00.000Z"), sync(), "60", ["NotChecked"]),
        (head(checked_at="2026-01-01T11:00:00.000Z"), sync(), "0", []),
        (head(checked_at="2026-01-01T11:00:00.000Z"), sync(), "3600", []),
        (head(checked_at=None), sync(), "60", ["NotChecked"]),
        (head(), sync(**FAILED), "60", ["RemoteUnreachable"]),
        (head(), sync(status="rejected", reason="ProblemsFound"), "60", ["ProblemsFound"]),
        (head(), sync(status="blocked", reason="MassRemoval"), "60", ["MassRemoval"]),
        (head(), sync(status="blocked", to_commit="c" * 40), "60", []),
        (head(checked_at="2026-01-01T11:00:00.000Z"), sync(**BLOCKED), "60", ["MassRemoval"]),
        (head(pin=Pin("c" * 40, "why", "then"), checked_at=None), sync(**FAILED), "60", []),
    ],
)
def test_staleness_has_reasons(at, last, interval, codes):
    assert [one.code for one in staleness(at, last, settings(interval), NOW)] == codes


def test_the_next_poll_is_an_interval_after_the_last_look():
    assert next_poll(head(), sync(), settings()) == datetime(2026, 1, 1, 12, 0, 31, tzinfo=UTC)
    assert next_poll(head(), None, settings()) == datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)
    assert next_poll(head(), sync(), settings("0")) is None
    assert next_poll(Head("e"), None, settings()) is None
    assert next_poll(head(), sync(**BLOCKED), settings()) is None


def test_a_dry_run_hides_no_blocked_branch(tmp_path):
    store = empty_store(tmp_path)
    Syncs(store).sync({"catalog/x/a.yaml": item("a")})
    store.finish(running(store), ended("blocked", "MassRemoval", to_commit="d" * 40))
    store.finish(running(store, SyncRequest("manual", dry_run=True)), ended())
    told = standing(store, settings(), NOW)
    client = TestClient(create_app(store, settings(), now=lambda: NOW))
    health = client.simulate_get("/api/v1/health").json
    store.close()
    assert (told["last"]["dry_run"], told["stale"]) == (True, True)
    assert [reason["code"] for reason in told["stale_reasons"]] == ["MassRemoval"]
    assert [reason["code"] for reason in health["reasons"]] == ["MassRemoval"]
