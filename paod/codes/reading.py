"""The codes of what keeps a file from being read: its path, its bytes, its YAML."""

from __future__ import annotations

from paod.codes.code import table, warnings

FILE = table(
    "file",
    (
        "bad-path",
        "The path breaks the rules of file and folder names, or lies in no category.",
        "catalog/Databases/postgres.YAML",
        "Rename it to catalog/<category>/<name>.yaml, all lower-case kebab-case.",
        "catalog/databases/postgres.yaml",
    ),
    (
        "unknown-category",
        "The first folder is not one of the categories that this catalog allows.",
        "catalog/databses/postgres.yaml",
        "Move the file to an allowed category, or have the category allowed.",
        "catalog/databases/postgres.yaml",
    ),
    (
        "symlink",
        "The path is a symbolic link. Links are never followed.",
        "catalog/databases/mysql.yaml -> ../shared/mysql.yaml",
        "Commit the file itself at that path.",
        "catalog/databases/mysql.yaml (the file itself)",
    ),
    (
        "submodule",
        "The path is a Git submodule. Submodules are never read.",
        "catalog/vendor (a submodule)",
        "Commit the documents themselves, or move the submodule out of the catalog.",
        "catalog/databases/mysql.yaml (a file of this repository)",
    ),
    (
        "lfs-pointer",
        "The file is a pointer to Git LFS in place of the document.",
        "version https://git-lfs.github.com/spec/v1",
        "Take the path out of .gitattributes and commit the document itself.",
        "name: postgres",
    ),
    (
        "too-large",
        "The file is larger than a document may be, 262,144 bytes unless set otherwise.",
        "a document of 300 KiB",
        "Split it, or move long texts out of the catalog.",
        "two documents of 150 KiB",
    ),
    (
        "not-utf8",
        "The file is not UTF-8 text.",
        "a document saved as UTF-16",
        "Save it as UTF-8, with or without a byte order mark.",
        "the same document saved as UTF-8",
    ),
) + warnings(
    "file",
    (
        "path-mismatch",
        "The file is not called as the document in it. The document's name holds.",
        "name: postgres in catalog/databases/postgresql.yaml",
        "Rename the file to <name>.yaml.",
        "name: postgres in catalog/databases/postgres.yaml",
    ),
)

YAML = table(
    "yaml",
    (
        "yaml-syntax",
        "The text is not YAML. The parser stops here, so there may be more.",
        "summary: Create: a database",
        "Quote values that hold ': ', begin with @, ` or *, or check the indentation.",
        'summary: "Create: a database"',
    ),
    (
        "empty-document",
        "The file holds nothing, or only comments.",
        "# to be written",
        "Write the document, or remove the file.",
        "name: postgres",
    ),
    (
        "multiple-documents",
        "A second document begins in the file.",
        "name: postgres\n---\nname: mysql",
        "Keep one document a file.",
        "name: postgres",
    ),
    (
        "not-a-mapping",
        "The document is a list or a single value.",
        "- name: postgres",
        "Begin with keys at the first column: name: postgres.",
        "name: postgres",
    ),
    (
        "duplicate-key",
        "A key stands twice in one mapping. The first one would be used.",
        "{owner: team-a, owner: team-b}",
        "Remove or rename one of the two.",
        "{owner: team-a}",
    ),
    (
        "unsafe-tag",
        "A tag asks for more than plain data, or << merges what is no mapping.",
        "owner: !!python/name:os.system",
        "Remove the tag; quote a lone = or <<.",
        "owner: platform-team",
    ),
    (
        "too-complex",
        "Too deep (32), too many values (20,000, aliases expanded), aliases (100), or too long.",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
        "Write it more simply, or split it. A value has at most 64 KiB, a key 256 characters.",
        "[[1, 2], [3, 4]]",
    ),
    (
        "bad-key",
        "A key is a number, a boolean or nothing, where a text is needed.",
        "1: small",
        'Quote it: "1": small.',
        '"1": small',
    ),
    (
        "bad-number",
        "A number is infinite, not a number, or an integer beyond 64 bits.",
        "default: .inf",
        "Use a number that every reader has, or quote it if it is text.",
        "default: 1000000",
    ),
    (
        "bad-character",
        "A character that has no place in a text: control characters, U+0000, half of a pair.",
        'help_text: "a\\0b"',
        "Remove the character or the escape.",
        'help_text: "ab"',
    ),
    (
        "crashes-parser",
        "The file ended the process that read it, more than once. It is not read any more.",
        "a file that the parser cannot survive",
        "Write it more simply; any change to it has it read again.",
        "the same content in plain block style",
    ),
)
