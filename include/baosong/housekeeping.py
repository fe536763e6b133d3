"""What the night tidies: quarantine keeps rejected files as long as the campaign says, and of released ones no copy;
what dead or past writers of reports laid by goes after a day.

Each step can be repeated: the record beside the bytes says that they go, they go, the ledger knows. Held files stay
until an operator decides, unanswered ones until they are answered.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from baosong import archive
from baosong.campaign import Campaign
from baosong.report import copies
from baosong.workdesk import Desk

log = logging.getLogger(__name__)

_WRITING = timedelta(days=1)  # no writer of a report takes longer from its copies to its edition
_PURGED = "隔离区保存期（{days} 天）已满，内容已清除，登记和记录保留"


def tidy(desk: Desk, campaign_id: str, now: datetime) -> dict[str, int]:
    """Tidy a campaign and copy what it expects to the ledger; return how many objects and files quarantine lost, and
    how many copies of reports' files went.

    A prefecture whose files are being put away at this moment is left for the next night.
    """
    campaign = desk.campaigns.get(campaign_id)
    desk.ledger.expect(campaign)
    done = [_tidy_one(desk, campaign, prefecture.code, now) for prefecture in campaign.prefectures]
    forgotten = copies.forget(desk.storage, campaign.id, desk.ledger.standing(campaign.id), now - _WRITING)
    return {"objects": sum(o for o, _ in done), "purged": sum(purged for _, purged in done), "copies": forgotten}


def _tidy_one(desk: Desk, campaign: Campaign, code: str, now: datetime) -> tuple[int, int]:
    days = campaign.quarantine.keep_days if campaign.quarantine else None
    before = now - timedelta(days=days) if days else None
    if not desk.ledger.left_over(campaign.id, code, before):
        return 0, 0
    with desk.ledger.claim(f"file_away:{campaign.id}:{code}") as mine:  # the same bytes may come again at any time
        keys = desk.ledger.left_over(campaign.id, code, before) if mine else []
        return len(keys), sum(_empty(desk, key, now, _PURGED.format(days=days)) for key in keys)


def _empty(desk: Desk, key: str, now: datetime, note: str) -> int:
    at = archive.mark_purged(desk.storage, "quarantine", key, now)
    desk.storage.remove("quarantine", key)
    if not desk.ledger.is_kept("quarantine", key):  # what lay there was released: its record is in the archive
        desk.storage.remove("quarantine", f"{key}.json")
    log.info("quarantine emptied of %s", key)
    return desk.ledger.mark_emptied(key, at, note)
