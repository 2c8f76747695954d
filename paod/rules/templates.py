"""Templates in ``{{ … }}``: parsed by Jinja2, never rendered, their names looked up.

Nothing an author writes is evaluated here, constants neither: Jinja2's own helper that lists names
would compute ``9**9**9`` on the way, so names are read off the syntax tree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from jinja2 import Environment, TemplateError, nodes

from paod.finding import Finding, Near, Path, shown
from paod.model.limits import TEMPLATE_CHARACTERS, TEMPLATE_CODE
from paod.rules.fields import names_of
from paod.rules.fulfillment import steps_of
from paod.rules.reading import are_fields_read, fields_of, mapping, parts

CONTEXT = frozenset(
    {"requester", "catalog_item", "parameters", "steps", "secrets", "current_timestamp"}
)

_ENVIRONMENT = Environment(autoescape=True)  # never renders: the flag is for who reads this
_GLOBALS = frozenset(_ENVIRONMENT.globals) | {"loop", "self", "caller", "varargs", "kwargs"}
_MARKS = ("{{", "{%", "{#")
_SIMPLE = re.compile(r"(?<!\{)\{\{-? *([A-Za-z][A-Za-z0-9_]*) *-?\}\}")
_BRACES = re.compile(r"\{[{%#]|[}%#]\}")
_WORDS = frozenset({"and", "else", "if", "in", "is", "not", "or"}) | {
    *("true", "True", "false", "False", "none", "None", "import", "recursive")
}
"""What a name cannot be in an expression, though a field may be called so."""
_EXPRESSION = re.compile(
    r"\{\{(?:[^{}]|\}(?!\})|\{(?![{%]))*\}\}|\{%(?:[^{%]|%(?!\})|\{(?![{%]))*%\}"
)
"""An expression or a statement that holds no other: so nothing is gone through twice."""
_HYPHENED = re.compile(r"(?<![\w.'\"-])[A-Za-z_]\w*(?:-[A-Za-z_]\w*)+(?![\w(-])")
_MOST_TRIED = 50
"""Expressions of a template that does not parse which are tried one by one."""
_METHODS = frozenset({"get", "items", "keys", "values"})
_OUTSIDE = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)

Name = tuple[str, str]
"""A name that a template uses, and the attribute it takes of it, "" for none."""


def check_templates(document: Mapping[str, Any]) -> Iterator[Finding]:
    """Find templates that do not parse, or use a name that nobody declares.

    Where fields could not be read, that is told of them, and of no name that they might have.
    """
    are_known = are_fields_read(document)
    fields = frozenset(names_of(fields_of(document)))
    known = {
        "": fields | CONTEXT,
        "parameters": fields,
        "steps": frozenset(_step_names(document)),
    }
    for path, text in templates_of(document):
        for found in _check(path, text, known):
            if are_known or found.code != "unknown-variable":
                yield found


def _step_names(document: Mapping[str, Any]) -> Iterator[str]:
    for name in names_of(steps_of(document)):
        yield name
        yield name.replace("-", "_")


def templates_of(document: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Yield every text that may hold a template, with its path."""
    yield from _texts(("fulfillment",), mapping(document, "fulfillment"))
    for key in ("required_items", "optional_items"):
        for path, part in parts(document, "bundle", key):
            yield from _texts((*path, "parameters"), part.get("parameters"))


def _texts(path: Path, value: Any) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        if "{" in value and any(mark in value for mark in _MARKS):
            yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            if not key.startswith("x-"):
                yield from _texts((*path, key), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts((*path, index), inner)


def _check(path: Path, text: str, known: Mapping[str, frozenset[str]]) -> Iterator[Finding]:
    if len(text) > TEMPLATE_CHARACTERS:
        message = f"the template is longer than {TEMPLATE_CHARACTERS} characters"
        yield Finding("template-syntax", message, "shorten it", path)
        return
    if code_of(text) > TEMPLATE_CODE:
        message = f"the template has more than {TEMPLATE_CODE} characters between its braces"
        yield Finding("template-syntax", message, "write what is no expression outside", path)
        return
    if _is_simple(text, known[""]):
        return
    used = names_in(text)
    if isinstance(used, str):
        hint = "write {{ name }}, or {% raw %} around what is no template"
        message = f"the template does not parse: {used}"
        yield Finding("template-syntax", message, hint, path, part=_unparsed(text))
        return
    subtractions = _subtractions(text, used, known[""])
    for word, words in subtractions.items():
        yield _hyphened(path, word, words, known[""])
    told = {part for words in subtractions.values() for part in words}
    for name, attribute in used:
        if name not in told:
            part, into = _expression(text, attribute or name)
            for found in _unknown(path, name, attribute, known):
                yield replace(found, part=part, into=into)


def _subtractions(
    text: str, used: tuple[Name, ...], known: frozenset[str]
) -> dict[str, tuple[str, ...]]:
    """Return names with hyphens, which Jinja2 reads as one name minus another, with their parts.

    Only those of which a part is unknown: what is known may be meant to be subtracted.
    """
    names = {name for name, _ in used}
    found = {}
    for expression in _EXPRESSION.findall(text):
        for word in _HYPHENED.findall(expression):
            parts = tuple(word.split("-"))
            if any(part in names and part not in known for part in parts):
                found[word] = parts
    return found


def _hyphened(path: Path, word: str, parts: tuple[str, ...], known: frozenset[str]) -> Finding:
    message = f"{shown(word)} is read as {' minus '.join(parts)}"
    name = word.replace("-", "_")
    if word in known:
        hint = f"call the field {name}, or write parameters['{word}']"
    else:
        hint = f"call it {name}" if name in known else f"declare a field, and call it {name}"
    return Finding("unknown-variable", message, hint, path, part=word)


def _expression(text: str, name: str) -> tuple[str, int]:
    """Return the first expression in which a name stands, and where in it."""
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    for expression in _EXPRESSION.findall(text):
        if (found := word.search(expression)) is not None:
            return expression, found.start()
    return "", 0


def _unparsed(text: str) -> str:
    """Return the part of a template that does not parse: an expression, or what is never closed."""
    for expression in _EXPRESSION.findall(text)[:_MOST_TRIED]:
        if expression.startswith("{{") and isinstance(names_in(expression), str):
            return str(expression)
    rest = _EXPRESSION.sub(lambda found: "\0" * len(found[0]), text)
    at = min((at for mark in _MARKS if (at := rest.find(mark)) >= 0), default=-1)
    return "" if at < 0 else text[at:].split("\n")[0]


def code_of(text: str) -> int:
    """Return how many characters of a template stand in expressions, statements and comments."""
    code, start = 0, -1
    for mark in _BRACES.finditer(text):
        opens = mark[0][0] == "{"
        if opens and start < 0:
            start = mark.start()
        elif not opens and start >= 0:
            code, start = code + mark.end() - start, -1
    return code if start < 0 else code + len(text) - start


def _unknown(
    path: Path, name: str, attribute: str, known: Mapping[str, frozenset[str]]
) -> Iterator[Finding]:
    if name not in known[""]:
        otherwise = f"declare a field, or use {', '.join(sorted(CONTEXT))}"
        hint = Near(name, known[""], otherwise, lists=False)
        yield Finding("unknown-variable", f"{shown(name)} is not declared", hint, path)
    elif attribute.startswith("_"):
        message = f"{shown(attribute)} of '{name}' is not for templates"
        yield Finding("unknown-variable", message, "use a public attribute", path)
    elif attribute and name in known and attribute not in known[name] | _METHODS:
        message = f"'{name}' has no {shown(attribute)}"
        hint = Near(attribute, known[name], f"declare it, or take it out of '{name}'")
        yield Finding("unknown-variable", message, hint, path)


def _is_simple(text: str, known: frozenset[str]) -> bool:
    """Say whether a template has nothing but ``{{ name }}`` of known names, as most have."""
    if not all(name in known and name not in _WORDS for name in _SIMPLE.findall(text)):
        return False
    rest = _SIMPLE.sub("\0", text)
    return not any(mark in rest for mark in _MARKS)


@lru_cache(maxsize=512)
def names_in(text: str) -> tuple[Name, ...] | str:
    """Return the names that a template takes from outside, or why it does not parse."""
    try:
        tree = _ENVIRONMENT.parse(text)
        return _names(tree)
    except TemplateError as error:
        return _reason(error)
    except RecursionError:
        return "it is nested too deeply"
    except Exception:  # anybody's text: whatever the parser trips over is its fault
        return "the parser cannot read it"


def _reason(error: TemplateError) -> str:
    """Return Jinja2's own words, without what they quote of the template."""
    words = (error.message or "it is no template").split(". ")[0]
    return words if len(words) <= 120 else f"{words[:120]}…"


def _names(tree: nodes.Node) -> tuple[Name, ...]:
    names, own, attributes = [], set(_GLOBALS), {}
    for node in _nodes(tree):
        if isinstance(node, _OUTSIDE):
            return _refuse(type(node).__name__.lower())
        if isinstance(node, nodes.Name):
            names.append(node)
            if node.ctx != "load":
                own.add(node.name)
        elif isinstance(node, nodes.Macro):
            own.add(node.name)
        elif isinstance(node, nodes.Getattr):
            attributes[id(node.node)] = node.attr
        elif isinstance(node, nodes.Getitem):
            attributes[id(node.node)] = _item(node.arg)
    found = {(node.name, attributes.get(id(node), "")) for node in names if node.name not in own}
    return tuple(sorted(found))


def _nodes(tree: nodes.Node) -> Iterator[nodes.Node]:
    """Yield each node once: Jinja2's own walk passes each of them up through all around it."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.iter_child_nodes())


def _refuse(statement: str) -> tuple[Name, ...]:
    raise TemplateError(f"a template cannot {statement} another")


def _item(key: nodes.Node) -> str:
    """Return the name in ``parameters['name']``, "" for an index or an expression."""
    value = key.value if isinstance(key, nodes.Const) else None
    return value if isinstance(value, str) else ""
