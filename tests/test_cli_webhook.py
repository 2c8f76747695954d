"""``paod webhook test`` against a daemon's own application, and against what is none."""

import json
import threading

import pytest
from waitress.server import create_server

from paod.cli import main
from paod.webhook import HOSTS, OTHER_CALLS
from tests.kept import kept_logging
from tests.receiver import Receiver, Reply
from tests.served import SECRET, URL, Served


@pytest.fixture(name="daemon", scope="module")
def _daemon(tmp_path_factory):
    """Serve the application on a port of its own; yield it and its address."""
    served = Served(tmp_path_factory.mktemp("daemon"))
    server = create_server(served.app, host="127.0.0.1", port=0, threads=1)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield served, f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(10)
    served.store.close()


@pytest.fixture(name="call")
def _call(monkeypatch, capsys):
    """Run the command with settings; return its exit status and what it said."""

    def call(*arguments: str, **settings: str):
        given = {"PAO_REPO_URL": URL, "PAO_WEBHOOK_SECRET": SECRET} | settings
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        with kept_logging():
            status = main(["webhook", "test", *arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


@pytest.mark.parametrize("host", HOSTS)
def test_every_hosts_calls_arrive(daemon, call, host):
    served, url = daemon
    status, out, err = call("--host", host, "--url", url)
    assert (status, err) == (0, "")
    assert "200 pong" in out
    calls = 2 + len(OTHER_CALLS.get(host, {}))
    *accepted, pong = served.store.events(None, calls).rows
    assert {one["status"] for one in accepted} == {"accepted"}
    assert pong["status"] == "pong"
    assert all(f"sync {one['sync_id']} was asked for" in out for one in accepted)
    assert ("test button" in out) == (host == "gitea")


def test_a_signing_token_signs(tmp_path, call):
    token = "whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q="
    with Receiver() as receiver:
        call("--host", "gitlab", "--url", receiver.url(""), PAO_WEBHOOK_SECRET=token)
    sent = receiver.got[0].headers
    assert "x-gitlab-token" not in sent
    assert sent["webhook-signature"].startswith("v1,")
    assert token not in str(receiver.got)


def test_json_tells_the_same(daemon, call):
    status, out, _ = call("--url", daemon[1] + "/", "--json")
    told = json.loads(out)
    assert (status, told["host"]) == (0, "github")
    assert told["url"] == f"{daemon[1]}/api/v1/webhooks/github"
    assert [one["call"] for one in told["calls"]] == ["ping", "push", "form"]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://gitlab.example.com/a/b.git", "gitlab"),
        ("git@bitbucket.org:a/b.git", "bitbucket"),
        ("https://codeberg.org/a/b", "gitea"),
        ("https://git.example.com/gitlab/b", "github"),
    ],
)
def test_the_host_is_the_repositorys(call, url, host):
    with Receiver() as receiver:
        call("--url", receiver.url(""), PAO_REPO_URL=url)
    assert {got.path for got in receiver.got} == {f"/api/v1/webhooks/{host}"}


def test_another_secret_and_another_branch_are_told_with_their_remedy(daemon, call):
    status, out, err = call("--url", daemon[1], PAO_WEBHOOK_SECRET="another-secret-of-16")
    assert (status, "accepted" in out) == (1, False)
    assert err.count("401 bad-signature") == 1
    assert "another PAO_WEBHOOK_SECRET" in err
    assert "another-secret-of-16" not in out + err
    status, out, err = call("--url", daemon[1], PAO_REPO_BRANCH="other")
    assert (status, "pong" in out) == (1, True)
    assert "ignored: the push is to another ref" in err
    assert "another repository or branch" in err


HTML = b"<html>Sign in</html>"


@pytest.mark.parametrize(
    ("reply", "told", "remedy"),
    [
        (Reply(301, {"Location": "https://x.example"}), "301", "does not follow|not follow"),
        (Reply(401, body=HTML), "401", "asks for a login"),
        (Reply(404, body=HTML), "404", "--url"),
        (Reply(413, body=HTML), "413", "25 MiB"),
        (Reply(502, body=HTML), "502", "paod serve"),
        (Reply(418, body=HTML), "418", "no answer of paod's"),
        (Reply(200, body=HTML), "200", "login page"),
        (Reply(200, body=b"[]"), "200", "no answer of paod's"),
        (Reply(kind="cut"), "broke off", "no HTTP"),
    ],
)
def test_what_is_no_daemon_is_told_with_its_remedy(call, reply, told, remedy):
    with Receiver() as receiver:
        receiver.replies += [reply, reply]
        status, _, err = call("--url", receiver.url(""))
    assert status == 1
    assert told in err
    assert any(one in err for one in remedy.split("|"))


def test_nobody_there(call):
    status, _, err = call("--url", "http://127.0.0.1:9")
    assert status == 1
    assert err.count("start `paod serve`") == 1


@pytest.mark.parametrize(
    ("arguments", "settings", "status", "told"),
    [
        ([], {"PAO_WEBHOOK_SECRET": ""}, 1, "no PAO_WEBHOOK_SECRET is set"),
        ([], {"PAO_LISTEN": "unix:/run/paod.sock"}, 1, "--url"),
        (["--url", "ftp://x"], {}, 2, "http://"),
        (["--host", "gitlab"], {"PAO_WEBHOOK_SECRET": "whsec_x!"}, 2, "not base64"),
    ],
)
def test_what_cannot_be_tried_is_told(call, arguments, settings, status, told):
    found, _, err = call(*arguments, **settings)
    assert found == status
    assert told in err
