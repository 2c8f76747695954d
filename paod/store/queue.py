"""The durable queue of sync requests: none is lost, and those that mean the same run once.

A row of ``catalog_sync_status`` begins as a request. The order is that of arrival (``queue_place``;
one that a crash cut off keeps its old place). Requests that follow the branch stand for each other:
of a row of them the newest runs. The others (a named commit, a pin) run alone, in turn. A dry run
comes after all of these, whenever it was asked for: another process runs it, and only once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, cast

from paod.database import Row
from paod.errors import StoreUnavailable
from paod.failpoint import failpoint
from paod.model import ClaimedSync, Problem, SyncRequest, SyncResult, Trigger
from paod.store import codec
from paod.store.base import stamp
from paod.store.counters import RETURNING_SYNC, count_syncs
from paod.store.crashes import FORGET_CRASHES
from paod.store.fate import final_sync
from paod.store.head import HeadState, PinChange
from paod.store.outcome import write_outcome
from paod.store.recorded import Recorded, Recorder
from paod.store.telling import Telling

MAX_QUEUED: Final = 100
"""Beyond so many queued requests, one that follows the branch joins the last of them."""
MAX_DRY_RUNS: Final = 20
"""Beyond so many queued dry runs, the next one is refused."""

_INSERT: Final = """
INSERT INTO catalog_sync_status (
    status, reason, message, triggered_by, triggers, webhook_payload, mode, dry_run,
    requested_commit, requested_ref, allow_mass_removal, pin, pin_reason, queue_place, requested_at,
    repository_url, branch, history_rewritten, items_added, items_updated, items_removed,
    bundles_added, bundles_updated, bundles_removed, problems, timings
) VALUES (
    'queued', '', '', :trigger, :triggers, :webhook, :mode, :dry_run,
    :commit, :ref, :allow_mass_removal, :pin, :reason, :place, :now,
    :repository_url, :branch, :no, 0, 0, 0, 0, 0, 0, 0, '{}'
) RETURNING id
"""
_QUEUED: Final = """
SELECT id, triggered_by, triggers, webhook_payload, mode, dry_run, requested_commit,
       requested_ref, allow_mass_removal, pin, pin_reason, queue_place
FROM catalog_sync_status WHERE status = :status AND dry_run = :dry_run
ORDER BY COALESCE(queue_place, id), id
"""
_MERGE: Final = """
UPDATE catalog_sync_status
SET triggered_by = :trigger, triggers = :triggers, webhook_payload = :webhook, mode = :mode,
    allow_mass_removal = :allow_mass_removal
WHERE id = :id
"""
_START: Final = """
UPDATE catalog_sync_status
SET status = 'running', reason = 'Running', sync_started_at = :now, phase = 'starting',
    runner = :runner
WHERE id = :id
"""
_SUPERSEDE: Final = f"""
UPDATE catalog_sync_status
SET status = 'superseded', reason = 'Superseded', message = 'a newer request stands for it',
    superseded_by = :by, sync_completed_at = :now
WHERE id = :id
{RETURNING_SYNC}
"""  # noqa: S608 built from constants
_GIVE_UP: Final = f"""
UPDATE catalog_sync_status
SET status = 'failed', reason = :reason, message = :message, error_message = :message,
    sync_completed_at = :now, superseded_by = :by
WHERE id = :id
{RETURNING_SYNC}
"""  # noqa: S608 built from constants
_STAND: Final = """
UPDATE catalog_sync_status SET superseded_by = :by WHERE superseded_by = :id
"""
"""Those for which a sync stood have its successor, so that nobody walks from each to the next."""
_TIMES: Final = """
SELECT COUNT(*) AS times FROM catalog_sync_status WHERE queue_place = (
    SELECT queue_place FROM catalog_sync_status WHERE id = :id
)
"""
_CANCEL: Final = f"""
UPDATE catalog_sync_status
SET status = 'failed', reason = :reason, message = :message, error_message = :message,
    sync_completed_at = :now, phase = NULL
WHERE id = :id AND (status = 'queued' OR (status = 'running' AND dry_run))
{RETURNING_SYNC}
"""  # noqa: S608 built from constants
_END_DRY_RUNS: Final = f"""
UPDATE catalog_sync_status
SET status = 'failed', reason = :reason, message = :message, error_message = :message,
    sync_completed_at = :now, phase = NULL
WHERE status = 'running' AND dry_run AND (runner = :runner OR sync_started_at < :before)
{RETURNING_SYNC}
"""  # noqa: S608 built from constants
_PHASE: Final = """
UPDATE catalog_sync_status SET phase = :phase WHERE id = :id AND status = 'running'
"""


class Queue(HeadState, Telling):
    """Takes requests, hands them out one at a time, and writes how they ended."""

    def enqueue(self, request: SyncRequest, *, bounded: bool = True) -> int:
        """Store a request and wake the worker; return its sync's id.

        Raises ``StoreUnavailable`` (``QueueFull``) when the queue is full of what cannot merge,
        unless it is not ``bounded``: for the one who empties it. An operator's full sync gives
        files another chance that were set aside because they killed their reader.
        """
        with self.database.atomic():
            sync_id = self._enqueue(request, bounded=bounded)
            if request.trigger == "manual" and request.mode == "full" and not request.dry_run:
                self.database.execute(FORGET_CRASHES)
        self.database.wake()
        return sync_id

    def preview(self, request: SyncRequest) -> int:
        """Store a dry run, or join the same one that waits already; return the sync's id."""
        with self.database.atomic():
            queued = self._rows("queued", dry_run=True)
            same = [row["id"] for row in queued if _request(row) == request]
            sync_id = int(same[0]) if same else self._enqueue(request)
        self.database.wake()
        return sync_id

    def claim(self, *, dry_run: bool = False, runner: str = "") -> ClaimedSync | None:
        """Return the request to run now, which is ``running`` from here on; None: nothing waits.

        Only whoever holds the sync lock may claim what is no dry run. ``runner`` says who runs a
        dry run, for ``end_dry_runs``.
        """
        if not self._rows("queued", dry_run=dry_run):
            return None  # without keeping a writer waiting, as it is mostly so
        with self.database.atomic():
            queued = self._rows("queued", dry_run=dry_run)
            if not queued:
                return None
            run = _leading_run(queued)
            claimed = _merged(run)
            now = self._now()
            self.database.execute(_MERGE, _request_columns(claimed) | {"id": claimed.id})
            self.database.execute(_START, {"id": claimed.id, "now": now, "runner": runner or None})
            for row in run[:-1]:
                marks = {"id": row["id"], "by": claimed.id, "now": now}
                count_syncs(self.database, self.database.query(_SUPERSEDE, marks))
                if row["queue_place"] is not None:
                    self.database.execute(_STAND, {"id": row["id"], "by": claimed.id})
        failpoint("after_claim")
        return claimed

    def end_dry_runs(self, runner: str, reason: str, message: str, *, seconds: float) -> int:
        """Fail the dry runs that a runner left running; return how many there were.

        And anybody's that began more than ``seconds`` ago: the machine that ran it is gone. None
        is queued again.
        """
        if not self._rows("running", dry_run=True):
            return 0
        with self.database.atomic():
            before = stamp(self._clock() - timedelta(seconds=seconds))
            marks = {"runner": runner, "before": before, "now": self._now()}
            marks |= {"reason": reason, "message": self._words(message)}
            rows = self.database.query(_END_DRY_RUNS, marks)
            count_syncs(self.database, rows)
        if rows:
            self.database.wake()
        return len(rows)

    def recover(
        self, reason: str = "Interrupted", message: str = "the process that ran it died"
    ) -> list[int]:
        """Fail every running row and queue it again in its old place; return the new ids.

        Only whoever holds the sync lock may do it: then whoever ran them is dead. Dry runs are
        none of theirs.
        """
        again, message = [], self._words(message)
        with self.database.atomic():
            for row in self._rows("running"):
                claimed = _merged([row])
                sync_id = self._insert(claimed, row["queue_place"] or row["id"])
                marks = {"id": row["id"], "by": sync_id, "now": self._now()}
                marks |= {"reason": reason, "message": message}
                count_syncs(self.database, self.database.query(_GIVE_UP, marks))
                self.database.execute(_STAND, {"id": row["id"], "by": sync_id})
                if reason != "Interrupted":
                    self._tell_sync(row["id"], SyncResult("failed", reason, message))
                again.append(sync_id)
        if again:
            self.database.wake()  # what is told of it goes out before the next one dies
        return again

    def times_cut_off(self, sync_id: int) -> int:
        """Return how often a request was queued again because what ran it died."""
        return int(self.database.query(_TIMES, {"id": sync_id})[0]["times"])

    def cancel(self, sync_id: int, message: str, reason: str = "Interrupted") -> bool:
        """Fail a request that waits and is nobody else's, or a dry run; say whether it was so.

        A request that a crash cut off is the one that runs in its place. A dry run that is under
        way is ended by whoever runs it, who finds it failed.
        """
        with self.database.atomic():
            fate = final_sync(self.database, sync_id)
            mine = {sync_id, fate["id"]} if fate is not None else set()
            found = [row for row in self._cancellable() if row["id"] in mine]
            if not found or len(_claimed(found[0]).triggers) > 1:
                return False
            words = self._words(message)
            marks = {"id": found[0]["id"], "reason": reason, "message": words}
            rows = self.database.query(_CANCEL, marks | {"now": self._now()})
            count_syncs(self.database, rows)
        self.database.wake()
        return True

    def _cancellable(self) -> list[Row]:
        dry_runs = [
            row for state in ("queued", "running") for row in self._rows(state, dry_run=True)
        ]
        return self._rows("queued") + dry_runs

    def phase(self, sync_id: int, phase: str) -> None:
        """Note what a running sync is doing."""
        with self.database.atomic():
            self.database.execute(_PHASE, {"id": sync_id, "phase": phase})

    def finish(
        self,
        sync_id: int,
        result: SyncResult,
        problems: Mapping[str, tuple[Problem, ...]] | None = None,
        touch_checked: bool = False,
        pin: PinChange = "unchanged",
    ) -> None:
        """Write how a sync ended that applied nothing, with the problems of a refused commit.

        What is wrong with the catalog that is served stays recorded. ``touch_checked``: the remote
        was seen to have nothing newer, which ends what a refused commit had wrong.
        """
        result = self._fit(result)
        with self.database.atomic():
            now = self._now()
            write_outcome(self.database, sync_id, result, now)
            recorder, recorded = Recorder(self.database, sync_id, now), Recorded()
            if problems is not None:
                recorded = recorder.rejected(problems)
            elif touch_checked:
                recorded = recorder.verified()
            self._tell_sync(sync_id, result, recorded)
            self._set_pin(pin)
            if touch_checked:
                self._touch_checked()
        self.database.wake()

    def _enqueue(self, request: SyncRequest, *, bounded: bool = True) -> int:
        queued = self._rows("queued", dry_run=request.dry_run)
        sync = ClaimedSync(0, request, (request.trigger,))
        if len(queued) < (MAX_DRY_RUNS if request.dry_run else MAX_QUEUED):
            return self._insert(sync, None)
        if not (request.follows_branch and _request(queued[-1]).follows_branch):
            if not bounded:
                return self._insert(sync, None)
            raise StoreUnavailable(
                f"{len(queued)} {'dry runs' if request.dry_run else 'syncs'} are queued already",
                "wait until they have run, and see why none ends: paod status",
                reason="QueueFull",
            )
        joined = _merge([_claimed(queued[-1]), sync])
        sync_id = int(queued[-1]["id"])
        self.database.execute(_MERGE, _request_columns(joined) | {"id": sync_id})
        return sync_id

    def _insert(self, sync: ClaimedSync, place: int | None) -> int:
        request = sync.request
        values = _request_columns(sync) | {
            "dry_run": request.dry_run,
            "commit": request.commit,
            "ref": request.ref,
            "pin": request.pin,
            "reason": request.reason,
            "place": place,
            "now": self._now(),
            "repository_url": self._source.repository_url,
            "branch": self._source.branch,
            "no": False,
        }
        return int(self.database.query(_INSERT, values)[0]["id"])

    def _rows(self, status: str, *, dry_run: bool = False) -> list[Row]:
        return self.database.query(_QUEUED, {"status": status, "dry_run": dry_run})


def _request_columns(sync: ClaimedSync) -> dict[str, Any]:
    request = sync.request
    return {
        "trigger": request.trigger,
        "triggers": codec.dump(sync.triggers),
        "webhook": None if request.webhook is None else codec.dump(dict(request.webhook)),
        "mode": request.mode,
        "allow_mass_removal": request.allow_mass_removal,
    }


def _request(row: Row) -> SyncRequest:
    return SyncRequest(
        trigger=row["triggered_by"],
        mode=row["mode"],
        commit=row["requested_commit"],
        dry_run=bool(row["dry_run"]),
        allow_mass_removal=row["allow_mass_removal"],
        pin=row["pin"],
        reason=row["pin_reason"],
        webhook=codec.parse(row["webhook_payload"]),
        ref=row["requested_ref"],
    )


def _claimed(row: Row) -> ClaimedSync:
    triggers = cast(Iterable[Trigger], codec.parse(row["triggers"]))
    return ClaimedSync(row["id"], _request(row), tuple(triggers))


def _leading_run(queued: Sequence[Row]) -> Sequence[Row]:
    """Return the requests that run together now: the first, or all up to one that runs alone."""
    follows = [_request(row).follows_branch for row in queued]
    if not follows[0]:
        return queued[:1]
    return queued[: follows.index(False)] if False in follows else queued


def _merged(rows: Sequence[Row]) -> ClaimedSync:
    return _merge([_claimed(row) for row in rows])


def _merge(syncs: Sequence[ClaimedSync]) -> ClaimedSync:
    """Let the newest stand for all: with the widest mode, and the newest leave and webhook."""
    newest = syncs[-1]
    requests = [sync.request for sync in syncs]
    leaves = [one.allow_mass_removal for one in requests if one.allow_mass_removal is not None]
    webhooks = [one.webhook for one in requests if one.webhook is not None]
    request = replace(
        newest.request,
        mode="full" if any(one.mode == "full" for one in requests) else newest.request.mode,
        allow_mass_removal=leaves[-1] if leaves else None,
        webhook=webhooks[-1] if webhooks else None,
    )
    triggers = tuple(trigger for sync in syncs for trigger in sync.triggers)
    return ClaimedSync(newest.id, request, triggers)
