"""The one table of limits, and that each limit on a document is told by a problem that names it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paod.codes import CODES
from paod.finding import Near
from paod.model import ExaminedFile, limits
from paod.rules import effort
from paod.rules.program import program_size
from paod.rules.templates import code_of, names_in
from paod.schema import json_schema
from paod.validate import Rules, examine
from tests.growth import growth, work

PAGE = (Path(__file__).parents[1] / "docs" / "limits.md").read_text("utf-8")
TEMPLATE = {"manual": {"system": "email", "template": {"subject": "s"}}}
Json = dict[str, Any]


def item(**keys: Any) -> Json:
    return {
        "name": "f",
        "version": "1.0.0",
        "description": "d",
        "owner": "o",
        "tags": [],
        "presentation": {"fields": []},
        "fulfillment": TEMPLATE,
        **keys,
    }


def form(*fields: Json) -> Json:
    return item(presentation={"fields": list(fields)})


def bundle(**keys: Any) -> Json:
    document = {key: value for key, value in item().items() if key not in ("fulfillment",)}
    return {**document, "presentation": {}, "bundle": keys}


def steps(*some: Json) -> Json:
    return item(fulfillment={**TEMPLATE, "automation": {"steps": list(some)}})


def seen(document: Json) -> ExaminedFile:
    return examine("catalog/x/f.yaml", json.dumps(document).encode(), "", Rules())


def many(count: int, word: str = "a") -> list[str]:
    return [f"{word}{number}" for number in range(count)]


LISTS: dict[str, Callable[[int], Json]] = {
    "tags": lambda n: item(tags=many(n)),
    "dependencies": lambda n: item(dependencies=many(n)),
    "fields": lambda n: form(*({"name": name, "type": "boolean"} for name in many(n))),
    "options": lambda n: form({"name": "a", "type": "selection", "oneof": many(n)}),
    "parts": lambda n: bundle(optional_items=[{"catalog_item": name} for name in many(n)]),
    "steps": lambda n: steps(*({"name": name, "type": "HttpPost"} for name in many(n))),
    "comparators": lambda n: bundle(
        required_items=[{"catalog_item": "a", "version": ",".join([">=1.0.0"] * n)}]
    ),
}


@pytest.mark.parametrize("group", ["document", "commit", "request"])
def test_the_page_of_limits_is_the_table(group: limits.Group) -> None:
    assert limits.as_markdown(group) in PAGE
    assert all(one.reason and one.value > 0 for one in limits.LIMITS.values())


@pytest.mark.parametrize("name", LISTS)
def test_a_list_may_be_as_long_as_its_limit_and_no_longer(name: str) -> None:
    most = limits.LIMITS[name].value
    assert not seen(LISTS[name](most)).problems
    problems = seen(LISTS[name](most + 1)).problems
    assert [problem.code for problem in problems] == ["too-many"]
    assert str(most + 1) in problems[0].message
    assert f"more than {most}" in problems[0].message


def test_editors_know_the_limits_of_lists() -> None:
    known = re.findall(r'"maxItems": (\d+)', json.dumps(json_schema()))
    named = ("tags", "dependencies", "fields", "options", "parts", "steps", "depends_on")
    assert {int(one) for one in known} == {limits.LIMITS[name].value for name in named}


def test_work_is_counted_the_same_each_time_and_what_stands_twice_once() -> None:
    one = form({"name": "a", "type": "string", "regexp": "x{0,900}"})
    two = form(*({"name": name, "type": "string", "regexp": "x{0,900}"} for name in "ab"))
    assert effort(one, 50, 300) == effort(one, 50, 300) == effort(two, 50, 300)
    assert seen(one).units > 1800
    assert seen(one).units == seen(one).units


def test_a_document_that_costs_more_than_its_size_allows_says_so_and_is_not_run() -> None:
    costly = form(
        *({"name": f"f{n}", "type": "string", "regexp": f"y{n}(x{{0,990}})"} for n in range(150))
    )
    file = seen(costly)
    assert [problem.code for problem in file.problems] == ["too-costly"]
    assert file.document is None
    assert file.units > limits.work_allowed(len(json.dumps(costly)))
    assert f"{file.units:,}" in file.problems[0].message


def test_a_search_in_a_long_default_is_counted() -> None:
    field = {"name": "a", "type": "string", "regexp": "(x{0,999})y", "default": "x" * 60_000}
    assert seen(form(field)).units > 60_000 * 2_000 // limits.STEPS_A_UNIT - 1


def test_content_that_aliases_blow_up_is_refused() -> None:
    text = json.dumps(item(**{"x-a": "A"}))[:-1].replace('"A"', f'&a "{"a" * 60_000}"')
    bomb = (text + ', "x-b": [' + ", ".join(["*a"] * 20) + "]}").encode()
    file = examine("catalog/x/f.yaml", bomb, "", Rules())
    assert [problem.code for problem in file.problems] == ["too-complex"]
    assert str(limits.CONTENT_BYTES) in file.problems[0].message


PROGRAMS = [
    ("^[a-z][a-z0-9_]*$", 10, 40),
    ("x{0,1000}", 2_000, 2_100),
    ("(x{0,999}){1,3}", 6_000, 6_100),
    ("((a{10}){10}){10}", 2_000, 2_700),
    (r"[a-zA-Z0-9_.-]{1,200}", 1_000, 2_600),
    (r"^\p{L}+$", 1_200, 1_400),
    (r"(?i)x{100}", 200, 450),
    (r"\Qx{1000}\E", 7, 12),
    (r"(?P<name>a{500})", 1_000, 1_100),
    (r"[]x{9}]", 4, 12),
    ("(((((((((", 1, 20),
]


@pytest.mark.parametrize(("pattern", "least", "most"), PROGRAMS)
def test_the_program_of_a_regexp_is_estimated(pattern: str, least: int, most: int) -> None:
    assert least <= program_size(pattern) <= most


def test_a_regexp_over_the_limit_is_never_compiled() -> None:
    (problem,) = seen(form({"name": "a", "type": "string", "regexp": "(x{0,999}){1,3}"})).problems
    assert problem.code == "bad-regexp"
    assert str(limits.REGEXP_PROGRAM) in problem.message
    assert "max_length" in problem.hint


def test_code_between_braces_is_counted_and_bounded() -> None:
    assert code_of("a {{ b }} c {# d #}") == len("{{ b }}{# d #}")
    assert code_of("{{ {{ never closed") == len("{{ {{ never closed")
    assert code_of("}} no {") == 0
    long = "{{ requester" + " ~ requester" * 400 + " }}"
    summary = {"manual": {"system": "email", "template": {"subject": long}}}
    (problem,) = seen(item(fulfillment=summary)).problems
    assert problem.code == "template-syntax"
    assert str(limits.TEMPLATE_CODE) in problem.message


def test_only_the_first_unknown_names_are_compared_with_others() -> None:
    names = " ".join(f"{{{{ databse_{number} }}}}" for number in range(20))
    document = form({"name": "database_1", "type": "string"})
    document["fulfillment"] = {"manual": {"system": "email", "template": {"a": names}}}
    problems = seen(document).problems
    near = [problem for problem in problems if problem.hint.startswith("did you mean")]
    assert len(problems) == 20
    assert len(near) == limits.HINTS
    assert all(problem.hint for problem in problems)


def test_a_near_name_costs_the_same_however_many_there_are() -> None:
    words = [f"{'ab' * 28}{number:04}" for number in range(2_000)]
    few = work(lambda: Near("ba" * 30, words[:200]).text(search=True))
    assert work(lambda: Near("ba" * 30, words).text(search=True)) < 2 * few + 100_000


SHAPES: dict[str, Callable[[int], Json]] = {
    "conditions on one field": lambda n: form(
        {"name": "s", "type": "selection", "oneof": many(n)},
        *(
            {"name": f"b{k}", "type": "boolean", "conditional": {"field": "s", "value": ["x"]}}
            for k in range(1, n)
        ),
    ),
    "a chain of conditions": lambda n: form(
        {"name": "a0", "type": "string"},
        *(
            {"name": f"a{k}", "type": "string", "conditional": {"field": f"a{k - 1}", "value": "x"}}
            for k in range(1, n)
        ),
    ),
    "unknown steps": lambda n: steps(
        *({"name": f"s{k}", "type": "HttpPost", "depends_on": [f"z{k}"]} for k in range(n))
    ),
    "ranges": lambda n: bundle(
        required_items=[
            {"catalog_item": f"a{k}", "version": ",".join(f">={k}.0.{j}" for j in range(16))}
            for k in range(n)
        ]
    ),
    "names in templates": lambda n: {
        **form(*({"name": f"a{k}", "type": "string"} for k in range(n))),
        "fulfillment": {
            "manual": {"system": "email", "template": {"a": [f"{{{{ b{k} }}}}" for k in range(n)]}}
        },
    },
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_verdict_on_a_document_grows_with_it(shape: str) -> None:
    assert growth(lambda n: lambda: seen(SHAPES[shape](n)), 50, 200) <= 1.3


def test_the_names_of_a_deep_template_are_found_in_one_walk() -> None:
    def make(terms: int) -> Callable[[], object]:
        text = "{{ x" + " + y" * terms + " }}"
        return lambda: names_in.__wrapped__(text)

    assert growth(make, 60, 240) <= 1.3


def test_every_code_that_names_a_limit_is_explained() -> None:
    assert {"too-many", "too-costly", "too-complex", "too-large"} <= CODES.keys()
