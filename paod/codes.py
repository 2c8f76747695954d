"""Every code that a problem can have: the one list that validation, documentation and tests share.

A code is for ever: tools outside sort and silence by it. ``docs/pao-yaml-spec.md`` explains each,
and a test holds it against this list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from paod.model import Severity

About = Literal["file", "yaml", "shape", "fields", "fulfillment", "catalog", "report"]


@dataclass(frozen=True, slots=True)
class Code:
    """One code: what it is about, what it means, a line that has it, and how to mend that."""

    code: str
    about: About
    severity: Severity
    meaning: str
    example: str
    remedy: str


def _table(about: About, *rows: tuple[str, str, str, str]) -> list[Code]:
    return [Code(code, about, "error", *row) for code, *row in rows]


def _warnings(about: About, *rows: tuple[str, str, str, str]) -> list[Code]:
    return [Code(code, about, "warning", *row) for code, *row in rows]


_FILE = _table(
    "file",
    (
        "bad-path",
        "The path breaks the rules of file and folder names, or lies in no category.",
        "catalog/Databases/postgres.YAML",
        "Rename it to catalog/<category>/<name>.yaml, all lower-case kebab-case.",
    ),
    (
        "unknown-category",
        "The first folder is not one of the categories that this catalog allows.",
        "catalog/databses/postgres.yaml",
        "Move the file to an allowed category, or have the category allowed.",
    ),
    (
        "symlink",
        "The path is a symbolic link. Links are never followed.",
        "catalog/databases/mysql.yaml -> ../shared/mysql.yaml",
        "Commit the file itself at that path.",
    ),
    (
        "submodule",
        "The path is a Git submodule. Submodules are never read.",
        "catalog/vendor (a submodule)",
        "Commit the documents themselves, or move the submodule out of the catalog.",
    ),
    (
        "lfs-pointer",
        "The file is a pointer to Git LFS in place of the document.",
        "version https://git-lfs.github.com/spec/v1",
        "Take the path out of .gitattributes and commit the document itself.",
    ),
    (
        "too-large",
        "The file is larger than a document may be, 262,144 bytes unless set otherwise.",
        "a document of 300 KiB",
        "Split it, or move long texts out of the catalog.",
    ),
    (
        "not-utf8",
        "The file is not UTF-8 text.",
        "a document saved as UTF-16",
        "Save it as UTF-8, with or without a byte order mark.",
    ),
) + _warnings(
    "file",
    (
        "path-mismatch",
        "The file is not called as the document in it. The document's name holds.",
        "name: postgres in catalog/databases/postgresql.yaml",
        "Rename the file to <name>.yaml.",
    ),
)

_YAML = _table(
    "yaml",
    (
        "yaml-syntax",
        "The text is not YAML. The parser stops here, so there may be more.",
        "summary: Create: a database",
        "Quote values that hold ': ', begin with @, ` or *, or check the indentation.",
    ),
    (
        "empty-document",
        "The file holds nothing, or only comments.",
        "# to be written",
        "Write the document, or remove the file.",
    ),
    (
        "multiple-documents",
        "A second document begins in the file.",
        "---",
        "Keep one document a file.",
    ),
    (
        "not-a-mapping",
        "The document is a list or a single value.",
        "- name: postgres",
        "Begin with keys at the first column: name: postgres.",
    ),
    (
        "duplicate-key",
        "A key stands twice in one mapping. The first one would be used.",
        "{owner: team-a, owner: team-b}",
        "Remove or rename one of the two.",
    ),
    (
        "unsafe-tag",
        "A tag asks for more than plain data, or << merges what is no mapping.",
        "owner: !!python/name:os.system",
        "Remove the tag; quote a lone = or <<.",
    ),
    (
        "too-complex",
        "Too deep (32), too many values (20,000, aliases expanded), aliases (100), or too long.",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
        "Write it more simply, or split it. A value has at most 64 KiB, a key 256 characters.",
    ),
    (
        "bad-key",
        "A key is a number, a boolean or nothing, where a text is needed.",
        "1: small",
        'Quote it: "1": small.',
    ),
    (
        "bad-number",
        "A number is infinite, not a number, or an integer beyond 64 bits.",
        "default: .inf",
        "Use a number that every reader has, or quote it if it is text.",
    ),
    (
        "bad-character",
        "A character that has no place in a text: control characters, U+0000, half of a pair.",
        'help_text: "a\\0b"',
        "Remove the character or the escape.",
    ),
    (
        "crashes-parser",
        "The file ended the process that read it, more than once. It is not read any more.",
        "a file that the parser cannot survive",
        "Write it more simply; any change to it has it read again.",
    ),
)

_SHAPE = _table(
    "shape",
    (
        "missing-key",
        "A key that is required is missing. The place is the mapping that lacks it.",
        "an item without owner",
        "Add the key.",
    ),
    (
        "wrong-type",
        "A value is of another kind than its key takes, or there is none.",
        "required: yes",
        "Write true or false without quotes, quote texts that look like numbers.",
    ),
    (
        "bad-value",
        "A value is not one of those allowed, empty, or outside its limits.",
        "system: jra",
        "Use one of the values that the message or this document lists.",
    ),
    (
        "bad-name",
        "A name is not written as names are.",
        "name: Postgres_Database",
        "Lower-case kebab-case, at most 63: postgres-database. Fields and steps also take _.",
    ),
    (
        "bad-version",
        "A version is not Semantic Versioning 2.0.0, or is an unquoted number; or a bad range.",
        "version: 1.10",
        'Quote it and give three numbers: version: "1.10.0".',
    ),
) + _warnings(
    "shape",
    (
        "unknown-key",
        "A key that means nothing here. It is kept, and nobody reads it.",
        "max_lenght: 63",
        "Mend the spelling, remove it, or begin it with x-.",
    ),
)

_FIELDS = _table(
    "fields",
    (
        "unknown-type",
        "A field's type is none of those there are.",
        "type: strng",
        "Use one of the types that this document lists.",
    ),
    (
        "duplicate-field",
        "Two fields of a form have the same name.",
        "fields: [{name: size, …}, {name: size, …}]",
        "Rename one of them.",
    ),
    (
        "bad-regexp",
        "A regexp is not of RE2's dialect, or longer than 512 characters.",
        "regexp: (?=a)b",
        "Write it without look-around and back-references.",
    ),
    (
        "bad-range",
        "Limits contradict each other, so that no value fits.",
        "{min_value: 10, max_value: 5}",
        "Change one of the limits.",
    ),
    (
        "bad-default",
        "A field would refuse its own default.",
        "{type: integer, max_value: 5, default: 10}",
        "Change the default, or the limit.",
    ),
    (
        "wrong-option",
        "A property that other types of field have, and this one does not.",
        "{type: integer, max_length: 5}",
        "Use the type's own property, here max_value.",
    ),
)

_FULFILLMENT = _table(
    "fulfillment",
    (
        "template-syntax",
        "A template does not parse, or is longer than 16,384 characters.",
        'summary: "Create {{ database_name"',
        "Close what is open; wrap what is no template in {% raw %} … {% endraw %}.",
    ),
    (
        "unknown-variable",
        "A template uses a name that no field declares and the context does not have.",
        'summary: "Create {{ databse_name }}"',
        "Mend the spelling, or declare the field.",
    ),
    (
        "unknown-reference",
        "A name leads nowhere: of a field, of a step, of an item that this one depends on.",
        "depends_on: [creat-database]",
        "Mend the spelling, or add what it names.",
    ),
    (
        "circular-dependency",
        "Something waits for, shows, replaces or contains itself, directly or on a way round.",
        "steps: [{name: a, depends_on: [b], …}, {name: b, depends_on: [a], …}]",
        "Take one of the references out of the circle.",
    ),
    (
        "duplicate-step",
        "Two steps of an automation have the same name.",
        "steps: [{name: create, …}, {name: create, …}]",
        "Rename one of them.",
    ),
)

_CATALOG = _table(
    "catalog",
    (
        "duplicate-name",
        "Another file holds the name. This file goes on serving what it served before.",
        "name: postgres in two files",
        "Rename one of the documents, or remove one of the files.",
    ),
) + _warnings(
    "catalog",
    (
        "version-conflict",
        "The content changed under a version that was published before. An error if enforced.",
        'a new description under version: "1.0.0"',
        "Give changed content a new version.",
    ),
    (
        "version-regression",
        "The version is lower than the one before it. An error if enforced.",
        'version: "1.0.0" after "1.1.0"',
        "Use a higher version, or go back to an earlier revision exactly as it was.",
    ),
    (
        "unresolved-item",
        "A bundle's item is missing, removed, or at a version outside the range.",
        'catalog_item: postgres with version: ">=2.0.0", while postgres is at 1.4.0',
        "Change the range or the name, or bring the item back.",
    ),
)

_REPORT = _warnings(
    "report",
    (
        "more-problems",
        "The file has more than 50 problems. It counts the rest, as an error if any of them is.",
        "a file with 80 unknown keys",
        "Mend the problems that are shown, then look again.",
    ),
)

CODES: Mapping[str, Code] = {
    code.code: code
    for code in [*_FILE, *_YAML, *_SHAPE, *_FIELDS, *_FULFILLMENT, *_CATALOG, *_REPORT]
}
"""Every code by its name. ``severity`` is the usual one; a setting can raise the version rules'."""
