"""What tests can ask pytest for."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests import databases, programs


def pytest_configure() -> None:
    """Let programs that tests start be interrupted, also where a shell had the signal ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run on both databases what asks for ``each_database``, unless it is marked for one."""
    if "each_database" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("only_on")
        names = marker.args if marker else databases.NAMES
        metafunc.parametrize("each_database", names, indirect=True, scope="module")


@pytest.fixture(scope="module")
def each_database(request: pytest.FixtureRequest) -> Iterator[str]:
    """Choose a database for the tests; the value is its name."""
    databases.choose(request.param)
    yield request.param
    databases.choose(databases.NAMES[0])


@pytest.fixture(autouse=True, scope="module")
def _closing_for_good() -> Iterator[None]:
    """Leave no pool to the collection of garbage, which ends it badly."""
    yield
    databases.close_opened(for_good=True)


@pytest.fixture(autouse=True)
def _closing() -> Iterator[None]:
    """Leave the server's connections to the next test."""
    yield
    databases.close_opened()


MAY_BE_SKIPPED = ("needs root", "no IPv6", "this machine")
"""How the reasons begin for which a test is skipped in CI, too: what the machine cannot do."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-skips",
        action="store_true",
        default=os.environ.get("CI") == "true",
        help="let a test that is skipped fail, but for what a machine cannot do (always in CI)",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    return _without_skips(item.config, (yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Any:
    return _without_skips(collector.config, (yield))


def _without_skips(config: pytest.Config, report: Any) -> Any:
    """Make a failure of a skip, where that was asked for."""
    if config.getoption("--no-skips") and report.skipped and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr[2]).removeprefix("Skipped: ")
        if not reason.startswith(MAY_BE_SKIPPED):
            report.outcome = "failed"
            report.longrepr = f"skipped ({reason}), and in CI that is a failure"
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say in one line what was not tried on this machine, and what would install it."""
    reports = terminalreporter.stats.get("skipped", ())
    line = programs.not_tried(str(report.longrepr[2]) for report in reports)
    if line is not None:
        terminalreporter.write_line(line)
