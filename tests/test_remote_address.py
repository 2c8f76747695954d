"""A repository's address is taken apart, cleaned and judged before anything connects."""

from __future__ import annotations

import pytest

from paod.errors import SettingsError
from paod.mirror import Credentials, Remote


@pytest.mark.parametrize(
    ("url", "kind", "clean"),
    [
        ("https://example.org/o/r.git", "http", "https://example.org/o/r.git"),
        ("https://EXAMPLE.org:8443/r", "http", "https://example.org:8443/r"),
        ("https://u:p%40ss@example.org/r", "http", "https://example.org/r"),
        ("http://127.0.0.1:80/r", "http", "http://127.0.0.1:80/r"),
        ("http://localhost/r", "http", "http://localhost/r"),
        ("http://[::1]:8080/r", "http", "http://[::1]:8080/r"),
        ("ssh://example.org/o/r.git", "ssh", "ssh://git@example.org/o/r.git"),
        ("ssh://me@example.org:2222/r", "ssh", "ssh://me@example.org:2222/r"),
        ("git@example.org:o/r.git", "ssh", "git@example.org:o/r.git"),
        ("example.org:o/r.git", "ssh", "git@example.org:o/r.git"),
        ("file:///srv/git/r.git", "local", "/srv/git/r.git"),
        ("file:///srv/with%20space", "local", "/srv/with space"),
        ("/srv/git/r:1.git", "local", "/srv/git/r:1.git"),
        ("/srv/my repo.git", "local", "/srv/my repo.git"),
    ],
)
def test_a_url_is_taken_apart_and_cleaned(url: str, kind: str, clean: str) -> None:
    remote = Remote(url)
    assert (remote.address.kind, remote.url) == (kind, clean)


def test_what_is_never_connected_to_is_refused_in_the_settings_words() -> None:
    with pytest.raises(SettingsError, match="remote helpers"):
        Remote("ext::sh -c id")


@pytest.mark.parametrize("branch", ["", "a b", "a..b", "/x", "x.lock", "a~1", "-", "@{", "x\n"])
def test_a_bad_branch_name_is_refused(branch: str) -> None:
    if branch == "-":
        assert Remote("/x", branch).ref == "refs/heads/-"
        return
    with pytest.raises(SettingsError, match="is not a branch name"):
        Remote("/x", branch)


@pytest.mark.parametrize("proxy", ["", "socks5://x", "http://", "http://x:y", "x:80", "http://a b"])
def test_a_bad_proxy_is_refused_without_being_shown(proxy: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Remote("https://example.org/r", proxy=proxy)
    assert not proxy or proxy not in str(caught.value)


def test_user_and_password_move_out_of_the_url() -> None:
    remote = Remote("https://robot:p%40ss@example.org/r")
    assert remote.secret() == Credentials("robot", "p@ss")
    assert "robot" not in repr(remote)
    assert "p@ss" not in repr(remote)


def test_the_setting_wins_over_the_url() -> None:
    asked = Credentials("x-access-token", "from-settings")
    assert Remote("https://a:b@example.org/r", credentials=lambda: asked).secret() == asked
