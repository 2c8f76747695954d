"""The order of the rooms: imports go down only, in no circle, and a few packages have one room."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PAOD = Path(__file__).parent.parent / "paod"
LEVELS = (
    {
        "deadline",
        *("errors", "model", "codes", "versions", "finding", "paths", "ref", "strict_json"),
        *("git_program", "permissions", "repository_url"),
    },
    {
        *("config", "log", "failpoint", "document", "schema", "rules"),
        *("catalog", "webhook", "access", "difference", "mirror", "worktree", "database"),
        *("outgoing", "messages", "signers"),
    },
    {"store", "github_app", "preview", "validate"},
    {"basis"},
    {"sync", "metrics"},
    {"api", "checking"},
    {"daemon", "demo", "watch"},
    {"doctor"},
    {"cli"},
)
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
ALLOWED = {
    "yaml": {"document", "config"},
    "cerberus": {"schema", "config"},
    "jsonschema_rs": {"schema", "webhook", "api"},
    "pygit2": {"mirror"},
    "sqlite_utils": {"database"},
    "pysqlite3": {"database"},
    "sqlite3": {"database"},
    "psycopg": {"database"},
    "falcon": {"api"},
    "jwt": {"github_app"},
    "urllib3": {"outgoing"},
    "prometheus_client": {"metrics"},
    "waitress": {"daemon"},
    "click": {"cli"},
    "rich": {"cli"},
    "re2": {"rules"},
    "jinja2": {"rules"},
    "semver": {"versions"},
    "watchdog": {"worktree"},
}
FILES = sorted(PAOD.rglob("*.py"))


def name_of(file: Path) -> str:
    return ".".join(file.relative_to(PAOD.parent).with_suffix("").parts).removesuffix(".__init__")


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else "paod"


@cache
def nodes(file: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(file.read_bytes())))


def imports(file: Path) -> Iterator[str]:
    """Yield what a file imports, modules in full; a name from a package counts as a module."""
    for node in nodes(file):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def modules() -> dict[str, set[str]]:
    """Return each module with the modules of ours that it imports."""
    names = {name_of(file) for file in FILES}
    graph: dict[str, set[str]] = {}
    for file in FILES:
        ours = (name for name in imports(file) if name.split(".")[0] == "paod")
        targets = {name if name in names else name.rpartition(".")[0] for name in ours}
        graph[name_of(file)] = targets - {name_of(file)}
    return graph


def test_every_room_has_a_level() -> None:
    rooms = {room_of(name_of(file)) for file in FILES} - {"paod", "__main__"}
    assert rooms <= set(LEVEL)


def test_imports_go_down_only() -> None:
    """Level 0 is the words that all share, so that its rooms may know each other."""
    wrong = []
    for name, targets in modules().items():
        for target in targets:
            room, other = room_of(name), room_of(target)
            known = room in LEVEL and other in LEVEL and room != other
            if known and LEVEL[room] and LEVEL[other] >= LEVEL[room]:
                wrong.append(f"{name} imports {target}")
    assert not wrong


def test_nothing_goes_in_a_circle() -> None:
    TopologicalSorter(modules()).prepare()


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_has_its_room(package: str) -> None:
    users = {
        room_of(name_of(file))
        for file in FILES
        if any(name.split(".")[0] == package for name in imports(file))
    }
    assert users <= ALLOWED[package]


def test_the_api_never_imports_the_sync() -> None:
    graph = modules()
    seen, waiting = set(), [name for name in graph if room_of(name) == "api"]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += graph.get(name, ())
    assert not [name for name in seen if room_of(name) == "sync"]


def test_only_commands_print() -> None:
    for file in FILES:
        calls = [node.func for node in nodes(file) if isinstance(node, ast.Call)]
        assert not [call for call in calls if isinstance(call, ast.Name) and call.id == "print"]
