"""The incidents that are quick enough, and the page that tells the operator of all of them."""

from __future__ import annotations

import re

import pytest

from tests.incidents.incident import Incident
from tests.incidents.plays import INCIDENTS, play
from tests.incidents.site import Moment
from tests.test_docs import OPERATIONS, rows_of, text_of

QUICK = [one for one in INCIDENTS if one.quick]


@pytest.mark.parametrize("incident", QUICK, ids=lambda one: one.name)
def test_what_an_operator_sees(incident: Incident) -> None:
    moments: list[Moment] = []
    play(incident, moments)
    told = " ".join(rows_of(OPERATIONS)[incident.name])
    for name in {name for moment in moments for name in moment.expected.alerts}:
        assert f"`{name}`" in told
    for code in {code for moment in moments for code in moment.expected.stale}:
        assert f"`{code}`" in told


def test_the_page_tells_of_the_incidents_that_are_rehearsed() -> None:
    page = text_of(OPERATIONS).partition("\n### Rehearsed\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", page, re.MULTILINE)
    assert [name for name, _ in rows] == [one.name for one in INCIDENTS]
    assert all(len(re.split(r"(?<!\\)\|", rest)) == 3 for _, rest in rows)
