"""What programs left in the intake and nobody means to send goes when it is old, or at once where there is too much."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice

from baosong.ledger.services import Services
from baosong.pipeline.discover import usable_campaigns
from baosong.pipeline.intake_limits import areas, places
from baosong.store.keys import LEFTOVER_AGE, MAX_LEFTOVERS
from baosong.store.storage import Stored

SECONDS = 0.2  # of sweeping a run


def remove_leftovers(services: Services) -> int:
    """Remove old or far too many leftovers and record whose they were; return how many objects.

    It ends after a moment, and what is left waits for the next run: the embedded store needs some milliseconds for
    each, and is swept on its disk anyway.
    """
    before = datetime.now(UTC) - LEFTOVER_AGE
    there = [area.leftovers for area in areas(services.storage).values()]
    due = (s for leftovers in there for s in leftovers if len(leftovers) > MAX_LEFTOVERS or s.modified < before)
    gone: list[Stored] = []
    until = time.monotonic() + SECONDS
    with ThreadPoolExecutor(8) as several:
        while (batch := list(islice(due, 16))) and time.monotonic() < until:
            list(several.map(lambda stored: services.storage.remove("intake", stored.key), batch))
            gone += batch
    if gone:
        _record(services, gone)
    return len(gone)


def _record(services: Services, gone: list[Stored]) -> None:
    for campaign, prefecture, name in places(usable_campaigns(services)):
        if sizes := [stored.size for stored in gone if stored.key.startswith(name)]:
            services.ledger.note_intake_limit(campaign.id, prefecture.code, swept=len(sizes), swept_bytes=sum(sizes))
