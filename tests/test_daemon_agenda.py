"""When the remote is asked next, and when a child is started again."""

import math

import pytest

from paod.daemon.agenda import RECHECKS, Agenda, Failure
from paod.daemon.backoff import Backoff, rest_after


def highest(_low: float, high: float) -> float:
    return high


def lowest(low: float, _high: float) -> float:
    return low


@pytest.mark.parametrize(
    ("draw", "expected"), [(highest, 110.0), (lowest, 90.0)], ids=["latest", "earliest"]
)
def test_polls_keep_the_interval_within_a_tenth(draw, expected):
    agenda = Agenda(100.0, draw)
    agenda.settled(1000.0)
    assert agenda.wait(1000.0) == pytest.approx(expected)


def test_without_an_interval_nothing_is_polled():
    agenda = Agenda(0.0, highest)
    agenda.settled(1000.0)
    assert agenda.wait(1000.0) == math.inf


def delays(interval: float, failure: Failure, count: int, draw=highest) -> list[float]:
    agenda = Agenda(interval, draw)
    return [agenda.failed(0.0, failure) for _ in range(count)]


@pytest.mark.parametrize(
    ("interval", "reason", "expected"),
    [
        (60.0, "RemoteUnreachable", [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]),
        (3600.0, "RemoteUnreachable", [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]),
        (0.0, "RemoteUnreachable", [2, 4, 8, 16, 32, 64, 128, 256, 300]),
        (60.0, "AuthenticationFailed", [10, 20, 40, 80, 160, 320, 640, 900, 900]),
        (60.0, "Forbidden", [10, 20, 40, 80, 160, 320, 640, 900, 900]),
        (60.0, "RepositoryNotFound", [10, 20, 40, 80, 160, 320, 640, 900, 900]),
        (60.0, "RepositoryNotOwned", [10, 20, 40, 80, 160, 320, 640, 900, 900]),
        (60.0, "RateLimited", [60, 60, 60]),
    ],
)
def test_failures_raise_the_ceiling_up_to_its_cap(interval, reason, expected):
    assert delays(interval, Failure(reason), len(expected)) == expected


def test_the_delay_is_drawn_from_a_wide_range_but_never_nothing():
    assert delays(60.0, Failure("RemoteUnreachable"), 3, lowest) == pytest.approx(
        [2 / 3, 4 / 3, 8 / 3]
    )


def test_the_remote_may_ask_for_more_patience():
    assert delays(60.0, Failure("RemoteUnreachable", retry_after=120.0), 1) == [120.0]


def test_very_many_failures_are_still_a_number():
    assert delays(60.0, Failure("RemoteUnreachable"), 5000)[-1] == 300.0


@pytest.mark.parametrize("interval", [1.0, 60.0, 300.0])
def test_an_outage_of_an_hour_costs_few_attempts(interval):
    agenda = Agenda(interval, lambda low, high: (low + high) / 2)
    warm_up = [agenda.failed(0.0, Failure("RemoteUnreachable")) for _ in range(9)]
    assert sum(warm_up) < 900
    assert 3600 / agenda.failed(0.0, Failure("RemoteUnreachable")) <= 20


def test_success_forgets_the_failures():
    agenda = Agenda(60.0, highest)
    for _ in range(5):
        agenda.failed(0.0, Failure("RemoteUnreachable"))
    agenda.settled(0.0)
    assert agenda.failures == 0
    assert agenda.failed(0.0, Failure("RemoteUnreachable")) == 2.0


def test_an_announced_commit_is_looked_for_at_growing_distances():
    agenda, looks = Agenda(0.0, highest), []
    agenda.expect(0.0)
    while (wait := agenda.wait(now := looks[-1] if looks else 0.0)) < math.inf:
        agenda.look(now + wait)
        looks.append(now + wait)
    assert tuple(looks) == RECHECKS


def test_what_was_found_is_not_looked_for():
    agenda = Agenda(0.0, highest)
    agenda.expect(0.0)
    agenda.found()
    assert agenda.wait(0.0) == math.inf


def test_a_look_that_is_taken_is_not_due_again():
    agenda = Agenda(60.0, highest)
    agenda.settled(0.0)
    agenda.look(100.0)
    assert agenda.wait(100.0) == pytest.approx(66.0)


def test_a_look_can_be_made_due():
    agenda = Agenda(0.0, highest)
    agenda.soon(100.0)
    assert agenda.wait(100.0) == 0.0
    agenda.look(100.0)
    assert agenda.wait(100.0) == math.inf


def test_children_with_short_lives_start_later_and_later():
    backoff = Backoff(highest)
    assert [backoff.after(1.0) for _ in range(9)] == [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize("life", [{"lived": 60.0}, {"lived": 1.0, "useful": True}])
def test_a_long_or_useful_life_is_followed_at_once(life):
    backoff = Backoff(highest)
    for _ in range(9):
        backoff.after(1.0)
    assert backoff.after(**life) == 0.25


def test_work_that_kills_again_and_again_rests_longer_and_longer():
    assert [rest_after(times) for times in range(5)] == [0, 0, 2, 4, 8]
    assert rest_after(5000) == 300.0
