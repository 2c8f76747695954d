"""The codes of what a document says: its shape, form and fulfillment, its part in the catalog."""

from __future__ import annotations

from paod.codes.code import table, warnings

SHAPE = table(
    "shape",
    (
        "missing-key",
        "A key that is required is missing. The place is the mapping that lacks it.",
        "manual: {system: jira}",
        "Add the key.",
        "manual: {system: jira, template: {…}}",
    ),
    (
        "wrong-type",
        "A value is of another kind than its key takes, or there is none.",
        "required: yes",
        "Write true or false without quotes, quote texts that look like numbers.",
        "required: true",
    ),
    (
        "bad-value",
        "A value is not one of those allowed, empty, or outside its limits.",
        "system: jra",
        "Use one of the values, or keep to the limit, that the message names.",
        "system: jira",
    ),
    (
        "too-many",
        "A list has more entries than it may: the message names the limit.",
        "tags: [a, b, …] with 60 tags",
        "Leave out what few need, or split the document. docs/limits.md lists all limits.",
        "tags: [a, b]",
    ),
    (
        "too-costly",
        "Checking takes more work than the document's size allows: large regexps, long templates.",
        'regexp: "(x{0,999}){1,3}" in a hundred fields',
        "Repeat without a count, such as +, and set max_length; shorten templates.",
        'regexp: "x*" with max_length: 999',
    ),
    (
        "bad-name",
        "A name is not written as names are.",
        "name: Postgres_Database",
        "Lower-case kebab-case, at most 63: postgres-database. Fields and steps also take _.",
        "name: postgres-database",
    ),
    (
        "bad-version",
        "A version is not Semantic Versioning 2.0.0, or is an unquoted number; or a bad range.",
        "version: 1.10",
        'Quote it and give three numbers: version: "1.10.0".',
        'version: "1.10.0"',
    ),
) + warnings(
    "shape",
    (
        "unknown-key",
        "A key that means nothing here. It is kept, and nobody reads it.",
        "max_lenght: 63",
        "Mend the spelling, remove it, or begin it with x-.",
        "max_length: 63",
    ),
)

FIELDS = table(
    "fields",
    (
        "unknown-type",
        "A field's type is none of those there are.",
        "type: strng",
        "Use string, textarea, integer (or int), number, percentage, boolean, date, datetime, "
        "time, selection or multiselect.",
        "type: string",
    ),
    (
        "duplicate-field",
        "Two fields of a form have the same name.",
        "fields: [{name: size, …}, {name: size, …}]",
        "Rename one of them.",
        "fields: [{name: size, …}, {name: tier, …}]",
    ),
    (
        "bad-regexp",
        "A regexp is not of RE2's dialect, or longer than 512 characters.",
        "regexp: (?=a)b",
        "Write it without look-around and back-references.",
        "regexp: ^[a-z]+$",
    ),
    (
        "bad-range",
        "Limits contradict each other, so that no value fits.",
        "{min_value: 10, max_value: 5}",
        "Change one of the limits.",
        "{min_value: 5, max_value: 10}",
    ),
    (
        "bad-default",
        "A field would refuse its own default.",
        "{type: integer, max_value: 5, default: 10}",
        "Change the default, or the limit.",
        "{type: integer, max_value: 5, default: 5}",
    ),
    (
        "wrong-option",
        "A property that other types of field have, and this one does not.",
        "{type: integer, max_length: 5}",
        "Use the type's own property, here max_value.",
        "{type: integer, max_value: 5}",
    ),
)

FULFILLMENT = table(
    "fulfillment",
    (
        "template-syntax",
        "A template does not parse, or is longer than 16,384 characters.",
        'summary: "Create {{ database_name"',
        "Close what is open; wrap what is no template in {% raw %} … {% endraw %}.",
        'summary: "Create {{ database_name }}"',
    ),
    (
        "unknown-variable",
        "A template uses a name that no field declares and the context does not have.",
        'summary: "Create {{ databse_name }}"',
        "Mend the spelling, or declare the field.",
        'summary: "Create {{ database_name }}"',
    ),
    (
        "unknown-reference",
        "A name leads nowhere: of a field, of a step, of an item needed or to replace this one.",
        "depends_on: [creat-database]",
        "Mend the spelling, or add what it names.",
        "depends_on: [create-database]",
    ),
    (
        "circular-dependency",
        "Something waits for, shows, replaces or contains itself, directly or on a way round.",
        "steps: [{name: a, depends_on: [b], …}, {name: b, depends_on: [a], …}]",
        "Take one of the references out of the circle.",
        "steps: [{name: a, …}, {name: b, depends_on: [a], …}]",
    ),
    (
        "duplicate-step",
        "Two steps of an automation have the same name.",
        "steps: [{name: create, …}, {name: create, …}]",
        "Rename one of them.",
        "steps: [{name: create, …}, {name: announce, …}]",
    ),
)

CATALOG = table(
    "catalog",
    (
        "duplicate-name",
        "Another file holds the name. This file goes on serving what it served before.",
        "name: postgres in two files",
        "Rename one of the documents, or remove one of the files.",
        "name: postgres in one file, name: postgres-replica in the other",
    ),
) + warnings(
    "catalog",
    (
        "version-conflict",
        "The content changed under a version that was published before. An error if enforced.",
        'a new description under version: "1.0.0"',
        "Give changed content a new version.",
        'a new description under version: "1.1.0"',
    ),
    (
        "version-regression",
        "The version is lower than the one before it. An error if enforced.",
        'version: "1.0.0" after "1.1.0"',
        "Use a higher version, or go back to an earlier revision exactly as it was.",
        'version: "1.2.0" after "1.1.0"',
    ),
    (
        "unresolved-item",
        "A bundle's item is missing, removed, or at a version outside the range.",
        'catalog_item: postgres with version: ">=2.0.0", while postgres is at 1.4.0',
        "Change the range or the name, or bring the item back.",
        'catalog_item: postgres with version: ">=1.0.0, <2.0.0"',
    ),
    (
        "rename-without-effect",
        "What renamed_from names is still there, goes on elsewhere, or never was.",
        "renamed_from: postgres, while another file still has name: postgres",
        "Remove the other file (then it takes effect), mend the name, or remove the line.",
        "renamed_from: postgres, and the file that had name: postgres is gone",
    ),
)

REPORT = warnings(
    "report",
    (
        "more-problems",
        "The file has more than 50 problems. It counts the rest, as an error if any of them is.",
        "a file with 80 unknown keys",
        "Mend the problems that are shown, then look again.",
        "a file with no unknown key",
    ),
)
