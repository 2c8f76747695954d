"""``paod new``: from nothing to a valid document in the place where it belongs."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from paod.cli.checkout import part_of
from paod.cli.output import print_line
from paod.cli.starter import Starter, text_of, title
from paod.errors import SettingsError
from paod.finding import nearest
from paod.paths import kebab
from paod.schema.forms import FORMS
from paod.validate import Rules, examine

_MOST_LISTED = 20

Check = Callable[[str], str]
"""Returns a text that will do; raises ``click.BadParameter`` for one that will not."""


@click.command()
@click.argument("name", required=False)
@click.option("--category", help="The first folder: databases.")
@click.option("--owner", help="The team that answers for it.")
@click.option("--description", help="What is ordered, in a sentence or two.")
@click.option("--bundle", is_flag=True, help="Make a bundle of items in place of an item.")
@click.option("--item", "items", multiple=True, help="An item of the bundle; may be repeated.")
@click.option(
    "--root", default="catalog", show_default=True, help="The folder that holds the documents."
)
def new(
    name: str | None,
    category: str | None,
    owner: str | None,
    description: str | None,
    bundle: bool,
    items: tuple[str, ...],
    root: str,
) -> None:
    """Write a valid document to start from: NAME, --category, --owner.

    It goes to catalog/CATEGORY/NAME.yaml in the checkout around the working directory, and never
    over a file that is there. NAME, --category (but in a category's folder) and --owner are needed;
    on a terminal, they are asked for.
    """
    root = root.strip("/")
    checkout = part_of(Path(), root).checkout
    here = _category_here(checkout / root)
    known = _categories(checkout / root)
    category = category or here
    wanted = {"NAME": name, "--category": category, "--owner": owner}
    _must_be_given(wanted | ({"--item": " ".join(items)} if bundle else {}))
    name = _told("NAME", name, "Name", _name)
    _must_be_free(checkout, root, name)
    category = _told("--category", category, f"Category{_among(known)}", _name)
    owner = _told("--owner", owner, "Owner", _line)
    description = (
        title(name) if description is None else _told("--description", description, "", _line)
    )
    if bundle and not items:
        asked = f"Items, with spaces between{_among(_names_there(checkout / root))}"
        items = tuple(_told("--item", None, asked, _names).split())
    for item in items:
        _told("--item", item, "", _name)
    starter = Starter(name, category, owner, description, items)
    file = _write(checkout, f"{root}/{category}/{name}.yaml", text_of(starter), Rules(root=root))
    print_line(f"wrote {file}")
    if known and category not in known:
        hint = nearest(category, known)
        print_line(f"  {category} is a new category" + (f": {hint}" if hint else ""))
    for item in items:
        if next(_files_called(checkout / root, item), None) is None:
            hint = nearest(item, _names_there(checkout / root))
            print_line(f"  there is no file of an item {item}" + (f": {hint}" if hint else ""))
    print_line(f"  edit it, then: paod validate {shlex.quote(str(file))}")


def _must_be_given(wanted: dict[str, str | None]) -> None:
    """Refuse to go on where something is missing and nobody is there to be asked."""
    missing = [option for option, given in wanted.items() if not given]
    if missing and not _is_terminal():
        raise click.UsageError(f"Missing {', '.join(missing)} (on a terminal you would be asked).")


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _told(option: str, given: str | None, asked: str, check: Check, usual: str = "") -> str:
    """Return what was given; else what a person answers, or what is usual."""
    if given is None and not _is_terminal():
        return usual
    if given is None:
        answer: str = click.prompt(asked, default=usual or None, value_proc=check, err=True)
        return answer
    try:
        return check(given)
    except click.BadParameter as error:
        error.param_hint = option
        raise


def _name(text: str) -> str:
    if not FORMS["name"].fits(text):
        raise click.BadParameter(kebab(text))
    return text


def _names(text: str) -> str:
    return " ".join(_name(word) for word in text.replace(",", " ").split())


def _line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise click.BadParameter("give one line of text")
    return text.strip()


def _category_here(root: Path) -> str | None:
    """Return the category that the working directory lies in, None outside of all."""
    here = Path.cwd()
    return here.relative_to(root).parts[0] if root in here.parents else None


def _categories(root: Path) -> list[str]:
    if not root.is_dir():
        return []
    names = (path.name for path in root.iterdir() if path.is_dir())
    return sorted(name for name in names if FORMS["name"].fits(name))


def _among(known: list[str]) -> str:
    return f" (so far: {', '.join(known)})" if 0 < len(known) <= _MOST_LISTED else ""


def _names_there(root: Path) -> list[str]:
    """Return what the catalog's files are called, which is what their documents are called."""
    found = {path.stem for path in _files_called(root, "*")}
    return sorted(name for name in found if FORMS["name"].fits(name))


def _must_be_free(checkout: Path, root: str, name: str) -> None:
    """Refuse a name that a file of the catalog has: one of the two would never be served."""
    taken = next(_files_called(checkout / root, name), None)
    if taken is not None:
        message = f"{taken.relative_to(checkout)} is there already"
        raise SettingsError(message, hint="choose another name, or edit that file")


def _files_called(root: Path, name: str) -> Iterator[Path]:
    for suffix in (".yaml", ".yml"):
        yield from root.rglob(f"{name}{suffix}")


def _write(checkout: Path, path: str, text: str, rules: Rules) -> Path:
    """Write a document that paod accepts; what it would refuse is not written."""
    problems = examine(path, text.encode(), "", rules).problems
    if problems:
        raise SettingsError(problems[0].message, hint=problems[0].hint)
    file = checkout / path
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8", newline="\n") as new_file:
            new_file.write(text)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}") from error
    return Path(os.path.relpath(file))
