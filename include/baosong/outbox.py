"""What is written to the outbox: a receipt as page and JSON, and the prefecture's overview 状态.html."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import PurePosixPath

from baosong import receipts
from baosong.archive import UNPLACED
from baosong.campaign import Campaign, Prefecture
from baosong.findings import Kind
from baosong.intake import place
from baosong.ledger import Cell, Receipt, Submission
from baosong.workdesk import Desk

STATUS = "状态.html"
RECEIPTS = "回执"
TEMPLATES = "模板"

_HTML = "text/html; charset=utf-8"


def write_receipt(
    desk: Desk, campaign: Campaign, prefecture: Prefecture, receipt: Receipt, files: list[Submission]
) -> str:
    """Write a receipt as the ledger has it and return its page's key; repeated, it writes the same."""
    cells = {Kind(kind): Cell.from_json(cell) for kind, cell in receipt.status.items()}
    page = receipts.render_receipt(campaign, prefecture, receipt.number, receipt.issued_at, files, cells)
    return _write(desk, f"{campaign.id}/{prefecture.folder}/{RECEIPTS}", page)


def write_unplaced(desk: Desk, receipt: Receipt, files: list[Submission]) -> str:
    """Write the answer to files that belong to nobody, where operators find it, and return its page's key."""
    meant = {place(row.key).campaign_id for row in files} & set(desk.campaigns.ids())
    campaign = desk.campaigns.get(meant.pop() or "") if len(meant) == 1 else None
    return _write(desk, UNPLACED, receipts.render_unplaced(campaign, receipt.number, receipt.issued_at, files))


def write_status(desk: Desk, campaign: Campaign, prefecture: Prefecture) -> None:
    """Write the prefecture's overview as the ledger and the outbox are now."""
    row = desk.ledger.completeness(campaign, [prefecture.code])[prefecture.code]
    files = desk.ledger.submissions(campaign.id, prefecture.code)
    links = _links(desk, f"{campaign.id}/{prefecture.folder}/")
    page = receipts.render_status(campaign, prefecture, datetime.now(UTC), row, files, links)
    desk.storage.put("outbox", f"{campaign.id}/{prefecture.folder}/{STATUS}", page.encode(), content_type=_HTML)


def _write(desk: Desk, folder: str, page: receipts.Receipt) -> str:
    told = json.dumps(page.json, ensure_ascii=False, indent=1, allow_nan=False)
    desk.storage.put("outbox", f"{folder}/{page.name}.json", told.encode(), content_type="application/json")
    desk.storage.put("outbox", f"{folder}/{page.name}.html", page.html.encode(), content_type=_HTML)
    return f"{folder}/{page.name}.html"


def _links(desk: Desk, prefix: str) -> dict[str, str]:
    """Return titles and relative keys of the templates and of the receipts, the newest first."""
    keys = [stored.key.removeprefix(prefix) for stored in desk.storage.list("outbox", prefix)]
    pages = sorted((k for k in keys if k.startswith(f"{RECEIPTS}/") and k.endswith(".html")), reverse=True)
    templates = sorted(k for k in keys if k.startswith(f"{TEMPLATES}/"))
    return {PurePosixPath(key).stem: key for key in [*templates, *pages]}
