"""``renamed_from``: what takes effect, whose history goes on, and what is said of the rest."""

from __future__ import annotations

import pytest

from paod.catalog.fold import fold
from paod.catalog.problems import problems_of
from paod.model import Catalog, Folded, Key
from tests.model import Spec, Tree, replay
from tests.steps import steps
from tests.test_fold_properties import assert_equals_model

A, B, C = (f"catalog/x/{name}.yaml" for name in "abc")
ANT, BEE, COW = Spec("ant"), Spec("bee", 1), Spec("cow", 2)


def folded(*history: Tree, enforce: bool = False) -> Folded:
    """Fold a history that the model agrees about."""
    result = fold(Catalog(), steps(history), "enforce" if enforce else "warn")
    assert_equals_model(result.catalog, replay(history, enforce=enforce))
    return result


def told(result: Folded, code: str = "rename-without-effect") -> dict[str, str]:
    """Return what is said of each file under a code."""
    paths = result.catalog.files
    return {
        path: one.message
        for path in paths
        for one in problems_of(result.catalog, path)
        if one.code == code
    }


def changes(result: Folded, key: Key) -> list[tuple[str, str | None]]:
    """Return the revisions that were made under a key."""
    return [(one.change, one.renamed_from) for one in result.revisions if one.key == key]


def renamed(name: str, former: str, **more: object) -> Spec:
    return Spec(name, renamed_from=former, version=(2, 0, 0), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "after",
    [
        {A: renamed("bee", "ant"), B: renamed("cow", "bee")},
        {B: renamed("bee", "ant"), C: renamed("cow", "bee")},
        {C: renamed("bee", "ant"), A: renamed("cow", "bee")},
    ],
    ids=["in place", "each in the file of its name", "anywhere"],
)
def test_a_chain_in_one_commit_keeps_every_history(after: Tree) -> None:
    result = folded({A: ANT, B: BEE}, after)
    assert changes(result, ("item", "bee"))[-1] == ("renamed", "ant")
    assert changes(result, ("item", "cow")) == [("renamed", "bee")]
    assert result.catalog.aliases == {("item", "ant"): "bee"}
    assert not told(result)


@pytest.mark.parametrize(
    "after",
    [
        {A: renamed("bee", "ant"), B: renamed("ant", "bee")},
        {B: renamed("bee", "ant"), A: renamed("ant", "bee")},
        {C: renamed("bee", "ant"), B: renamed("ant", "bee")},
    ],
    ids=["in place", "each in the file of its name", "anywhere"],
)
def test_a_swap_in_one_commit_keeps_both_histories(after: Tree) -> None:
    result = folded({A: ANT, B: BEE}, after)
    assert changes(result, ("item", "bee"))[-1] == ("renamed", "ant")
    assert changes(result, ("item", "ant"))[-1] == ("renamed", "bee")
    assert not result.catalog.aliases
    assert not told(result)


def test_a_line_that_stays_swaps_nothing_again() -> None:
    swapped = {A: renamed("bee", "ant"), B: renamed("ant", "bee")}
    touched = {A: renamed("bee", "ant", comment=1), B: renamed("ant", "bee", comment=1)}
    result = folded({A: ANT, B: BEE}, swapped, touched)
    assert len(result.revisions) == 4


def test_a_move_in_two_steps_ends_where_the_old_one_goes() -> None:
    new = renamed("bee", "ant")
    waiting = folded({A: ANT}, {A: ANT, B: new})
    assert told(waiting) == {
        B: "'ant' is still there (catalog/x/a.yaml), so 'bee' is an item of its own"
    }
    done = folded({A: ANT}, {A: ANT, B: new}, {B: new})
    assert changes(done, ("item", "bee")) == [("added", None), ("changed", "ant")]
    assert changes(done, ("item", "ant"))[-1] == ("removed", None)
    assert done.catalog.aliases == {("item", "ant"): "bee"}
    published = {
        version
        for version, _ in done.catalog.published.everything([("item", "bee")])["item", "bee"]
    }
    assert published == {"1.0.0", "2.0.0"}
    assert not told(done)


def test_an_old_name_that_is_used_again_is_not_taken_twice() -> None:
    new = renamed("bee", "ant")
    result = folded({A: ANT}, {B: new}, {A: COW, B: new, C: ANT}, {B: new})
    assert result.catalog.entries["item", "ant"].active is False
    assert not result.catalog.aliases
    assert not told(result)


def test_the_file_that_had_the_name_goes_on_with_its_history() -> None:
    result = folded({B: ANT}, {A: renamed("aaa", "ant"), B: renamed("bee", "ant")})
    assert changes(result, ("item", "bee")) == [("renamed", "ant")]
    assert changes(result, ("item", "aaa")) == [("added", None)]
    assert told(result) == {A: "'ant' is now called 'bee'"}


def test_else_the_first_path_goes_on_with_it() -> None:
    result = folded({C: ANT}, {A: renamed("zoo", "ant"), B: renamed("bee", "ant")})
    assert changes(result, ("item", "zoo")) == [("renamed", "ant")]


def test_a_name_that_never_was_is_told_but_of_the_first_commit() -> None:
    never = renamed("bee", "zzz")
    assert not told(folded({B: never}))
    result = folded({A: ANT}, {A: ANT, B: never})
    assert told(result) == {B: "the catalog has had no item 'zzz' that 'bee' could go on with"}


def test_aliases_belong_to_a_kind() -> None:
    bundle = Spec("bee", kind="bundle", needs=("cow",))
    result = folded({A: ANT, C: bundle}, {A: ANT}, {A: renamed("bee", "ant")})
    assert result.catalog.aliases == {("item", "ant"): "bee"}


def test_a_new_item_is_not_judged_by_the_history_that_it_asks_for_in_vain() -> None:
    new = Spec("bee", 1, renamed_from="ant")
    result = folded({A: ANT}, {A: ANT, B: new}, enforce=True)
    assert result.catalog.files[B].refusal is None
    assert result.catalog.entries["item", "bee"].active
    assert B in told(result)


def test_replacements_on_a_way_round_are_told() -> None:
    kinds = {A: Spec("ant", replaced_by="bee"), B: Spec("bee", replaced_by="ant")}
    result = folded(kinds)
    assert told(result, "circular-dependency") == {
        A: "'ant' is to be replaced by 'bee', which leads back to it",
        B: "'bee' is to be replaced by 'ant', which leads back to it",
    }


def test_a_replacement_that_became_a_bundle_is_there() -> None:
    bundle = Spec("bee", kind="bundle", needs=("ant",))
    result = folded(
        {A: Spec("ant", replaced_by="bee"), B: BEE}, {A: Spec("ant", replaced_by="bee"), B: bundle}
    )
    assert not told(result, "unknown-reference")


def test_who_needs_a_renamed_item_reads_its_present_name() -> None:
    needs = Spec("eel", kind="bundle", needs=("ant",))
    history = [
        {A: ANT, C: needs},
        {A: renamed("bee", "ant"), C: needs},
        {A: Spec("cow", renamed_from="bee", version=(3, 0, 0)), C: needs},
    ]
    first = fold(Catalog(), steps(history[:2]), "warn").catalog
    result = fold(first, steps(history, first=3), "warn")
    assert ("bundle", "eel") in result.touched_keys
    assert told(result, "unresolved-item") == {C: "'ant' is now called 'cow'"}
