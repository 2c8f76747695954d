"""The rules of the fold, one table row each: a history, and what is served after it."""

from __future__ import annotations

import pytest

from paod.catalog.fold import fold
from paod.catalog.guard import refuse_errors, refuse_mass_removal
from paod.catalog.plan import plan
from paod.catalog.problems import problems_of
from paod.catalog.resolution import parts
from paod.errors import Blocked, Rejected
from paod.model import Catalog, Folded, Stored, VersionPolicy
from tests.model import Spec, Tree
from tests.steps import commit, steps

A, B, C = "catalog/x/a.yaml", "catalog/x/b.yaml", "catalog/x/c.yaml"
BAD = Spec("?", broken=True)


def folded(*history: Tree, policy: VersionPolicy = "warn") -> Folded:
    return fold(Catalog(), steps(history), policy)


def served(*history: Tree, policy: VersionPolicy = "warn") -> dict[str, str]:
    """Return what is active after a history: name → path."""
    entries = folded(*history, policy=policy).catalog.entries.values()
    return {entry.document.name: entry.path for entry in entries if entry.active}


def changes(*history: Tree) -> list[tuple[str, str]]:
    """Return the revisions of a history as (name, change)."""
    return [(one.document.name, one.change) for one in folded(*history).revisions]


def codes(result: Folded, path: str) -> list[str]:
    return [problem.code for problem in problems_of(result.catalog, path)]


ONE = Spec("one")
TWO = Spec("two")

SERVED = [
    ("a good file is served", [{A: ONE}], {"one": A}),
    ("a bad file that never was good is not", [{A: BAD}], {}),
    ("a bad file goes on serving its last good document", [{A: ONE}, {A: BAD}], {"one": A}),
    (
        "however often it is edited",
        [{A: ONE}, {A: BAD}, {A: Spec("!", 1, broken=True)}],
        {"one": A},
    ),
    ("a bad file that goes takes its document with it", [{A: ONE}, {A: BAD}, {}], {}),
    ("made anew, it has had no good document", [{A: ONE}, {}, {A: BAD}], {}),
    (
        "a bad file that moves as it is keeps its document",
        [{A: ONE}, {A: BAD}, {B: BAD}],
        {"one": B},
    ),
    ("of two new claimants the first path wins", [{B: ONE, A: ONE}], {"one": A}),
    ("the holder wins against an earlier path", [{B: ONE}, {B: ONE, A: ONE}], {"one": B}),
    ("a broken holder keeps its name", [{B: ONE}, {B: BAD, A: ONE}], {"one": B}),
    (
        "a waiting claimant takes over when the holder goes",
        [{A: ONE, B: ONE}, {B: ONE}],
        {"one": B},
    ),
    (
        "and when the holder changes its name",
        [{A: ONE, B: ONE}, {A: TWO, B: ONE}],
        {"one": B, "two": A},
    ),
    (
        "a loser goes on serving its former document",
        [{A: ONE, B: TWO}, {A: ONE, B: ONE}],
        {"one": A, "two": B},
    ),
    (
        "until somebody else has that name too",
        [{A: ONE, B: TWO}, {A: ONE, B: ONE}, {A: ONE, B: ONE, C: TWO}],
        {"one": A, "two": C},
    ),
    (
        "which it does not get back",
        [{A: ONE, B: TWO}, {A: ONE, B: ONE, C: TWO}, {A: ONE, B: ONE}],
        {"one": A},
    ),
    ("two files may swap names", [{A: ONE, B: TWO}, {A: TWO, B: ONE}], {"one": B, "two": A}),
    (
        "three may pass them round",
        [{A: ONE, B: TWO, C: Spec("three")}, {A: TWO, B: Spec("three"), C: ONE}],
        {"one": C, "two": A, "three": B},
    ),
    (
        "a bundle may follow an item of its name",
        [{A: ONE}, {A: Spec("one", kind="bundle")}],
        {"one": A},
    ),
]


@pytest.mark.parametrize(
    ("history", "expected"), [row[1:] for row in SERVED], ids=[r[0] for r in SERVED]
)
def test_who_is_served(history: list[Tree], expected: dict[str, str]) -> None:
    assert served(*history) == expected


CHANGES = [
    (
        "added, changed, removed",
        [{A: ONE}, {A: Spec("one", 1)}, {}],
        ["added", "changed", "removed"],
    ),
    ("a move keeps the item", [{A: ONE}, {B: ONE}], ["added", "moved"]),
    ("a move with an edit is one change", [{A: ONE}, {B: Spec("one", 1)}], ["added", "changed"]),
    ("it comes back as the same item", [{A: ONE}, {}, {B: ONE}], ["added", "removed", "restored"]),
    ("a comment is no change", [{A: ONE}, {A: Spec("one", comment=3)}], ["added"]),
    ("breaking and mending is no change", [{A: ONE}, {A: BAD}, {A: ONE}], ["added"]),
    ("what came and went in one step is not history", [{A: ONE}, {A: ONE}], ["added"]),
]


@pytest.mark.parametrize(
    ("history", "expected"), [row[1:] for row in CHANGES], ids=[r[0] for r in CHANGES]
)
def test_which_revisions_a_history_gives(history: list[Tree], expected: list[str]) -> None:
    assert changes(*history) == [("one", change) for change in expected]


def test_a_changed_name_removes_one_item_and_adds_another() -> None:
    assert changes({A: ONE}, {A: TWO}) == [("one", "added"), ("one", "removed"), ("two", "added")]


@pytest.mark.parametrize("path", [A, B], ids=["in place", "in a new file"])
def test_renamed_from_keeps_the_item(path: str) -> None:
    result = folded({A: ONE}, {path: Spec("two", renamed_from="one")})
    assert [one.change for one in result.revisions] == ["added", "renamed"]
    assert dict(result.catalog.aliases) == {("item", "one"): "two"}
    assert ("item", "one") not in result.catalog.entries


def test_renamed_from_a_name_that_is_still_held_adds_an_item() -> None:
    result = folded({A: ONE}, {A: ONE, B: Spec("two", renamed_from="one")})
    assert [one.change for one in result.revisions] == ["added", "added"]
    assert not result.catalog.aliases


def test_aliases_follow_a_second_rename_and_give_way_to_a_new_item() -> None:
    twice = [{A: ONE}, {A: Spec("two", renamed_from="one")}, {A: Spec("three", renamed_from="two")}]
    assert dict(folded(*twice).catalog.aliases) == {
        ("item", "one"): "three",
        ("item", "two"): "three",
    }
    again = {**twice[-1], B: ONE}
    assert dict(folded(*twice, again).catalog.aliases) == {("item", "two"): "three"}


def test_a_chain_of_renames_in_one_commit_keeps_every_item() -> None:
    after = {A: Spec("two", renamed_from="one"), B: Spec("three", renamed_from="two")}
    result = folded({A: ONE, B: TWO}, after)
    assert [one.change for one in result.revisions[2:]] == ["renamed", "renamed"]


def test_a_bad_file_says_since_when_and_a_mended_one_no_longer() -> None:
    result = folded({A: ONE}, {A: BAD}, {A: Spec("!", 1, broken=True)})
    assert result.catalog.files[A].stale_since == commit(2).hash
    assert codes(result, A) == ["yaml-syntax"]
    mended = folded({A: ONE}, {A: BAD}, {A: ONE})
    assert mended.catalog.files[A].stale_since is None
    assert codes(mended, A) == []


def test_the_problem_of_a_loser_names_the_holder() -> None:
    result = folded({A: ONE, B: ONE})
    (problem,) = problems_of(result.catalog, B)
    assert problem.code == "duplicate-name"
    assert A in problem.message
    assert problem.commit == commit(1).hash


VERSIONS = [
    ("other content, same version", [Spec("one", 0), Spec("one", 1)], "version-conflict"),
    (
        "a lower version",
        [Spec("one", 0, (2, 0, 0)), Spec("one", 1, (1, 0, 0))],
        "version-regression",
    ),
    ("a higher version", [Spec("one", 0), Spec("one", 1, (1, 0, 1))], None),
    ("a revert", [Spec("one", 0), Spec("one", 1, (1, 0, 1)), Spec("one", 0)], None),
    ("the same version, reordered", [Spec("one", 0), Spec("one", 0, comment=1)], None),
]


@pytest.mark.parametrize(
    ("edits", "code"), [row[1:] for row in VERSIONS], ids=[r[0] for r in VERSIONS]
)
def test_the_version_rules_warn(edits: list[Spec], code: str | None) -> None:
    result = folded(*({A: edit} for edit in edits))
    found = [(one.code, one.severity) for one in problems_of(result.catalog, A)]
    assert found == ([] if code is None else [(code, "warning")])
    assert result.catalog.entries["item", "one"].document.content_hash != ""
    assert result.revisions[-1].change in ("added", "changed")


@pytest.mark.parametrize(
    ("edits", "code"), [row[1:] for row in VERSIONS], ids=[r[0] for r in VERSIONS]
)
def test_the_version_rules_keep_the_old_document_when_enforced(
    edits: list[Spec], code: str | None
) -> None:
    result = folded(*({A: edit} for edit in edits), policy="enforce")
    entry = result.catalog.entries["item", "one"]
    kept = edits[-1] if code is None else edits[0]
    assert entry.document.content == str_content(kept)
    found = [(one.code, one.severity) for one in problems_of(result.catalog, A)]
    assert found == ([] if code is None else [(code, "error")])


def str_content(spec: Spec) -> str:
    document = next(iter(steps([{A: spec}]))).changes[0][1]
    assert document is not None
    assert document.document is not None
    return document.document.content


def test_a_version_warning_stays_until_the_content_changes_and_follows_its_line() -> None:
    conflict = Spec("one", 1)
    result = folded({A: ONE}, {A: conflict}, {A: Spec("one", 1, comment=5)})
    (problem,) = problems_of(result.catalog, A)
    assert (problem.code, problem.line) == ("version-conflict", 7)
    mended = folded({A: ONE}, {A: conflict}, {A: Spec("one", 2, (1, 0, 1))})
    assert codes(mended, A) == []


def test_a_bundle_follows_its_items_without_being_touched() -> None:
    bundle = Spec("kit", kind="bundle", needs=("one",))
    missing = folded({A: bundle})
    assert codes(missing, A) == ["unresolved-item"]
    present = folded({A: bundle}, {A: bundle, B: ONE})
    assert codes(present, A) == []
    assert ("bundle", "kit") in present.touched_keys
    (part,) = parts(present.catalog, ("bundle", "kit")) or ()
    assert part.version == "1.0.0"
    gone = folded({A: bundle, B: ONE}, {A: bundle})
    assert codes(gone, A) == ["unresolved-item"]


def test_dependencies_that_lead_in_a_circle_warn_each_member() -> None:
    one, two = Spec("one", needs=("two",)), Spec("two", needs=("one",))
    result = folded({A: one, B: Spec("two")}, {A: one, B: two})
    assert codes(result, A) == ["circular-dependency"]
    assert codes(result, B) == ["version-conflict", "circular-dependency"]
    open_again = folded({A: one, B: two}, {A: one})
    assert codes(open_again, A) == ["unknown-reference"]


def test_strict_refuses_any_error_but_no_warning() -> None:
    refuse_errors(
        plan(Stored(), folded({A: Spec("kit", kind="bundle", needs=("x",))}), anew=True), "c"
    )
    with pytest.raises(Rejected, match="1 error"):
        refuse_errors(plan(Stored(), folded({A: ONE, B: BAD}), anew=True), "c" * 40)


def many(count: int) -> dict[str, Spec]:
    return {f"catalog/x/{n:03}.yaml": Spec(f"n{n}") for n in range(count)}


GUARD = [
    ("all of three", 3, 0, 20, True),
    ("all of two", 2, 0, 20, False),
    ("five of ten", 10, 5, 20, True),
    ("four of ten", 10, 6, 20, False),
    ("a fifth exactly", 25, 20, 20, False),
    ("a little more than a fifth", 24, 19, 20, True),
    ("all, the guard off", 10, 0, 100, False),
]


@pytest.mark.parametrize(
    ("before", "after", "percent", "blocked"), [r[1:] for r in GUARD], ids=[r[0] for r in GUARD]
)
def test_the_mass_removal_guard(before: int, after: int, percent: int, blocked: bool) -> None:
    stored = plan(Stored(), folded(many(before)), anew=True).after
    removal = fold(stored.catalog, steps([many(before), many(after)], first=2), "warn")
    planned = plan(stored, removal, anew=False)
    if not blocked:
        refuse_mass_removal(stored, planned, percent, commit="c" * 40, leave="paod resume")
        return
    with pytest.raises(Blocked, match=f"remove {before - after} of {before}"):
        refuse_mass_removal(stored, planned, percent, commit="c" * 40, leave="paod resume")


def test_a_rename_is_no_removal_and_one_change() -> None:
    stored = plan(Stored(), folded({A: ONE}), anew=True).after
    step = steps([{A: ONE}, {A: Spec("two", renamed_from="one")}], first=2)
    planned = plan(stored, fold(stored.catalog, step, "warn"), anew=False)
    (change,) = planned.changes
    assert (change.change, change.name, change.renamed_from) == ("renamed", "two", "one")
    assert planned.entries[0].row == ("item", "one")
    assert planned.items.removed == 0


def test_a_comment_writes_the_file_but_shows_readers_nothing() -> None:
    stored = plan(Stored(), folded({A: ONE}), anew=True).after
    step = steps([{A: ONE}, {A: Spec("one", comment=1)}], first=2)
    planned = plan(stored, fold(stored.catalog, step, "warn"), anew=False)
    assert not planned.visible
    assert not planned.changes
    assert set(planned.files) == {A}
