"""A second campaign that stands in the middle: something of all that a board and a status page can show."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from baosong.campaign import Campaign, Prefecture
from baosong.rules.findings import Kind, Verdict
from baosong_local.demo.plan import Drop
from baosong_local.samples import documents, media, sheets

PREFECTURES = 6


@dataclass(frozen=True, slots=True)
class Midway:
    """Who drops what before the deadline, and what comes too late."""

    first: list[Drop] = field(default_factory=list)
    late: list[Drop] = field(default_factory=list)


def write_midway(home: Path, campaign: Campaign, deadline: datetime) -> str:
    """Write, or write again, a campaign of few prefectures beside another one, and return its id."""
    campaign_id = f"{campaign.id}-midway"
    few = [p.model_dump(mode="json") for p in campaign.prefectures[:PREFECTURES]]
    lines = [
        f"extends: {json.dumps(campaign.id)}",
        f"id: {campaign_id}",
        f"title: {campaign.window.start.year}年全国科普日（演示，进行中）",
        f"deadline: {deadline:%Y-%m-%d %H:%M:%S}",
        f"prefectures: {json.dumps(few, ensure_ascii=False)}",
    ]
    (home / "campaigns" / f"{campaign_id}.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return campaign_id


def make_midway(campaign: Campaign, folder: Path, video: Path) -> Midway:
    """Write the files under `folder`: the first prefecture is complete, the last one silent; `video` is a good one."""
    folder.mkdir(parents=True, exist_ok=True)
    complete, remarked, rejected, held, late, _ = campaign.prefectures
    made = Midway()
    _drop(made.first, campaign, complete, folder, Kind.REPORT, Kind.PHOTO, Kind.PRESS, Kind.STATISTICS)
    made.first.append(Drop(complete.code, Kind.VIDEO, campaign.deliverable(Kind.VIDEO).folder, video))
    _drop(made.first, campaign, remarked, folder, Kind.REPORT, Kind.PHOTO, Kind.STATISTICS)
    _drop(made.first, campaign, rejected, folder, Kind.PHOTO, Kind.PRESS)
    wrong = sheets.make_sheet(campaign, rejected, seed=1)
    path = _written(folder / rejected.code / wrong.name, sheets.wrong_total(wrong))
    made.first.append(
        Drop(rejected.code, Kind.STATISTICS, campaign.deliverable(Kind.STATISTICS).folder, path, Verdict.REJECTED)
    )
    _drop(made.first, campaign, held, folder, Kind.REPORT)
    path = _written(folder / held.code / "媒体报道.docx", _with_attachment(documents.make_press(campaign, held, 1)))
    made.first.append(Drop(held.code, Kind.PRESS, campaign.deliverable(Kind.PRESS).folder, path, Verdict.HELD))
    _drop(made.late, campaign, late, folder, Kind.REPORT, Kind.PHOTO)
    return made


def _drop(drops: list[Drop], campaign: Campaign, prefecture: Prefecture, folder: Path, *kinds: Kind) -> None:
    for kind in kinds:
        name, content = _good(campaign, prefecture, kind)
        path = _written(folder / prefecture.code / name, content)
        drops.append(Drop(prefecture.code, kind, campaign.deliverable(kind).folder, path))


def _good(campaign: Campaign, prefecture: Prefecture, kind: Kind) -> tuple[str, bytes]:
    """Return a good file; the sheet of the second prefecture counts more photographs than are sent: a remark."""
    if kind is Kind.STATISTICS:
        first = prefecture is campaign.prefectures[0]
        sheet = sheets.make_sheet(campaign, prefecture, seed=1, photos=1 if first else 9)
        return sheet.name, sheet.content
    if kind is Kind.REPORT:
        return f"{prefecture.name}总结报告.docx", documents.make_report(campaign, prefecture, seed=1)
    if kind is Kind.PRESS:
        return "媒体报道.docx", documents.make_press(campaign, prefecture, seed=1)
    return "活动照片.jpg", media.make_photo(seed=1, prefecture_name=prefecture.name)


def _with_attachment(document: bytes) -> bytes:
    """Embed what nobody can look into, so that a person has to."""
    packed = io.BytesIO(document)
    with zipfile.ZipFile(packed, "a") as parts:
        parts.writestr("word/embeddings/oleObject1.bin", b"\x01\x02\x03" * 300)
    return packed.getvalue()


def _written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path
