"""What a scrape says, as Prometheus' own parser reads it, and its program for files."""

from __future__ import annotations

import subprocess

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.programs import program


def promtool(*arguments: str, text: str | None = None) -> str:
    """Run Prometheus' program on files, or on a text; fail if it finds fault."""
    done = subprocess.run(
        [program("promtool"), *arguments], input=text, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Scraped:
    """The metrics of one text; the parser refuses what is none."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families: list[Metric] = list(text_string_to_metric_families(text))
        self.samples = [sample for family in self.families for sample in family.samples]

    @property
    def names(self) -> set[str]:
        """The names as the text's HELP lines have them."""
        return {
            family.name + ("_total" if family.type == "counter" else "") for family in self.families
        }

    def value(self, name: str, **labels: str) -> float | None:
        """Return the sum of all samples of a name that have these labels; None: there is none."""
        found = [
            sample.value
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        return sum(found) if found else None

    def of(self, *names: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        """Return the samples of some families, by name and labels."""
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in self.families
            if family.name in names
            for sample in family.samples
        }
