"""Makes inputs that cost as much as the limits let them: ``python -m tests.costly``.

A shape makes a document, or a whole commit, of a size that is asked for; a place says where it
goes. Each commit is pushed to a real repository and synced, and must end in a verdict; each request
must be answered by the API, and by no 5xx. Only ``--largest`` looks at a clock, since the default
deadline of a sync is one. All of it is decided by the seed.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import click

from paod.model import SyncResult, limits
from paod.validate import Rules, examine
from tests.origin import Origin
from tests.served import READER, Served, item
from tests.syncing import Paod

HEAD = 'name: {name}\nversion: "1.0.0"\ndescription: d\nowner: o\n'
MANUAL = "fulfillment: {manual: {system: email, template: {a: b}}}\n"
FORMLESS = "presentation: {fields: []}\n"
Shape = Callable[[str, int], str]
"""From a name and about how many KiB to a document."""


def _form(name: str, fields: Iterator[str]) -> str:
    lines = "".join(f"  - {{{field}}}\n" for field in fields)
    return f"{HEAD.format(name=name)}tags: []\npresentation:\n  fields:\n{lines}{MANUAL}"


def _formless(name: str, more: str, manual: str = MANUAL) -> str:
    return f"{HEAD.format(name=name)}tags: []\n{FORMLESS}{manual}{more}"


def tags(name: str, size: int) -> str:
    """Return a document of so many tags that none may have them all."""
    words = ", ".join(f"tag-{number}" for number in range(size * 100))
    return f"{HEAD.format(name=name)}tags: [{words}]\n{FORMLESS}{MANUAL}"


def fifty_tags(name: str, size: int) -> str:
    """Return a document with as many long tags as it may have."""
    words = ", ".join(f"{name}-{number:0>40}"[:64] for number in range(limits.TAGS))
    return f"{HEAD.format(name=name)}tags: [{words}]\n{FORMLESS}{MANUAL}x-a: {'a' * size * 1000}\n"


def ranges(name: str, size: int) -> str:
    """Return a bundle with the longest ranges, none twice."""
    parts = "".join(
        f"  - {{catalog_item: a{k}, version: '{','.join(f'>={k}.{j}.0' for j in range(16))}'}}\n"
        for k in range(min(limits.PARTS, size * 5))
    )
    return f"{HEAD.format(name=name)}tags: []\nbundle:\n  optional_items:\n{parts}"


def regexps(name: str, size: int) -> str:
    """Return a form whose regexps are each as large as they may be."""
    count = min(limits.FIELDS, size * 12)
    return _form(
        name,
        (f"name: f{k}, type: string, regexp: '(x{{0,999}})y{k}z{{1,900}}'" for k in range(count)),
    )


def huge_regexps(name: str, size: int) -> str:
    """Return a form whose regexps would be larger still."""
    large = "(x{0,999})" * 30
    return _form(name, (f"name: f{k}, type: string, regexp: '{large}{k}'" for k in range(size * 3)))


def searches(name: str, size: int) -> str:
    """Return a form whose defaults are searched in, from each character on."""
    long = "x" * min(limits.SCALAR_BYTES, size * 1000)
    return _form(name, iter([f"name: f, type: string, regexp: '(x{{0,999}})y', default: {long}"]))


def expressions(name: str, size: int) -> str:
    """Return a document with long expressions in its templates."""
    texts = ", ".join(f"a{k}: '{{{{ {k}{'+1' * 1000} }}}}'" for k in range(max(1, size // 2)))
    manual = f"fulfillment: {{manual: {{system: email, template: {{{texts}}}}}}}\n"
    return _formless(name, "", manual)


def wrong_names(name: str, size: int) -> str:
    """Return a form and templates with names that are all nearly right."""
    fields = (f"name: field-{'ab' * 20}{k:05}, type: boolean" for k in range(100))
    names = " ".join(f"{{{{ field_{'ba' * 20}{k:05} }}}}" for k in range(max(1, size) * 15))
    manual = f"fulfillment: {{manual: {{system: email, template: {{a: '{names[:16_000]}'}}}}}}\n"
    return _form(name, fields).replace(MANUAL, manual)


def conditions(name: str, size: int) -> str:
    """Return a form in which each field is asked for if the one before is."""
    fields = [f"name: f{k}, type: boolean" for k in range(min(limits.FIELDS, size * 12))]
    return _form(
        name,
        (
            one + (f", conditional: {{field: f{k - 1}, value: true}}" if k else "")
            for k, one in enumerate(fields)
        ),
    )


def values(name: str, size: int) -> str:
    """Return a form with many values that many options are asked about."""
    options = ", ".join(f"o{k}" for k in range(limits.OPTIONS))
    wanted = ", ".join(f"v{k}" for k in range(size * 4))
    condition = f"type: boolean, conditional: {{field: s, value: [{wanted}]}}"
    fields = [f"name: s, type: selection, oneof: [{options}]"]
    return _form(name, iter([*fields, *(f"name: f{k}, {condition}" for k in range(30))]))


def aliases(name: str, size: int) -> str:
    """Return a document that is small and says much."""
    inner = ",".join(["1"] * min(190, size * 20))
    return _formless(name, f"x-a: &a [{inner}]\nx-b: [{','.join(['*a'] * 99)}]\n")


def references(name: str, size: int) -> str:
    """Return a document that needs as many unknown items as it may."""
    names = ", ".join(f"unknown-{k}" for k in range(min(limits.DEPENDENCIES, size * 40)))
    return _formless(name, f"dependencies: [{names}]\n")


def brackets(name: str, size: int) -> str:
    """Return what is nested as deep as it goes."""
    return f"x: {'[' * size * 1000}"


def quotes(name: str, size: int) -> str:
    """Return lines that end in a fault, after which all of them are looked at again."""
    return "".join(f"a{k}: 'b'\n" for k in range(min(9_000, size * 80))) + " x"


def duplicates(name: str, size: int) -> str:
    """Return mappings whose keys stand twice."""
    return _formless(name, "".join(f"x-{k % (size * 40)}: 1\n" for k in range(size * 60)))


DOCUMENTS: dict[str, Shape] = {
    shape.__name__: shape
    for shape in (
        *(tags, fifty_tags, ranges, regexps, huge_regexps, searches, expressions, wrong_names),
        *(conditions, values, aliases, references, brackets, quotes, duplicates),
    )
}
PLACES: dict[str, Callable[[Random, int], str]] = {
    "one file": lambda _, number: f"catalog/x/costly-{number}.yaml",
    "a file that is there": lambda chance, _: f"catalog/x/costly-{chance.randrange(20)}.yaml",
    "a deep folder": lambda _, number: f"catalog/{'d/' * 100}costly-{number}.yaml",
    "no category": lambda _, number: f"catalog/costly-{number}.yaml",
    "no document": lambda _, number: f"catalog/x/{'Odd' * 30}{number}.YAML",
    "an item that others need": lambda *_: "catalog/x/needed.yaml",
}


def made(name: str, shape: Shape, size: int) -> bytes:
    """Return a document of a shape, cut to what a file may have."""
    return shape(name, size).encode()[: limits.FILE_BYTES]


Commit = Callable[[Origin, Random, int], str]
"""Commits something costly to the branch and returns the commit."""


def _of_documents(origin: Origin, chance: Random, number: int) -> str:
    shape = chance.choice(list(DOCUMENTS.values()))
    place = chance.choice(list(PLACES.values()))
    path = place(chance, number)
    name = Path(path).stem
    data = made(name, shape, chance.choice([1, 4, 16, 60]))
    return origin.write(path, data).commit()


def _same_blob(origin: Origin, chance: Random, number: int) -> str:
    data = made("one", chance.choice(list(DOCUMENTS.values())), 2)
    for copy in range(chance.choice([10, 100])):
        origin.write(f"catalog/x/copy-{number % 3}-{copy}.yaml", data)
    return origin.commit()


def _chain(origin: Origin, chance: Random, number: int) -> str:
    count, step = chance.choice([10, 100]), chance.choice([-1, 1])
    for link in range(count):
        name, former = f"link-{number + link:06}", f"link-{number + link + step:06}"
        text = _formless(name, f"renamed_from: {former}\nx-n: {number}\n")
        origin.write(f"catalog/chain/{link}.yaml", text)
    return origin.commit()


def _claims(origin: Origin, chance: Random, number: int) -> str:
    for copy in range(chance.choice([10, 100])):
        origin.write(
            f"catalog/claims/{number % 3}-{copy}.yaml", _formless("claimed", f"x: {copy}\n")
        )
    return origin.commit()


def _tree(origin: Origin, chance: Random, number: int) -> str:
    """Commit a tree that no git program writes: equal names, or one folder in many places."""
    head = origin.head
    blob = origin.raw("blob", b"x")
    count = chance.choice([10, 1000])
    folder = origin.raw_tree(*[("100644", b"a.yaml", blob)] * count)
    if chance.random() < 0.5:
        folder = origin.raw_tree(("100644", b"a.yaml", blob))
        for _ in range(chance.choice([10, 20])):
            folder = origin.raw_tree(("40000", b"a", folder), ("40000", b"b", folder))
    root = origin.raw_tree(("40000", b"catalog", folder))
    origin.force(origin.git("commit-tree", root, "-p", head, "-m", f"tree {number}"))
    return origin.force(
        origin.git("commit-tree", f"{head}^{{tree}}", "-p", origin.head, "-m", "back")
    )


COMMITS: dict[str, Commit] = {
    "documents": _of_documents,
    "one blob in many places": _same_blob,
    "a chain of renames": _chain,
    "claims of one name": _claims,
    "trees": _tree,
}
DEADLINE = 300.0
"""Seconds: the default of ``PAO_SYNC_TIMEOUT``."""
VERDICTS = {"completed", "blocked", "rejected"}


def commits(folder: Path, count: int, seed: int = 0) -> Counter[str]:
    """Push and sync costly commits; AssertionError: one did not end in a verdict."""
    chance, found = Random(seed), Counter[str]()
    origin = Origin(folder / "origin")
    origin.write("catalog/x/needed.yaml", _formless("needed", "")).commit()
    paod = Paod(folder / "paod", origin, {"PAO_HISTORY_DEPTH": "100"})
    try:
        for number in range(count):
            shape = chance.choice(list(COMMITS))
            COMMITS[shape](origin, chance, number)
            result = paod.sync()
            assert result.status in VERDICTS, (seed, number, shape, result.reason, result.message)
            found[f"{shape}: {result.status}"] += 1
    finally:
        paod.database.close()
        origin.close()
    return found


def requests(folder: Path, count: int, seed: int = 0) -> Counter[str]:
    """Ask the API what costs it most; AssertionError: it failed, or told more than it may."""
    chance, found = Random(seed), Counter[str]()
    folder.mkdir(parents=True, exist_ok=True)
    served = Served(folder)
    files = {
        f"catalog/x/{name.replace('_', '-')}.yaml": made(name.replace("_", "-"), shape, 10).decode()
        for name, shape in DOCUMENTS.items()
    }
    served.push({**files, "catalog/x/plain.yaml": item("plain")})
    names = [row["name"] for row in served.get("/catalog/items?limit=100").json["items"]]
    for _ in range(count):
        ask = chance.choice(list(_ASKED))
        answer = _ASKED[ask](served, chance, names)
        assert answer.status_code < 500, (seed, ask, answer.status_code, answer.text[:500])
        assert len(answer.content) < 8_000_000, (seed, ask, len(answer.content))
        found[f"{ask}: {answer.status_code}"] += 1
    served.store.close()
    return found


def _order(served: Served, chance: Random, names: list[str]) -> Any:
    path = f"/catalog/items/{chance.choice(names)}/validate"
    parameters: dict[str, Any] = chance.choice(
        [
            {},
            {f"f{'ab' * 10}{number}": 1 for number in range(1_500)},
            {f"f{number}": "x" * 300 for number in range(190)},
            {"s": [f"o{number}" for number in range(6_000)]},
            {"f": "x" * 60_000},
            {"f0": [[[]]] * 9_000},
        ]
    )
    return served.post(path, json.dumps({"parameters": parameters}).encode(), READER)


_ASKED: dict[str, Callable[[Served, Random, list[str]], Any]] = {
    "order": _order,
    "facets": lambda served, *_: served.get("/catalog/facets"),
    "list": lambda served, *_: served.get("/catalog/items?limit=100&include_inactive=true"),
    "search": lambda served, chance, _: served.get(
        "/catalog/items?search=" + "+".join(chance.choices("abcdefgh", k=40))
    ),
    "unknown": lambda served, chance, _: served.get(
        "/catalog/items/" + "ab" * chance.randrange(1, 31)
    ),
    "changes": lambda served, *_: served.get("/catalog/changes?limit=100"),
}


@dataclass(frozen=True, slots=True)
class Largest:
    """How a commit of as many bytes as it may have ended."""

    shape: str
    size: int
    result: SyncResult
    seconds: float


def largest(folder: Path, shape: str, size: int = limits.COMMIT_BYTES) -> Largest:
    """Sync one commit full of documents of a shape, each of the size that costs most for it."""
    origin = Origin(folder / "origin")
    used = number = 0
    while number < limits.TREE_FILES:
        name = f"costly-{number}"
        data = made(name, DOCUMENTS[shape], 60)
        if used + len(data) > size:
            break
        origin.write(f"catalog/x/{name}.yaml", data)
        used, number = used + len(data), number + 1
    origin.commit()
    paod = Paod(folder / "paod", origin)
    began = time.monotonic()
    result = paod.sync()
    seconds = time.monotonic() - began
    paod.database.close()
    origin.close()
    return Largest(shape, used, result, seconds)


def calibrate() -> Iterator[tuple[str, int, float]]:
    """Yield each shape's units and the microseconds that it took, to see what a unit is here."""
    for shape, make in DOCUMENTS.items():
        data = made("costly", make, 60)
        began = time.process_time()
        file = examine("catalog/x/costly.yaml", data, "", Rules())
        yield shape, file.units, (time.process_time() - began) * 1_000_000


@click.command()
@click.option("--commits", "commit_count", default=2_000, show_default=True)
@click.option("--requests", "request_count", default=2_000, show_default=True)
@click.option("--largest", "with_largest", is_flag=True, help="Sync 100 MiB of each shape, too.")
@click.option("--seed", default=0, show_default=True)
@click.option("--calibrate", "only_calibrate", is_flag=True, help="Show what a unit of work takes.")
def main(
    commit_count: int, request_count: int, with_largest: bool, seed: int, only_calibrate: bool
) -> None:
    """Push costly commits and send costly requests; the first that ends badly ends it."""
    if only_calibrate:
        for shape, units, took in calibrate():
            click.echo(f"{shape:<16}{units:>12,} units {took:>12,.0f} µs")
        return
    with tempfile.TemporaryDirectory(prefix="paod-costly-") as folder:
        place = Path(folder)
        found = commits(place / "commits", commit_count, seed) if commit_count else Counter()
        found += requests(place / "requests", request_count, seed) if request_count else Counter()
        for what, times in sorted(found.items()):
            click.echo(f"{times:>8,} {what}")
        for shape in DOCUMENTS if with_largest else ():
            _within_the_deadline(largest(place / shape, shape))
    click.echo("every sync ended in a verdict, every request in an answer")


def _within_the_deadline(one: Largest) -> None:
    click.echo(
        f"{one.shape}: {one.size / 1024 / 1024:.0f} MiB, {one.seconds:.0f} s, {one.result.status}"
    )
    assert one.result.status in VERDICTS, (one.shape, one.result.reason, one.result.message)
    assert one.seconds < DEADLINE, one.shape


if __name__ == "__main__":
    main()
