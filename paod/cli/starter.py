"""The text of a new document: valid as it stands, and telling its author what to do with it."""

from __future__ import annotations

from dataclasses import dataclass

from paod.document.quoting import written
from paod.schema.source import VARIANTS


@dataclass(frozen=True, slots=True)
class Starter:
    """What an author said of a new document. ``items`` are a bundle's; without any it is an item.

    All are printable texts of one line.
    """

    name: str
    category: str
    owner: str
    description: str
    items: tuple[str, ...] = ()


def title(name: str) -> str:
    """Return a name as people would write it: ``Postgres database``."""
    return name.replace("-", " ").capitalize()


def text_of(starter: Starter) -> str:
    """Return the document as YAML, laid out as ``paod fmt`` does."""
    header = f"""\
name: {written(starter.name)}
# Raise it whenever something below changes; 1.1.0 for more, 2.0.0 for what breaks orders.
version: "1.0.0"
description: {written(starter.description)}
# The team that answers for it.
owner: {written(starter.owner)}
# Words to find it by.
tags: [{written(starter.category, in_flow=True)}]
"""
    return header + (_bundle(starter) if starter.items else _item(starter))


def _item(starter: Starter) -> str:
    types, systems = (", ".join(VARIANTS[name].choices) for name in ("field", "manual"))
    summary = written(f"{title(starter.name)} {{{{ resource_name }}}} for {{{{ requester }}}}")
    return f"""
# The form: what whoever orders is asked, in this order. What a field may be:
# {types}
presentation:
  fields:
    - name: resource_name
      type: string
      required: true
      max_length: 63
      regexp: "^[a-z][a-z0-9-]*$"
      help_text: Lower-case letters, digits and hyphens
    - name: size
      type: selection
      oneof: [small, medium, large]
      default: small

# What happens with an order. Texts may use the form's fields: {{{{ size }}}}.
fulfillment:
  manual:
    # One of: {systems}
    system: jira
    template:
      project: PLATFORM
      issue_type: Service Request
      summary: {summary}
      description: "Size: {{{{ size }}}}"
"""


def _bundle(starter: Starter) -> str:
    parts = "".join(f"    - catalog_item: {written(name)}\n" for name in starter.items)
    return f"""
# The items that are ordered together. A part may also say which versions of the item will do, and
# fill in its form:
#   version: ">=1.0.0, <2.0.0"
#   parameters: {{resource_name: "{{{{ stack_name }}}}-db"}}
# What an order may leave out stands under optional_items.
bundle:
  required_items:
{parts}
# The form of the whole: what whoever orders is asked once, for all parts.
presentation:
  bundle_fields:
    - name: stack_name
      type: string
      required: true
      max_length: 40
      regexp: "^[a-z][a-z0-9-]*$"
      help_text: Lower-case letters, digits and hyphens
"""
