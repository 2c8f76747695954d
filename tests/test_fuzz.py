"""20,000 made and damaged documents; ``python -m tests.fuzz`` tries a million."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from paod.codes import CODES
from paod.schema import json_schema
from paod.schema.fulfillment import STEP
from paod.schema.source import VARIANTS
from tests.fuzz import INPUTS, ROUNDS, play_some
from tests.made import document
from tests.test_json_schema import keys


def keys_in(value: Any) -> Iterator[str]:
    """Yield every key of a value, and every text under a key that has few of them."""
    if isinstance(value, dict):
        yield from value
        yield from (value[key] for key in ("type", "system") if isinstance(value.get(key), str))
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from keys_in(inner)


def test_what_is_made_has_every_key_and_every_choice() -> None:
    made = {key for seed in range(300) for key in keys_in(document(Random(seed)))}
    known = {key.rpartition(".")[2] for key, _ in keys(json_schema())}
    choices = {choice for variant in VARIANTS.values() for choice in variant.choices}
    assert made >= known | choices | set(STEP["type"]["allowed"])


@pytest.mark.parametrize("first", range(0, 20_000 // INPUTS, ROUNDS))
def test_made_documents_are_accepted_and_damaged_ones_get_a_verdict(
    first: int, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("kept"))
    found = play_some(first)
    assert found["accepted"] >= ROUNDS / 2
    assert len(found) >= 15, "the damage is too uniform to find anything"
    assert found.keys() <= {"accepted", *CODES}
