"""Open a campaign: buckets, areas, blank sheets and first status pages, so that prefectures can begin."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from baosong.campaign import Campaign, CampaignError
from baosong.campaign.blank_form.template import make_templates
from baosong.ledger.services import Services
from baosong.pipeline.reply import renew_status, write_status

log = logging.getLogger(__name__)

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def open_campaign(services: Services, campaign: Campaign) -> None:
    """Make every prefecture's area with its template and status page; repeating it changes only the pages' date."""
    services.storage.ensure_buckets()
    protect(services, campaign)
    services.ledger.expect(campaign)
    for prefecture, template in make_templates(campaign):
        area = f"{campaign.id}/{prefecture.folder}"
        name = f"{campaign.window.start.year}年统计表-{prefecture.name}.xlsx"
        services.storage.put("outbox", f"{area}/模板/{name}", template, XLSX)
        write_status(services, campaign, prefecture)


def renew_status_pages(services: Services, campaign_id: str) -> None:
    """Write each prefecture's status page anew: deadline, contact or what is asked for may be others since the last."""
    campaign = services.campaigns.get(campaign_id)
    for prefecture in campaign.prefectures:
        renew_status(services, campaign, prefecture)


def protect(services: Services, campaign: Campaign) -> bool:
    """Have the store keep versions of what is under custody, and lock it for as long as the campaign says.

    False where the campaign asks for a lock that the store cannot give.
    """
    versioned = [services.storage.keep_versions(bucket) for bucket in ("archive", "quarantine")]
    if campaign.archive is None:
        return True
    locked = all(versioned) and services.storage.lock("archive", campaign.archive.lock_days)
    if not locked:
        log.warning("活动 %s 要求锁定归档 %s 天，对象存储做不到。", campaign.id, campaign.archive.lock_days)
    return locked


def allow_pages(services: Services) -> bool:
    """Have the store take requests from send pages (CORS); False where it cannot be told so."""
    allowed = [services.storage.allow_pages(bucket) for bucket in ("intake", "outbox")]
    return all(allowed)


def write_send_pages(services: Services, campaign: Campaign, keys: Mapping[str, tuple[str, str]], address: str) -> Path:
    """Write the pages and letters of the prefectures whose key pair is given, by code; return the folder of all.

    `address` is the store as prefectures reach it, `https://host:port`; empty means as we do.
    """
    from baosong.receipts.send_page import write_send_page  # not for the board, which is in every part of Airflow

    s3, folder = services.settings.s3, services.settings.home / "credentials"
    if address:
        scheme, _, endpoint = address.rstrip("/").rpartition("://")
        s3 = replace(s3, endpoint=endpoint, secure=scheme != "http")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for code, pair in keys.items():
        own = services.ledger.campaign_for(campaign, code)
        write_send_page(folder, own, campaign.prefecture(code), s3.as_prefecture(*pair))
    return folder / campaign.id


def opened_campaigns(services: Services) -> Iterator[Campaign]:
    """Yield the opened campaigns whose files can be read; a broken one must not stop the others."""
    for campaign_id in opened(services):
        try:
            yield services.campaigns.get(campaign_id)
        except CampaignError as wrong:
            log.error("campaign %s is left out: %s", campaign_id, wrong)


def opened(services: Services) -> list[str]:
    """Return the ids of the campaigns that were opened and whose file still exists."""
    areas = {stored.key.split("/")[0] for stored in services.storage.list("outbox", recursive=False)}
    return [campaign_id for campaign_id in services.campaigns.ids() if campaign_id in areas]
