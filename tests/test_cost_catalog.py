"""The fold and the plan cost what came in: every shape that authors can push, at two sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet

import pytest

from paod.catalog.fold import fold
from paod.catalog.index import Aliases, Index
from paod.catalog.plan import plan
from paod.model import Catalog, Identity, Key, Stored
from tests.growth import growth, work
from tests.model import Spec, Tree
from tests.steps import steps

LINEAR = 1.25
"""Sorting and what a few names share; a loop within a loop comes to 1.8 and more at these sizes."""

History = Callable[[int], list[Tree]]


def path(number: int) -> str:
    return f"catalog/x/f{number:05}.yaml"


def tree(count: int, make: Callable[[int], Spec]) -> Tree:
    return {path(number): make(number) for number in range(count)}


def name(number: int) -> str:
    return f"n{number:05}"


def shifted(number: int) -> Spec:
    return Spec(name(number + 1), renamed_from=name(number))


def lowered(number: int) -> Spec:
    return Spec(name(number), renamed_from=name(number + 1))


def named(number: int) -> Spec:
    return Spec(name(number))


def unknown(number: int) -> Spec:
    return Spec(name(number), needs=tuple(f"u{other}" for other in range(20)))


SHAPES: dict[str, History] = {
    "claim one name": lambda n: [tree(n, lambda _: Spec("one"))],
    "lose the holder": lambda n: [tree(n, lambda _: Spec("one")), tree(n - 1, lambda _: Spec("b"))],
    "depend on one": lambda n: [tree(n, lambda k: Spec(name(k), needs=("n00000",)))],
    "unknown references": lambda n: [tree(n, unknown)],
    "one item, version by version": lambda n: [
        {path(0): Spec("one", version=(1, 0, number))} for number in range(n)
    ],
    "names shifted by one": lambda n: [tree(n, named), tree(n, lambda k: Spec(name(k + 1)))],
    "renames": lambda n: [tree(n, named), tree(n, lambda k: Spec(f"m{k}", renamed_from=name(k)))],
    "a chain of renames up": lambda n: [tree(n, named), tree(n, shifted)],
    "a chain of renames down": lambda n: [tree(n, lambda k: Spec(name(k + 1))), tree(n, lowered)],
    "all renamed from one": lambda n: [
        {path(n): Spec("one")},
        tree(n, lambda k: Spec(name(k), renamed_from="one")),
    ],
    "a circle": lambda n: [tree(n, lambda k: Spec(name(k), needs=(name((k + 1) % n),)))],
}


@pytest.mark.parametrize("policy", ["warn", "enforce"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_fold_and_its_plan_grow_with_the_files(shape: str, policy: str) -> None:
    def make(count: int) -> Callable[[], object]:
        folds = list(steps(SHAPES[shape](count)))
        return lambda: plan(Stored(), fold(Catalog(), folds, policy), anew=False)

    assert growth(make, 60, 240) <= LINEAR


def test_a_refold_onto_what_is_stored_grows_with_the_aliases() -> None:
    def make(count: int) -> Callable[[], object]:
        history = list(steps([tree(count, named), tree(count, shifted)]))
        first = fold(Catalog(), history[:1], "warn").catalog
        rows = {key: Identity(1, entry.active) for key, entry in first.entries.items()}
        stored = Stored(catalog=first, identities=rows)
        after = fold(Catalog(), history, "warn")
        return lambda: plan(stored, after, anew=True)

    assert growth(make, 60, 240) <= LINEAR


def test_a_commit_costs_little_more_for_a_name_that_many_others_claim() -> None:
    def settled(count: int) -> int:
        claims = tree(count, lambda _: Spec("one"))
        changed = {**claims, path(count - 1): Spec("one", body=1)}
        first, second = steps([claims, changed])
        before = fold(Catalog(), [first], "warn").catalog
        return work(lambda: fold(before, [second], "warn"))

    few, many = settled(100), settled(1_100)
    assert (many - few) / 1_000 < 60


class Counted(AbstractSet[str]):
    """A set that counts how often it is gone through."""

    def __init__(self, members: set[str]) -> None:
        self.members = members
        self.times = 0

    def __contains__(self, member: object) -> bool:
        return member in self.members

    def __len__(self) -> int:
        return len(self.members)

    def __iter__(self) -> Iterator[str]:
        self.times += 1
        return iter(self.members)


def test_a_name_with_many_members_is_copied_once_and_what_was_before_is_not_changed() -> None:
    many = Counted({path(number) for number in range(100)})
    index = Index[str]({"one": many})
    for number in range(100):
        index.discard("one", path(number))
        index.add("one", f"other-{number}")
    assert many.times == 1
    assert len(many) == 100
    assert index.members["one"] == {f"other-{number}" for number in range(100)}
    for number in range(100):
        index.discard("one", f"other-{number}")
    assert "one" not in index.members


def _items(letters: str) -> list[Key]:
    return [("item", letter) for letter in letters]


def test_an_alias_follows_its_name_wherever_that_goes() -> None:
    a, b, c, d, e = _items("abcde")
    before = {a: "c", b: "c"}
    aliases = Aliases(before)
    assert aliases.follow({c: d}) == {a, b, c}
    aliases.drop(b)
    assert aliases.follow({d: e}) == {a, c, d}
    assert aliases.names == {a: "e", c: "e", d: "e"}
    assert before == {a: "c", b: "c"}


def test_names_that_change_places_take_what_led_to_them_along() -> None:
    a, b, x, y = _items("abxy")
    aliases = Aliases({x: "a", y: "b"})
    assert aliases.follow({a: b, b: a}) == {a, b, x, y}
    assert aliases.names == {a: "b", b: "a", x: "b", y: "a"}
