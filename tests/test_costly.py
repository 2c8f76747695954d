"""A short part of ``python -m tests.costly``, the same each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from paod.model import limits
from paod.validate import Rules, examine
from tests.costly import DOCUMENTS, commits, largest, made, requests
from tests.growth import growth, work

INSTRUCTIONS_A_UNIT = 50
"""Bytecode instructions that CPython runs in about a microsecond."""


@pytest.mark.parametrize("shape", DOCUMENTS)
def test_the_most_costly_documents_take_no_more_work_than_their_size_allows(shape: str) -> None:
    data = made("costly", DOCUMENTS[shape], 40)
    file = examine("catalog/x/costly.yaml", data, "", Rules())
    said = {problem.code for problem in file.problems}
    assert file.units <= limits.work_allowed(len(data)) or "too-costly" in said
    again = work(lambda: examine("catalog/x/costly.yaml", data, "", Rules()))
    assert again < INSTRUCTIONS_A_UNIT * limits.work_allowed(len(data))


@pytest.mark.parametrize("shape", DOCUMENTS)
def test_the_work_grows_with_the_document(shape: str) -> None:
    def size_of(size: int) -> int:
        return len(made("costly", DOCUMENTS[shape], size))

    power = growth(
        lambda size: (
            lambda: examine(
                "catalog/x/costly.yaml", made("costly", DOCUMENTS[shape], size), "", Rules()
            )
        ),
        4,
        16,
    )
    assert size_of(16) >= size_of(4)
    assert power <= 1.4


def test_every_costly_commit_ends_in_a_verdict(tmp_path: Path) -> None:
    found = commits(tmp_path, 12, seed=1)
    assert sum(found.values()) == 12


def test_every_costly_request_is_answered(tmp_path: Path) -> None:
    found = requests(tmp_path, 30, seed=1)
    assert sum(found.values()) == 30


def test_a_commit_full_of_costly_documents_is_served_or_refused(tmp_path: Path) -> None:
    one = largest(tmp_path, "regexps", 300_000)
    assert one.result.status == "completed"
