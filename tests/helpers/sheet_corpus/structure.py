"""Books with tables, rows or columns too many or too few, hidden, doubled, or of another year."""

from __future__ import annotations

import io
from copy import deepcopy
from datetime import date
from typing import Any

from openpyxl import load_workbook

from baosong_local.samples import dirt
from sheet_corpus.base import LIST, TOTALS, base_book
from sheet_corpus.case import Case, Make, accepted, cell, rejected, sheet, total
from sheet_help import Edit, put

LAST_YEAR = "2022年自治区科技活动周开展情况统计表"
BEFORE: list[Edit] = [
    cell(field, row, date(2022, 5, day))
    for row, first, last in zip(range(4, 10), (21, 21, 22, 23, 21, 24), (21, 21, 28, 23, 31, 25), strict=True)
    for field, day in (("start", first), ("end", last))
]


def without_row(code_or_row: int, table: str = TOTALS) -> Edit:
    return lambda book: book[table].__delitem__(code_or_row - 1)


def without_column(table: str, index: int, header: int) -> Edit:
    return lambda book: [cells.__delitem__(slice(index, index + 1)) for cells in book[table][header:]] and None


def with_row(at: int, cells: list[Any]) -> Edit:
    return lambda book: book[TOTALS].insert(at - 1, cells)


def copied(name: str) -> Edit:
    return lambda book: book.__setitem__(name, deepcopy(book[LIST]))


def split(book: dirt.Book) -> None:
    """Half of the list stands on a sheet of its own, as offices that merge their counties' sheets leave it."""
    rows = book[LIST]
    book["米东区"] = [*deepcopy(rows[:3]), *rows[7:]]
    del rows[7:]


def states(edits: tuple[Edit, ...] = (), **hidden: str) -> Make:
    """Return the edited sheet with some of its sheets hidden."""

    def make() -> bytes:
        book = load_workbook(io.BytesIO(dirt.written(base_book(*edits))))
        for name, state in hidden.items():
            book[name].sheet_state = state
        out = io.BytesIO()
        book.save(out)
        return out.getvalue()

    return make


def cover(book: dirt.Book) -> None:
    book["封面"] = [["2023年自治区科技活动周", None], ["材料汇编", "乌鲁木齐市"]]
    book["字典"] = [["启动仪式"], ["讲座报告"], ["线下"], ["线上"]]


CASES: list[Case] = [
    rejected("structure no list", sheet(lambda b: b.__delitem__(LIST)), "error missing_table"),
    rejected("structure no indicators", sheet(lambda b: b.__delitem__(TOTALS)), "error missing_table"),
    rejected(
        "structure neither",
        sheet(lambda b: b.clear(), lambda b: b.__setitem__("Sheet1", [["你好"]])),
        "error missing_table",
        "error missing_table",
    ),
    rejected("structure no header above the list", sheet(without_row(3, LIST)), "error missing_table"),
    rejected("structure no place", sheet(without_column(LIST, 4, 2)), f"error missing_column {LIST}!A3"),
    rejected(
        "structure no last day and no form",
        sheet(without_column(LIST, 9, 2), without_column(LIST, 6, 2)),
        f"error missing_column {LIST}!A3",
        f"error missing_column {LIST}!A3",
    ),
    rejected("structure no totals", sheet(without_column(TOTALS, 3, 3)), f"error missing_column {TOTALS}!A4"),
    accepted(
        "structure a row of the form missing",
        sheet(without_row(22)),
        f"warning missing_indicator {TOTALS}!B4",
        changed={"C02": ()},
    ),
    rejected("structure a required row missing", sheet(without_row(17)), f"error missing_indicator {TOTALS}!B4"),
    accepted(
        "structure a row of one's own",
        sheet(with_row(24, [None, "无人机表演", "场", 3, None, None, None])),
        f"warning unknown_indicator {TOTALS}!B24",
    ),
    accepted(
        "structure a row renamed",
        sheet(put(TOTALS, "B22", "宣传展板（新制）块数")),
        f"warning renamed_indicator {TOTALS}!B22",
    ),
    accepted(
        "structure a row twice",
        sheet(with_row(33, ["C02", "展板", "块", 36, None, None, None])),
        f"note repeated_indicator {TOTALS}!B33",
    ),
    rejected(
        "structure a row twice with other figures",
        sheet(with_row(33, ["C02", "展板", "块", 37, None, None, None])),
        f"error repeated_indicator {TOTALS}!B33",
    ),
    accepted("structure a cover and a list of words", sheet(cover)),
    accepted("structure the list twice", sheet(copied("天山区")), "note spare_table 天山区!A3"),
    accepted("structure the list again on a hidden sheet", states((copied("旧"),), 旧="hidden")),
    accepted("structure the list itself hidden", states(活动明细="hidden"), f"warning hidden_sheet {LIST}!A3"),
    accepted("structure the totals very hidden", states(指标汇总="veryHidden"), f"warning hidden_sheet {TOTALS}!A4"),
    rejected(
        "structure the list in two halves",
        sheet(split),
        "error spare_table 米东区!A3",
        f"error activity_count {TOTALS}!D5",
        f"error total_mismatch {TOTALS}!D17",
        f"error total_mismatch {TOTALS}!E17",
        f"error total_mismatch {TOTALS}!F17",
    ),
    accepted(
        "structure last year's title",
        sheet(put(TOTALS, "A1", LAST_YEAR), put(LIST, "A1", "活动明细")),
        f"warning old_template {TOTALS}!A1",
    ),
    rejected(
        "structure last year's sheet",
        sheet(put(TOTALS, "A1", LAST_YEAR), put(LIST, "A1", None), *BEFORE),
        f"error other_year {LIST}!F4",
        *(f"warning outside_window {LIST}!{column}{row}" for row in range(4, 10) for column in "FG"),
    ),
    rejected("structure rows without end", sheet(put(LIST, "A101500", "x")), f"error too_many_rows {LIST}!A3"),
    rejected("structure columns without end", sheet(put(LIST, "IW4", "x")), f"error too_many_rows {LIST}!A3"),
    rejected(
        "structure a blank template",
        sheet(
            lambda b: b[LIST].__delitem__(slice(3, None)),
            lambda b: [cells.__setitem__(slice(3, 6), [None] * 3) for cells in b[TOTALS][4:]] and None,
        ),
        f"error required {TOTALS}!D5",
        f"error required {TOTALS}!D17",
    ),
    rejected(
        "structure totals and no activities",
        sheet(lambda b: b[LIST].__delitem__(slice(3, None))),
        f"error activity_count {TOTALS}!D5",
    ),
    rejected(
        "structure everything at once",
        sheet(
            total("A01", None),
            total("C01", -1),
            cell("start", 4, "待定"),
            cell("category", 5, "待定"),
            cell("offline", 6, "若干"),
            put(TOTALS, "F2", None),
        ),
        f"error required {TOTALS}!D5",
        f"error number {TOTALS}!D21",
        f"error date {LIST}!F4",
        f"error choice {LIST}!C5",
        f"error number {LIST}!K6",
        f"error signature {TOTALS}!F2",
    ),
]
