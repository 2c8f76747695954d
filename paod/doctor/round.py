"""The doctor's round: every check in its turn, each told of what those before it found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from paod.config import Settings
from paod.doctor import database, machine, outside, repository, secrets, signing, web
from paod.doctor.finding import Finding, bad, good, skipped
from paod.errors import PaodError, SettingsError
from paod.github_app import secrets_of
from paod.log import Redactor

AFTER_SETTINGS = (
    *("secrets", "files", "signatures", "clock", "disk", "sqlite", "file system", "database"),
    *("repository", "branch", "daemon", "catalog", "webhook", "proxy", "way in", "statuses"),
)
Load = Callable[[], Settings]


def examine(load: Load, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> list[Finding]:
    """Look at everything; ``load`` reads the settings, and may raise SettingsError.

    It ends within a minute, whatever hangs.
    """
    try:
        settings = load()
    except SettingsError as error:
        broken = bad("settings", str(error), error.hint or "mend them first")
        return [broken, *(skipped(name, "the settings cannot be used") for name in AFTER_SETTINGS)]
    redact = Redactor(lambda: secrets_of(settings))
    found = [good("settings", _told(settings)), *_findings(settings, now())]
    return [replace(one, message=redact(one.message), hint=redact(one.hint)) for one in found]


def _told(settings: Settings) -> str:
    repository = f"{settings.repo_url or 'no repository'}, branch {settings.repo_branch}"
    return f"{repository}, state in {settings.state_dir}"


def _findings(settings: Settings, now: datetime) -> Iterator[Finding]:
    yield from _safely("secrets", lambda: secrets.lengths(settings))
    yield from _safely("files", lambda: secrets.files(settings))
    yield signing.signatures(settings)
    look = database.look(settings, now)
    yield from _safely("clock", lambda: [machine.clock(look.newest, look.clock, now)])
    yield from _safely("disk", lambda: machine.disk(settings))
    yield machine.sqlite(settings)
    yield from _safely("file system", lambda: [machine.file_system(settings)])
    yield look.finding
    findings, tip = repository.ask(settings, look.moved_to)
    yield from findings
    yield from _safely("daemon", lambda: [web.daemon(settings)])
    yield look.against(tip)
    yield web.webhook(settings, look, now)
    yield web.proxy(settings)
    yield from _safely("way in", lambda: [outside.way_in(settings)])
    yield from _safely("statuses", lambda: [outside.statuses(settings)])


def _safely(check: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Let what the machine does not let us look at be one bad finding, and go on."""
    try:
        yield from look()
    except (OSError, PaodError) as error:
        hint = "run it as the user that paod runs as"
        yield bad(check, f"it cannot be looked at: {error}", hint)
