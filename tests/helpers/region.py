"""A whole region's made-up material in archive and ledger, filed without the checks."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from baosong.campaign import Campaign
from baosong.ledger import Submission
from baosong.ledger.services import Services
from baosong.rules.findings import Kind
from baosong.store.source import Source
from baosong.validation.check import check
from baosong_local.samples.documents import make_press, make_report
from baosong_local.samples.media import make_photo
from baosong_local.samples.sheets import make_sheet
from feed import NOW, feed

Sums = dict[str, tuple[Decimal, Decimal | None, Decimal | None]]


@dataclass(frozen=True)
class Sent:
    """One prefecture's files by kind: (name, bytes), and what the check read of the sheet."""

    files: list[tuple[Kind, str, bytes]]
    figures: dict[str, Any]


@cache
def sheet(campaign_id: str, code: str, seed: int, activities: int | None = None) -> tuple[str, bytes, dict[str, Any]]:
    """Return a made sheet's name, bytes and figures as the check hands them over."""
    campaign = _campaign(campaign_id)
    prefecture = campaign.prefecture(code)
    made = make_sheet(campaign, prefecture, seed, activities)
    source = Source(made.name, len(made.content), lambda: io.BytesIO(made.content))
    checked = check(source, Kind.STATISTICS, campaign, prefecture)
    assert checked.figures, checked.findings
    return made.name, made.content, checked.figures


@cache
def sent_by(campaign_id: str, code: str, seed: int) -> Sent:
    """Return all that one prefecture sends, but no video."""
    campaign = _campaign(campaign_id)
    prefecture = campaign.prefecture(code)
    name, content, figures = sheet(campaign_id, code, seed)
    size = (640, 427) if seed % 2 else (427, 640)
    files = [
        (Kind.STATISTICS, name, content),
        (Kind.REPORT, f"{prefecture.name}总结报告.docx", make_report(campaign, prefecture, seed)),
        *((Kind.PHOTO, f"活动照片{n}.jpg", make_photo(seed * 10 + n, prefecture.name, size)) for n in (1, 2, 3)),
        (Kind.PRESS, "媒体报道.docx", make_press(campaign, prefecture, seed)),
        (Kind.VIDEO, "启动仪式.mov", b"not looked at"),
    ]
    return Sent(files, figures)


def file(
    services: Services,
    campaign: Campaign,
    code: str,
    kind: Kind,
    name: str,
    content: bytes,
    at: datetime = NOW,
    **more: Any,
) -> Submission:
    """Put one accepted file into archive and ledger."""
    row = feed(services.ledger, campaign, code, kind, name, content=content.hex(), at=at, **more)
    assert row.archive_key
    services.storage.put("archive", row.archive_key, content)
    return row


def file_region(services: Services, campaign: Campaign, count: int = 14) -> dict[str, bytes]:
    """File what the first `count` prefectures sent; return their sheets by code."""
    sheets = {}
    for seed, prefecture in enumerate(campaign.prefectures[:count]):
        sent = sent_by(campaign.id, prefecture.code, seed)
        for kind, name, content in sent.files:
            figures = sent.figures if kind is Kind.STATISTICS else None
            file(services, campaign, prefecture.code, kind, name, content, figures=figures)
            if kind is Kind.STATISTICS:
                sheets[prefecture.code] = content
    return sheets


def _campaign(campaign_id: str) -> Campaign:
    from baosong.campaign import Campaigns
    from baosong.store.settings import PROJECT

    return Campaigns([PROJECT / "include" / "campaigns"]).get(campaign_id)
