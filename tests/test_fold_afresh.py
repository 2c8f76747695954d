"""A folder's catalog kept up to date, against one commit of all that the folder holds."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings

from paod.catalog.afresh import UNCOMMITTED, fold_afresh
from paod.catalog.fold import fold
from paod.catalog.problems import problems_of
from paod.model import Catalog, Step
from tests.model import Tree
from tests.steps import examined, steps
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
