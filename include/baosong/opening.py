"""Open a campaign: areas, keys, blank sheets and first status pages, so that prefectures can begin."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from baosong import outbox, stack
from baosong.campaign import Campaign
from baosong.settings import Settings, SettingsError
from baosong.storage import Storage
from baosong.template import make_template
from baosong.workdesk import Desk

log = logging.getLogger(__name__)

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def open_campaign(desk: Desk, campaign: Campaign) -> Path | None:
    """Make every prefecture's area with its template and status page; return the folder of the keys.

    Repeating it changes nothing but the pages' date. With a store of your own the keys are made there: None.
    """
    desk.storage.ensure_buckets()
    protect(desk, campaign)
    desk.ledger.expect(campaign)
    embedded = stack.is_embedded(desk.settings.home)
    if embedded:
        stack.open_campaign_areas(desk.settings.home, campaign)
    for prefecture in campaign.prefectures:
        area = f"{campaign.id}/{prefecture.folder}"
        name = f"{campaign.window.start.year}年统计表-{prefecture.name}.xlsx"
        desk.storage.put("outbox", f"{area}/模板/{name}", make_template(campaign, prefecture), XLSX)
        outbox.write_status(desk, campaign, prefecture)
    return keys_folder(desk.settings.home) if embedded else None


def protect(desk: Desk, campaign: Campaign) -> bool:
    """Have the store keep versions of what is under custody, and lock it for as long as the campaign says.

    False where the campaign asks for a lock that the store cannot give.
    """
    versioned = [desk.storage.keep_versions(bucket) for bucket in ("archive", "quarantine")]
    if campaign.archive is None:
        return True
    locked = all(versioned) and desk.storage.lock("archive", campaign.archive.lock_days)
    if not locked:
        log.warning("活动 %s 要求锁定归档 %s 天，对象存储做不到。", campaign.id, campaign.archive.lock_days)
    return locked


def opened(desk: Desk) -> list[str]:
    """Return the ids of the campaigns that were opened and whose file still exists."""
    areas = {stored.key.split("/")[0] for stored in desk.storage.list("outbox", recursive=False)}
    return [campaign_id for campaign_id in desk.campaigns.ids() if campaign_id in areas]


def keys_folder(home: Path) -> Path:
    """Return the folder with one file of keys a prefecture."""
    return home / "credentials"


def storage_as(code: str) -> Storage:
    """Return the store as a prefecture sees it; SettingsError if its keys are not here."""
    settings = Settings.load()
    path = keys_folder(settings.home) / f"{code}.json"
    try:
        keys = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise SettingsError(f"没有 {code} 的密钥 {path}。请先运行 ./baosong open 开放活动。") from None
    return Storage(settings.s3.as_prefecture(keys["access_key"], keys["secret_key"]))
