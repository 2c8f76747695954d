"""A folder's catalog kept up to date, against one commit of all that the folder holds."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings

from paod.catalog.afresh import UNCOMMITTED, fold_afresh
from paod.catalog.fold import fold
from paod.catalog.plan import plan
from paod.catalog.problems import problems_of
from paod.model import Catalog, Step, Stored
from tests.model import Spec, Tree
from tests.steps import commit, examined, steps
from tests.test_fold_properties import histories


@settings(max_examples=150, deadline=None)
@given(histories())
def test_it_depends_on_what_is_there_and_on_nothing_before(history: list[Tree]) -> None:
    catalog = Catalog()
    for tree, step in zip(history, steps(history), strict=True):
        catalog = fold_afresh(catalog, dict(step.changes))
        files = tuple(sorted((path, examined(spec)) for path, spec in tree.items()))
        whole = fold(Catalog(), [Step(UNCOMMITTED, files)], "warn").catalog
        assert catalog == replace(whole, commit=catalog.commit)
        for path in tree:
            assert problems_of(catalog, path) == problems_of(whole, path)


def test_a_file_whose_count_of_work_changed_is_written() -> None:
    """Else the count of former rules would be summed up by who knows the file already."""
    spec = Spec("ant")

    def step(units: int) -> Step:
        file = replace(examined(spec), units=units)
        return Step(commit(1), (("catalog/x/ant.yaml", file),))

    first = plan(Stored(), fold(Catalog(), [step(0)], "warn"), anew=True)
    again = plan(first.after, fold(Catalog(), [step(7)], "warn"), anew=True)
    assert list(again.files) == ["catalog/x/ant.yaml"]
    assert not again.entries
    once_more = plan(again.after, fold(Catalog(), [step(7)], "warn"), anew=True)
    assert not once_more.files
