"""Rules and dashboard: of metrics that are there, and held by Prometheus' own program."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from tests.scraped import promtool
from tests.test_docs import DOCS, OPERATIONS, rows_of

RULES = DOCS / "alerts.yaml"
RULE_TESTS = Path(__file__).parent / "data" / "alerts-test.yaml"
DASHBOARD = DOCS / "grafana-dashboard.json"
PARTS = re.compile("_(bucket|sum|count)$")


def alerts() -> dict[str, str]:
    """Return the expression of each rule."""
    found = yaml.safe_load(RULES.read_text("utf-8"))
    return {rule["alert"]: rule["expr"] for group in found["groups"] for rule in group["rules"]}


def strangers(expressions: list[str]) -> set[str]:
    """Return the metrics that expressions name and the manual, held by a test, does not."""
    metrics = {name: cells[0] for name, cells in rows_of(OPERATIONS).items()}
    named = {name for text in expressions for name in re.findall(r"\bpaod_[a-z0-9_]+", text)}
    assert named
    return {
        name
        for name in named
        if name not in metrics and metrics.get(PARTS.sub("", name)) != "histogram"
    }


def test_promtool_takes_the_rules() -> None:
    assert f"{len(alerts())} rules found" in promtool("check", "rules", str(RULES))


def test_each_rule_stays_silent_and_fires_when_it_should() -> None:
    promtool("test", "rules", str(RULE_TESTS))
    tested = yaml.safe_load(RULE_TESTS.read_text("utf-8"))["tests"]
    for one in tested:
        fires = [bool(check["exp_alerts"]) for check in one["alert_rule_test"]]
        assert fires[:2] == [False, True], one["name"]
    assert [one["name"] for one in tested] == list(alerts())


def test_each_rule_has_its_meaning_and_first_step_in_the_manual() -> None:
    rows = {name: cells for name, cells in rows_of(OPERATIONS).items() if name.startswith("Paod")}
    assert list(rows) == list(alerts())
    assert all(len(cells) == 2 and all(cells) for cells in rows.values())


def test_rules_and_dashboard_name_metrics_that_are_there() -> None:
    assert not strangers(list(alerts().values()))
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    shown = [target["expr"] for panel in panels for target in panel["targets"]]
    assert not strangers(shown)
    told = {name for name in rows_of(OPERATIONS) if name.startswith("paod_")}
    for name in told:
        assert any(name in text for text in shown), f"{name} is on no panel"


def test_the_dashboard_s_expressions_are_prometheus_s(tmp_path: Path) -> None:
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    shown = [target["expr"] for panel in panels for target in panel["targets"]]
    rules = [
        {"record": f"panel:{number}", "expr": re.sub(r"\$__rate_interval", "5m", text)}
        for number, text in enumerate(shown)
    ]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"{len(shown)} rules found" in promtool("check", "rules", str(file))
