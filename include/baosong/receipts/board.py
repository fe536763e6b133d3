"""The operators' board (看板): complete and missing prefectures, failures with their reasons, editions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from baosong.campaign import Campaign
from baosong.ledger.board_queries import EditionLine, Marks
from baosong.receipts.messages import message_line
from baosong.receipts.sheet_results import has_page
from baosong.receipts.view import Json, advice, describe_deliverables, describe_file, open_failures, render
from baosong.report.files import DOCUMENT, ONE_PAGE, ONE_PAGE_PDF, PAGE, PDF, PDFS, SLIDES, WORKBOOK
from baosong.rules.findings import Kind
from baosong.rules.words import elapsed_text, remaining_text, time_text

if TYPE_CHECKING:
    from baosong.ledger import Cell, Closing, IntakeLimit, Ledger, Submission
    from baosong.ledger.work_queue import Lane, Queued

ARRIVALS = 15
FAILURES = 30
EDITIONS, OPEN_EDITIONS = 30, 3
MESSAGES = 10
_FILES = {
    WORKBOOK: "汇总表",
    DOCUMENT: "Word",
    PAGE: "网页",
    PDF: "PDF",
    ONE_PAGE: "一页纸",
    ONE_PAGE_PDF: "一页纸PDF",
    SLIDES: "幻灯片",
}
_BEFORE = (WORKBOOK, DOCUMENT, PAGE)  # of an edition that does not state its files


class Fact(NamedTuple):
    """A line about the system's own health: what it is about, how it is, and how that looks (done, held, failed)."""

    name: str
    text: str
    look: str


def render_board(
    ledger: Ledger, campaign: Campaign, now: datetime, exists: Callable[[str], bool], health: Sequence[Fact] = ()
) -> str:
    """Return the board of a campaign as one HTML page that keeps itself up to date.

    `exists` says whether the reports bucket has a key: a PDF is made only where LibreOffice and a Chinese font are
    installed. `health` is what is known of the system beside its ledger.
    """
    cells, marks = ledger.completeness(campaign), ledger.marks(campaign)
    complete = set(ledger.complete_prefectures(campaign))
    pages = {(s.prefecture, s.state): _page(s) for s in ledger.newest_sheets(campaign.id) if has_page(s)}
    failures = open_failures(ledger.to_follow_up(campaign.id), complete)
    own = {code: campaign.ending(deadline) for code, deadline in ledger.deadlines(campaign).items()}
    views = {code: cells_of(own[code], code, row, marks, failures, now) for code, row in cells.items()}
    last = {code: max((c.last for c in row.values() if c.last), default=None) for code, row in cells.items()}
    rows = [_row(own[code], code, view, code in complete, pages, last[code]) for code, view in views.items()]
    extended = {code: due.deadline_text for code, due in own.items() if due.deadline > campaign.deadline}
    return render(
        "board.html",
        campaign=campaign,
        now_text=time_text(now, campaign.zone),
        remaining=remaining_text(campaign.deadline, now),
        overdue=now >= campaign.deadline,
        rows=rows,
        extended=extended,
        summary=_summary(rows),
        damaged=[(f"{i.bucket}/{i.key}", i.faults) for i in ledger.fixity_checks(campaign.id, faulty=True)],
        health=[_queue(ledger.queued(campaign.id)), *health],
        waiting=waiting_text(ledger.oldest_queued(campaign.id), now),
        intake_limits=[_limit(limit, campaign) for limit in ledger.intake_limits(campaign.id)],
        arrivals=[_line(s, campaign) for s in ledger.newest(campaign.id, ARRIVALS)],
        editions=_editions(ledger.newest_editions(campaign.id, EDITIONS), campaign, exists),
        failures=[_line(s, campaign) for s in failures[:FAILURES]],
        messages=[message_line(n, campaign, now) for n in ledger.last_notifications(campaign.id, MESSAGES)],
        closing=closing_text(ledger.closure(campaign.id), campaign),
    )


def closing_text(closing: Closing | None, campaign: Campaign) -> str:
    """Say that a campaign was closed with prefectures missing: by whom, when and why; empty while it is open."""
    if closing is None or closing.decided_at is None:
        return ""
    names = "、".join(p.name for p in campaign.prefectures if p.code in closing.missing)
    at = time_text(closing.decided_at, campaign.zone)
    return f"已于 {at} 结束收报，当时未报齐的：{names}。批准人：{closing.who}；理由：{closing.reason}"


def waiting_text(since: Mapping[Lane, datetime], now: datetime) -> str:
    """Say how long the oldest unanswered file of each lane has waited, empty where none does."""
    lanes: tuple[tuple[Lane, str], ...] = (("quick", "普通文件"), ("large", "大文件"))
    parts = [f"{name}已等 {elapsed_text(now - since[lane])}" for lane, name in lanes if lane in since]
    return f"尚未答复的文件中，等得最久的{'，'.join(parts)}。" if parts else ""


def render_index(campaigns: Iterable[Campaign]) -> str:
    """Return the list of campaigns; each links to its board at the relative address of its id."""
    return render("index.html", campaigns=list(campaigns))


def cells_of(
    campaign: Campaign,
    code: str,
    row: Mapping[Kind, Cell],
    marks: Mapping[tuple[str, str], Marks],
    failures: Sequence[Submission],
    now: datetime,
) -> list[Json]:
    """Return a prefecture's deliverables as `describe_deliverables` does, with what is late, remarked on or held."""
    held = Counter(s.kind for s in failures if s.state == "held" and s.prefecture == code)
    view = describe_deliverables(campaign, row)
    for cell in view:
        cell["late"], cell["remarks"] = marks.get((code, cell["deliverable"]), Marks())
        cell["held"] = held[cell["deliverable"]]
        if cell["state"] == "missing" and cell["lacking"] and now >= campaign.deadline:
            cell["state"], cell["word"] = "overdue", f"逾期{cell['word']}"
    return view


def _queue(files: Sequence[Queued]) -> Fact:
    at_work = sum(file.run is not None for file in files)
    return Fact("待答复的文件", f"处理中 {at_work} 个，排队 {len(files) - at_work} 个" if files else "没有", "done")


def _row(
    campaign: Campaign,
    code: str,
    cells: list[Json],
    complete: bool,
    pages: Mapping[tuple[str, str], str],
    last: datetime | None,
) -> Json:
    """Return a prefecture's row; `pages` maps (prefecture, state) to the page of the newest such sheet."""
    for cell in cells:
        shows = cell["deliverable"] in (Kind.PHOTO, Kind.VIDEO) and cell["accepted"]
        cell["gallery"] = quote(f"{campaign.id}/previews/{code}") if shows else None
        cell["page"] = pages.get((code, cell["state"])) if cell["deliverable"] == Kind.STATISTICS else None
    return {
        "code": code,
        "name": campaign.prefecture(code).name,
        "href": quote(f"{campaign.id}/{code}"),
        "cells": cells,
        "complete": complete,
        "last": time_text(last, campaign.zone) if last else "",
    }


def _summary(rows: Sequence[Json]) -> dict[str, int]:
    cells = [cell for row in rows for cell in row["cells"]]
    return {
        "complete": sum(row["complete"] for row in rows),
        "silent": sum(not row["last"] for row in rows),
        "missing": sum(cell["state"] in ("missing", "overdue") and cell["lacking"] > 0 for cell in cells),
        "rejected": sum(cell["state"] == "rejected" for cell in cells),
        "held": sum(cell["state"] == "held" or cell["held"] > 0 for cell in cells),
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
        "href": quote(f"{campaign.id}/{submission.prefecture}") if submission.prefecture in names else None,
        "advice": advice(submission) if submission.state == "held" else "",
    }


def _page(submission: Submission) -> str:
    return quote(f"{submission.campaign}/checks/{submission.prefecture}/{submission.id}")


def _editions(editions: Sequence[EditionLine], campaign: Campaign, exists: Callable[[str], bool]) -> list[Json]:
    """Return the editions; whether there is a PDF is asked of the few that stand open alone.

    The page renews itself every two seconds.
    """
    return [_edition(e, campaign, exists if n < OPEN_EDITIONS else lambda _: False) for n, e in enumerate(editions)]


def _edition(edition: EditionLine, campaign: Campaign, exists: Callable[[str], bool]) -> Json:
    folder = edition.prefix.removeprefix(f"{campaign.id}/").strip("/")
    stated = edition.files or _BEFORE
    files = [name for name in _FILES if PDFS.get(name, name) in stated]
    files = [name for name in files if name not in PDFS or exists(f"{edition.prefix}{name}")]
    kind, missing = "终稿" if edition.edition == "final" else "中期", edition.missing
    return {
        "name": f"{kind} 第 {edition.version} 版",
        "at": time_text(edition.created_at, campaign.zone),
        "state": f"缺 {missing} 个地州市" if missing else "全部报齐",
        "complete": not missing,
        "files": [(_FILES[name], quote(f"{campaign.id}/reports/{folder}/{name}")) for name in files],
    }
