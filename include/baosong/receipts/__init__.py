"""Receipts (回执): what a prefecture is told about the files it sent, as one HTML page and its JSON twin."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from baosong.campaign import Campaign, Prefecture
from baosong.findings import Kind
from baosong.receipts import replaced, view
from baosong.receipts.page import render
from baosong.receipts.words import moment, remaining

if TYPE_CHECKING:
    from baosong.ledger import Cell, Replacement, Submission

DEFAULT_ZONE = ZoneInfo("Asia/Shanghai")
TEMPLATES = "模板/"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt's page, the same as JSON values, and its object name without the ending (`.html`, `.json`)."""

    html: str
    json: dict[str, Any]
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

    `annotated` names the marked copies of sheets by submission; they lie beside the page, see `annotated_name`.
    `replacements` tell, by submission, what a file has replaced.
    """
    zone = campaign.zone
    files = [view.describe_file(s, campaign, zone) for s in view.in_reading_order(submissions)]
    deliverables = view.describe_deliverables(campaign, completeness_row)
    heading = _heading(number, issued, zone, files)
    name = _name(heading, issued.astimezone(zone))
    for file in files:
        if copy := (annotated or {}).get(file["submission"]):
            file["annotated"] = _link(annotated_name(name, copy), annotated_name(name, copy))
        if earlier := (replacements or {}).get(file["submission"]):
            file["replaced"] = replaced.describe(earlier, file["deliverable"], campaign, prefecture)
    told = {
        **heading,
        "campaign": _campaign(campaign),
        "prefecture": {"code": prefecture.code, "name": prefecture.name},
        "remaining": remaining(campaign.deadline, issued),
        "deliverables": deliverables,
        "video_asked": campaign.video.text if any(f["video"] for f in files) else "",
        "exports": next((e for f in files if (e := f["facts"].get("exports"))), {}),
        "next": view.next_steps(files, deliverables, campaign.deadline_text),
        "recipient": campaign.recipient.model_dump(),
        "rules_version": campaign.rules_version,
    }
    return Receipt(render("receipt.html", r=told), told, name)


def annotated_name(receipt: str, file: str) -> str:
    """Return the object name of a file's annotated copy, beside the receipt of this name."""
    return f"{receipt}-批注-{file}"


def render_unplaced(
    campaign: Campaign | None, number: int, issued: datetime, submissions: Sequence[Submission]
) -> Receipt:
    """Return the answer to files whose key names no prefecture; `campaign` is the one meant, if it is known."""
    zone = campaign.zone if campaign else DEFAULT_ZONE
    files = [view.describe_file(s, campaign, zone) for s in view.in_reading_order(submissions)]
    told = {
        **_heading(number, issued, zone, files),
        "answer": {
            "code": "rejected",
            "short": "未能识别报送单位",
            "text": f"有 {len(files)} 个文件未能识别报送单位，没有接收。",
        },
        "campaign": _campaign(campaign) if campaign else None,
        "keys": [s.key for s in view.in_reading_order(submissions)],
        "folders": [f"{campaign.id}/{p.folder}" for p in campaign.prefectures] if campaign else [],
        "deliverables": view.describe_deliverables(campaign, {}) if campaign else [],
        "recipient": campaign.recipient.model_dump() if campaign else None,
    }
    return Receipt(render("unplaced.html", r=told), told, _name(told, issued.astimezone(zone)))


def render_status(
    campaign: Campaign,
    prefecture: Prefecture,
    now: datetime,
    completeness_row: Mapping[Kind, Cell],
    submissions: Sequence[Submission],
    links: Mapping[str, str] | None = None,
    left_out: int = 0,
    receipts_left_out: int = 0,
    crowded: bool = False,
) -> str:
    """Return the prefecture's overview page 状态.html.

    `links` are titles and keys relative to the page, in the order to show: `{"空白表": "模板/空白表.xlsx",
    "回执-003号": "回执/回执-003号.html"}`; what lies under 模板 is offered as a template, the rest as receipts.
    `left_out` is how many older files there are besides these submissions, `receipts_left_out` how many older receipts;
    `crowded` says that more lies in its area of the intake than the campaign allows.
    """
    zone = campaign.zone
    files = [view.describe_file(s, campaign, zone) for s in view.in_reading_order(submissions)]
    deliverables = view.describe_deliverables(campaign, completeness_row)
    complete = [] if any(d["lacking"] for d in deliverables) else [prefecture.code]
    current = view.current_ids(submissions, complete)
    now_files = [f for f in files if f["submission"] in current]
    for item in deliverables:
        item["files"] = [f for f in now_files if f["deliverable"] == item["deliverable"]]
    return render(
        "status.html",
        campaign=campaign,
        prefecture=prefecture,
        now_text=moment(now, zone),
        remaining=remaining(campaign.deadline, now),
        overdue=now >= campaign.deadline,
        deliverables=deliverables,
        ready=sum(d["state"] == "accepted" for d in deliverables),
        others=[f for f in now_files if f["deliverable"] is None and not f["may_delete_local_copy"]],
        bundles=[f for f in now_files if f["deliverable"] is None and f["may_delete_local_copy"]],
        past=[f for f in files if f["submission"] not in current],
        left_out=left_out,
        receipts_left_out=receipts_left_out,
        crowded=crowded,
        next=view.next_steps(now_files, deliverables, campaign.deadline_text),
        templates=[_link(title, key) for title, key in (links or {}).items() if key.startswith(TEMPLATES)],
        receipts=[_link(title, key) for title, key in (links or {}).items() if not key.startswith(TEMPLATES)],
    )


def _link(title: str, key: str) -> dict[str, str]:
    return {"title": title, "href": quote(key)}


def _heading(number: int, issued: datetime, zone: ZoneInfo, files: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "number": number,
        "number_text": f"{number:03d}号",
        "issued": issued.astimezone(zone).isoformat(timespec="seconds"),
        "issued_text": moment(issued, zone),
        "answer": view.answer([f["state"] for f in view.counted(files)]),
        "late": sum(f["late"] for f in view.counted(files)),
        "count": len(view.counted(files)),
        "files": files,
    }


def _campaign(campaign: Campaign) -> dict[str, Any]:
    told = campaign.model_dump(include={"id", "title", "region", "organizer"})
    return {**told, "deadline": campaign.deadline.isoformat(), "deadline_text": campaign.deadline_text}


def stem_of(number: int) -> str:
    """Return how the names of a receipt's page and all that lies beside it begin."""
    return f"回执-{number:03d}号"


def number_of(name: str) -> int:
    """Return the number of the receipt whose page has this name; 0 if it is none's."""
    found = re.match(r"回执-(\d+)号-.*\.html", name)
    return int(found[1]) if found else 0


def _name(told: Mapping[str, Any], issued: datetime) -> str:
    return f"{stem_of(told['number'])}-{issued:%Y%m%d-%H%M}-{told['answer']['short']}"
