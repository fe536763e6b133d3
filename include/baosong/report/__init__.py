"""The region's report: its editions, their versions and where they lie."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from baosong.consolidate import RegionFigures, region_figures

if TYPE_CHECKING:
    from baosong.ledger import Edition, Ledger
    from baosong.workdesk import Desk

WORKBOOK = "汇总表.xlsx"
FIGURES = "figures.json"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class ReportBusy(RuntimeError):
    """Somebody else is writing this edition, and has been for longer than a report takes."""


@retry(retry=retry_if_exception_type(ReportBusy), wait=wait_fixed(0.5), stop=stop_after_delay(300), reraise=True)
def write_report(desk: Desk, campaign_id: str, edition: Literal["final", "interim"], now: datetime) -> dict[str, Any]:
    """Write an edition to the reports bucket and record it; the same inputs as the last one's write nothing.

    Returns `{"edition", "version", "prefix", "totals": {code: text}, "missing": [codes], "new": bool}`. Repeating it
    after a crash writes the same version again: an edition exists once the ledger has it. ReportBusy if another run
    is writing the same edition and does not finish.
    """
    with desk.ledger.claim(f"report:{campaign_id}:{edition}") as mine:
        if not mine:
            raise ReportBusy(f"another run is writing the {edition} report of {campaign_id}")
        return _write(desk, campaign_id, edition, now)


def _write(desk: Desk, campaign_id: str, edition: Literal["final", "interim"], now: datetime) -> dict[str, Any]:
    from baosong.report.figures import figures_json
    from baosong.report.workbook import make_workbook

    campaign = desk.campaigns.get(campaign_id)
    figures = region_figures(desk.ledger, campaign, now.astimezone(campaign.zone))
    last = _last(desk.ledger, campaign_id, edition)
    if last is not None and last.inputs_sha == figures.inputs_sha:
        return _told(edition, last.version, last.prefix, last.figures, new=False)
    version = last.version + 1 if last else 1
    prefix = _prefix(figures, edition, version)
    stated = figures_json(figures, edition, version)
    desk.storage.put("reports", f"{prefix}{WORKBOOK}", make_workbook(figures, edition), XLSX)
    text = json.dumps(stated, ensure_ascii=False, indent=1)
    desk.storage.put("reports", f"{prefix}{FIGURES}", text.encode(), "application/json")
    new = desk.ledger.add_edition(campaign_id, edition, version, prefix, figures.inputs_sha, stated)
    return _told(edition, version, prefix, stated, new=new)


def _last(ledger: Ledger, campaign_id: str, edition: str) -> Edition | None:
    written = [e for e in ledger.editions(campaign_id) if e.edition == edition]
    return max(written, key=lambda e: e.version, default=None)


def _prefix(figures: RegionFigures, edition: str, version: int) -> str:
    """Return the folder: a final edition has its own for ever, a day has one interim edition, its latest."""
    part = f"v{version}" if edition == "final" else figures.as_of.date().isoformat()
    return f"{figures.campaign.id}/{edition}/{part}/"


def _told(edition: str, version: int, prefix: str, stated: dict[str, Any], *, new: bool) -> dict[str, Any]:
    missing = [p["code"] for p in stated["missing"]]
    return {
        "edition": edition,
        "version": version,
        "prefix": prefix,
        "totals": stated["totals"],
        "missing": missing,
        "new": new,
    }
