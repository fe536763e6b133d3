"""The good sheet that every case starts from: its rows as a person would type them, and the figures they hold."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from decimal import Decimal
from typing import Any

from baosong_local.samples import dirt
from sheet_help import CAMPAIGN, LIST, TOTALS, Edit

__all__ = ["LIST", "TOTALS", "activity_rows", "base_book", "column_of", "indicator_figures", "row_of"]

FIRST = 4
INDICATORS: list[tuple[str, Any, Any, Any]] = [
    ("A01", 6, 5, 1),
    ("A02", 2, None, None),
    ("A03", 1, None, None),
    ("A04", 1, None, None),
    ("A05", 1, None, None),
    ("A06", 0, None, None),
    ("A07", 0, None, None),
    ("A08", 1, None, None),
    ("A09", 0, None, None),
    ("A10", 1, None, None),
    ("A11", 1, None, None),
    ("A12", 4, None, None),
    ("B01", 17125, 6045, 11080),
    ("B02", 4210, 2010, 2200),
    ("B03", 63, None, None),
    ("B04", 21, None, None),
    ("C01", 4050, None, None),
    ("C02", 36, None, None),
    ("C03", 12, None, None),
    ("C04", 3, None, None),
    ("D01", 11, None, None),
    ("D02", 1, None, None),
    ("D03", 3, None, None),
    ("D04", 7, None, None),
    ("E01", 11.5, None, None),
    ("E02", 8, None, None),
    ("F01", 4, None, None),
    ("F02", 1, None, None),
]
ACTIVITIES: list[list[Any]] = [
    ["科技活动周启动仪式", "启动仪式", "天山区", "人民广场", date(2023, 5, 20), date(2023, 5, 20), "市科技局", None,
     "线下", 1200, 0, 30, 2000, 5.5, "是", 6, "张伟", "0991-2812345", "启动仪式暨科普集市"],
    ["防震减灾科普讲座", "讲座报告", "沙依巴克区", "市图书馆", date(2023, 5, 21), date(2023, 5, 21), "市地震局", None,
     "线上线下结合", 180, 2350, 4, 150, 0.6, "否", 1, "李娜", "0991-2823456", None],
    ["航天科普展", "展览展示", "新市区", "市科技馆", date(2023, 5, 22), date(2023, 5, 28), "市科协", "市科技馆",
     "线下", 3460, 0, 12, 800, 3.2, "否", 2, "王芳", "0991-2834567", "模型与实物展"],
    ["健康义诊进乡村", "咨询义诊", "达坂城区", "东沟乡卫生院", date(2023, 5, 23), date(2023, 5, 23), "市卫健委", None,
     "线下", 265, 0, 9, 500, 0.45, "否", 0, "阿依古丽", "0991-2845678", None],
    ["科普知识网上答题", "其他", "水磨沟区", "网络平台", date(2023, 5, 20), date(2023, 5, 31), "市科技局", None,
     "线上", 0, 8730, 2, None, 1, "否", 1, None, None, None],
    ["科学家精神进校园", "进基层", "米东区", "第一中学", date(2023, 5, 24), date(2023, 5, 25), "市教育局", None,
     "线下", 940, 0, 6, 600, 0.75, "是", 1, "买买提", "0991-2856789", None],
]  # fmt: skip
COMPARED = ("name", "category", "place", "start", "end", "form", "offline", "online", "funds", "major")


def base_book(*edits: Edit) -> dirt.Book:
    """Return the rows of the good sheet with edits made: 指标汇总 from D5 on, 活动明细 from A4 on."""
    book = {TOTALS: _totals(), LIST: _list()}
    for edit in edits:
        edit(book)
    return book


def row_of(code: str) -> int:
    """Return the row of an indicator, as the sheet counts it."""
    return next(row for row, (known, *_) in enumerate(INDICATORS, 5) if known == code)


def column_of(field: str) -> str:
    """Return the letter of a column of the list."""
    return chr(65 + [f.name for f in CAMPAIGN.form.activities.fields].index(field))


def _totals() -> list[list[Any]]:
    form = CAMPAIGN.form
    rows: list[list[Any]] = [
        ["2023年自治区科技活动周开展情况统计表", None, None, None, None, None, None],
        ["填报单位（盖章）", None, "乌鲁木齐市科学技术局", None, "填报人", "张伟", None],
        ["联系电话", None, "0991-2812345", None, "填报日期", date(2023, 6, 5), None],
        [c.label for c in form.indicators.columns],
    ]
    for code, total, offline, online in INDICATORS:
        spec = form.by_code[code]
        rows.append([code, spec.name, spec.unit, total, offline, online, None])
    return rows


def _list() -> list[list[Any]]:
    fields = CAMPAIGN.form.activities.fields
    head = [f"{f.label}*" if f.required else f.label for f in fields]
    rows: list[list[Any]] = [["2023年自治区科技活动周活动明细"], ["每项活动填一行，带 * 的列必填。"], head]
    return [*rows, *([number, *deepcopy(row)] for number, row in enumerate(ACTIVITIES, 1))]


def indicator_figures() -> dict[str, tuple[Any, ...]]:
    """Return the figures that the good sheet holds, as `figures` of sheet_help gives them."""
    return {code: tuple(_figure(code, v) for v in amounts) for code, *amounts in INDICATORS}


def _figure(code: str, value: Any) -> Any:
    return money(value) if code.startswith("E") and value is not None else value


def money(value: float | str) -> str:
    """Return an amount of 万元 as figures spell it, without idle zeros."""
    return f"{Decimal(str(value)).normalize():f}"


def activity_rows() -> list[dict[str, Any]]:
    """Return the activities that the good sheet holds, as `figures` of sheet_help gives them."""
    names = [f.name for f in CAMPAIGN.form.activities.fields][1:]
    rows = [dict(zip(names, row, strict=True)) for row in ACTIVITIES]
    return [
        {
            name: money(row[name]) if name == "funds" else str(row[name]) if name in ("start", "end") else row[name]
            for name in COMPARED
        }
        for row in rows
    ]
