"""The list of press coverage in the report: what a sentence says of it, and its tables by level."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from baosong.report.consolidation import RegionFigures
from baosong.report.coverage import UNSTATED, Reported, levels
from baosong.report.parts import Table
from baosong.report.wording import NOTHING, amount_text, date_text, dates_text, join_names

MOST_PIECES = 100  # in the Word report; the workbook has all
_HEAD = ("序号", "标题", "媒体", "日期", "报送地州市", "网址")
_WIDTHS, _ALIGNS = (9.0, 41.0, 22.0, 16.0, 20.0, 48.0), "cllclu"


def press_values(figures: RegionFigures) -> dict[str, Any]:
    """Return the values that a template may use."""
    told = figures.coverage
    counts = [(level, len(told.of(level))) for level in levels(figures.campaign)]
    some = [(level, n) for level, n in counts if n]
    shared = sum(len(p.places) > 1 for p in told.pieces)
    return {
        "条数": len(told.pieces),
        "各级": _by_level(some),
        "网址": _linked(sum(bool(p.link) for p in told.pieces), len(told.pieces)),
        "多地": shared,
        "口径": _against_the_sheets(figures, len(told.pieces)),
        "材料": told.files,
        "未列": len(told.unlisted),
        "未列名单": join_names(list(dict.fromkeys(told.unlisted))),
        "全列": len(told.pieces) <= MOST_PIECES,
    }


def _by_level(some: list[tuple[str, int]]) -> str:
    if len(some) == 1:
        return f"均{some[0][0].removeprefix('级别')}级别" if some[0][0] == UNSTATED else f"均为{some[0][0]}媒体"
    return "其中" + "、".join(f"{level}{n}条" for level, n in some)


def _linked(count: int, every: int) -> str:
    return "都有网址" if count == every else f"有网址的{count}条" if count else "都没有网址"


def _against_the_sheets(figures: RegionFigures, count: int) -> str:
    """Return how the list relates to what the statistics sheets count; "" where these count none."""
    form = figures.campaign.form
    whole = next((i.adds_to for i in form.indicators.rows if i.name in form.press and i.adds_to), None)
    stated = (figures.totals[whole].total if whole else None) or Decimal(0)
    if not stated:
        return ""
    if count == stated:
        return "与统计表填报数相同"
    apart = amount_text(abs(stated - count), "条")
    return f"比统计表填报数少{apart}，没有附上标题或网址的未列" if count < stated else f"比统计表填报数多{apart}"


def press_tables(figures: RegionFigures) -> Iterator[Table]:
    """Yield a table for each level, `MOST_PIECES` pieces in all, with their numbers in the workbook's list."""
    for level in levels(figures.campaign):
        rows = figures.coverage.of(level)
        shown = [press_row(figures, n, p) for n, p in rows if n <= MOST_PIECES]
        if shown:
            yield Table(_HEAD, shown, _WIDTHS, _ALIGNS, f"{level}（{len(rows)}条）")


def press_row(figures: RegionFigures, number: int, p: Reported) -> list[str]:
    """Return a piece as texts: number, title, medium, day, who sent it, address."""
    return [
        str(number),
        p.title or NOTHING,
        p.medium or NOTHING,
        day_text(figures, p) or NOTHING,
        "、".join(p.places),
        p.link or NOTHING,
    ]


def day_text(figures: RegionFigures, p: Reported) -> str:
    """Return the day of a piece, with its year where that is not the campaign's; "" where it is unknown."""
    if p.day is None:
        return ""
    return dates_text(p.day, None) if p.day.year == figures.campaign.window.start.year else date_text(p.day)
