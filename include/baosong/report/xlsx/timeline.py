"""The workbook's sheet of the campaign's days: formulas that count the list of activities, and their results."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from openpyxl.utils import get_column_letter

from baosong.campaign.form import ActivityField
from baosong.report.consolidation import RegionFigures
from baosong.report.timeline import UNSTATED
from baosong.report.xlsx.sheet import Table

DAYS = "活动日程"


def days_sheet(
    table: Table, figures: RegionFigures, heading: str, note: str, head: int, listed: tuple[str, int] | None
) -> None:
    """Write a row for each day of the campaign.

    `listed` is the sheet of the activities and its last row; None where that list is empty or was cut.
    """
    told = figures.activities.counts.timeline
    apart = f"不在活动期间的 {told.outside} 项、没有可用日期的 {told.undated} 项未计入"
    counted = f"活动期间开展的 {told.within} 项，历时几天的逐日计数；{apart}"
    labels = ["日期", *told.forms, "合计"]
    table.title(f"{heading}：{DAYS}", f"{counted}；{note}", 1, max(6, len(labels)))
    for column, label in enumerate(labels, start=1):
        table.head(head, column, label)
    fields = [f for f in figures.campaign.form.activities.fields if f.name != "number" and not f.private]
    for row, day in enumerate(told.days, start=head + 1):
        table.put(row, 1, day)
        counts = told.under_way(day, day)
        for column, (form, n) in enumerate(zip(told.forms, counts, strict=True), start=2):
            formula = _counted(fields, listed, head, row, column, form)
            if formula:
                table.formula(row, column, formula, Decimal(n))
            else:
                table.put(row, column, n)
        last = len(labels)
        table.formula(row, last, f"=SUM(B{row}:{get_column_letter(last - 1)}{row})", Decimal(sum(counts)))
    table.heights(range(head, head + len(told.days) + 1), 20)
    table.widths([16, *([16] * max(5, len(told.forms) + 1))])
    table.printed((head, head), beside=1)


def _counted(
    fields: Sequence[ActivityField], listed: tuple[str, int] | None, head: int, row: int, column: int, form: str
) -> str:
    """Return the formula of a day and a form; "" where the list lacks a column or a row for it."""
    at = {f.name: get_column_letter(n) for n, f in enumerate(fields, start=3)}
    if listed is None or not {"start", "end", "form"} <= at.keys():
        return ""
    start, end, kind = (f"{listed[0]}!${at[n]}${head + 1}:${at[n]}${listed[1]}" for n in ("start", "end", "form"))
    of = '""' if form == UNSTATED else f"{get_column_letter(column)}${head}"
    several = f'COUNTIFS({start},"<="&$A{row},{end},">="&$A{row},{kind},{of})'
    return f'={several}+COUNTIFS({start},$A{row},{end},"",{kind},{of})'
