"""What the night tidies: quarantine keeps rejected files as long as the campaign says, and of released ones no copy;
what dead or past writers of reports laid by goes after a day.

Each step can be repeated: the record beside the bytes says that they go, they go, the ledger knows. Held files stay
until an operator decides, unanswered ones until they are answered.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from baosong.campaign import Campaign
from baosong.ledger.services import Services
from baosong.preservation import records
from baosong.report import edition_copies

log = logging.getLogger(__name__)

_WRITING = timedelta(days=1)  # no writer of a report takes longer from its copies to its edition
_PURGED = "隔离区保存期（{days} 天）已满，内容已清除，登记和记录保留"


def tidy(services: Services, campaign_id: str, now: datetime) -> dict[str, int]:
    """Tidy a campaign and copy what it expects to the ledger; return how many objects and files quarantine lost, and
    how many copies of reports' files went.

    A prefecture whose files are being put away at this moment is left for the next night.
    """
    campaign = services.campaigns.get(campaign_id)
    services.ledger.expect(campaign)
    done = [_tidy_one(services, campaign, prefecture.code, now) for prefecture in campaign.prefectures]
    forgotten = edition_copies.prune(
        services.storage, campaign.id, services.ledger.standing(campaign.id), now - _WRITING
    )
    return {"objects": sum(o for o, _ in done), "purged": sum(purged for _, purged in done), "copies": forgotten}


def _tidy_one(services: Services, campaign: Campaign, code: str, now: datetime) -> tuple[int, int]:
    days = campaign.quarantine.keep_days if campaign.quarantine else None
    before = now - timedelta(days=days) if days else None
    if not services.ledger.left_over(campaign.id, code, before):
        return 0, 0
    # The lock of archiving: the same bytes may come again at any time.
    with services.ledger.advisory_lock(f"archive:{campaign.id}:{code}") as mine:
        keys = services.ledger.left_over(campaign.id, code, before) if mine else []
        return len(keys), sum(_empty(services, key, now, _PURGED.format(days=days)) for key in keys)


def _empty(services: Services, key: str, now: datetime, note: str) -> int:
    at = records.mark_purged(services.storage, "quarantine", key, now)
    services.storage.remove("quarantine", key)
    if not services.ledger.is_kept("quarantine", key):  # what lay there was released: its record is in the archive
        services.storage.remove("quarantine", f"{key}.json")
    log.info("quarantine emptied of %s", key)
    return services.ledger.mark_emptied(key, at, note)
