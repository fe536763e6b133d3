"""Receipts (回执): one HTML page per receipt, and the JSON payload that the page is drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote
from zoneinfo import ZoneInfo

from baosong.campaign import Campaign, Prefecture
from baosong.receipts import replaced, view
from baosong.receipts.outbox import stem_of
from baosong.receipts.view import Json, render
from baosong.rules.findings import Kind
from baosong.rules.words import remaining_text, time_text

if TYPE_CHECKING:
    from baosong.ledger import Cell, Replacement, Submission

DEFAULT_ZONE = ZoneInfo("Asia/Shanghai")
TEMPLATES = "模板/"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt's page, its JSON payload, and its object name without the suffix (`.html`, `.json`)."""

    html: str
    json: Json
    name: str


def render_receipt(
    campaign: Campaign,
    prefecture: Prefecture,
    number: int,
    issued: datetime,
    submissions: Sequence[Submission],
    completeness_row: Mapping[Kind, Cell],
    annotated: Mapping[int, str] | None = None,
    replacements: Mapping[int, Replacement] | None = None,
) -> Receipt:
    """Return receipt `number` about these files; `completeness_row` is the prefecture's state after them.

    `annotated` maps submission ids to the file names of annotated copies, which lie beside the page (see
    `annotated_name`), and `replacements` maps them to what the submission replaced.
    """
    files, heading = _heading(campaign, campaign.zone, number, issued, submissions)
    deliverables = view.describe_deliverables(campaign, completeness_row)
    name = _name(heading, issued.astimezone(campaign.zone))
    for file in files:
        if copy := (annotated or {}).get(file["submission"]):
            file["annotated"] = _link(annotated_name(name, copy), annotated_name(name, copy))
        if earlier := (replacements or {}).get(file["submission"]):
            file["replaced"] = replaced.describe(earlier, file["deliverable"], campaign, prefecture)
    payload = {
        **heading,
        "campaign": _campaign(campaign),
        "prefecture": {"code": prefecture.code, "name": prefecture.name},
        "remaining": remaining_text(campaign.deadline, issued),
        "deliverables": deliverables,
        "video_asked": campaign.video.text if any(f["video"] for f in files) else "",
        "exports": next((e for f in files if (e := f["facts"].get("exports"))), {}),
        "next": view.next_steps(files, deliverables, campaign.deadline_text),
        "recipient": campaign.recipient.model_dump(),
        "rules_version": campaign.rules_version,
    }
    return Receipt(render("receipt.html", r=payload), payload, name)


def annotated_name(receipt: str, file: str) -> str:
    """Return the object name of a file's annotated copy, beside the receipt of this name."""
    return f"{receipt}-批注-{file}"


def render_unplaced(
    campaign: Campaign | None, number: int, issued: datetime, submissions: Sequence[Submission]
) -> Receipt:
    """Return the receipt for files whose key names no prefecture; `campaign` is the one in the key, if it is known."""
    zone = campaign.zone if campaign else DEFAULT_ZONE
    files, heading = _heading(campaign, zone, number, issued, submissions)
    text = f"有 {len(files)} 个文件未能识别报送单位，没有接收。"
    payload = {
        **heading,
        "answer": {"code": "rejected", "short": "未能识别报送单位", "text": text},
        "campaign": _campaign(campaign) if campaign else None,
        "keys": [s.key for s in view.in_reading_order(submissions)],
        "folders": [f"{campaign.id}/{p.folder}" for p in campaign.prefectures] if campaign else [],
        "deliverables": view.describe_deliverables(campaign, {}) if campaign else [],
        "recipient": campaign.recipient.model_dump() if campaign else None,
    }
    return Receipt(render("unplaced.html", r=payload), payload, _name(payload, issued.astimezone(zone)))


def render_status(
    campaign: Campaign,
    prefecture: Prefecture,
    now: datetime,
    completeness_row: Mapping[Kind, Cell],
    submissions: Sequence[Submission],
    links: Mapping[str, str] | None = None,
    left_out: int = 0,
    receipts_left_out: int = 0,
    over_limit: bool = False,
    closed_at: datetime | None = None,
) -> str:
    """Return the prefecture's overview page 状态.html; what it says stays true until the next file comes.

    `links` maps titles to keys relative to the page, in display order: `{"空白表": "模板/空白表.xlsx", "回执-003号":
    "回执/回执-003号.html"}`; keys under 模板 are offered as templates, the others as receipts. `left_out` and
    `receipts_left_out` count the older files and receipts that are not among `submissions` and `links`; `over_limit` is
    whether its area of the intake holds more than the campaign allows, `closed_at` when the campaign was closed without
    waiting for those that were missing.
    """
    files = view.describe_files(submissions, campaign, campaign.zone)
    deliverables = view.describe_deliverables(campaign, completeness_row)
    complete = [] if any(d["lacking"] for d in deliverables) else [prefecture.code]
    current_ids = view.current_ids(submissions, complete)
    current = [f for f in files if f["submission"] in current_ids]
    unassigned = [f for f in current if f["deliverable"] is None]
    for item in deliverables:
        item["files"] = [f for f in current if f["deliverable"] == item["deliverable"]]
    return render(
        "status.html",
        campaign=campaign,
        prefecture=prefecture,
        now_text=time_text(now, campaign.zone),
        deliverables=deliverables,
        ready=sum(d["state"] == "accepted" for d in deliverables),
        others=[f for f in unassigned if not f["may_delete_local_copy"]],
        bundles=[f for f in unassigned if f["may_delete_local_copy"]],
        past=[f for f in files if f["submission"] not in current_ids],
        left_out=left_out,
        receipts_left_out=receipts_left_out,
        over_limit=over_limit,
        # While one has time that was granted after that, nothing is closed for it.
        closed=time_text(closed_at, campaign.zone) if closed_at and campaign.deadline <= max(closed_at, now) else "",
        next=view.next_steps(current, deliverables, campaign.deadline_text),
        templates=[_link(title, key) for title, key in (links or {}).items() if key.startswith(TEMPLATES)],
        receipts=[_link(title, key) for title, key in (links or {}).items() if not key.startswith(TEMPLATES)],
    )


def _link(title: str, key: str) -> dict[str, str]:
    return {"title": title, "href": quote(key)}


def _heading(
    campaign: Campaign | None, zone: ZoneInfo, number: int, issued: datetime, submissions: Sequence[Submission]
) -> tuple[list[Json], Json]:
    files = view.describe_files(submissions, campaign, zone)
    counted = [file for file in files if file["unpacked"] is None]  # a package's members count, not the package
    return files, {
        "number": number,
        "number_text": f"{number:03d}号",
        "issued": issued.astimezone(zone).isoformat(timespec="seconds"),
        "issued_text": time_text(issued, zone),
        "answer": view.answer([f["state"] for f in counted]),
        "late": sum(f["late"] for f in counted),
        "count": len(counted),
        "files": files,
    }


def _campaign(campaign: Campaign) -> Json:
    names = campaign.model_dump(include={"id", "title", "region", "organizer"})
    return {**names, "deadline": campaign.deadline.isoformat(), "deadline_text": campaign.deadline_text}


def _name(payload: Json, issued: datetime) -> str:
    return f"{stem_of(payload['number'])}-{issued:%Y%m%d-%H%M}-{payload['answer']['short']}"
