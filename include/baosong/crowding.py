"""A prefecture that sends more than anybody means to send must not hold up the others.

Of a crowded area the first files are shown (`intake.listed`); those behind them come up as these are answered. What
programs left there and nobody means to send goes when it is old, or at once where it is too much.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

from baosong import outbox
from baosong.campaign import Campaign, Prefecture
from baosong.campaign.model import Intake
from baosong.intake import MOST_DEBRIS, OLD, is_ignored, listed
from baosong.ledger import Crowd
from baosong.storage import Storage, Stored
from baosong.workdesk import Desk

log = logging.getLogger(__name__)

SECONDS = 0.2  # of sweeping a run


@dataclass(slots=True)
class Area:
    """What a listing showed of one area: what was sent, what was left there, and whether there is more."""

    files: list[Stored] = field(default_factory=list)
    debris: list[Stored] = field(default_factory=list)
    cut: bool = False

    def is_full(self, limits: Intake) -> bool:
        """Return whether more waits here than the campaign allows."""
        size = sum(stored.size for stored in self.files)
        return self.cut or len(self.files) > limits.max_files or size > limits.max_bytes


def areas(storage: Storage) -> dict[str, Area]:
    """Return what lies in the intake by area; what lies outside all of them is that of ""."""
    found: dict[str, Area] = defaultdict(Area)
    for name, stored in listed(storage):
        if stored is None:
            found[name].cut = True
        else:
            (found[name].debris if is_ignored(stored.key) else found[name].files).append(stored)
    return found


def note(desk: Desk, found: Mapping[str, Area], campaigns: Mapping[str, Campaign]) -> None:
    """Note for the board whose area is full, and tell those whose area has become so or has room again."""
    known = {(crowd.campaign, crowd.prefecture): crowd for crowd in desk.ledger.crowds()}
    noted = False
    for campaign, prefecture, name in _places(campaigns):
        before = known.get((campaign.id, prefecture.code))
        full = name in found and found[name].is_full(campaign.intake)
        if full != (before is not None and before.full):
            desk.ledger.note_crowd(campaign.id, prefecture.code, full=full)
            noted = True
    for crowd in desk.ledger.crowds() if noted else known.values():
        if crowd.is_crowded != crowd.told:
            _tell(desk, crowd, campaigns)


def sweep(desk: Desk, campaigns: Mapping[str, Campaign]) -> int:
    """Remove old or far too many leavings and note whose they were; return how many.

    It ends after a moment, and what is left waits for the next run: the embedded store needs some milliseconds for
    each, and is swept on its disk anyway.
    """
    before = datetime.now(UTC) - OLD
    there = {name: area.debris for name, area in areas(desk.storage).items()}
    due = (s for debris in there.values() for s in debris if len(debris) > MOST_DEBRIS or s.modified < before)
    gone: list[Stored] = []
    until = time.monotonic() + SECONDS
    with ThreadPoolExecutor(8) as several:
        while (batch := list(islice(due, 16))) and time.monotonic() < until:
            list(several.map(lambda stored: desk.storage.remove("intake", stored.key), batch))
            gone += batch
    for campaign, prefecture, name in _places(campaigns):
        if mine := [stored.size for stored in gone if stored.key.startswith(name)]:
            desk.ledger.note_crowd(campaign.id, prefecture.code, swept=len(mine), swept_bytes=sum(mine))
    return len(gone)


def _places(campaigns: Mapping[str, Campaign]) -> Iterator[tuple[Campaign, Prefecture, str]]:
    for campaign in campaigns.values():
        for prefecture in campaign.prefectures:
            yield campaign, prefecture, f"{campaign.id}/{prefecture.folder}/"


def _tell(desk: Desk, crowd: Crowd, campaigns: Mapping[str, Campaign]) -> None:
    """Write the status page anew of one whose area has become full, or has room again."""
    campaign = campaigns.get(crowd.campaign)
    prefecture = next((p for p in campaign.prefectures if p.code == crowd.prefecture), None) if campaign else None
    if campaign and prefecture:
        log.warning("%s: the intake is %s", prefecture.folder, "crowded" if crowd.is_crowded else "in order again")
        outbox.write_status(desk, campaign, prefecture)
    desk.ledger.mark_crowd_told(crowd)
