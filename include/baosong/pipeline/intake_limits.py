"""A prefecture that sends more than the campaign allows must not hold up the others.

Of an area over its limit the first files are listed (`keys.list_intake`); those behind them come up as these are
answered.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from baosong.campaign import Campaign, Prefecture
from baosong.campaign.model import IntakeLimits
from baosong.ledger import IntakeLimit
from baosong.ledger.services import Services
from baosong.pipeline.reply import write_status
from baosong.store.keys import is_ignored, list_intake
from baosong.store.storage import Storage, Stored

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Area:
    """What a listing showed of one area: what was sent, what programs left there, and whether there is more."""

    files: list[Stored] = field(default_factory=list)
    leftovers: list[Stored] = field(default_factory=list)
    truncated: bool = False

    def exceeds(self, limits: IntakeLimits) -> bool:
        """Return whether more waits here than the campaign allows."""
        size = sum(stored.size for stored in self.files)
        return self.truncated or len(self.files) > limits.max_files or size > limits.max_bytes


def areas(storage: Storage) -> dict[str, Area]:
    """Return what lies in the intake by area; what lies outside all of them is that of ""."""
    found: dict[str, Area] = defaultdict(Area)
    for name, stored in list_intake(storage):
        if stored is None:
            found[name].truncated = True
        else:
            (found[name].leftovers if is_ignored(stored.key) else found[name].files).append(stored)
    return found


def places(campaigns: Mapping[str, Campaign]) -> Iterator[tuple[Campaign, Prefecture, str]]:
    """Yield campaign, prefecture and the name of its area."""
    for campaign in campaigns.values():
        for prefecture in campaign.prefectures:
            yield campaign, prefecture, f"{campaign.id}/{prefecture.folder}/"


def note(
    services: Services, found: Mapping[str, Area], campaigns: Mapping[str, Campaign], limits: Sequence[IntakeLimit]
) -> None:
    """Record for the board whose area is over its limit, and notify those for whom that has changed."""
    known = {(limit.campaign, limit.prefecture): limit for limit in limits}
    noted = False
    for campaign, prefecture, name in places(campaigns):
        before = known.get((campaign.id, prefecture.code))
        over_limit = name in found and found[name].exceeds(campaign.intake)
        if over_limit != (before is not None and before.over_limit):
            services.ledger.note_intake_limit(campaign.id, prefecture.code, over_limit=over_limit)
            noted = True
    for limit in services.ledger.intake_limits() if noted else known.values():
        if limit.exceeded != limit.notified:
            _notify(services, limit, campaigns)


def _notify(services: Services, limit: IntakeLimit, campaigns: Mapping[str, Campaign]) -> None:
    """Write the status page of a prefecture anew, which says whether its area is over the limit."""
    campaign = campaigns.get(limit.campaign)
    prefecture = next((p for p in campaign.prefectures if p.code == limit.prefecture), None) if campaign else None
    if campaign and prefecture:
        log.warning("%s: the intake is %s", prefecture.folder, "over its limit" if limit.exceeded else "in order again")
        write_status(services, campaign, prefecture)
    services.ledger.mark_limit_notified(limit)
