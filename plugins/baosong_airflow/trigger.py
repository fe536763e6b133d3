"""The trigger of the intake DAG: it fires when something new lies in the intake bucket.

An event only starts a run, which lists the bucket itself. So the trigger may fire twice or late, but it must never
stop: a watcher that raises or returns is restarted every two seconds with nothing to see in the UI.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from baosong_airflow.connection import aload_settings

if TYPE_CHECKING:
    from baosong.store.storage import Storage

REPEAT_AFTER = 15.0  # longer than most answers take: to ask after what a run is at costs two tasks for nothing
REPEAT_AT_MOST_EVERY = 300.0
BURST = 2.0  # seconds: what comes so soon after a drop waits for company, as each run costs two tasks of its own
BACK_OFF_AT_MOST = 30.0
STATUS_EVERY = 60.0
LARGE_POLL_FACTOR = 3  # a film takes far longer to read than this lets it wait, and each look lists the whole intake

log = logging.getLogger(__name__)

Pending = frozenset[str]


def fingerprint(pending: Pending) -> str:
    """Return a short name of a set of pending files, the cursor that operators see under the asset."""
    return sha256("\n".join(sorted(pending)).encode()).hexdigest()[:16]


@dataclass(slots=True)
class ChangeDetector:
    """Decides when to fire: at once for anything new, again for what is still there, never for what was taken away.

    What is new within `BURST` of the last time is fired for together, when that is over.

    Times are seconds of any one monotonic clock. It fires ever more rarely for what nobody takes away.
    """

    fired_for: Pending = frozenset()
    fired_at: float = -math.inf
    retry_timeout: float = REPEAT_AFTER

    def should_fire(self, pending: Pending, now: float) -> bool:
        """Return whether this listing is worth a run, and remember it."""
        new = pending - self.fired_for
        if new and now - self.fired_at < BURST:
            self.fired_for &= pending
            return False
        self.fired_for = pending if new else self.fired_for & pending
        if new:
            self.fired_at, self.retry_timeout = now, REPEAT_AFTER
            return True
        if pending and now - self.fired_at >= self.retry_timeout:
            self.fired_at, self.retry_timeout = now, min(self.retry_timeout * 2, REPEAT_AT_MOST_EVERY)
            return True
        return False

    def resume(self, pending: Pending, now: float) -> None:
        """Take a listing as already fired for, after a restart with the cursor of this very listing."""
        self.fired_for, self.fired_at = pending, now


@dataclass(slots=True)
class TriggerStatus:
    """The trigger's state as operators see it in the asset state store; written seldom, and never a reason to stop."""

    store: Any = None
    _failing: bool | None = None  # None: not known, an earlier process may have left an error
    _polled_at: float = -STATUS_EVERY

    async def cursor(self) -> str | None:
        """Return the fingerprint last fired for, or None."""
        if self.store is None:
            return None
        try:
            known = await self.store.aget("cursor")
        except Exception:
            log.warning("the cursor cannot be read; firing once more does no harm", exc_info=True)
            return None
        return known if isinstance(known, str) else None

    async def fired(self, pending: Pending) -> None:
        """Record what was fired for."""
        await self._write("cursor", fingerprint(pending))

    async def polled(self, now: float) -> None:
        """Record that the bucket was listed: at most once a minute, and when it had failed before."""
        if self._failing is not False:
            self._failing = False
            await self._write("last_error", "")
        if now - self._polled_at >= STATUS_EVERY:
            self._polled_at = now
            await self._write("last_poll_at", _utc_now())

    async def failed(self, reason: str) -> None:
        """Record the first failure of a row."""
        if not self._failing:
            self._failing = True
            await self._write("last_error", f"{_utc_now()} {reason}"[:500])

    async def _write(self, key: str, value: str) -> None:
        if self.store is None:
            return
        try:
            await self.store.aset(key, value)
        except Exception:
            log.warning("%s cannot be recorded in the asset state store", key, exc_info=True)


def _utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


class IntakeTrigger(BaseEventTrigger):
    """Polls the intake bucket every `poll_seconds` (else BAOSONG_POLL_SECONDS, else 1); at most one event per scan.

    It fires for what its `lane` may hold: the large one waits for large files, and for areas with very many, and looks
    less often.
    """

    def __init__(self, poll_seconds: float | None = None, lane: str = "quick") -> None:
        super().__init__()
        self.poll_seconds = poll_seconds
        self.lane = lane
        self._storage: Storage | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the triggerer needs to build the trigger again."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {
            "poll_seconds": self.poll_seconds,
            "lane": self.lane,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield an event for each scan that found something worth a run; go on whatever fails."""
        pause = self.poll_seconds or float(os.environ.get("BAOSONG_POLL_SECONDS") or 1)
        pause *= LARGE_POLL_FACTOR if self.lane == "large" else 1
        detector, status, back_off = ChangeDetector(), TriggerStatus(self.asset_state_store), pause
        known = await status.cursor()
        while True:
            try:
                pending = await self._pending()
            except Exception as failure:
                log.warning("the intake cannot be listed, next attempt in %.0f s", back_off, exc_info=True)
                await status.failed(f"{type(failure).__name__}: {failure}")
                self._storage = None  # the store may come back elsewhere, with other keys
                await asyncio.sleep(back_off)
                back_off = min(back_off * 2, BACK_OFF_AT_MOST)
                continue
            back_off, now = pause, time.monotonic()
            if known is not None and known == fingerprint(pending):
                detector.resume(pending, now)
            known = None
            await status.polled(now)
            if detector.should_fire(pending, now):
                yield TriggerEvent({"pending": len(pending)})
                await status.fired(pending)
            await asyncio.sleep(pause)

    async def _pending(self) -> Pending:
        """List the intake, away from the event loop that all triggers share."""
        if self._storage is None:
            settings = await aload_settings()
            self._storage = await asyncio.to_thread(_open_storage, settings)
        return await asyncio.to_thread(_list, self._storage, self.lane)


def _open_storage(settings: Any) -> Storage:
    from baosong.store.storage import Storage

    return Storage(settings.s3, retry_timeout=0)  # this trigger backs off by itself, and records what it waits for


def _list(storage: Storage, lane: str) -> Pending:
    """Return every pending file of a lane as its key and what identifies its bytes."""
    from baosong.ledger.work_queue import QUICK
    from baosong.store.keys import is_ignored, list_intake

    sent = [(area, s) for area, s in list_intake(storage) if s and not is_ignored(s.key)]
    files, size = Counter[str](), Counter[str]()
    for area, stored in sent:
        if stored.size < QUICK.size:
            files[area] += 1
            size[area] += stored.size
    crowded = {area for area in files if files[area] > QUICK.files or size[area] > QUICK.bytes}
    large = lane == "large"
    wanted = (s for area, s in sent if (s.size >= QUICK.size) == large or (large and area in crowded))
    return frozenset(f"{s.key}\t{s.identity}" for s in wanted)
