"""The outbox: what is to be told to others, queued with what it tells of, and sent by whoever may.

A message is queued in the transaction that makes it true, so that no crash loses or doubles it. It
is sent later, by one sender at a time: a claim is a lease, which ends by itself should its holder
die. Messages of one stream (all alerts; the statuses of one commit) go out in their order, and a
newer status of a commit stands for those that still wait.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Literal

from paod.database import Row
from paod.messages import redacted
from paod.store import codec
from paod.store.base import Base, stamp

MessageKind = Literal["alert", "status"]
Result = Literal["delivered", "refused", "expired", "superseded", "dropped", "retried"]
"""``refused``: by the receiver, for good. ``expired``: too old, or tried too often. ``dropped``:
too many waited. ``retried``: an attempt that failed; the message still waits."""

MOST_WAITING: Final = 1000
"""Messages of a kind; of more the oldest is dropped."""
OLDEST: Final = timedelta(hours=24)
"""A message that could not be told for so long is told no more."""

_INSERT: Final = """
INSERT INTO outbox (
    kind, stream, delivery_id, status, attempts, queued_at, due_at, sync_id, payload
) VALUES (:kind, :stream, :delivery_id, 'waiting', 0, :now, :now, :sync_id, :payload)
"""
_FREE: Final = "status = 'waiting' AND (leased_until IS NULL OR leased_until <= :now)"
_END: Final = "UPDATE outbox SET status = :result, ended_at = :now, leased_until = NULL"
_SUPERSEDE: Final = f"{_END} WHERE stream = :stream AND {_FREE}"
_EXPIRE: Final = f"{_END} WHERE kind = :kind AND queued_at < :oldest AND {_FREE}"
_TOO_MANY: Final = f"""
{_FREE} AND id IN (
    SELECT id FROM outbox WHERE kind = :kind AND status = 'waiting'
    ORDER BY id DESC LIMIT 1000000 OFFSET :most
)
"""  # noqa: S608 built from constants
_DROP: Final = f"{_END} WHERE {_TOO_MANY}"
LAST_TOLD: Final = (
    "SELECT status, payload FROM outbox WHERE stream = :stream ORDER BY id DESC LIMIT 1"
)
_DUE: Final = f"""
SELECT id FROM outbox
WHERE kind = :kind AND {_FREE} AND due_at <= :now AND NOT EXISTS (
    SELECT 1 FROM outbox AS earlier
    WHERE earlier.stream = outbox.stream AND earlier.status = 'waiting' AND earlier.id < outbox.id
)
ORDER BY due_at, id LIMIT 1
"""  # noqa: S608 built from constants
_CLAIM: Final = f"""
UPDATE outbox SET leased_until = :until, attempts = attempts + 1
WHERE id = :id AND {_FREE}
RETURNING id, kind, delivery_id, attempts, queued_at, payload
"""  # noqa: S608 built from constants
_MINE: Final = "id = :id AND status = 'waiting' AND attempts = :attempts"
"""Of a claim that still holds: nobody else took the message up since."""
_SETTLE: Final = f"{_END}, last_error = :error WHERE {_MINE}"
_RETRY: Final = f"""
UPDATE outbox SET due_at = :due, leased_until = NULL, last_error = :error WHERE {_MINE}
"""  # noqa: S608 built from constants
_ADD: Final = """
ON CONFLICT (kind, result) DO UPDATE SET total = outbox_counts.total + excluded.total
"""
_COUNT: Final = f"""
INSERT INTO outbox_counts (kind, result, total) VALUES (:kind, :result, :count) {_ADD}
"""  # noqa: S608 built from constants
_COUNT_THOSE: Final = """
INSERT INTO outbox_counts (kind, result, total)
SELECT CAST(:kind AS text), CAST(:result AS text), COUNT(*) FROM outbox WHERE {} HAVING COUNT(*) > 0
"""
_COUNT_DROPPED: Final = _COUNT_THOSE.format(_TOO_MANY) + _ADD
_COUNT_SUPERSEDED: Final = _COUNT_THOSE.format(f"stream = :stream AND {_FREE}") + _ADD
"""Said of what the next statement ends: by SQL, so that nobody waits for a number."""
_COUNTS: Final = "SELECT kind, result, total FROM outbox_counts"
_WAITING: Final = (
    "SELECT kind, COUNT(*) AS found FROM outbox WHERE status = 'waiting' GROUP BY kind"
)


@dataclass(frozen=True, slots=True)
class Message:
    """A message that somebody holds the lease of. ``attempts``: with the one that is due now."""

    id: int
    kind: MessageKind
    delivery_id: str
    attempts: int
    queued_at: str
    facts: Mapping[str, Any] = field(repr=False)


class Outbox(Base):
    """Queues messages, hands each to one sender, and notes what became of it."""

    def claim_message(self, kind: MessageKind, lease: float) -> Message | None:
        """Return a message that is due, for ``lease`` seconds nobody else's; None: none is."""
        now = self._clock()
        values = {"kind": kind, "now": stamp(now)}
        if not self.database.query(_DUE, values):
            return None
        with self.database.atomic():
            oldest = {"oldest": stamp(now - OLDEST), "result": "expired"}
            self._count(kind, "expired", self.database.execute(_EXPIRE, values | oldest))
            due = self.database.query(_DUE, values)
            until = {"until": stamp(now + timedelta(seconds=lease))}
            rows = self.database.query(_CLAIM, values | until | due[0]) if due else []
        return _message(rows[0]) if rows else None

    def settle_message(self, message: Message, result: Result, error: str | None = None) -> None:
        """Note a message's end; nothing happens if its lease was lost to another sender."""
        with self.database.atomic():
            values = {"result": result, "error": error and self._words(error), "now": self._now()}
            self._note(message, result, _SETTLE, values)

    def retry_message(self, message: Message, seconds: float, error: str) -> None:
        """Let a message wait for so long, until it is tried again."""
        due = stamp(self._clock() + timedelta(seconds=seconds))
        with self.database.atomic():
            self._note(message, "retried", _RETRY, {"due": due, "error": self._words(error)})

    def outbox_counts(self) -> Mapping[tuple[str, str], int]:
        """Return how many messages of each kind had each result, since the database was made."""
        rows = self.database.query(_COUNTS)
        return {(row["kind"], row["result"]): row["total"] for row in rows}

    def outbox_waiting(self) -> Mapping[str, int]:
        """Return how many messages of each kind wait."""
        return {row["kind"]: row["found"] for row in self.database.query(_WAITING)}

    def _queue_message(
        self, kind: MessageKind, stream: str, facts: Mapping[str, Any], sync_id: int | None
    ) -> None:
        """Queue a message, inside the transaction of what it tells of."""
        values = {"kind": kind, "stream": stream, "now": self._now()}
        row = {"delivery_id": str(uuid.uuid4()), "sync_id": sync_id, "payload": ""}
        row["payload"] = codec.dump(redacted(facts, self._redact))
        self.database.execute_many(_INSERT, [values | row])
        dropped = {"kind": kind, "now": values["now"], "result": "dropped", "most": MOST_WAITING}
        self.database.execute_many(_COUNT_DROPPED, [dropped])
        self.database.execute_many(_DROP, [dropped])

    def _supersede(self, kind: MessageKind, stream: str) -> None:
        """End what waits in a stream, unless it is being sent just now."""
        values = {"kind": kind, "stream": stream, "now": self._now(), "result": "superseded"}
        self.database.execute_many(_COUNT_SUPERSEDED, [values])
        self.database.execute_many(_SUPERSEDE, [values])

    def _note(self, message: Message, result: Result, sql: str, values: Mapping[str, Any]) -> None:
        mine = {"id": message.id, "attempts": message.attempts}
        self._count(message.kind, result, self.database.execute(sql, {**values, **mine}))

    def _count(self, kind: MessageKind, result: Result, count: int) -> None:
        if count:
            self.database.execute(_COUNT, {"kind": kind, "result": result, "count": count})


def last_told(rows: Sequence[Row]) -> Mapping[str, Any] | None:
    """Return the facts of a stream's newest message that was told, or will be.

    ``rows``: those that ``LAST_TOLD`` asked for.
    """
    told = rows and rows[0]["status"] in ("waiting", "delivered")
    return codec.parse(rows[0]["payload"]) if told else None


def _message(row: Mapping[str, Any]) -> Message:
    return Message(
        id=row["id"],
        kind=row["kind"],
        delivery_id=row["delivery_id"],
        attempts=row["attempts"],
        queued_at=row["queued_at"],
        facts=codec.parse(row["payload"]),
    )
