"""Where commit statuses lead: the meaning of a problem's code, open to all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from paod.codes import CODES, as_text
from tests.served import Served, problem


@pytest.fixture(name="served", scope="module")
def _served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("served"))
    yield served
    served.store.close()


def test_every_code_has_an_address_that_explains_it(served: Served) -> None:
    for code, known in CODES.items():
        answer = served.get(f"/problem-codes/{code}", None)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.text == f"{code} ({known.severity})\n\n{as_text(known)}\n"


def test_what_is_no_code_has_none(served: Served) -> None:
    problem(served.get("/problem-codes/bad-day", None), 404, "not-found")
