"""What a region sends for a benchmark: every prefecture all five deliverables, nothing wrong among them."""

from __future__ import annotations

from pathlib import Path

from baosong.campaign import Campaign
from baosong.rules.findings import Kind, Verdict
from baosong_local.demo.plan import Drop, make_plan
from baosong_local.samples.media import make_photo


def make_drops(campaign: Campaign, folder: Path, files: int) -> list[Drop]:
    """Write `files` files, as many for each prefecture, the demo's 126 good ones first and photos beyond these."""
    plan = make_plan(campaign, folder, small=False, advance=lambda: None)
    drops = [drop for drop in plan.first if drop.expected is Verdict.ACCEPTED] + plan.corrections
    codes = [prefecture.code for prefecture in campaign.prefectures]
    photos = campaign.deliverable(Kind.PHOTO).folder
    for number in range(files - len(drops)):
        prefecture = campaign.prefecture(codes[number % len(codes)])
        path = folder / prefecture.code / f"活动照片-{number}.jpg"
        path.write_bytes(make_photo(seed=1000 + number, prefecture_name=prefecture.name))
        drops.append(Drop(prefecture.code, Kind.PHOTO, photos, path))
    return drops


def key_of(campaign: Campaign, drop: Drop) -> str:
    """Return the key in the intake to which a prefecture sends this file."""
    parts = (campaign.id, campaign.prefecture(drop.code).folder, drop.folder, drop.path.name)
    return "/".join(part for part in parts if part)
