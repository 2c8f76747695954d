"""PostgreSQL's password from a secret of its own, which may change while paod runs."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from paod.config import load
from paod.daemon import open_store
from paod.database.postgres_failures import translated
from paod.errors import StoreUnavailable
from tests.postgres import shared_server

FIRST, SECOND = "canary-first", "canary-second"


def test_a_password_is_read_again_at_each_connection(tmp_path: Path) -> None:
    server, role = shared_server(), f"keeper{os.getpid()}"
    server.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{FIRST}'")
    server.execute(f"CREATE SCHEMA {role} AUTHORIZATION {role}")
    rules = server.data / "pg_hba.conf"
    rules.write_text(f"local all {role} scram-sha-256\n{rules.read_text()}")
    server.execute("SELECT pg_reload_conf()")
    file = tmp_path / "password"
    file.write_text(f"{FIRST}\n")
    file.chmod(0o600)
    settings = load(
        {
            "PAO_REPO_URL": "/nowhere",
            "PAO_STATE_DIR": str(tmp_path),
            "PAO_DB_URL": server.url().replace("postgres@", f"{role}@"),
            "PAO_DB_PASSWORD_FILE": str(file),
        }
    )
    store = open_store(settings)
    store.migrate()
    server.execute(f"ALTER ROLE {role} PASSWORD '{SECOND}'")
    store.head()  # over the connection that stands
    store.close()
    with pytest.raises(StoreUnavailable, match="password authentication failed") as refused:
        store.migrate()
    assert "canary" not in f"{refused.value} {refused.value.hint} {settings.as_masked()}"
    file.write_text(SECOND)
    store.close()  # a pool that was refused rests for half a second
    store.migrate()
    with store.database.sync_lock() as mine:
        assert mine
    store.close()
    assert SECOND in settings.secret_values()
    without = open_store(replace(settings, db_password=None))
    with pytest.raises(StoreUnavailable, match="no password supplied") as refused:
        without.migrate()
    assert "PAO_DB_PASSWORD" in refused.value.hint


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("fe_sendauth: no password supplied", "PAO_DB_PASSWORD"),
        ('root certificate file "/x/root.crt" does not exist', "sslrootcert"),
        ("SSL error: certificate verify failed", "sslrootcert"),
        ('server certificate for "a" does not match host name "b"', "host"),
        ("server does not support SSL, but SSL was required", "sslmode"),
        ("Connection refused", "see that it runs"),
    ],
)
def test_a_connection_that_is_not_made_says_what_to_mend(said: str, hint: str) -> None:
    """libpq's words, which come without a code."""
    where = 'connection failed: connection to server at "127.0.0.1", port 5432 failed'
    assert hint in translated(psycopg.OperationalError(f"{where}: {said}")).hint
