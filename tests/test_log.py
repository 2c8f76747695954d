"""The log: canonical lines, nothing that steers a terminal, no secret."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from paod import log
from tests.kept import kept_logging


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    with kept_logging():
        yield


def lines(style: str, say: object, *secrets: str, level: str = "info") -> list[str]:
    stream = io.StringIO()
    log.setup(level, style, lambda: secrets, stream)  # type: ignore[arg-type]
    say()  # type: ignore[operator]
    return stream.getvalue().splitlines()


def test_an_event_is_one_canonical_line() -> None:
    [line] = lines(
        "text",
        lambda: log.event("sync", trigger="webhook", from_="4f0c", to=None, dry=False, added=1),
    )
    moment, rest = line.split(" ", 1)
    assert rest == "info sync trigger=webhook from=4f0c dry=false added=1"
    assert moment.endswith("Z")
    assert "T" in moment


def test_a_value_with_spaces_is_quoted() -> None:
    [line] = lines("text", lambda: log.event("sync", message='a "b" c'))
    assert line.endswith('message="a \\"b\\" c"')


def test_json_holds_the_fields_beside_the_message() -> None:
    [line] = lines("json", lambda: log.event("sync", trigger="manual", ms=84, ok=True, paths=["a"]))
    read = json.loads(line)
    assert read.pop("time")
    assert read == {
        "level": "info",
        "logger": "paod.sync",
        "message": "sync",
        "trigger": "manual",
        "ms": 84,
        "ok": True,
        "paths": ["a"],
    }


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize(
    "hostile",
    [
        "catalog/a\nERROR forged",
        "a\r\nb",
        "\x1b[2J\x1b]0;title\x07",
        "\x9b31m",
        "a\u2028b\u2029c",
        "left\u202eright\u2066",
        "nul\x00del\x7f",
        "half\ud800",
        "\ufeffmark",
    ],
)
def test_s4_nothing_from_outside_steers_the_log(style: str, hostile: str) -> None:
    def say() -> None:
        logging.getLogger("paod.sync").warning("read %s", hostile)
        log.event("sync", path=hostile)

    written = lines(style, say)
    assert len(written) == 2
    assert all(line.isascii() and line.isprintable() for line in written)


@pytest.mark.parametrize("style", ["text", "json"])
def test_s1_secrets_are_masked_everywhere(style: str) -> None:
    secret = 'tok"en \\ ä'

    def say() -> None:
        logger = logging.getLogger("paod.mirror")
        logger.error("sent %s to https://me:hunter2@host/x", secret)
        log.event("fetch", url=f"x {secret}", all=[secret])
        try:
            raise ValueError(f"no {secret}")
        except ValueError:
            logger.exception("failed")

    written = "\n".join(lines(style, say, secret, "tok"))
    assert "***" in written
    assert "hunter2" not in written
    assert "en \\" not in written
    assert "\\u00e4" not in written
    assert "ä" not in written


def test_a_secret_within_another_does_not_unmask_it() -> None:
    [line] = lines("text", lambda: log.event("x", a="abcdefgh"), "abcd", "abcdefgh")
    assert line.endswith("a=***")


def test_rotated_secrets_are_learnt_and_old_ones_remembered() -> None:
    now, present = [0.0], ["first-secret"]
    redact = log.Redactor(lambda: present, lambda: now[0])
    assert redact("first-secret") == "***"
    present[:] = ["second-secret"]
    now[0] += log.REFRESH
    assert redact("first-secret second-secret") == "*** ***"


def test_very_short_secrets_do_not_garble_the_log() -> None:
    assert log.Redactor(lambda: ["", "a"])("banana") == "banana"


def test_a_traceback_stays_within_its_record() -> None:
    def say() -> None:
        try:
            raise ValueError("one\n2026-01-01T00:00:00Z error forged")
        except ValueError:
            logging.getLogger("paod.sync").exception("failed")

    first, *rest = lines("text", say)
    assert first.endswith("error failed")
    assert rest
    assert all(line.startswith("  | ") for line in rest)


def test_the_level_is_the_programs_and_libraries_speak_from_warnings_on() -> None:
    def say() -> None:
        logging.getLogger("paod.sync").debug("ours")
        logging.getLogger("waitress").info("theirs")
        logging.getLogger("waitress").warning("heard")

    assert [line.split(" ", 1)[1] for line in lines("text", say, level="debug")] == [
        "debug ours",
        "warning heard",
    ]


def test_a_closed_stream_stops_nobody() -> None:
    stream = io.StringIO()
    log.setup("info", "text", stream=stream)
    stream.close()
    log.event("sync")


def test_the_journal_gets_priorities_and_no_second_time(tmp_path: Path) -> None:
    """systemd names the file of its journal; what was redirected elsewhere is none of it."""
    script = (
        "import logging, sys; from paod import log; log.setup('debug', 'text'); "
        "one = logging.getLogger('paod.x'); one.info('well'); one.warning('hm'); "
        "one.error('two\\nlines'); log.event('sync', ms=1)"
    )
    for named in (True, False):
        file = tmp_path / f"{named}.log"
        with file.open("wb") as stream:
            found = os.fstat(stream.fileno())
            journal = f"{found.st_dev}:{found.st_ino + (not named)}"
            subprocess.run(
                [sys.executable, "-c", script],
                stderr=stream,
                check=True,
                env=os.environ | {"JOURNAL_STREAM": journal},
            )
        lines = file.read_text().splitlines()
        if named:
            assert lines == ["<6>well", "<4>hm", r"<3>two\nlines", "<6>sync ms=1"]
        else:
            assert lines[0].split(" ", 1)[1] == "info well"


@pytest.mark.parametrize("style", ["text", "json"])
def test_what_strangers_write_is_bounded(style: str) -> None:
    long = "x" * 60_000
    [line, message] = lines(
        style,
        lambda: (
            log.event("webhook", source=long, several=[long] * 1000),
            logging.getLogger("paod").info("%s", long),
        ),
    )
    assert len(line) < 110 * log.LONGEST_VALUE
    assert len(message) < log.LONGEST_MESSAGE + 200
    assert "x" * 900 in line


def test_a_secret_at_the_cut_is_masked() -> None:
    secret = "canary-secret"
    text = "x" * (log.LONGEST_VALUE - 8) + secret
    [line] = lines("text", lambda: log.event("webhook", source=text), secret)
    assert "canary" not in line
