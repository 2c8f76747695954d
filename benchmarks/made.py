"""A repository with any number of documents of about 1.8 KB, made by ``git fast-import``."""

from __future__ import annotations

import subprocess
from pathlib import Path

FIELD = """\
    - name: {name}
      type: {type}
      required: {required}
      help_text: "What the platform team needs to know about the {name} of this order"
{more}"""

FIELDS = [
    (
        "database_name",
        "string",
        "true",
        "      max_length: 63\n      regexp: '^[a-z][a-z0-9_]*$'\n",
    ),
    (
        "size_gb",
        "integer",
        "true",
        "      min_value: 10\n      max_value: 2000\n      default: 50\n",
    ),
    ("tier", "selection", "true", "      oneof: [bronze, silver, gold]\n      default: bronze\n"),
    ("backups", "boolean", "false", "      default: true\n"),
    ("cost_centre", "string", "true", "      min_length: 4\n      max_length: 12\n"),
    ("zones", "multiselect", "false", "      options: [a, b, c]\n      max_selections: 2\n"),
    ("notes", "textarea", "false", "      rows: 4\n      max_length: 2000\n"),
]


def document(number: int, patch: int = 0) -> str:
    """Return the text of one item; ``patch`` is the last part of its version."""
    fields = "".join(
        FIELD.format(name=name, type=kind, required=required, more=more)
        for name, kind, required, more in FIELDS
    )
    return f"""\
# Made for a benchmark
name: made-{number:05}
version: "1.0.{patch}"
description: "Database number {number} with backups, monitoring and a named owner"
owner: team-{number % 40:02}
tags: [database, tag-{number % 25}, zone-{number % 3}]
presentation:
  fields:
{fields}fulfillment:
  manual:
    system: jira
    template:
      project: PLATFORM
      issue_type: Service Request
      summary: "Create {{{{ database_name }}}} of {{{{ size_gb }}}} GB for {{{{ requester }}}}"
      description: "Tier {{{{ tier }}}}, cost centre {{{{ cost_centre }}}}"
"""


def path(number: int) -> str:
    """Return where a document lies: 25 folders."""
    return f"catalog/databases-{number % 25:02}/made-{number:05}.yaml"


def repository(folder: Path, files: int) -> Path:
    """Make a bare repository with one commit of so many documents."""
    bare = folder / "made.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(bare)], check=True)
    commit(bare, {path(number): document(number) for number in range(files)}, first=True)
    return bare


def commit(bare: Path, texts: dict[str, str], *, first: bool = False) -> str:
    """Commit texts to the branch ``main``; return the commit's hash."""
    stamp = b"committer Bench <bench@example.com> now\n"
    lines = [b"commit refs/heads/main\nmark :1\n", stamp, b"data 6\nchange\n"]
    lines += [] if first else [b"from refs/heads/main^0\n"]
    for name, text in texts.items():
        data = text.encode()
        lines.append(b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(data), data))
    command = ["git", "-C", str(bare), "fast-import", "--quiet", "--force", "--date-format=now"]
    subprocess.run(command, input=b"".join(lines), check=True)
    head = ["git", "-C", str(bare), "rev-parse", "main"]
    return subprocess.run(head, check=True, capture_output=True, text=True).stdout.strip()
