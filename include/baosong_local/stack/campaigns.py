"""A campaign on the embedded stack: opened with a key per prefecture, and used with these keys."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from baosong.campaign import Campaign, CampaignError, Campaigns, Prefecture
from baosong.cli.main import NO_KEYS_HERE
from baosong.ledger.services import Services
from baosong.pipeline import open_campaign as production
from baosong.store.settings import SettingsError, campaign_dirs, home_of
from baosong.store.storage import Storage
from baosong_local.stack.grants import open_campaign_areas, revoke_key, rotate_key
from baosong_local.stack.layout import Layout
from baosong_local.stack.lifecycle import is_embedded
from baosong_local.stack.pages import renew_pages, write_pages
from baosong_local.stack.running import running_environment, running_settings
from baosong_local.stack.state import StackError


def open_campaign(services: Services, campaign: Campaign) -> Path | None:
    """Open a campaign and return the folder of its keys; with a store of your own the keys are made there: None."""
    home = services.settings.home
    embedded = is_embedded(home)
    if embedded:
        services.storage.ensure_buckets()
        open_campaign_areas(home, campaign)
        write_pages(Layout(home), campaign)
    production.open_campaign(services, campaign)
    return Layout(home).credentials if embedded else None


def rotate(code: str) -> list[Path]:
    """Give a prefecture a new key and return its new send pages; StackError where the keys are not ours to make."""
    layout, campaigns, prefecture = _holder_of(code)
    rotate_key(layout.home, prefecture)
    return renew_pages(layout, campaigns, code)


def revoke(code: str) -> bool:
    """Take a prefecture's key and its send pages away; False if it had none. StackError as for `rotate`."""
    layout, campaigns, prefecture = _holder_of(code)
    had = revoke_key(layout.home, prefecture)
    renew_pages(layout, campaigns, code)
    return had


def _holder_of(code: str) -> tuple[Layout, Campaigns, Prefecture]:
    """Return the layout, the campaigns and the prefecture of this code in any of those that can be read."""
    layout, campaigns = Layout(home_of()), Campaigns(campaign_dirs(running_environment()))
    stopped = not os.environ.get("BAOSONG_S3_ENDPOINT") and any(layout.credentials.glob("*.json"))
    if not stopped and not is_embedded(layout.home):
        raise StackError(NO_KEYS_HERE)
    for campaign_id in campaigns.ids():
        with suppress(CampaignError, KeyError):
            return layout, campaigns, campaigns.get(campaign_id).prefecture(code)
    raise StackError(f"没有代码为“{code}”的地州市。")


def storage_as(code: str, retry_timeout: float = 60.0) -> Storage:
    """Return the store as a prefecture sees it; SettingsError if its keys are not here."""
    settings = running_settings()
    path = Layout(settings.home).credentials / f"{code}.json"
    try:
        keys = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise SettingsError(f"没有 {code} 的密钥 {path}。请先运行 ./baosong open 开放活动。") from None
    return Storage(settings.s3.as_prefecture(keys["access_key"], keys["secret_key"]), retry_timeout)
