"""The operators' board (看板): one page that shows who is complete, who is missing, what failed and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from baosong.acts import advice
from baosong.campaign import Campaign
from baosong.checkpages import has_page
from baosong.findings import Kind
from baosong.receipts.page import render
from baosong.receipts.view import describe_deliverables, describe_file, open_failures
from baosong.receipts.words import moment, remaining
from baosong.report import DOCUMENT, PAGE, PDF, WORKBOOK

if TYPE_CHECKING:
    from baosong.ledger import Cell, Crowd, Edition, Ledger, Submission

ARRIVALS = 15
FAILURES = 30
EDITIONS = 3
_FILES = {WORKBOOK: "汇总表", DOCUMENT: "Word", PAGE: "网页", PDF: "PDF"}


def render_board(ledger: Ledger, campaign: Campaign, now: datetime, is_there: Callable[[str], bool]) -> str:
    """Return the board of a campaign as one HTML page that asks for itself again every 15 seconds.

    `is_there` tells whether a key of the reports bucket exists: a PDF is made only where LibreOffice is.
    """
    cells = ledger.completeness(campaign)
    complete = set(ledger.complete_prefectures(campaign))
    pages = {(s.prefecture, s.state): _page(s) for s in ledger.newest_sheets(campaign.id) if has_page(s)}
    rows = [_row(campaign, p.code, cells.get(p.code, {}), p.code in complete, pages) for p in campaign.prefectures]
    return render(
        "board.html",
        campaign=campaign,
        now_text=moment(now, campaign.zone),
        remaining=remaining(campaign.deadline, now),
        overdue=now >= campaign.deadline,
        rows=rows,
        summary=_summary(rows),
        damaged=[(f"{i.bucket}/{i.key}", i.faults) for i in ledger.inspections(campaign.id, faulty=True)],
        crowds=[_crowd(c, campaign) for c in ledger.crowds(campaign.id)],
        arrivals=[_line(s, campaign) for s in ledger.newest(campaign.id, ARRIVALS)],
        editions=[_edition(e, campaign, is_there) for e in ledger.editions(campaign.id)[: -EDITIONS - 1 : -1]],
        failures=[_line(s, campaign) for s in open_failures(ledger.to_follow_up(campaign.id), complete)[:FAILURES]],
    )


def render_index(campaigns: Iterable[Campaign]) -> str:
    """Return the list of campaigns; each links to its board at the relative address of its id."""
    return render("index.html", campaigns=list(campaigns))


def _row(
    campaign: Campaign, code: str, cells: Mapping[Kind, Cell], complete: bool, pages: Mapping[tuple[str, str], str]
) -> dict[str, Any]:
    """Return a prefecture's line; `pages` are those of the newest sheets by prefecture and state."""
    times = [cell.last for cell in cells.values() if cell.last]
    told = describe_deliverables(campaign, cells)
    for cell in told:
        shows = cell["deliverable"] in (Kind.PHOTO, Kind.VIDEO) and cell["accepted"]
        cell["gallery"] = quote(f"{campaign.id}/previews/{code}") if shows else None
        cell["page"] = pages.get((code, cell["state"])) if cell["deliverable"] == Kind.STATISTICS else None
    return {
        "code": code,
        "name": campaign.prefecture(code).name,
        "cells": told,
        "complete": complete,
        "last": moment(max(times), campaign.zone) if times else "",
    }


def _summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    cells = [cell for row in rows for cell in row["cells"]]
    return {
        "complete": sum(row["complete"] for row in rows),
        "silent": sum(not row["last"] for row in rows),
        "missing": sum(cell["state"] == "missing" and cell["lacking"] > 0 for cell in cells),
        "rejected": sum(cell["state"] == "rejected" for cell in cells),
        "held": sum(cell["state"] == "held" for cell in cells),
    }


def _crowd(crowd: Crowd, campaign: Campaign) -> dict[str, Any]:
    known = {p.code: p.name for p in campaign.prefectures}
    return {
        "prefecture": known.get(crowd.prefecture, crowd.prefecture),
        "crowded": crowd.is_crowded,
        "closed": crowd.closed,
        "swept": crowd.swept,
        "swept_bytes": crowd.swept_bytes,
        "at": moment(crowd.at, campaign.zone),
    }


def _line(submission: Submission, campaign: Campaign) -> dict[str, Any]:
    told = describe_file(submission, campaign, campaign.zone)
    known = {p.code: p.name for p in campaign.prefectures}
    page = _page(submission) if has_page(submission) else None
    what_to_do = advice(submission) if submission.state == "held" else ""
    return {**told, "prefecture": known.get(submission.prefecture, "未能识别"), "page": page, "advice": what_to_do}


def _page(submission: Submission) -> str:
    return quote(f"{submission.campaign}/checks/{submission.prefecture}/{submission.id}")


def _edition(edition: Edition, campaign: Campaign, is_there: Callable[[str], bool]) -> dict[str, Any]:
    folder = edition.prefix.removeprefix(f"{campaign.id}/").strip("/")
    files = [name for name in _FILES if name != PDF or is_there(f"{edition.prefix}{PDF}")]
    name = f"终稿 第 {edition.version} 版" if edition.edition == "final" else f"中期 第 {edition.version} 版"
    return {
        "title": f"{name}（{moment(edition.created_at, campaign.zone)}）",
        "files": [(_FILES[name], quote(f"{campaign.id}/reports/{folder}/{name}")) for name in files],
    }
