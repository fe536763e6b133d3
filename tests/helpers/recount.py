"""A region recounted by hand: sheets opened with openpyxl, added up and worded again, without the project's code."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

PARTS = {"合计": "total", "其中：线下": "offline", "其中：线上": "online"}
_CODE = re.compile(r"[A-Z]\d\d")


@dataclass(frozen=True)
class Sheet:
    """One statistics sheet: figures and their cells by (code, part), and its list, each row by its headings."""

    figures_on: str
    names: dict[str, tuple[str, str]]  # code -> name and unit
    values: dict[tuple[str, str], Decimal]
    cells: dict[tuple[str, str], str]
    list_on: str
    activities: list[tuple[int, dict[str, Any]]]  # its row, and what stands there by heading


@cache
def read_sheet(content: bytes) -> Sheet:
    """Read a workbook: the figures are found by their codes and headings, the list by the heading 活动名称."""
    book = load_workbook(io.BytesIO(content), data_only=True)
    figures, row = _headed(book.worksheets, "指标名称")
    heads = {str(cell.value): cell.column for cell in figures[row]}
    found = [r for r in figures.iter_rows(min_row=row + 1) if _CODE.fullmatch(str(r[0].value))]
    cells = {(str(r[0].value), part): r[heads[head] - 1] for r in found for head, part in PARTS.items()}
    names = {str(r[0].value): (str(r[heads["指标名称"] - 1].value), str(r[heads["计量单位"] - 1].value)) for r in found}
    stated = {at: cell for at, cell in cells.items() if cell.value is not None}
    listed, first = _headed(book.worksheets, "活动名称*")
    return Sheet(
        figures.title,
        names,
        {at: Decimal(str(cell.value)) for at, cell in stated.items()},
        {at: cell.coordinate for at, cell in stated.items()},
        listed.title,
        list(_list(listed, first)),
    )


@dataclass(frozen=True)
class Read:
    """A sheet in short: indicator -> (total, offline, online), and its rows of activities as they stand."""

    values: dict[str, tuple[Decimal, Decimal | None, Decimal | None]]
    activities: list[tuple[Any, ...]]


def read_shortly(content: bytes) -> Read:
    """Read a workbook as `read_sheet` does."""
    sheet, none = read_sheet(content), Decimal(0)
    parts = {code: [sheet.values.get((code, part)) for part in PARTS.values()] for code in sheet.names}
    values = {code: (total or none, offline, online) for code, (total, offline, online) in parts.items()}
    return Read(values, [tuple(fields.values()) for _, fields in sheet.activities])


def _headed(sheets: Iterable[Worksheet], heading: str) -> tuple[Worksheet, int]:
    return next((s, row[0].row) for s in sheets for row in s.iter_rows(max_row=12) for c in row if c.value == heading)


def _list(sheet: Worksheet, head: int) -> Iterable[tuple[int, dict[str, Any]]]:
    labels = [str(cell.value).rstrip("*") for cell in sheet[head]]
    for row in sheet.iter_rows(min_row=head + 1):
        values = dict(zip(labels, (cell.value for cell in row), strict=True))
        if values["活动名称"]:
            yield row[0].row, values


@dataclass(frozen=True)
class Region:
    """The prefectures by code in their order, and the sheets of those that are counted."""

    places: Mapping[str, str]
    sheets: Mapping[str, Sheet]

    @property
    def indicators(self) -> dict[str, tuple[str, str]]:
        return next(iter(self.sheets.values())).names

    @property
    def activities(self) -> list[tuple[str, int, dict[str, Any]]]:
        """Return (place, row in its sheet, fields) of all activities in the region's order."""
        return [(code, *a) for code in self.places if code in self.sheets for a in self.sheets[code].activities]

    def value(self, place: str, code: str, part: str = "total") -> Decimal | None:
        return self.sheets[place].values.get((code, part)) if place in self.sheets else None

    def total(self, code: str, part: str = "total") -> Decimal:
        return sum((v for place in self.places if (v := self.value(place, code, part)) is not None), Decimal(0))

    def states(self, code: str, part: str) -> bool:
        """Whether anybody states this part of an indicator."""
        return any(self.value(place, code, part) is not None for place in self.places)

    def ranks(self, code: str) -> dict[str, int]:
        """Return the rank of each place with a value above 0; equal values share the best of their ranks."""
        values = {place: v for place in self.places if (v := self.value(place, code))}
        return {place: 1 + sum(other > v for other in values.values()) for place, v in values.items()}

    def exact(self, code: str) -> dict[tuple[str, str], str]:
        """Return a place's, or 全区's, figures of an indicator as exact texts by place and part."""
        told = {}
        for part in PARTS.values():
            for place, name in self.places.items():
                if (v := self.value(place, code, part)) is not None:
                    told[name, part] = digits(v, code)
            if part == "total" or self.states(code, part):
                told["全区", part] = digits(self.total(code, part), code)
        return told

    def changes(self, before: Region) -> set[tuple[str, str, str, str, str]]:
        """Return (place, code, part, before, now) of every figure that differs."""
        found = set()
        for code in self.indicators:
            one, two = before.exact(code), self.exact(code)
            for place, part in one | two:
                a, b = one.get((place, part), "—"), two.get((place, part), "—")
                if a != b:
                    found.add((place, code, part, a, b))
        if len(before.activities) != len(self.activities):
            counts = (str(len(before.activities)), str(len(self.activities)))
            found.add(("全区", "活动明细", "total", *counts))
        return found


def digits(value: Decimal, code: str) -> str:
    """Write a figure exactly: money with two decimals, all else whole."""
    return f"{value:.2f}" if code.startswith("E") else str(int(value))


def grouped(value: Decimal | str | None, code: str) -> str:
    """Write a figure as tables do, with commas at the thousands."""
    if value is None or value == "—":
        return "—"
    return f"{Decimal(value):,.2f}" if code.startswith("E") else f"{int(value):,}"


def half_up(value: Decimal, step: str) -> Decimal:
    return value.quantize(Decimal(step), ROUND_HALF_UP)


def spoken(value: Decimal, unit: str) -> str:
    """Say a number as a sentence does: 万 from ten thousand on, at most two decimals, none needless."""
    scale = value >= 10_000
    shown = half_up(value / 10_000 if scale else value, "0.01")
    number = f"{shown:f}".rstrip("0").rstrip(".")
    if unit.startswith("万"):
        return f"{number}亿{unit[1:]}" if scale else number + unit
    return f"{number}万{unit}" if scale else number + unit


def percent(part: Decimal | int, whole: Decimal | int) -> str:
    return f"{half_up(Decimal(part) * 100 / Decimal(whole), '0.1')}%"


def day(when: datetime) -> str:
    return f"{when.year}年{when.month}月{when.day}日"


def days(start: datetime, end: datetime) -> str:
    """Say from when to when an activity lasted."""
    first = f"{start.month}月{start.day}日"
    if start == end:
        return first
    return f"{first}至" + (f"{end.day}日" if start.month == end.month else f"{end.month}月{end.day}日")
