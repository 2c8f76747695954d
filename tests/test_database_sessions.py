"""What paod relies on in its sessions, whatever an administrator set, and what gives it none."""

from __future__ import annotations

import itertools
import json
import logging
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from paod.database import Database
from paod.database.postgres_settings import SETTINGS, Setting
from paod.doctor.database import look
from paod.errors import MigrationError, StoreUnavailable
from paod.model import SyncRequest
from tests.databases import opened
from tests.pgbouncer import pgbouncer
from tests.postgres import shared_server
from tests.running import ROOT
from tests.served import POSTGRES, Served, item

HOSTILE = {
    "TimeZone": "Asia/Kolkata",
    "DateStyle": "SQL, DMY",
    "IntervalStyle": "iso_8601",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "standard_conforming_strings": "off",
    "backslash_quote": "on",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "quote_all_identifiers": "on",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "gin_fuzzy_search_limit": "1",
    "lock_timeout": "1ms",
    "statement_timeout": "1s",
    "idle_in_transaction_session_timeout": "1ms",
    "idle_session_timeout": "300ms",
    "transaction_timeout": "1s",
    "synchronous_commit": "off",
    "client_connection_check_interval": "0",
    "tcp_keepalives_idle": "7200",
    "tcp_keepalives_interval": "75",
    "tcp_keepalives_count": "9",
    "tcp_user_timeout": "0",
}
"""By each setting of the table, a value that an administrator may have given to the role."""
_numbers = itertools.count()


def known() -> list[Setting]:
    """Return what the server of the tests knows."""
    version = int(str(shared_server().execute("SHOW server_version_num")[0][0]))
    return [one for one in SETTINGS if version >= one.since * 10_000]


def role_with(**settings: str) -> str:
    """Make a role with settings of its own, and a schema of its name."""
    server, role = shared_server(), f"role{os.getpid()}x{next(_numbers)}"
    server.execute(f"CREATE ROLE {role} LOGIN")
    server.execute(f"CREATE SCHEMA {role} AUTHORIZATION {role}")
    for name, value in settings.items():
        text = value if name in ("DateStyle", "search_path") else f"'{value}'"
        server.execute(f"ALTER ROLE {role} SET {name} = {text}")
    return role


def url_of(role: str) -> str:
    return shared_server().url().replace("postgres@", f"{role}@", 1)


def test_each_setting_of_the_table_has_a_value_to_be_tested_with() -> None:
    assert set(HOSTILE) == {setting.name for setting in SETTINGS}


def test_the_manual_names_each_setting_of_the_table() -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    section = page.split("### What an administrator may set", 1)[1].split("\n### ", 1)[0]
    named = section.replace(
        "`tcp_keepalives_*`",
        "`tcp_keepalives_idle` `tcp_keepalives_count` `tcp_keepalives_interval`",
    )
    assert [one.name for one in SETTINGS if f"`{one.name}`" not in named] == []


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_setting_of_the_role_does_not_reach_a_session(setting: Setting) -> None:
    if setting not in known():
        return  # newer than the server of the tests
    database = opened(url_of(role_with(**{setting.name: HOSTILE[setting.name]})))
    named = f"SELECT setting, reset_val FROM pg_settings WHERE name = '{setting.name}'"
    (found,) = database.query(named)
    if setting.name.startswith("tcp_"):
        assert found["setting"] == "0"  # they are of TCP alone, and this is a unix socket
        return
    assert found["setting"] != found["reset_val"]
    with database.sync_lock() as mine:
        assert mine
        assert database.query(named) == [found]
    database.close()


def told(served: Served) -> dict[str, Any]:
    """Return what readers are told, without what differs from time to time."""
    served.push({POSTGRES: item()})
    served.push({POSTGRES: item(version="2.0.0", description="O'Neil \\ said")})
    served.end("failed")
    paths = (
        *("/catalog/items", "/catalog/items/postgres-database", "/catalog/items?search=neil"),
        *(
            "/catalog/items/postgres-database/versions",
            "/health",
            "/catalog/facets",
            "/admin/catalog/stats",
        ),
        *("/admin/catalog/syncs", "/admin/catalog/sync/status", "/catalog/changes?since=0"),
    )
    answers = {path: served.get(path) for path in paths}
    assert {answer.status_code for answer in answers.values()} == {200}
    assert served.client.simulate_get("/metrics").status_code == 200
    return {path: same(answer.json) for path, answer in answers.items()}


def same(value: Any) -> Any:
    """Replace times by their form, and what is drawn at random by nothing."""
    if isinstance(value, dict):
        return {
            key: same(of)
            for key, of in value.items()
            if key not in ("epoch", "timings", "request_id")
        }
    if isinstance(value, list):
        return [same(one) for one in value]
    if isinstance(value, str) and value[:2] == "20" and "T" in value:
        return f"{len(value)} {value[-1]}"
    return None if isinstance(value, float) else value


def test_with_all_of_them_set_readers_are_told_the_same(tmp_path: Path) -> None:
    names = {setting.name: HOSTILE[setting.name] for setting in known()}
    answers = []
    for settings in ({}, names):
        folder = tmp_path / str(len(settings))
        served = Served(folder, {"PAO_DB_URL": url_of(role_with(**settings))})
        answers.append(told(served))
        served.store.close()
    assert json.dumps(answers[0], indent=1) == json.dumps(answers[1], indent=1)


def take_lock(database: Database) -> None:
    with database.sync_lock() as mine:
        assert mine


def test_a_search_path_that_changes_splits_no_catalog() -> None:
    role = role_with()
    shared_server().execute(f"CREATE SCHEMA {role}b AUTHORIZATION {role}")
    database = opened(url_of(role))
    database.query("SELECT 1")
    shared_server().execute(f"ALTER ROLE {role} SET search_path = {role}b")
    with pytest.raises(StoreUnavailable, match=f"is {role}b now") as refused:
        take_lock(database)
    assert refused.value.reason_given == "SchemaChanged"
    shared_server().execute(f"ALTER ROLE {role} RESET search_path")
    with database.sync_lock() as mine:
        assert mine


# A role or a database that is read-only


def test_a_read_only_role_is_named_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    role = role_with(default_transaction_read_only="on")
    database = opened(url_of(role))
    with pytest.raises(StoreUnavailable, match="cannot be written") as refused:
        Served(tmp_path, {"PAO_DB_URL": url_of(role)})
    assert refused.value.reason_given == "StorageReadOnly"
    assert "default_transaction_read_only" in refused.value.hint
    told = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert "default_transaction_read_only is on" in told[0].getMessage()
    database.close()


def test_a_database_that_was_frozen_is_read_and_written_once_it_is_not(tmp_path: Path) -> None:
    role = role_with()
    served = Served(tmp_path, {"PAO_DB_URL": url_of(role)})
    served.push({POSTGRES: item()})
    shared_server().execute(f"ALTER ROLE {role} SET default_transaction_read_only = on")
    served.store.close()
    served.store.migrate()
    assert served.get("/catalog/items/postgres-database").status_code == 200
    assert served.post("/admin/catalog/sync", {}).status_code == 503
    finding = look(served.settings, datetime.now(UTC)).finding
    assert (finding.state, "default_transaction_read_only" in finding.hint) == ("bad", True)
    shared_server().execute(f"ALTER ROLE {role} RESET default_transaction_read_only")
    assert served.post("/admin/catalog/sync", {}).status_code == 202
    served.store.close()


# A pooler between


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_pooler_that_gives_no_session_is_refused_with_the_remedy(
    tmp_path: Path, mode: Any
) -> None:
    role = role_with()
    with pgbouncer(shared_server(), mode, role) as through:
        database = opened(through)
        with pytest.raises(MigrationError, match="pooler in transaction mode") as refused:
            database.prepare()
        assert "session mode" in refused.value.hint
        database.close()
        served = Served(tmp_path, {"PAO_DB_URL": url_of(role)})
        served.store.close()
        settings = replace(served.settings, db_url=through)
        finding = look(settings, datetime.now(UTC)).finding
        assert (finding.state, "session mode" in finding.hint) == ("bad", True)


def test_a_pooler_in_session_mode_is_as_good_as_the_server(tmp_path: Path) -> None:
    with pgbouncer(shared_server(), "session", role_with()) as url:
        served = Served(tmp_path, {"PAO_DB_URL": url})
        served.push({POSTGRES: item()})
        assert served.get("/catalog/items/postgres-database").status_code == 200
        served.store.enqueue(SyncRequest("manual"))
        with served.store.database.sync_lock() as mine:
            assert mine
            assert served.store.claim() is not None
        served.store.close()
