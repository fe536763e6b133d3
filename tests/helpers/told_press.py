"""What a report must tell of the press, recounted from the pieces as they were dropped, by python-docx alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import docx

from baosong.rules.findings import Kind

if TYPE_CHECKING:
    from expected import Edition

LOCAL = "地级及以下"  # each made medium bears its prefecture's name


@dataclass
class Sent:
    """A piece as it was sent, and the names of those who sent its address."""

    title: str
    medium: str
    month: int
    day: int
    link: str
    places: list[str] = field(default_factory=list)


def sent(e: Edition) -> list[Sent]:
    """Return the pieces, each address once, in the order of their days and then of the prefectures."""
    found: dict[str, Sent] = {}
    for code, name in e.walk.places.items():
        for drop in sorted(e.post.counted(code, Kind.PRESS), key=lambda d: d.path.name):
            piece = _read(drop.path)
            found.setdefault(piece.link, piece).places.append(name)
    order = list(e.walk.places.values())
    return sorted(found.values(), key=lambda p: (p.month, p.day, order.index(p.places[0]), p.title, p.link))


def _read(path: Path) -> Sent:
    lines = [p.text for p in docx.Document(str(path)).paragraphs]
    said = dict(line.split("：", 1) for line in lines if line.startswith(("媒体：", "日期：", "网址：")))
    month, day = map(int, re.findall(r"\d+", said["日期"])[1:])
    return Sent(lines[0], said["媒体"], month, day, said["网址"])


def press_levels(e: Edition) -> list[str]:
    return [LOCAL] if sent(e) else []


def press_rows(e: Edition, level: str) -> list[list[str]]:
    assert level == LOCAL
    return [
        [str(n), p.title, p.medium, f"{p.month}月{p.day}日", "、".join(p.places), p.link]
        for n, p in enumerate(sent(e), start=1)
    ]


def of_press(e: Edition) -> Iterator[str]:
    pieces = sent(e)
    assert all(any(name in p.medium for name in p.places) for p in pieces), "or they are of another level"
    assert 0 < len(pieces) < e.region.total("D01")
    number = 3
    yield (
        f"随材料报送、列有标题或网址的报道{len(pieces)}条（见附件{number}），均为{LOCAL}媒体，"
        f"都有网址，比统计表填报数少{e.region.total('D01') - len(pieces)}条，没有附上标题或网址的未列"
    )
    yield f"随材料报送、列有标题或网址的报道{len(pieces)}条，按媒体级别列出；"
    yield f"{LOCAL}（{len(pieces)}条）"
