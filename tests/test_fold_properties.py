"""The fold against the rules said a second time, over random histories."""

from __future__ import annotations

import json
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from paod.catalog.fold import fold
from paod.catalog.index import claimants_of, referrers_of
from paod.catalog.plan import plan
from paod.catalog.resolution import all_findings
from paod.model import Catalog, Key, Plan, Stored
from tests.model import Model, Spec, Tree, replay
from tests.steps import commit, steps

NAMES = ("a", "b", "c", "d")
PATHS = ("catalog/x/1.yaml", "catalog/x/2.yaml", "catalog/y/3.yaml", "catalog/z/4.yaml")

specs = st.builds(
    Spec,
    name=st.sampled_from(NAMES),
    body=st.integers(0, 2),
    version=st.sampled_from([(1, 0, 0), (1, 1, 0), (2, 0, 0)]),
    kind=st.sampled_from(["item", "item", "item", "bundle"]),
    renamed_from=st.none() | st.none() | st.sampled_from(NAMES),
    needs=st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(tuple),
    broken=st.sampled_from([False, False, False, True]),
    comment=st.integers(0, 1),
)
edits = st.dictionaries(st.sampled_from(PATHS), specs | st.none(), min_size=1, max_size=3)


@st.composite
def histories(draw: st.DrawFn) -> list[Tree]:
    """Make a history in which each commit edits, moves, swaps, adds or removes a few files."""
    tree: dict[str, Spec] = {}
    history: list[Tree] = []
    for _ in range(draw(st.integers(1, 7))):
        if len(tree) > 1 and draw(st.integers(0, 3)) == 0:
            one, other = draw(st.permutations(PATHS))[:2]
            tree = _swapped(tree, one, other)
        else:
            tree = {**tree, **_kept(draw(edits))}
            tree = {path: spec for path, spec in tree.items() if spec is not None}
        history.append(tree)
    return history


def _kept(found: Mapping[str, Spec | None]) -> dict[str, Spec]:
    return dict(found)  # type: ignore[arg-type]


def _swapped(tree: Tree, one: str, other: str) -> dict[str, Spec]:
    swapped = {path: spec for path, spec in tree.items() if path not in (one, other)}
    if one in tree:
        swapped[other] = tree[one]
    if other in tree:
        swapped[one] = tree[other]
    return swapped


def assert_equals_model(catalog: Catalog, model: Model) -> None:
    """Compare everything that the rules speak of."""
    entries = {
        key: (
            entry.path,
            entry.active,
            entry.commit.hash,
            entry.document.content,
            entry.warning and entry.warning.code,
            set(entry.former_names),
        )
        for key, entry in catalog.entries.items()
    }
    expected = {
        (key[0], key[1]): (
            thing.path,
            thing.active,
            commit(thing.revisions[-1][0]).hash,
            _content(thing.spec),
            thing.warning,
            thing.called,
        )
        for key, thing in model.things.items()
    }
    assert entries == expected
    assert dict(catalog.aliases) == model.aliases
    stale = {path: state.stale_since for path, state in catalog.files.items() if state.stale_since}
    assert stale == {path: commit(number).hash for path, number in model.stale_since.items()}
    told = {
        catalog.entries[key].path
        for key, found in catalog.findings.items()
        if any(problem.code == "rename-without-effect" for problem in found)
    }
    assert told == model.without_effect()
    refused = {path: s.refusal.code for path, s in catalog.files.items() if s.refusal}
    assert refused == model.refused


def _content(spec: Spec) -> str:
    return json.dumps(spec.content())


def revisions_of(planned: Plan) -> dict[Key, list[tuple[str, str]]]:
    """Return each row's planned revisions in order, with numbers that count from 1."""
    found: dict[Key, list[tuple[str, str]]] = {}
    for one in planned.revisions:
        row = found.setdefault(one.entry, [])
        row.append((one.revision.commit.hash, one.revision.change))
        assert one.number == len(row)
    return found


@settings(max_examples=400, deadline=None)
@given(histories(), st.booleans())
def test_the_fold_does_what_the_rules_say(history: list[Tree], enforce: bool) -> None:
    policy = "enforce" if enforce else "warn"
    folded = fold(Catalog(), steps(history), policy)
    model = replay(history, enforce=enforce)
    assert_equals_model(folded.catalog, model)
    planned = plan(Stored(), folded, anew=True)
    assert revisions_of(planned) == {
        key: [(commit(number).hash, change) for number, change in thing.revisions]
        for key, thing in model.things.items()
    }


@settings(max_examples=200, deadline=None)
@given(histories(), st.data())
def test_going_on_equals_starting_anew(history: list[Tree], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(history)))
    whole = fold(Catalog(), steps(history), "warn")
    first = fold(Catalog(), steps(history[:cut]), "warn")
    second = fold(first.catalog, steps(history, first=cut + 1), "warn")
    assert second.catalog == whole.catalog
    keys = whole.catalog.entries.keys()
    published = [one.catalog.published.everything(keys) for one in (second, whole)]
    assert published[0] == published[1]
    assert first.revisions + second.revisions == whole.revisions


@settings(max_examples=200, deadline=None)
@given(histories())
def test_indexes_and_findings_are_functions_of_the_rest(history: list[Tree]) -> None:
    catalog = fold(Catalog(), steps(history), "warn").catalog
    assert catalog.claimants == claimants_of(catalog.files.values())
    assert catalog.referrers == referrers_of(catalog.entries.values())
    assert catalog.findings == all_findings(catalog)
    for entry in catalog.entries.values():
        if entry.active:
            assert catalog.files[entry.path].serves == entry.key


@settings(max_examples=200, deadline=None)
@given(histories(), st.data())
def test_a_plan_leads_to_the_same_start_whichever_way_it_was_made(
    history: list[Tree], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(history)))
    whole = plan(Stored(), fold(Catalog(), steps(history), "warn"), anew=True)
    first = plan(Stored(), fold(Catalog(), steps(history[:cut]), "warn"), anew=True).after
    second = plan(first, fold(first.catalog, steps(history, first=cut + 1), "warn"), anew=False)
    assert second.after == whole.after


@settings(max_examples=300, deadline=None)
@given(st.lists(histories(), min_size=2, max_size=4))
def test_rewritten_histories_keep_every_row_and_lead_to_the_fresh_catalog(
    histories: list[list[Tree]],
) -> None:
    stored = Stored()
    table: dict[Key, tuple[int, bool]] = {}
    for history in histories:
        folded = fold(Catalog(), steps(history), "warn")
        planned = plan(stored, folded, anew=True)
        assert planned.after.catalog == folded.catalog
        _apply(planned, table)
        rows = {key: (one.revision, one.active) for key, one in planned.after.identities.items()}
        assert rows == table
        assert {key for key, row in table.items() if row[1]} == {
            key for key, entry in folded.catalog.entries.items() if entry.active
        }
        again = plan(planned.after, folded, anew=True)
        assert not again.revisions
        assert not again.entries
        assert not again.files
        stored = planned.after


def _apply(planned: Plan, table: dict[Key, tuple[int, bool]]) -> None:
    """Do to a dictionary what a store does to its tables, and check what makes that possible."""
    moving = {one.row: table.pop(one.row) for one in planned.entries if one.row is not None}
    for one in planned.entries:
        assert one.entry.key not in table
        was = moving[one.row][0] if one.row is not None else 0
        numbers = [r.number for r in planned.revisions if r.entry == one.entry.key]
        assert numbers == list(range(was + 1, one.revision + 1))
        table[one.entry.key] = (one.revision, one.entry.active)
    assert {r.entry for r in planned.revisions} <= {one.entry.key for one in planned.entries}
