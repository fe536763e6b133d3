"""Nightly retention: rejected files leave quarantine when the campaign's retention period is over, released ones at
once; copies of reports that no current edition needs are pruned after a day.

Each step can be repeated: the record beside the bytes says that they go, they go, the ledger records it. Held files
stay until an operator decides, unanswered ones until they are answered.
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
_EXPIRED = "隔离区保存期（{days} 天）已满，内容已清除，登记和记录保留"


def apply_retention(services: Services, campaign_id: str, now: datetime) -> dict[str, int]:
    """Apply a campaign's retention and copy what it expects to the ledger.

    Returns how many `objects` and files (`purged`) quarantine lost, and how many `copies` of reports' files went. A
    prefecture whose files are being archived at this moment is left for the next night.
    """
    campaign, ledger = services.campaigns.get(campaign_id), services.ledger
    ledger.expect(campaign)
    done = [_empty_quarantine(services, campaign, prefecture.code, now) for prefecture in campaign.prefectures]
    current = ledger.current_editions(campaign.id)
    pruned = edition_copies.prune(services.storage, campaign.id, current, now - _WRITING)
    return {"objects": sum(o for o, _ in done), "purged": sum(files for _, files in done), "copies": pruned}


def _empty_quarantine(services: Services, campaign: Campaign, code: str, now: datetime) -> tuple[int, int]:
    days = campaign.quarantine.keep_days if campaign.quarantine else None
    before = now - timedelta(days=days) if days else None
    if not services.ledger.disposable(campaign.id, code, before):
        return 0, 0
    with services.ledger.advisory_lock(f"archive:{campaign.id}:{code}") as mine:
        # Asked again under the lock: the same bytes may come again at any time.
        keys = services.ledger.disposable(campaign.id, code, before) if mine else []
        return len(keys), sum(_remove(services, key, now, _EXPIRED.format(days=days)) for key in keys)


def _remove(services: Services, key: str, now: datetime, note: str) -> int:
    at = records.mark_expired(services.storage, "quarantine", key, now)
    services.storage.remove("quarantine", key)
    if not services.ledger.filed_under("quarantine", key):  # what lay there was released: its record is in the archive
        services.storage.remove("quarantine", f"{key}.json")
    log.info("removed quarantine/%s", key)
    return services.ledger.mark_emptied(key, at, note)
