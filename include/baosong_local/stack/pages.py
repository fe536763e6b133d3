"""The embedded stack's send pages and letters: `credentials/<campaign>/<prefecture>/`, beside the files of keys."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from baosong.campaign import Campaign, CampaignError, Campaigns, Prefecture
from baosong.store.settings import S3Settings, bucket_names
from baosong_local.stack.layout import Layout
from baosong_local.stack.state import read_json

_REGION = "us-east-1"


def write_pages(layout: Layout, campaign: Campaign) -> None:
    """Write the page and the letter of each prefecture that has a key."""
    for prefecture in campaign.prefectures:
        _write(layout, campaign, prefecture)


def renew_pages(layout: Layout, campaigns: Campaigns, code: str = "") -> list[Path]:
    """Write the pages of the opened campaigns anew, or those of one prefecture, and return their paths.

    Where a prefecture has no key any more its page goes.
    """
    from baosong.receipts.send_page import PAGE  # late: the supervisor seldom needs what this imports

    renewed = []
    for campaign in _opened(layout, campaigns):
        for prefecture in campaign.prefectures:
            if code in ("", prefecture.code):
                page = layout.credentials / campaign.id / prefecture.folder / PAGE
                page.unlink(missing_ok=True)
                renewed += [page] if _write(layout, campaign, prefecture) else []
    return renewed


def _opened(layout: Layout, campaigns: Campaigns) -> list[Campaign]:
    found = []
    for campaign_id in campaigns.ids():
        if (layout.credentials / campaign_id).is_dir():
            with suppress(CampaignError):  # its pages stay as they are until it is corrected
                found.append(campaigns.get(campaign_id))
    return found


def _write(layout: Layout, campaign: Campaign, prefecture: Prefecture) -> bool:
    from baosong.receipts.send_page import write_send_page

    keys = read_json(layout.credentials / f"{prefecture.code}.json")
    if not keys or not keys["endpoint"]:
        return False
    s3 = S3Settings(keys["endpoint"], keys["access_key"], keys["secret_key"], False, _REGION, bucket_names(os.environ))
    write_send_page(layout.credentials, campaign, prefecture, s3)
    return True
