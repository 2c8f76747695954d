"""A GitHub App's tokens, against a small GitHub that is as strict as its documentation."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from paod.config import load
from paod.daemon.delivery import outlets_of
from paod.errors import AccessDenied, FetchFailed, SettingsError
from paod.github_app import Tokens, api_of, tokens_of
from paod.model import SyncRequest
from paod.store import Message
from tests.github import APP, GitHub, make_key
from tests.origin import Origin
from tests.syncing import Paod
from tests.test_daemon_worker import INTERVAL, Bench


@pytest.fixture(name="key", scope="module")
def _key():
    return make_key()


@pytest.fixture(name="github")
def _github(tmp_path, key):
    with GitHub(tmp_path / "hosted", public_key=key[1]) as github:
        yield github


DESCRIBED = {"description": "1 added"}


class Clock:
    """The time as the test wants it."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


def environment(url: str, pem: str, **extra: str) -> dict[str, str]:
    return {
        "PAO_REPO_URL": url,
        "PAO_STATE_DIR": "/nonexistent",
        "PAO_GITHUB_APP_ID": APP,
        "PAO_GITHUB_APP_KEY": pem,
    } | extra


@pytest.fixture(name="tokens")
def _tokens(github, key):
    """Return tokens of the app, and the clock that they go by."""
    found = tokens_of(load(environment(github.url("org/catalog.git"), key[0])))
    assert found is not None
    clock = github.clock = Clock()
    return Tokens(found._app, clock), clock


def test_the_installation_is_looked_up_and_its_token_kept(github, tokens):
    found, _ = tokens
    assert found.token() == found.token() == github.token
    assert github.calls == [
        ("GET", "/repos/org/catalog/installation", None),
        ("POST", "/app/installations/7/access_tokens", {"repositories": ["catalog"]}),
    ]


def test_a_token_is_renewed_before_it_ends(github, tokens):
    found, clock = tokens
    first = found.token()
    clock.ahead = 3600 - 310
    assert found.token() == first
    clock.ahead = 3600 - 290
    assert found.token() == github.token != first
    assert [call[0] for call in github.calls] == ["GET", "POST", "POST"]


def test_a_clock_that_is_wrong_by_less_than_a_minute_does_no_harm(github, tokens):
    found, clock = tokens
    github.clock = time.time
    for clock.ahead in (-55, 55):
        found.forget()
        assert found.token() == github.token
    clock.ahead = 90
    found.forget()
    with pytest.raises(AccessDenied, match="does not take the key") as caught:
        found.token()
    assert "clock" in caught.value.hint


def test_while_no_new_token_can_be_had_the_old_one_serves_until_its_end(github, tokens):
    found, clock = tokens
    github.lifetime = 500
    first = found.token()
    clock.ahead = 210
    github.refusals = [(502, {})]
    assert found.token() == first
    clock.ahead = 501
    github.refusals = [(502, {})]
    with pytest.raises(FetchFailed, match="HTTP 502"):
        found.token()


def test_a_given_installation_is_not_looked_up(github, key):
    settings = environment(github.url("org/catalog"), key[0], PAO_GITHUB_APP_INSTALLATION_ID="7")
    assert tokens_of(load(settings)).token() == github.token
    assert [call[0] for call in github.calls] == ["POST"]
    settings["PAO_GITHUB_APP_INSTALLATION_ID"] = "8"
    with pytest.raises(AccessDenied, match="is not installed for org/catalog"):
        tokens_of(load(settings)).token()


@pytest.mark.parametrize(
    ("refusal", "error", "reason", "told"),
    [
        ((401, {}), AccessDenied, "AuthenticationFailed", "PAO_GITHUB_APP_KEY must be of one app"),
        ((403, {}), AccessDenied, "Forbidden", "suspended"),
        ((403, {"Retry-After": "90"}), FetchFailed, "RateLimited", "limits how often"),
        ((429, {}), FetchFailed, "RateLimited", "limits how often"),
        ((404, {}), AccessDenied, "RepositoryNotFound", "is not installed for org/catalog"),
        ((301, {"Location": "/x"}), FetchFailed, "RemoteProtocolError", "present address"),
        ((500, {}), FetchFailed, "RemoteError", "HTTP 500"),
        ((200, {}), FetchFailed, "RemoteProtocolError", "as GitHub's API does"),
    ],
)
def test_each_refusal_is_told_with_its_remedy(github, tokens, refusal, error, reason, told):
    github.refusals = [refusal]
    with pytest.raises(error) as caught:
        tokens[0].token()
    assert caught.value.reason_given == reason
    assert told in f"{caught.value} {caught.value.hint}"
    if refusal[1].get("Retry-After"):
        assert caught.value.retry_after == 90
    assert tokens[0].token() == github.token  # nothing of it is kept


def test_an_app_that_is_not_installed_there_and_a_key_of_another_app(github, tokens, key):
    github.installed = {"org/other": 7}
    with pytest.raises(AccessDenied, match="not installed for org/catalog"):
        tokens[0].token()
    github.installed = {"org/catalog": 7}
    tokens[0].token()
    github.installed = {"org/catalog": 9}
    tokens[1].ahead = 3590
    with pytest.raises(AccessDenied, match="not installed for org/catalog"):
        tokens[0].token()
    assert tokens[0].token() == github.token  # the new installation was looked up
    other = environment(github.url("org/catalog"), make_key()[0])
    with pytest.raises(AccessDenied, match="does not take the key"):
        tokens_of(load(other)).token()


def test_nobody_there(tmp_path, key):
    found = tokens_of(load(environment("http://127.0.0.1:9/org/catalog", key[0])))
    with pytest.raises(FetchFailed, match=r"127\.0\.0\.1:9 took no connection") as caught:
        found.token()
    assert caught.value.reason_given == "RemoteUnreachable"


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("https://github.com/org/x.git", "https://api.github.com"),
        ("https://octo.ghe.com/org/x.git", "https://api.octo.ghe.com"),
        ("https://git.example.com/org/x", "https://git.example.com/api/v3"),
        ("https://git.example.com:8443/org/x", "https://git.example.com:8443/api/v3"),
        ("https://github.com.example.com/org/x", "https://github.com.example.com/api/v3"),
    ],
)
def test_the_api_follows_from_the_repositorys_host(url, api):
    assert api_of(url) == api


def ec_key() -> str:
    made = ec.generate_private_key(ec.SECP256R1())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    return made.private_bytes(*form, serialization.NoEncryption()).decode()


def locked_key(pem: str) -> str:
    made = serialization.load_pem_private_key(pem.encode(), None)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    return made.private_bytes(*form, serialization.BestAvailableEncryption(b"x")).decode()


def test_an_unfit_key_is_told_at_the_start_and_never_quoted(key):
    damaged = key[0].replace("\nM", "\nX", 1)
    for unfit in (
        "/etc/paod/the/folder/of/the/key/app.private-key.pem",
        ec_key(),
        locked_key(key[0]),
        damaged,
        key[0][:200],
    ):
        found = tokens_of(load(environment("https://github.com/org/x", unfit)))
        with pytest.raises(SettingsError, match="PAO_GITHUB_APP_KEY is no RSA") as caught:
            found.check()
        assert unfit[-40:-30] not in f"{caught.value}{caught.value.hint}"
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
    tokens_of(load(environment("https://github.com/org/x", key[0]))).check()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"PAO_GITHUB_APP_KEY": ""}, "PAO_GITHUB_APP_KEY_FILE is not"),
        ({"PAO_GITHUB_APP_ID": ""}, "PAO_GITHUB_APP_KEY is set, and PAO_GITHUB_APP_ID is not"),
        ({"PAO_GITHUB_APP_ID": "a b"}, "client ID or app ID"),
        ({"PAO_GITHUB_APP_INSTALLATION_ID": "x"}, "it takes a number"),
        ({"PAO_REPO_TOKEN": "a-token"}, "keep one"),
        ({"PAO_REPO_URL": "https://me:secret@github.com/org/x"}, "keep one"),
        ({"PAO_REPO_URL": "git@github.com:org/x.git"}, "by https"),
        ({"PAO_REPO_URL": "https://github.com/org"}, "by https"),
        ({"PAO_REPO_URL": "/srv/git/x"}, "by https"),
    ],
)
def test_settings_that_do_not_fit_are_told(key, changes, told):
    with pytest.raises(SettingsError) as caught:
        load(environment("https://github.com/org/x", key[0]) | changes)
    assert told in str(caught.value)
    assert key[0][40:60] not in str(caught.value)


def test_a_repository_is_followed_by_an_app(tmp_path, github, key):
    """The whole of it: a private repository, a token that is refused, a key that is rotated."""
    file = tmp_path / "app.pem"
    file.write_text(key[0])
    file.chmod(0o600)
    (tmp_path / "hosted" / "org").mkdir(parents=True)
    with Origin(tmp_path / "hosted" / "org", name="catalog.git") as origin:
        origin.write("README.md", "1").commit()
        origin.close()
        extra = {
            "PAO_REPO_URL": github.url("org/catalog.git"),
            "PAO_GITHUB_APP_ID": APP,
            "PAO_GITHUB_APP_KEY_FILE": str(file),
        }
        paod = Paod(tmp_path / "state", origin, extra)
        assert paod.sync().status == "completed"
        assert paod.sync().reason == "UpToDate"
        assert github.made == 1

        github.token = "another: the one that was made is taken back"
        refused = paod.sync()
        assert (refused.status, refused.reason) == ("failed", "AuthenticationFailed")
        assert paod.sync().reason == "UpToDate"
        assert github.made == 2

        pem, github.public_key = make_key()
        github.token = "taken back again"
        assert paod.sync().status == "failed"
        denied = paod.sync()
        assert (denied.reason, github.made) == ("AuthenticationFailed", 2)
        assert "PAO_GITHUB_APP_KEY" in denied.message
        file.write_text(pem)
        assert paod.sync().reason == "UpToDate"
        told = [row["message"] for row in paod.store.syncs(None, 20).rows]
        assert not [one for one in told if "ghs_" in one or "BEGIN" in one]
        assert "ghs_" not in Path(paod.settings.mirror_dir / "config").read_text()
        paod.database.close()


@pytest.mark.parametrize("held", [False, True], ids=["by a sync", "by a poll while it is held"])
def test_a_github_that_asks_to_be_left_alone_is_left_alone(tmp_path, github, key, held):
    (tmp_path / "hosted" / "org").mkdir(parents=True)
    with Origin(tmp_path / "hosted" / "org", name="catalog.git") as origin:
        commit = origin.write("README.md", "1").commit()
        origin.close()
        extra = environment(github.url("org/catalog.git"), key[0])
        del extra["PAO_STATE_DIR"]
        bench = Bench(tmp_path, origin, **extra)
        bench.pass_time(0)
        if held:
            bench.worker.ask(SyncRequest("rollback", commit=commit, pin="set", reason="test"))
            bench.pass_time(0)
        tokens_of(bench.settings).forget()
        refusals = [(429, {"Retry-After": "700"})] * 4
        github.refusals += refusals
        bench.pass_time(INTERVAL * 1.1)
        left = len(github.refusals)
        assert left < len(refusals)
        bench.pass_time(699.0)
        assert len(github.refusals) == left, "it asked for 700 seconds of rest"
        bench.pass_time(1.1)
        assert len(github.refusals) < left
        bench.store.close()


def test_commit_statuses_use_the_apps_token_unless_they_have_their_own(github, key):
    message = Message(1, "status", "d", 1, "", {"commit": "c" * 40, "state": "success"} | DESCRIBED)
    extra = {"PAO_COMMIT_STATUS": github.url("api/v3")}
    for own in ({}, {"PAO_COMMIT_STATUS_TOKEN": "its-own"}):
        settings = load(environment(github.url("org/catalog"), key[0], **extra, **own))
        [outlet] = outlets_of(settings)
        authorization = outlet.request(message).headers["Authorization"]
        assert authorization == f"Bearer {own.get('PAO_COMMIT_STATUS_TOKEN', github.token)}"
    assert github.made == 1
