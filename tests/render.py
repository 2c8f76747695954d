"""From the tests' ``Spec`` to the YAML file that says it."""

from __future__ import annotations

import json

from tests.model import Spec

ITEM = """\
presentation:
  fields:
    - name: size
      type: integer
      min_value: 1
      max_value: 100
fulfillment:
  manual:
    system: email
    template:
      to: platform@example.com
      subject: "A {{ size }}"
"""


def render(spec: Spec) -> str:
    """Return the file's text; a broken one is broken at its end."""
    lines = [f"# note {number}" for number in range(spec.comment)]
    lines += [
        f"name: {spec.name}",
        f'version: "{".".join(map(str, spec.version))}"',
        f"description: Body number {spec.body}",
        "owner: platform-team",
        f"tags: [tag-{spec.body}]",
    ]
    if spec.renamed_from is not None:
        lines.append(f"renamed_from: {spec.renamed_from}")
    if spec.replaced_by is not None:
        lines.append(f'deprecated: {{since: "1.0.0", replacement: {spec.replaced_by}}}')
    if spec.kind == "bundle":
        parts = [{"catalog_item": name, "version": ">=1.0.0"} for name in spec.needs]
        lines.append(f"bundle: {json.dumps({'required_items': parts})}")
        text = "\n".join(lines) + "\n"
    else:
        if spec.needs:
            lines.append(f"dependencies: {json.dumps(list(spec.needs))}")
        text = "\n".join(lines) + "\n" + ITEM
    return text + ("broken: [\n" if spec.broken else "")
