"""What real offices do to a sheet on its way: harmless dirt that keeps the figures, and harm that does not.

A transformation works on a book as plain rows, so that it can also be written as csv; each takes its own luck.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from openpyxl import Workbook, load_workbook

Grid = list[list[Any]]
Book = dict[str, Grid]
Change = Callable[[Book, random.Random], None]

_WIDE = str.maketrans("0123456789,.", "０１２３４５６７８９，．")
INDICATOR_HEAD, ACTIVITY_HEAD = "指标名称", "活动名称"


def dirtied(content: bytes, changes: list[Change], seed: int) -> bytes:
    """Return an xlsx with the changes made, in this order."""
    book = grids(content)
    rng = random.Random(seed)
    for change in changes:
        change(book, rng)
    return written(book)


def grids(content: bytes) -> Book:
    """Return the cells of an xlsx as rows of values."""
    book = load_workbook(io.BytesIO(content))
    found = {sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book.worksheets}
    for rows in found.values():
        while rows and all(value is None for value in rows[-1]):
            rows.pop()  # rows that are only prepared
    return found


def written(book: Book) -> bytes:
    """Return rows of values as a plain xlsx, texts never becoming formulas."""
    out = Workbook()
    out.remove(out.worksheets[0])
    for name, rows in book.items():
        sheet = out.create_sheet(name)
        for r, row in enumerate(rows, 1):
            for c, value in enumerate(row, 1):
                cell = sheet.cell(r, c, value)
                if isinstance(value, str):
                    cell.data_type = "s"
    buffer = io.BytesIO()
    out.save(buffer)
    return buffer.getvalue()


def _table(book: Book, head: str) -> tuple[Grid, int]:
    """Return the rows of the table with this heading, and the index of its header."""
    for rows in book.values():
        for i, row in enumerate(rows):
            if any(isinstance(v, str) and v.strip().startswith(head) for v in row):
                return rows, i
    raise LookupError(head)


def _amounts(book: Book) -> list[tuple[list[Any], int]]:
    """Return where the figures stand: 合计, 线下, 线上 of the indicators, 人次 of the list."""
    places = []
    for head, labels in ((INDICATOR_HEAD, ("合计", "其中：线")), (ACTIVITY_HEAD, ("线下人次", "线上人次"))):
        rows, at = _table(book, head)
        columns = [c for c, v in enumerate(rows[at]) if isinstance(v, str) and v.startswith(labels)]
        places += [(row, c) for row in rows[at + 1 :] for c in columns if c < len(row) and type(row[c]) is int]
    return places


def _some(rng: random.Random, places: list[Any]) -> list[Any]:
    return rng.sample(places, max(1, len(places) // 4)) if places else []


def _respell(spell: Callable[[int], str]) -> Change:
    def change(book: Book, rng: random.Random) -> None:
        for row, c in _some(rng, _amounts(book)):
            row[c] = spell(row[c])

    return change


def _spell_ten_thousands(n: int) -> str:
    return f"{n / 10000:g}万" if n >= 10000 and n % 100 == 0 else str(n)


def dates_as_text(book: Book, rng: random.Random) -> None:
    """Write dates as people type them."""
    spellings: list[Callable[[date], Any]] = [
        lambda d: f"{d.year}.{d.month}.{d.day}", lambda d: f"{d.year}年{d.month}月{d.day}日", lambda d: f"{d:%Y%m%d}",
        lambda d: (d - date(1899, 12, 30)).days, lambda d: f"{d.month}月{d.day}日", lambda d: f" {d:%Y/%m/%d} ",
    ]  # fmt: skip
    rows, at = _table(book, ACTIVITY_HEAD)
    for row in rows[at + 1 :]:
        for c, value in enumerate(row):
            if isinstance(value, datetime):
                row[c] = rng.choice(spellings)(value.date())


def column_inserted(book: Book, rng: random.Random) -> None:
    """Insert a column of one's own into a table."""
    rows, at = _table(book, rng.choice((INDICATOR_HEAD, ACTIVITY_HEAD)))
    where = rng.randint(1, len(rows[at]))
    for i, row in enumerate(rows):
        row.insert(min(where, len(row)), "核对人" if i == at else None)


def columns_shuffled(book: Book, rng: random.Random) -> None:
    """Put the list's columns into another order."""
    rows, at = _table(book, ACTIVITY_HEAD)
    order = list(range(len(rows[at])))
    rng.shuffle(order)
    for i, row in enumerate(rows[at:], at):
        padded = row + [None] * (len(order) - len(row))
        rows[i] = [padded[c] for c in order] + padded[len(order) :]


def rows_inserted(book: Book, rng: random.Random) -> None:
    """Insert blank rows, section rows and 小计 rows into the list."""
    rows, at = _table(book, ACTIVITY_HEAD)
    name = next(c for c, v in enumerate(rows[at]) if isinstance(v, str) and v.startswith(ACTIVITY_HEAD))
    figure = next(c for c, v in enumerate(rows[at]) if isinstance(v, str) and v.startswith("线下人次"))
    for text in (None, "一、启动仪式", "（二）科普讲座", "小计", "合 计", "总计："):
        row: list[Any] = [None] * len(rows[at])
        row[name] = text
        row[figure] = rng.randint(1, 9999) if text and "计" in text else None
        rows.insert(rng.randint(at + 1, len(rows)), row)


def preamble_added(book: Book, rng: random.Random) -> None:
    """Put a preamble above both tables."""
    for rows in book.values():
        for text in rng.sample(["附件", "（各地州市填报）", None, "请于规定时间前报送"], 2):
            rows.insert(0, [text])


def labels_decorated(book: Book, rng: random.Random) -> None:
    """Number the indicators, break the labels, mark what is required."""
    rows, at = _table(book, INDICATOR_HEAD)
    for i, row in enumerate(rows[at + 1 :], 1):
        for c, value in enumerate(row):
            if c and isinstance(value, str) and isinstance(row[0], str) and rows[at][c] == INDICATOR_HEAD:
                row[c] = rng.choice((f"{i}.{value}", f"  {value} ", f"（{i}）{value}", value.replace("：", ":")))
    rows, at = _table(book, ACTIVITY_HEAD)
    rows[at] = [f"{v}（必填）" if isinstance(v, str) and v.endswith("*") else v for v in rows[at]]


def codes_dropped(book: Book, rng: random.Random) -> None:
    """Replace the codes by plain numbers, as most offices would."""
    rows, at = _table(book, INDICATOR_HEAD)
    for i, row in enumerate(rows[at + 1 :], 1):
        if row and isinstance(row[0], str) and len(row[0]) == 3:
            row[0] = i


def sheets_renamed(book: Book, rng: random.Random) -> None:
    """Give the sheets the names a new workbook has, in another order, with an empty one before."""
    items = list(book.items())
    rng.shuffle(items)
    book.clear()
    book["Sheet1"] = [[None]]
    book.update({f"Sheet{i}": rows for i, (_, rows) in enumerate(items, 2)})


HARMLESS: dict[str, Change] = {
    "thousands": _respell(lambda n: f"{n:,}"),
    "wide_thousands": _respell(lambda n: f"{n:,}".translate(_WIDE)),
    "wide_digits": _respell(lambda n: str(n).translate(_WIDE)),
    "ten_thousands": _respell(_spell_ten_thousands),
    "as_text": _respell(lambda n: f" {n} "),
    "quoted": _respell(lambda n: f"'{n}"),
    "rounded": _respell(lambda n: f"约{n}"),
    "and_more": _respell(lambda n: f"{n}余"),
    "dates_as_text": dates_as_text,
    "column_inserted": column_inserted,
    "columns_shuffled": columns_shuffled,
    "rows_inserted": rows_inserted,
    "preamble_added": preamble_added,
    "labels_decorated": labels_decorated,
    "codes_dropped": codes_dropped,
    "sheets_renamed": sheets_renamed,
}
"""Dirt that must be read back to the same figures."""


def _a_figure(spoil: Callable[[int, random.Random], Any]) -> Change:
    def change(book: Book, rng: random.Random) -> None:
        rows, at = _table(book, ACTIVITY_HEAD)
        columns = [c for c, v in enumerate(rows[at]) if isinstance(v, str) and v.startswith(("线下人次", "线上人次"))]
        row = rng.choice([r for r in rows[at + 1 :] if len(r) > max(columns) and type(r[columns[0]]) is int])
        column = rng.choice(columns)
        row[column] = spoil(row[column], rng)

    return change


def row_removed(book: Book, rng: random.Random) -> None:
    """Take an activity out of the list and leave the totals."""
    rows, at = _table(book, ACTIVITY_HEAD)
    del rows[rng.choice([i for i, r in enumerate(rows) if i > at and type(r[0]) is int])]


def header_removed(book: Book, rng: random.Random) -> None:
    """Take the list's header away."""
    rows, at = _table(book, ACTIVITY_HEAD)
    del rows[at]


def required_column_removed(book: Book, rng: random.Random) -> None:
    """Take a required column of the list away."""
    rows, at = _table(book, ACTIVITY_HEAD)
    columns = [c for c, v in enumerate(rows[at]) if isinstance(v, str) and v.endswith("*")]
    gone = rng.choice(columns)
    for row in rows[at:]:
        del row[gone : gone + 1]


def sheet_removed(book: Book, rng: random.Random) -> None:
    """Take one of the two sheets away."""
    del book[rng.choice(list(book))]


HARMFUL: dict[str, Change] = {
    "figure_changed": _a_figure(lambda n, rng: n + rng.randint(1, 500)),
    "figure_negative": _a_figure(lambda n, rng: -n - 1),
    "figure_fraction": _a_figure(lambda n, rng: n + 0.5),
    "figure_range": _a_figure(lambda n, rng: f"{n}-{n + 10}"),
    "figure_words": _a_figure(lambda n, rng: rng.choice(("若干", "几百", "见附表", "待定", "50%"))),
    "figure_blank": _a_figure(lambda n, rng: rng.choice((None, "-", "无", "/"))),
    "row_removed": row_removed,
    "header_removed": header_removed,
    "required_column_removed": required_column_removed,
    "sheet_removed": sheet_removed,
}
"""Harm that must never be accepted."""
