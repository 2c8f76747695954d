"""What tests can ask pytest for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import databases


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
