"""The operators' board (看板): complete and missing prefectures, failures with their reasons, editions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from baosong.campaign import Campaign
from baosong.receipts.sheet_results import has_page
from baosong.receipts.view import Json, advice, describe_deliverables, describe_file, open_failures, render
from baosong.report.files import DOCUMENT, PAGE, PDF, WORKBOOK
from baosong.rules.findings import Kind
from baosong.rules.words import elapsed_text, remaining_text, time_text

if TYPE_CHECKING:
    from baosong.ledger import Cell, Edition, IntakeLimit, Ledger, Submission
    from baosong.ledger.work_queue import Lane

ARRIVALS = 15
FAILURES = 30
EDITIONS = 3
_FILES = {WORKBOOK: "汇总表", DOCUMENT: "Word", PAGE: "网页", PDF: "PDF"}


def render_board(ledger: Ledger, campaign: Campaign, now: datetime, exists: Callable[[str], bool]) -> str:
    """Return the board of a campaign as one HTML page that reloads itself every 15 seconds.

    `exists` says whether the reports bucket has a key: a PDF is made only where LibreOffice is installed.
    """
    cells = ledger.completeness(campaign)
    complete = set(ledger.complete_prefectures(campaign))
    pages = {(s.prefecture, s.state): _page(s) for s in ledger.newest_sheets(campaign.id) if has_page(s)}
    rows = [_row(campaign, p.code, cells.get(p.code, {}), p.code in complete, pages) for p in campaign.prefectures]
    return render(
        "board.html",
        campaign=campaign,
        now_text=time_text(now, campaign.zone),
        remaining=remaining_text(campaign.deadline, now),
        overdue=now >= campaign.deadline,
        rows=rows,
        summary=_summary(rows),
        damaged=[(f"{i.bucket}/{i.key}", i.faults) for i in ledger.fixity_checks(campaign.id, faulty=True)],
        waiting=waiting_text(ledger.oldest_queued(campaign.id), now),
        intake_limits=[_limit(limit, campaign) for limit in ledger.intake_limits(campaign.id)],
        arrivals=[_line(s, campaign) for s in ledger.newest(campaign.id, ARRIVALS)],
        editions=[_edition(e, campaign, exists) for e in ledger.editions(campaign.id)[: -EDITIONS - 1 : -1]],
        failures=[_line(s, campaign) for s in open_failures(ledger.to_follow_up(campaign.id), complete)[:FAILURES]],
    )


def waiting_text(since: Mapping[Lane, datetime], now: datetime) -> str:
    """Say how long the oldest unanswered file of each lane has waited, empty where none does."""
    lanes: tuple[tuple[Lane, str], ...] = (("quick", "普通文件"), ("large", "大文件"))
    parts = [f"{name}已等 {elapsed_text(now - since[lane])}" for lane, name in lanes if lane in since]
    return f"尚未答复的文件中，等得最久的{'，'.join(parts)}。" if parts else ""


def render_index(campaigns: Iterable[Campaign]) -> str:
    """Return the list of campaigns; each links to its board at the relative address of its id."""
    return render("index.html", campaigns=list(campaigns))


def _row(
    campaign: Campaign, code: str, cells: Mapping[Kind, Cell], complete: bool, pages: Mapping[tuple[str, str], str]
) -> Json:
    """Return a prefecture's row; `pages` maps (prefecture, state) to the page of the newest such sheet."""
    times = [cell.last for cell in cells.values() if cell.last]
    view = describe_deliverables(campaign, cells)
    for cell in view:
        shows = cell["deliverable"] in (Kind.PHOTO, Kind.VIDEO) and cell["accepted"]
        cell["gallery"] = quote(f"{campaign.id}/previews/{code}") if shows else None
        cell["page"] = pages.get((code, cell["state"])) if cell["deliverable"] == Kind.STATISTICS else None
    return {
        "code": code,
        "name": campaign.prefecture(code).name,
        "cells": view,
        "complete": complete,
        "last": time_text(max(times), campaign.zone) if times else "",
    }


def _summary(rows: Sequence[Json]) -> dict[str, int]:
    cells = [cell for row in rows for cell in row["cells"]]
    return {
        "complete": sum(row["complete"] for row in rows),
        "silent": sum(not row["last"] for row in rows),
        "missing": sum(cell["state"] == "missing" and cell["lacking"] > 0 for cell in cells),
        "rejected": sum(cell["state"] == "rejected" for cell in cells),
        "held": sum(cell["state"] == "held" for cell in cells),
    }


def _limit(limit: IntakeLimit, campaign: Campaign) -> Json:
    names = {p.code: p.name for p in campaign.prefectures}
    return {
        "prefecture": names.get(limit.prefecture, limit.prefecture),
        "limit": limit,
        "at": time_text(limit.at, campaign.zone),
    }


def _line(submission: Submission, campaign: Campaign) -> Json:
    names = {p.code: p.name for p in campaign.prefectures}
    page = _page(submission) if has_page(submission) else None
    return {
        **describe_file(submission, campaign, campaign.zone),
        "prefecture": names.get(submission.prefecture, "未能识别"),
        "page": page,
        "advice": advice(submission) if submission.state == "held" else "",
    }


def _page(submission: Submission) -> str:
    return quote(f"{submission.campaign}/checks/{submission.prefecture}/{submission.id}")


def _edition(edition: Edition, campaign: Campaign, exists: Callable[[str], bool]) -> Json:
    folder = edition.prefix.removeprefix(f"{campaign.id}/").strip("/")
    files = [name for name in _FILES if name != PDF or exists(f"{edition.prefix}{PDF}")]
    name = f"终稿 第 {edition.version} 版" if edition.edition == "final" else f"中期 第 {edition.version} 版"
    return {
        "title": f"{name}（{time_text(edition.created_at, campaign.zone)}）",
        "files": [(_FILES[name], quote(f"{campaign.id}/reports/{folder}/{name}")) for name in files],
    }
