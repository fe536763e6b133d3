"""The page of each checked statistics sheet (Data Docs), for operators: in the reports bucket, never in the outbox."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from baosong.campaign import Campaign
from baosong.receipts.view import render
from baosong.rules.findings import Checked, Kind
from baosong.rules.words import time_text

if TYPE_CHECKING:
    from baosong.ledger import Submission
    from baosong.ledger.services import Services

log = logging.getLogger(__name__)


def page_key(campaign_id: str, code: str, submission_id: int) -> str:
    """Return the key of a submission's page in the bucket `reports`."""
    return f"{campaign_id}/checks/{code}/{submission_id}.html"


def has_page(submission: Submission) -> bool:
    """Return whether a submission is a sheet that the expectations were run on: its facts name the tables used.

    One that is held, or was until somebody decided, has none: it may bear a marking, and the page would quote it.
    """
    held = submission.state == "held" or submission.held_key is not None
    return submission.kind == Kind.STATISTICS and bool((submission.facts or {}).get("used")) and not held


def write_page(services: Services, row: Submission, checked: Checked, campaign: Campaign) -> None:
    """Store the page of a sheet just checked, or remove it where there is none; safe to repeat.

    A page that cannot be rendered is our fault, not the sheet's: it is logged, and the receipt is issued without it.
    """
    if row.kind != Kind.STATISTICS:
        return
    key = page_key(row.campaign, row.prefecture, row.id)
    page = _rendered(row, checked, campaign) if checked.validations and not checked.held else None
    if page is None:
        services.storage.remove("reports", key)
    else:
        services.storage.put("reports", key, page.encode(), content_type="text/html; charset=utf-8")


def render_page(row: Submission, checked: Checked, campaign: Campaign) -> str:
    """Return the page of a sheet as HTML that loads nothing and runs nothing."""
    from baosong.validation.statistics import datadocs

    return render(
        "checks.html",
        campaign=campaign,
        prefecture=campaign.prefecture(row.prefecture),
        file=row.name,
        size=row.size,
        received_text=time_text(row.received_at, campaign.zone),
        verdict=checked.verdict.value,
        tables=list(datadocs.tables(checked.validations, campaign.form)),
    )


def _rendered(row: Submission, checked: Checked, campaign: Campaign) -> str | None:
    try:
        return render_page(row, checked, campaign)
    except Exception:  # any failure of the renderer
        log.exception("no page of submission %s", row.id)
        return None
