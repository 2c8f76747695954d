"""Settings: where they come from, what is refused, and that no secret is ever shown."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

from paod.config import SETTINGS, Rate, Secret, Settings, digest_of, load, with_admin_token
from paod.config.secret import GRACE, SHORTEST, everyone_may_read
from paod.config.tokens import new_token, write_first_token
from paod.errors import SettingsError
from paod.permissions import writable_by_all
from paod.repository_url import owner_and_name, read, redact_url

EXAMPLE = Path(__file__).parent.parent / "config" / "paod.yaml"
BASE = {"PAO_REPO_URL": "https://git.example/org/catalog.git", "HOME": "/home/mike"}


def load_with(**more: str) -> Settings:
    return load({**BASE, **more})


def refusal(environ: Mapping[str, str], file: Path | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load(environ, file)
    return str(caught.value)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write_yaml(text: str) -> Path:
        path = tmp_path / "paod.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_yaml


def test_the_story_five_variables_are_enough() -> None:
    settings = load(
        {
            "PAO_REPO_URL": "https://github.com/org/pao-repository.git",
            "PAO_REPO_BRANCH": "main",
            "PAO_REPO_TOKEN": "a-token",
            "PAO_SYNC_INTERVAL": "300",
            "PAO_WEBHOOK_SECRET": "webhook-secret-123",
            "HOME": "/home/mike",
        }
    )
    assert settings.repo_url == "https://github.com/org/pao-repository.git"
    assert settings.sync_interval == 300
    assert settings.repo_token is not None
    assert settings.repo_token.values() == ("a-token",)
    assert settings.webhook_secret is not None
    assert settings.webhook_secret.values() == ("webhook-secret-123",)
    assert settings.admin_token is None


def test_defaults_of_the_table_are_those_of_the_settings() -> None:
    written = {
        one.name: one.default
        for one in SETTINGS
        if one.default is not None and one.name not in ("PAO_DB_URL", "PAO_STATE_DIR")
    }
    assert load({**BASE, **written}) == load(BASE)


def test_every_setting_has_its_attribute() -> None:
    names = {field.name for field in dataclasses.fields(Settings)}
    assert {one.attribute for one in SETTINGS} == names - {"db_file", "repo_folder"}


def test_the_commented_example_is_loaded_as_it_stands(tmp_path: Path) -> None:
    settings = load({"HOME": "/home/mike"}, EXAMPLE)
    assert settings.repo_url == "https://github.com/org/pao-repository.git"


def test_every_setting_stands_in_the_example_with_its_default() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    uncommented = "\n".join(
        line.removeprefix("#") if line.startswith("#") and not line.startswith("# ") else line
        for line in text.splitlines()
    )
    shown = yaml.safe_load(uncommented)
    assert list(shown) == [one.attribute for one in SETTINGS]
    for one in SETTINGS:
        if one.default is not None and not one.default.startswith("$"):
            assert str(shown[one.attribute]).lower() == one.default, one.name


def test_the_environment_wins_over_the_file_and_the_file_over_defaults(
    write: Callable[[str], Path],
) -> None:
    file = write("repo_url: /from/file\nrepo_branch: trunk\nsync_interval: 5\n")
    settings = load({"PAO_REPO_BRANCH": "release", "HOME": "/h"}, file)
    assert (settings.repo_url, settings.repo_branch) == ("/from/file", "release")
    assert (settings.sync_interval, settings.repo_timeout) == (5.0, 60.0)


def test_pao_config_names_the_file_and_an_argument_wins(write: Callable[[str], Path]) -> None:
    file = write("PAO_REPO_URL: /from/file\n")
    assert load({"PAO_CONFIG": str(file), "HOME": "/h"}).repo_url == "/from/file"
    assert load({"PAO_CONFIG": "/nowhere", "HOME": "/h"}, file).repo_url == "/from/file"


def test_an_empty_variable_counts_as_not_set(write: Callable[[str], Path]) -> None:
    file = write("repo_url: /from/file\nrepo_token:\n")
    settings = load({"PAO_REPO_URL": "", "PAO_ADMIN_TOKEN": "", "HOME": "/h"}, file)
    assert settings.repo_url == "/from/file"
    assert settings.admin_token is None
    assert settings.repo_token is None


def test_relative_paths_start_where_they_are_written(
    write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = write("repo_url: ../origin\nstate_dir: state\n")
    monkeypatch.chdir("/")
    settings = load({"PAO_DB_URL": "sqlite:///tmp/x.db"}, file)
    assert settings.repo_folder == tmp_path / "../origin"
    assert settings.repo_url == str(tmp_path / "../origin")
    assert settings.state_dir == tmp_path / "state"
    assert settings.db_file == Path("/tmp/x.db")
    assert settings.db_url == "sqlite:////tmp/x.db"


def test_the_state_folder_is_systemds_or_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/mike")
    assert load_with().state_dir == Path("/home/mike/.local/state/paod")
    assert load_with(STATE_DIRECTORY="/var/lib/paod:/other").state_dir == Path("/var/lib/paod")
    given = load_with(STATE_DIRECTORY="/var/lib/paod", PAO_STATE_DIR="/srv/paod")
    assert given.db_url == "sqlite:////srv/paod/paod.db"


def test_o14_every_fault_is_told_at_once(write: Callable[[str], Path]) -> None:
    file = write("sync_policy: lax\nmax_file_byte: 1\n")
    message = refusal(
        {
            "PAO_SYNC_INTERVAL": "soon",
            "PAO_API_WORKERS": "-1",
            "PAO_LISTEN": "8080",
            "PAO_SNYC_INTERVAL": "5",
            "PAO_REPO_TOKEN_FILE": "/nowhere/token",
        },
        file,
    )
    assert message.startswith("8 settings cannot be used:")
    for name in ("PAO_SYNC_INTERVAL", "PAO_API_WORKERS", "PAO_LISTEN", "PAO_SYNC_POLICY"):
        assert f"\n  {name} is '" in message
    assert "PAO_SNYC_INTERVAL is not a setting: did you mean PAO_SYNC_INTERVAL?" in message
    assert (
        f"PAO_MAX_FILE_BYTE in {file} is not a setting: did you mean PAO_MAX_FILE_BYTES?" in message
    )
    assert "PAO_REPO_TOKEN_FILE (/nowhere/token) cannot be read: No such file" in message
    assert "PAO_REPO_URL is not set" in message


def test_o14_a_missing_repository_says_what_to_do() -> None:
    with pytest.raises(SettingsError) as caught:
        load({})
    assert "PAO_REPO_URL is not set" in str(caught.value)
    assert "https://" in str(caught.value)
    assert "paod demo" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PAO_REPO_BRANCH", "refs/heads/main"),
        ("PAO_REPO_BRANCH", "a b"),
        ("PAO_REPO_BRANCH", "-x"),
        ("PAO_REPO_BRANCH", "a..b"),
        ("PAO_REPO_BRANCH", "a.lock"),
        ("PAO_REPO_TIMEOUT", "0"),
        ("PAO_REPO_TIMEOUT", "nan"),
        ("PAO_REPO_TIMEOUT", "inf"),
        ("PAO_SYNC_INTERVAL", "-1"),
        ("PAO_SYNC_INTERVAL", "5m"),
        ("PAO_SYNC_INTERVAL", "1e9"),
        ("PAO_SYNC_MEMORY", "2g"),
        ("PAO_SYNC_POLICY", "loose"),
        ("PAO_VERSION_POLICY", "x"),
        ("PAO_MAX_REMOVAL_PERCENT", "101"),
        ("PAO_HISTORY_DEPTH", "0"),
        ("PAO_HISTORY_DEPTH", "9" * 5000),
        ("PAO_CATALOG_ROOT", "../x"),
        ("PAO_CATALOG_ROOT", "/"),
        ("PAO_CATALOG_ROOT", "a//b"),
        ("PAO_CATEGORIES", "Databases"),
        ("PAO_MAX_FILE_BYTES", "1.5"),
        ("PAO_MAX_FILE_BYTES", "\u0661"),
        ("PAO_WEBHOOK_RATE", "60"),
        ("PAO_WEBHOOK_RATE", "0/minute"),
        ("PAO_PUBLIC_READ", "maybe"),
        ("PAO_DB_URL", "mysql://x"),
        ("PAO_DB_URL", "sqlite://"),
        ("PAO_DB_URL", "sqlite:///:memory:"),
        ("PAO_LISTEN", "8080"),
        ("PAO_LISTEN", "::1:8080"),
        ("PAO_LISTEN", "127.0.0.1:80800"),
        ("PAO_LISTEN", "unix:relative"),
        ("PAO_API_WORKERS", "1000"),
        ("PAO_TRUSTED_PROXY", "proxy.example"),
        ("PAO_REPO_PROXY", "socks5://x"),
        ("PAO_REPO_CA_FILE", "/nowhere/ca.pem"),
        ("PAO_ALERT_URL", "ftp://x"),
        ("PAO_ALERT_FORMAT", "xml"),
        ("PAO_LOG_LEVEL", "loud"),
        ("PAO_LOG_FORMAT", "xml"),
        ("PAO_RETENTION_DAYS", "0"),
    ],
)
def test_o14_a_bad_value_is_refused_by_name(name: str, text: str) -> None:
    message = refusal({**BASE, name: text})
    assert message.startswith(f"{name} is ")
    assert len(message) < 500


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("PAO_SYNC_INTERVAL", "0", 0.0),
        ("PAO_SYNC_INTERVAL", "0.5", 0.5),
        ("PAO_SYNC_POLICY", "Strict", "strict"),
        ("PAO_CATEGORIES", "databases, compute", frozenset({"databases", "compute"})),
        ("PAO_CATALOG_ROOT", "services/catalog/", "services/catalog"),
        ("PAO_WEBHOOK_RATE", "5/second", Rate(5, 1)),
        ("PAO_PUBLIC_READ", "yes", True),
        ("PAO_LISTEN", "[::1]:0", "[::1]:0"),
        ("PAO_LISTEN", "unix:/run/paod.sock", "unix:/run/paod.sock"),
        ("PAO_TRUSTED_PROXY", "::1", "::1"),
        ("PAO_REPO_BRANCH", "release/1.x", "release/1.x"),
        ("PAO_DB_URL", "postgresql://paod@db/paod", "postgresql://paod@db/paod"),
    ],
)
def test_good_values(name: str, text: str, value: object) -> None:
    assert getattr(load_with(**{name: text}), name.removeprefix("PAO_").lower()) == value


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("repo_branch: 1.10", "put quotes around text"),
        ("repo_token: 123", "put quotes around it"),
        ("sync_interval: true", "it takes seconds"),
        ("sync_interval: .inf", "it takes seconds"),
        ("api_workers: true", "it takes processes"),
        ("categories: {a: b}", "comma-separated"),
        ("repo_url: [a]", "it takes https://"),
        ("repo_branch: main\nPAO_REPO_BRANCH: other", "given twice"),
        ("repo_branch: main\nrepo_branch: other", "stands twice"),
        ("1: x", "a key that is not text"),
        ("- a", "must be a mapping"),
        ("a: [", "no valid YAML"),
        ("a: !!python/name:os.system x", "no valid YAML"),
        ("a: 2024-99-99", "no valid YAML"),
        ("? [a]\n: b", "no valid YAML"),
        ("repo_token: a-token\nrepo_token_file: b", "keep one"),
    ],
)
def test_o14_bad_files(text: str, part: str, write: Callable[[str], Path]) -> None:
    environ = {} if text.startswith("repo_url") else BASE
    assert part in refusal(environ, write(text))


def test_o14_a_file_that_is_not_there_says_who_named_it() -> None:
    with pytest.raises(SettingsError) as caught:
        load({**BASE, "PAO_CONFIG": "/nowhere.yaml"})
    assert "/nowhere.yaml cannot be read" in str(caught.value)
    assert "PAO_CONFIG" in caught.value.hint


def test_yaml_values_may_be_native(write: Callable[[str], Path]) -> None:
    file = write("categories: [compute, databases]\npublic_read: true\nmax_removal_percent: 33\n")
    settings = load(BASE, file)
    assert settings.categories == {"compute", "databases"}
    assert settings.public_read
    assert settings.max_removal_percent == 33.0


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://git.example/a.git", "https://git.example/a.git"),
        ("HTTPS://git.example/a.git", "https://git.example/a.git"),
        ("https://git.example:8443/a.git", "https://git.example:8443/a.git"),
        ("http://127.0.0.1:99/a", "http://127.0.0.1:99/a"),
        ("http://localhost/a", "http://localhost/a"),
        ("http://[::1]:99/a", "http://[::1]:99/a"),
        ("ssh://git@git.example:2222/a.git", "ssh://git@git.example:2222/a.git"),
        ("git@git.example:org/a.git", "git@git.example:org/a.git"),
        ("file:///srv/a.git", "file:///srv/a.git"),
        ("/srv/a.git", "/srv/a.git"),
    ],
)
def test_g13_allowed_repositories(text: str, url: str) -> None:
    assert load_with(PAO_REPO_URL=text).repo_url == url


@pytest.mark.parametrize(
    "text",
    [
        "ext::sh -c id",
        "fd::17",
        "git://git.example/a",
        "http://git.example/a",
        "http://127.0.0.1.evil.example/a",
        "ftp://git.example/a",
        "https:///a",
        "https://git.example:x/a",
        "https://git.example",
        "https://me@git.example:8443//",
        "ssh://git@git.example/",
        "https://git.example/a?token=secret-value",
        "https://git.example/a#secret-value",
        "https://git.example/a b",
        "https://[::1/a",
        "file://git.example/a",
        "ssh://git:secret-value@git.example/a",
        "--upload-pack=secret-value",
        "git@git.example:-oProxyCommand=x",
        "git@git.example:a b",
        "odd@host name:a",
    ],
)
def test_g13_refused_repositories(text: str) -> None:
    message = refusal({**BASE, "PAO_REPO_URL": text})
    assert message.startswith("PAO_REPO_URL is ")
    assert "secret-value@" not in message
    assert "=secret-value" not in message or text.startswith("--")
    assert "#secret-value" not in message


@pytest.mark.parametrize(
    ("url", "more", "username", "token"),
    [
        ("https://mike:p%40ss@h/x", {}, "mike", "p@ss"),
        ("https://tok123@h/x", {}, "x-access-token", "tok123"),
        ("https://mike@h/x", {"PAO_REPO_TOKEN": "tok123"}, "mike", "tok123"),
        ("https://mike:pw@h/x", {"PAO_REPO_USERNAME": "ann"}, "ann", "pw"),
    ],
)
def test_g13_credentials_leave_the_url(
    url: str, more: dict[str, str], username: str, token: str
) -> None:
    settings = load({**BASE, "PAO_REPO_URL": url, **more})
    assert settings.repo_url == "https://h/x"
    assert settings.repo_username == username
    assert settings.repo_token is not None
    assert settings.repo_token.value() == token


def test_g13_two_passwords_are_one_too_many() -> None:
    message = refusal({"PAO_REPO_URL": "https://me:pw-one@h/x", "PAO_REPO_TOKEN": "pw-two"})
    assert "keep one" in message
    assert "pw-" not in message


def test_systemd_s_credentials_are_files_named_after_their_settings(tmp_path: Path) -> None:
    for name in ("webhook-secret", "repo-token", "repo-ssh-key"):
        (tmp_path / f"paod_{name}").write_text(f"canary-{name}")
    for name in ("paod_read-token", "paod_.webhook-secret.swp", "others_x"):
        (tmp_path / name).touch()
    settings = load_with(CREDENTIALS_DIRECTORY=str(tmp_path), PAO_REPO_TOKEN="by-environment")
    assert settings.webhook_secret is not None
    assert settings.webhook_secret.path == tmp_path / "paod_webhook-secret"
    assert settings.webhook_secret.value() == "canary-webhook-secret"
    assert settings.repo_token is not None
    assert settings.repo_token.value() == "by-environment"
    assert settings.repo_ssh_key == tmp_path / "paod_repo-ssh-key"
    assert settings.read_token is None


def test_a_credential_that_is_named_after_nothing_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "paod_webhook-secrets").write_text("canary")
    message = refusal({**BASE, "CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert message == (
        "'webhook-secrets' among systemd's credentials is named after no secret: "
        "did you mean 'webhook-secret'?"
    )


def test_s1_no_secret_is_ever_shown(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("canary-5-of-a-reader\n")
    settings = load_with(
        PAO_REPO_URL="https://me:canary-0@h/x",
        PAO_WEBHOOK_SECRET="canary-1-of-webhooks,canary-2-of-webhooks",
        PAO_ADMIN_TOKEN="canary-3-of-an-admin",
        PAO_READ_TOKEN_FILE=str(tmp_path / "token"),
        PAO_ALERT_SECRET="canary-6-of-alerts",
        PAO_ALERT_URL="https://hooks.example/services/canary-7",
        PAO_DB_URL="postgresql://paod:canary-8@db/paod",
        PAO_REPO_PROXY="http://me:canary-9@proxy:3128",
    )
    shown = json.dumps(settings.as_masked()) + repr(settings) + str(settings)
    assert "canary" not in shown
    assert "***@db/paod" in shown
    assert set(settings.as_masked()) == {one.name for one in SETTINGS}
    hidden = " ".join(settings.secret_values())
    assert all(f"canary-{number}" in hidden for number in (0, 1, 2, 3, 5, 6, 7, 8, 9))


@pytest.mark.parametrize("name", [one.name for one in SETTINGS if one.secret])
@pytest.mark.parametrize("text", ["canary\x00x", "canary\x7f", "  "])
def test_s1_a_bad_secret_is_named_and_not_shown(name: str, text: str) -> None:
    message = refusal({**BASE, name: text})
    assert name in message
    assert "canary" not in message


def test_s1_a_broken_url_with_a_password_is_masked() -> None:
    for text in ("ftp://me:canary@h/x", "https://me:can@ry/p@h:x/y", "http://canary@h/x"):
        message = refusal({**BASE, "PAO_REPO_URL": text})
        assert "canary" not in message
        assert "ry/p" not in message


OTHER = "another-good-secret"


def test_a_hash_may_stand_in_for_a_token_and_is_checked() -> None:
    digest = digest_of("a-token")
    settings = load_with(PAO_ADMIN_TOKEN=f"{digest},{OTHER}")
    assert settings.admin_token is not None
    assert settings.admin_token.values() == (digest, OTHER)
    assert "64 hexadecimal digits" in refusal({**BASE, "PAO_READ_TOKEN": "sha256:0123456789"})


def test_o15_a_rotated_secret_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(f"one-{OTHER}\n")
    secret = load_with(PAO_WEBHOOK_SECRET_FILE=str(path)).webhook_secret
    assert secret is not None
    assert secret.values() == (f"one-{OTHER}",)
    path.write_text(f"two-{OTHER},\nthree-{OTHER}\n")
    assert secret.values() == (f"two-{OTHER}", f"three-{OTHER}")
    path.write_text("four\n")
    assert secret.values() == (f"two-{OTHER}", f"three-{OTHER}"), "of 4 characters: cut off"


GUARDS = [one.name for one in SETTINGS if one.guards]


def test_secrets_that_strangers_may_guess_are_known() -> None:
    assert [
        *("PAO_WEBHOOK_SECRET", "PAO_ADMIN_TOKEN", "PAO_READ_TOKEN", "PAO_ALERT_SECRET")
    ] == GUARDS


@pytest.mark.parametrize("name", GUARDS)
@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("x" * (SHORTEST - 1), "15 characters"),
        ("whsec_", "24 or more"),
        ("whsec_not-base-64-of-any-kind!", "not base64"),
        (f"whsec_{b64encode(bytes(23)).decode()}", "23 bytes"),
    ],
)
def test_a_secret_that_can_be_guessed_is_refused(name: str, value: str, why: str) -> None:
    message = refusal({**BASE, name: value})
    assert name in message
    assert why in message
    assert value not in message.replace("whsec_ key", "")


@pytest.mark.parametrize("name", GUARDS)
def test_a_secret_at_the_limit_is_taken(name: str) -> None:
    for value in ("x" * SHORTEST, f"whsec_{b64encode(bytes(24)).decode()}"):
        assert load_with(**{name: value}).secret_values() == (value,)


def test_what_a_git_host_made_may_be_short() -> None:
    assert load_with(PAO_REPO_TOKEN="hunter2").repo_token is not None


@pytest.mark.parametrize("name", [one.name for one in SETTINGS if one.secret])
@pytest.mark.parametrize("mode", [0o622, 0o602])
def test_a_secret_that_every_user_may_write_is_refused(
    name: str, mode: int, tmp_path: Path
) -> None:
    path = tmp_path / "secret"
    path.write_text(OTHER)
    path.chmod(mode)
    assert f"chmod o-w {path}" in refusal({**BASE, f"{name}_FILE": str(path)})


def test_a_secret_that_every_user_may_write_later_is_not_read(tmp_path: Path) -> None:
    now = [100.0]
    path = tmp_path / "secret"
    path.write_text(OTHER)
    secret = Secret("PAO_ADMIN_TOKEN", path, several=True, clock=lambda: now[0])
    assert secret.values() == (OTHER,)
    path.write_text(f"{OTHER}\nof-a-stranger")
    path.chmod(0o622)
    assert secret.values() == (OTHER,)
    now[0] += GRACE + 1
    with pytest.raises(SettingsError, match="every user"):
        secret.values()


FILES = [one.name for one in SETTINGS if one.takes.startswith("the path of")]


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_every_user_may_write_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "trusted"
    path.write_text("x")
    path.chmod(0o646)
    assert f"chmod o-w {path}" in refusal({**BASE, name: str(path)})


def test_a_settings_file_that_every_user_may_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "paod.yaml"
    path.write_text("repo_url: /srv/catalog\n")
    path.chmod(0o666)
    with pytest.raises(SettingsError, match="every user"):
        load({}, path)
    path.chmod(0o664)
    assert load({"HOME": "/h"}, path).repo_url == "/srv/catalog"


def test_what_lies_where_every_user_may_put_another_is_everybodys(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    open_folder, link = tmp_path / "open", tmp_path / "link"
    (open_folder / "own").mkdir(parents=True)
    file = open_folder / "own" / "secret"
    file.write_text(OTHER)
    link.symlink_to(file)
    assert writable_by_all(file) is writable_by_all(link) is None
    open_folder.chmod(0o777)
    assert writable_by_all(file) == writable_by_all(link) == open_folder
    open_folder.chmod(0o1777)
    assert writable_by_all(file) is None
    assert writable_by_all(tmp_path / "nowhere" / "file") is None


def test_o15_a_file_gone_keeps_its_value_for_a_while_only(tmp_path: Path) -> None:
    now = [100.0]
    path = tmp_path / "secret"
    path.write_text("one")
    secret = Secret("PAO_REPO_TOKEN", path, clock=lambda: now[0])
    assert secret.value() == "one"
    path.write_text("")
    now[0] += GRACE
    assert secret.value() == "one"
    path.unlink()
    now[0] += 1
    with pytest.raises(SettingsError, match="cannot be read"):
        secret.values()
    path.write_text("two")
    assert secret.value() == "two"


@pytest.mark.parametrize("kind", ["folder", "fifo", "empty", "binary", "large"])
def test_o14_a_secret_file_that_is_none(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.write_bytes({"empty": b" \n", "binary": b"\xff\xfe", "large": b"x" * 70_000}[kind])
    assert "PAO_REPO_TOKEN_FILE" in refusal({**BASE, "PAO_REPO_TOKEN_FILE": str(path)})


def test_o14_a_secret_that_every_user_can_read_is_refused(tmp_path: Path) -> None:
    opened = tmp_path.resolve()
    path = tmp_path / "secret"
    path.write_text("canary")
    path.chmod(0o644)
    closed = [folder for folder in opened.parents if not folder.stat().st_mode & 0o001]
    before = {folder: folder.stat().st_mode for folder in (opened, *closed)}
    try:
        for folder in before:
            folder.chmod(0o711)
        assert everyone_may_read(path)
        message = refusal({**BASE, "PAO_REPO_TOKEN_FILE": str(path)})
        assert "every user can read" in message
        assert "canary" not in message
        path.chmod(0o640)
        assert load_with(PAO_REPO_TOKEN_FILE=str(path)).repo_token is not None
        path.chmod(0o644)
        opened.chmod(0o700)
        assert load_with(PAO_REPO_TOKEN_FILE=str(path)).repo_token is not None
    finally:
        for folder, mode in before.items():
            folder.chmod(mode & 0o7777)


def test_the_first_admin_token_is_made_once(tmp_path: Path) -> None:
    settings = load_with(PAO_STATE_DIR=str(tmp_path))
    first = with_admin_token(settings)
    assert first.admin_token is not None
    path = tmp_path / "admin-token"
    assert path.stat().st_mode & 0o777 == 0o600
    assert first.admin_token.value() == path.read_text().strip()
    assert with_admin_token(settings).admin_token.value() == first.admin_token.value()  # type: ignore[union-attr]
    assert [file.name for file in tmp_path.iterdir()] == ["admin-token"]
    assert not write_first_token(path)


def test_a_set_admin_token_makes_no_file(tmp_path: Path) -> None:
    settings = load_with(PAO_STATE_DIR=str(tmp_path), PAO_ADMIN_TOKEN=OTHER)
    assert with_admin_token(settings) is settings
    assert not list(tmp_path.iterdir())


def test_tokens_are_long_and_differ() -> None:
    assert new_token() != new_token()
    assert new_token(bytes) == "paod_" + "00" * 32
    assert digest_of("a") == (
        "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    )


def test_redaction_reaches_urls_that_are_none() -> None:
    assert redact_url("https://a:b/c@d@host/x?y#z") == "https://***@host/x"
    assert "tok" not in repr(read("https://tok@host/x"))


def test_further_addresses_of_the_repository_are_judged_like_the_first(
    write: Callable[[str], Path],
) -> None:
    settings = load_with(
        PAO_REPO_ALIASES="https://canary@git.example/old/name,git@git.example:a/b,"
    )
    assert settings.repo_aliases == ("https://git.example/old/name", "git@git.example:a/b")
    assert "canary" not in repr(settings) + str(settings.as_masked())
    file = write("repo_url: https://git.example/a/b\nrepo_aliases: [https://git.example/c/d]")
    assert load({"HOME": "/h"}, file).repo_aliases == ("https://git.example/c/d",)
    for bad in ("ext::sh", "https://tok-secret@host/a?x=1", "git@host/org/repo"):
        told = refusal(BASE | {"PAO_REPO_ALIASES": bad})
        assert "PAO_REPO_ALIASES" in told
        assert "tok-secret" not in told


STATUSES = {"PAO_COMMIT_STATUS": "https://api.github.com/", "PAO_COMMIT_STATUS_TOKEN": "a-token"}


def test_commit_statuses_need_a_repository_with_an_owner_and_a_token() -> None:
    assert load_with(**STATUSES).commit_status == "https://api.github.com"
    assert load_with(PAO_COMMIT_STATUS=STATUSES["PAO_COMMIT_STATUS"], PAO_REPO_TOKEN="t")
    assert "PAO_COMMIT_STATUS_TOKEN" in refusal({**BASE, **STATUSES, "PAO_COMMIT_STATUS_TOKEN": ""})
    for url in ("/srv/org/catalog", "https://git.example/catalog.git"):
        assert "owner" in refusal({**STATUSES, "PAO_REPO_URL": url, "HOME": "/home/mike"})
    told = {name: text for name, text in STATUSES.items() if "TOKEN" not in name}
    assert load({**told, "HOME": "/home/mike"}, repository=False).commit_status is not None


@pytest.mark.parametrize(
    "url", ["http://api.example.com", "https://user:pw@api.example.com", "https://h/x?y", "api"]
)
def test_a_token_goes_to_no_odd_address(url: str) -> None:
    message = refusal({**BASE, **STATUSES, "PAO_COMMIT_STATUS": url})
    assert "PAO_COMMIT_STATUS" in message
    assert "pw" not in message


def test_a_token_may_go_to_this_machine_over_http() -> None:
    settings = load_with(**{**STATUSES, "PAO_COMMIT_STATUS": "http://127.0.0.1:3000/api/v1/"})
    assert settings.commit_status == "http://127.0.0.1:3000/api/v1"


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://github.com/org/pao-repository.git", ("org", "pao-repository")),
        ("https://github.com/org/pao-repository/", ("org", "pao-repository")),
        ("git@github.com:org/pao-repository.git", ("org", "pao-repository")),
        ("ssh://git@ghe.example.com:22/org/pao.git", ("org", "pao")),
        ("https://gitlab.example.com/group/sub/pao.git", None),
        ("https://github.com/pao.git", None),
        ("file:///srv/pao.git", None),
        ("/srv/pao", None),
        ("srv/pao", None),
    ],
)
def test_a_repositorys_owner_and_name(url: str, found: tuple[str, str] | None) -> None:
    assert owner_and_name(url) == found


def test_alerts_proxy_and_address_are_hidden() -> None:
    settings = load_with(
        PAO_ALERT_URL="https://hooks.example.com/services/canary",
        PAO_ALERT_PROXY="http://user:canary@proxy.example.com:3128",
    )
    assert "canary" not in repr(settings) + str(settings.as_masked())
    assert "canary" in settings.secret_values()
    assert "services/canary" in settings.secret_values()


def test_only_what_can_be_a_secret_of_an_alerts_address_is_hidden() -> None:
    """``/hook`` once made ``web***`` of every webhook in the log, and in the alerts themselves."""
    hidden = load_with(PAO_ALERT_URL="https://alerts.example.com/hook").secret_values()
    assert hidden == ("alerts.example.com/hook",)
    url = "https://hooks.example.com/flows/0123456789/run?api=1&sig=canary-0123456789"
    hidden = load_with(PAO_ALERT_URL=url).secret_values()
    assert "flows/0123456789/run" in hidden
    assert "canary-0123456789" in hidden
    assert "1" not in hidden
