"""The operators' page of one prefecture: its files with their versions and findings, its receipts and their copies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from baosong.campaign import Campaign
from baosong.ledger import is_unpacked
from baosong.receipts.board import cells_of
from baosong.receipts.outbox import newest_receipts
from baosong.receipts.sheet_results import has_page
from baosong.receipts.thumbnails import has_preview
from baosong.receipts.view import Json, advice, describe_file, in_reading_order, is_marked, open_failures, render
from baosong.rules.catalogue import waivable
from baosong.rules.words import remaining_text, time_text

if TYPE_CHECKING:
    from baosong.ledger import Extension, Submission
    from baosong.ledger.board_queries import Done
    from baosong.ledger.services import Services
    from baosong.ledger.work_queue import Queued

MOST_OF_EACH = 50
MOST_RECEIPTS = 20
MOST_ACTS = 30
DAGS = {"quick": "intake", "large": "intake_large"}


def render_prefecture(services: Services, campaign: Campaign, code: str, now: datetime) -> str:
    """Return a prefecture's page, which keeps itself up to date; KeyError if there is no such prefecture."""
    prefecture, ledger = campaign.prefecture(code), services.ledger
    everybodys = campaign.deadline
    campaign, cells, rows, of, last, over_limit, _ = ledger.overview(campaign, code, MOST_OF_EACH)
    marks, numbers = ledger.marks(campaign), ledger.receipt_numbers(campaign.id, code)
    queue = {file.id: file for file in ledger.queued(campaign.id, code)}
    files = [_file(row, campaign, numbers, queue) for row in in_reading_order(rows)]
    extensions = ledger.extensions(campaign.id, code)
    newest_first = sorted(rows, key=lambda row: (row.received_at, row.id), reverse=True)
    deliverables = cells_of(campaign, code, cells, marks, open_failures(newest_first, ()), now)
    for deliverable in deliverables:
        deliverable["files"] = [f for f in files if f["deliverable"] == deliverable["deliverable"]]
    return render(
        "prefecture.html",
        campaign=campaign,
        prefecture=prefecture,
        contact=campaign.contact(code),
        now_text=time_text(now, campaign.zone),
        remaining=remaining_text(campaign.deadline, now),
        deliverables=deliverables,
        others=[f for f in files if f["deliverable"] not in {d.kind for d in campaign.deliverables}],
        pictures=any(has_preview(row) for row in rows),
        receipts=_receipts(services, f"{campaign.id}/{prefecture.folder}/", last),
        receipts_left_out=max(0, last - MOST_RECEIPTS),
        extended=campaign.deadline > everybodys,
        done=_done(ledger.done_by_people(campaign.id, code, MOST_ACTS), extensions, campaign),
        left_out=of - len(rows),
        over_limit=over_limit,
    )


def _done(acts: Sequence[Done], extensions: Sequence[Extension], campaign: Campaign) -> list[Json]:
    """Return what people did about files, and who granted the prefecture more time, the newest first."""
    done: list[tuple[datetime, Json]] = [
        (act.at, {"who": act.who, "note": act.note, "file": act.submission_id, "name": act.file}) for act in acts
    ]
    for e in extensions:
        note = f"延长截止时间至{campaign.text_of(e.deadline)}。{e.reason}"
        done.append((e.at, {"who": e.who, "note": note, "file": None}))
    newest_first = sorted(done, key=lambda act: act[0], reverse=True)
    return [{"at": time_text(at, campaign.zone), **act} for at, act in newest_first]


def _file(row: Submission, campaign: Campaign, numbers: dict[int, int], queue: dict[int, Queued]) -> Json:
    queued, view = queue.get(row.id), describe_file(row, campaign, campaign.zone)
    return {
        **view,
        "problems": [f for f in view["findings"] if f["severity"] != "note" and f["rule"] != "file.late"],
        "version": row.version,
        "receipt": numbers.get(row.receipt_id or 0),
        "advice": advice(row) if row.state == "held" else "",
        "marked": is_marked(row),
        "purged": row.purged_at is not None,
        "stored": row.bucket,
        "checks": has_page(row),
        "acts": _acts(row),
        "run": f"{DAGS[queued.lane]}/runs/{quote(queued.run)}" if queued and queued.run else "",
        "queued": queued is not None and queued.run is None,
    }


def _acts(row: Submission) -> list[tuple[str, str]]:
    """Return what an operator can do about a file, by name and in words."""
    if row.state == "held" and row.replied_at is not None:
        return [("review", "退回…" if is_marked(row) else "放行或退回…")]
    errors = [f["rule"] for f in row.findings if f["severity"] == "error"]
    if row.state == "rejected" and row.replied_at and not row.purged_at and all(map(waivable, errors)):
        return [("waive", "免除要求…")]
    if row.state == "accepted" and row.replied_at and not is_unpacked(row):
        return [("withdraw", "撤回…")]
    return []


def _receipts(services: Services, area: str, last: int) -> list[Json]:
    """Return the newest receipts with their annotated copies, as names and addresses below the prefecture's page."""
    found = newest_receipts(services.storage, area, last, MOST_RECEIPTS)
    pages = [(number, name) for number, name in found if name.endswith(".html")]
    return [
        {
            "number": number,
            "title": page.removesuffix(".html"),
            "name": page,
            "copies": [copy for n, copy in found if n == number and copy.endswith(".xlsx")],
        }
        for number, page in pages
    ]
