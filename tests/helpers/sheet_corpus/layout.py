"""What hands do to the tables' shape: rows, columns and headings that are added, moved, merged, repeated."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from openpyxl import load_workbook

from baosong_local.samples import dirt
from sheet_corpus.base import LIST, TOTALS, base_book
from sheet_corpus.case import Case, Make, accepted, cell, rejected, sheet, total
from sheet_help import Edit, put

HEAD, INDICATOR_HEAD = 2, 3  # the indexes of the two headers


def row(name: Any = None, number: Any = None, offline: Any = None, online: Any = None) -> list[Any]:
    """Return a row of the list that is no activity."""
    return [number, name, *[None] * 8, offline, online, *[None] * 8]


def inserted(at: int, *rows: list[Any], table: str = LIST) -> Edit:
    """Return an edit that puts rows before the sheet's row `at`."""
    return lambda book: book[table].__setitem__(slice(at - 1, at - 1), [list(r) for r in rows])


def column_added(table: str, before: int, heading: str, value: Any = None) -> Edit:
    def edit(book: dirt.Book) -> None:
        header = HEAD if table == LIST else INDICATOR_HEAD
        for i, cells in enumerate(book[table]):
            cells.insert(min(before, len(cells)), heading if i == header else value if i > header else None)

    return edit


def reordered(table: str, order: list[int]) -> Edit:
    def edit(book: dirt.Book) -> None:
        header = HEAD if table == LIST else INDICATOR_HEAD
        book[table][header:] = [[cells[i] for i in order] for cells in book[table][header:]]

    return edit


def headings(**names: str) -> Edit:
    """Return an edit that renames headings of the list by their letter."""
    return lambda book: [put(LIST, f"{letter}3", text)(book) for letter, text in names.items()] and None


def two_rows(book: dirt.Book) -> None:
    """参与人次 merged over 线下 and 线上 in the list, 数量 over the three amounts of the indicators."""
    rows = book[LIST]
    lower: list[Any] = [None] * len(rows[HEAD])
    rows[HEAD][10:12], lower[10:12] = ["参与人次*", None], ["线下", "线上"]
    rows.insert(HEAD + 1, lower)
    rows = book[TOTALS]
    rows[INDICATOR_HEAD][3:6] = ["数量", None, None]
    rows.insert(INDICATOR_HEAD + 1, [None, None, None, "合计", "其中：线下", "其中：线上", None])


def indicators(change: Callable[[int, list[Any]], None]) -> Edit:
    """Return an edit of each row of the indicators."""
    return lambda book: [change(i, cells) for i, cells in enumerate(book[TOTALS][4:], 1)] and None


def shifted(book: dirt.Book) -> None:
    """Both tables begin at C10."""
    for name, rows in book.items():
        book[name] = [*([None] for _ in range(9)), *([None, None, *cells] for cells in rows)]


def one_sheet(book: dirt.Book) -> None:
    rows = [*book.pop(TOTALS), [None], *book.pop(LIST)]
    book["Sheet1"] = rows


def renamed(book: dirt.Book) -> None:
    totals, listed = book.pop(TOTALS), book.pop(LIST)
    book |= {"Sheet1": listed, "Sheet2": totals, "Sheet3": [[None]]}


def merged(*ranges: str) -> Make:
    """Return the good sheet with cells of the list merged, as a spreadsheet does: only the first keeps its value."""

    def make() -> bytes:
        book = load_workbook(io.BytesIO(dirt.written(base_book())))
        for cells in ranges:
            book[LIST].merge_cells(cells)
        out = io.BytesIO()
        book.save(out)
        return out.getvalue()

    return make


SECTIONS = [inserted(9, row("三、其他活动")), inserted(6, row("（二）展览")), inserted(4, row("一、启动仪式"))]
SUBTOTALS = [inserted(8, row("小计", None, 4840, 0)), inserted(6, row(None, "小计", 1380, 2350))]
ORDER = [0, 9, 1, 2, 7, 8, 3, 4, 5, 6, 15, 11, 10, 13, 12, 14, 19, 18, 17, 16]
PLAIN_NAMES = {
    "B": "活动名称",
    "E": "活动地点",
    "F": "开始时间",
    "G": "结束时间",
    "J": "活动形式",
    "K": "线下参与人次",
    "P": "重大示范",
}
MARKED = {"B": "活动名称（必填）", "C": "★ 活动类别", "F": "开始\n日期", "K": "线下 人次"}

CASES: list[Case] = [
    accepted("layout titles merged", merged("A1:T1", "A2:T2")),
    accepted("layout one host for three rows", merged("H4:H6")),
    rejected("layout people merged over two rows", merged("K4:K5"), f"error merged {LIST}!K5"),
    accepted("layout headers in two rows", sheet(two_rows)),
    accepted("layout section rows in the list", sheet(*SECTIONS)),
    accepted(
        "layout section rows among the indicators",
        sheet(inserted(17, ["二", "二、参与情况"], table=TOTALS), inserted(5, [None, "一、活动情况"], table=TOTALS)),
    ),
    accepted("layout 小计 rows in the list", sheet(*SUBTOTALS)),
    accepted("layout 合计 below the list", sheet(inserted(10, row("合  计", None, 6045, 11080)))),
    accepted("layout 合计 above the list", sheet(inserted(4, row(None, "总计", 6045, 11080)))),
    accepted(
        "layout 合计 and 小计 and sections", sheet(*SUBTOTALS, *SECTIONS, inserted(4, row("合计：", None, 6045, 11080)))
    ),
    accepted("layout a total row among the indicators", sheet(inserted(33, [None, "合计", None, 99], table=TOTALS))),
    accepted("layout blank rows", sheet(inserted(8, row(), row()), inserted(5, [None], table=TOTALS))),
    accepted("layout prepared rows that were not used", sheet(inserted(10, *(row(None, n) for n in range(7, 40))))),
    accepted(
        "layout a preamble",
        sheet(inserted(1, ["附件2"], ["请于6月10日前报送自治区科技厅"], [None], table=TOTALS), inserted(1, ["附件3"])),
    ),
    accepted(
        "layout notes below",
        sheet(
            inserted(10, ["注：人次包括线上"], ["填表说明：见通知"]), inserted(33, ["说明：没有的填 0"], table=TOTALS)
        ),
    ),
    accepted("layout a page's repeated header", sheet(lambda b: inserted(7, b[LIST][HEAD])(b))),
    accepted(
        "layout a column of one's own",
        sheet(column_added(LIST, 5, "核对人", "张"), column_added(TOTALS, 3, "上年数", 7)),
    ),
    accepted(
        "layout columns in another order", sheet(reordered(LIST, ORDER), reordered(TOTALS, [6, 1, 2, 5, 4, 3, 0]))
    ),
    accepted("layout optional columns left out", sheet(reordered(LIST, [0, *range(1, 13), 14, 15]))),
    accepted("layout headings in other words", sheet(headings(**PLAIN_NAMES))),
    accepted("layout headings marked", sheet(headings(**MARKED))),
    accepted("layout codes dropped", sheet(indicators(lambda i, cells: cells.__setitem__(0, i)))),
    accepted("layout names numbered", sheet(indicators(lambda i, cells: cells.__setitem__(1, f"{i}.{cells[1]}")))),
    accepted("layout names indented", sheet(indicators(lambda _, cells: cells.__setitem__(1, f"　　{cells[1]}")))),
    accepted("layout units left out", sheet(indicators(lambda _, cells: cells.__setitem__(2, None)))),
    accepted(
        "layout indicators in another order", sheet(lambda b: b[TOTALS].__setitem__(slice(4, None), b[TOTALS][:3:-1]))
    ),
    accepted("layout tables at C10", sheet(shifted)),
    rejected(
        "layout tables at C10 with a word for a number",
        sheet(cell("offline", 6, "若干"), shifted),
        f"error number {LIST}!M15",
    ),
    accepted("layout both tables on one sheet", sheet(one_sheet)),
    accepted("layout sheets renamed and turned round", sheet(renamed)),
    accepted("layout a stray word far out", sheet(put(LIST, "AZ900", "x"))),
    accepted(
        "layout signed below the table",
        sheet(
            lambda b: b[TOTALS].__setitem__(slice(1, 3), [[None], [None]]),
            inserted(
                34, ["填报单位：乌鲁木齐市科技局（盖章）"], ["填报人：张伟　　联系电话：0991-2812345"], table=TOTALS
            ),
        ),
    ),
    accepted(
        "layout an activity named like a total",
        sheet(cell("name", 6, "合计一个亿：反诈宣传")),
        activities={(6, "name"): "合计一个亿：反诈宣传"},
    ),
    accepted(
        "layout an activity named like a section",
        sheet(cell("name", 6, "一、二年级科学课")),
        activities={(6, "name"): "一、二年级科学课"},
    ),
    rejected(
        "layout a 合计 row that says more than the list",
        sheet(inserted(10, row("合计", None, 6046, 11080)), total("B01", 17126, 6046, 11080)),
        f"error total_mismatch {TOTALS}!D17",
        f"error total_mismatch {TOTALS}!E17",
    ),
    accepted("layout an activity without number", sheet(put(LIST, "A6", None))),
]
