"""One table of addresses: what paod connects to, what it refuses, and what names the same."""

from __future__ import annotations

import pytest

from paod.mirror import Remote
from paod.repository_url import owner_and_name, read, redact_urls, repository_key

GOOD = {
    "https://example.org/o/r.git": ("http", "example.org", 443, "/o/r.git"),
    "HTTPS://EXAMPLE.org:8443/r": ("http", "example.org", 8443, "/r"),
    "https://u:p%40ss@example.org/my%20r": ("http", "example.org", 443, "/my r"),
    "http://[::1]:8080/r": ("http", "::1", 8080, "/r"),
    "http://localhost/r": ("http", "localhost", 80, "/r"),
    "ssh://example.org/o/r.git": ("ssh", "example.org", 22, "/o/r.git"),
    "ssh://me@ssh.github.com:443/o/r.git": ("ssh", "ssh.github.com", 443, "/o/r.git"),
    "git@example.org:o/r.git": ("ssh", "example.org", 22, "o/r.git"),
    "example.org:o/r.git": ("ssh", "example.org", 22, "o/r.git"),
    "git@[::1]:r": ("ssh", "::1", 22, "r"),
    "file:///srv/with%20space": ("local", "", 0, "/srv/with space"),
    "/srv/my repo.git": ("local", "", 0, "/srv/my repo.git"),
    "/srv/git/r:1.git": ("local", "", 0, "/srv/git/r:1.git"),
    "./git@host/r": ("local", "", 0, "./git@host/r"),
    "./github.com/o/r": ("local", "", 0, "./github.com/o/r"),
    "repo.git/sub": ("local", "", 0, "repo.git/sub"),
    "catalog": ("local", "", 0, "catalog"),
}
BAD = {
    "": "empty",
    "ext::sh -c id": "remote helpers",
    "ext::sh": "remote helpers",
    "--upload-pack=x": "dash",
    "-oProxyCommand=id:r": "dash",
    "git@-o:r": "host",
    "ssh://-oProxyCommand=id/r": "host",
    "ssh://-u@example.org/r": "user",
    "-u@example.org:r": "dash",
    "ssh://git@example.org/-upload-pack": "dash",
    "git@example.org:-x": "dash",
    "git@example.org:a b": "space",
    "ssh://git@example.org": "no repository there",
    "ssh://me:secret@example.org/r": "password",
    "git://example.org/r": "not allowed",
    "ftp://example.org/r": "not allowed",
    "http://example.org/r": "in the clear",
    "http://10.0.0.1/r": "in the clear",
    "http://127.0.0.1.example.org/r": "in the clear",
    "https://": "no host",
    "https://-o/r": "host",
    "https://exa mple.org/r": "spaces",
    "https://example.org/r\r\nHost: x": "control",
    "https://example.org/r\u2028": "control",
    "https://example.org:port/r": "port",
    "https://[bad/r": "host or port",
    "https://example.org/r?token=x": "query",
    "https://example.org/r#x": "fragment",
    "https://a:b/c@d@example.org/r": "port",
    "file://example.org/r": "three slashes",
    "file:///srv/a%0ab": "control",
    "/srv/a\nb": "control",
    "git@example.org/o/r": "colon",
    "github.com/o/r.git": "scheme is missing",
    ":r": "takes",
}


@pytest.mark.parametrize("text", GOOD)
def test_an_address_is_taken_apart(text: str) -> None:
    address = read(text)
    assert (address.kind, address.host, address.port, address.path) == GOOD[text]
    assert read(address.url).connect == address.connect
    assert "p@ss" not in repr(address) + address.url + address.connect


@pytest.mark.parametrize("text", BAD)
def test_what_is_never_connected_to_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=BAD[text]) as caught:
        read(text)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", [*GOOD])
def test_settings_and_mirror_have_one_judge(text: str) -> None:
    """What the settings take, the mirror takes: a URL that passes never fails at each sync."""
    assert Remote(read(text).url).address.kind == GOOD[text][0]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("https://github.com/org/name.git", "github.com/org/name"),
        ("ssh://git@ssh.github.com:443/org/name.git", "github.com/org/name"),
        ("git@altssh.gitlab.com:org/sub/name.git", "gitlab.com/org/sub/name"),
        ("ssh://git@altssh.bitbucket.org:443/org/name", "bitbucket.org/org/name"),
        ("git@[2001:db8::1]:org/name", "2001:db8::1/org/name"),
        ("https://git.example.com/forge/org/name/", "git.example.com/forge/org/name"),
        ("/srv/Git/Name.git", "/srv/Git/Name"),
        ("file:///srv/my%20git", "/srv/my git"),
        ("https://[bad", ""),
        ("https://github.com", ""),
        ("", ""),
    ],
)
def test_the_addresses_of_one_repository_have_one_key(text: str, key: str) -> None:
    assert repository_key(text) == key


def test_case_is_folded_on_a_host_and_never_in_a_folders_path() -> None:
    assert repository_key("https://GitHub.com/Org/Name", fold_case=True) == "github.com/org/name"
    assert repository_key("https://GitHub.com/Org/Name") == "github.com/Org/Name"
    assert repository_key("/srv/Org/Name", fold_case=True) == "/srv/Org/Name"


@pytest.mark.parametrize(
    ("text", "api", "found"),
    [
        ("https://git.example.com/org/name.git", "https://git.example.com/api/v1", ("org", "name")),
        ("https://h.example/git/org/name.git", "https://h.example/git/api/v1", ("org", "name")),
        ("https://h.example/a/b/org/name", "https://h.example/a/b/api/v1", ("org", "name")),
        ("ssh://git@h.example:2222/org/name.git", "https://h.example/git/api/v1", ("org", "name")),
        ("git@h.example:org/name.git", "https://h.example/git/api/v1", ("org", "name")),
        ("https://github.com/org/name", "https://api.github.com", ("org", "name")),
        ("https://h.example/gitea/org/name", "https://h.example/git/api/v1", None),
        ("https://h.example/git/org/name", "https://api.github.com", None),
        ("https://h.example/name.git", "https://h.example/api/v1", None),
        ("/srv/org/name", "https://h.example/api/v1", None),
        ("ftp://h.example/org/name", "", None),
    ],
)
def test_owner_and_name_are_found_under_the_apis_path(
    text: str, api: str, found: tuple[str, str] | None
) -> None:
    assert owner_and_name(text, api) == found


@pytest.mark.parametrize(
    "text",
    ["https://u:p@h/x", "failed at https://u:p@h/x: no", "http://p@ss:w@h/ and ssh://t@h/"],
)
def test_urls_in_a_text_are_redacted(text: str) -> None:
    assert "@" not in redact_urls(text)
    assert "://h/" in redact_urls(text)
