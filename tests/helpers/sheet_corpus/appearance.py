"""Cells that show something else than they hold: struck out, scaled, hidden, merged, filled in beside the cell."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.comments import Comment
from openpyxl.styles import Font

from baosong.rules.catalogue import level
from baosong_local.samples import dirt
from sheet_corpus.base import LIST, TOTALS, base_book
from sheet_corpus.case import Case, Make, accepted, rejected

Change = Callable[[Workbook], None]
PICTURE = '=_xlfn.DISPIMG("ID_0123456789ABCDEF",1)'


def changed(*changes: Change) -> Make:
    """Return the good sheet with changes made to the workbook itself."""

    def make() -> bytes:
        book = load_workbook(io.BytesIO(dirt.written(base_book())))
        for change in changes:
            change(book)
        out = io.BytesIO()
        book.save(out)
        return out.getvalue()

    return make


def shows(cell: str, value: Any, form: str, sheet: str = TOTALS) -> Change:
    def change(book: Workbook) -> None:
        book[sheet][cell] = value
        book[sheet][cell].number_format = form

    return change


def put(cell: str, value: Any, sheet: str = TOTALS) -> Change:
    return lambda book: book[sheet].__setitem__(cell, value)


def struck(cell: str, *runs: tuple[str, bool], sheet: str = TOTALS) -> Change:
    """Put a text of runs, each with whether it is struck out."""
    text = CellRichText(*(TextBlock(InlineFont(strike=out), word) for word, out in runs))
    return lambda book: book[sheet].__setitem__(cell, text)


def crossed_out(cell: str, sheet: str = TOTALS) -> Change:
    return lambda book: setattr(book[sheet][cell], "font", Font(strike=True))


def hidden(sheet: str, *, rows: tuple[int, ...] = (), columns: str = "") -> Change:
    def change(book: Workbook) -> None:
        for row in rows:
            book[sheet].row_dimensions[row].hidden = True
        for column in columns:
            book[sheet].column_dimensions[column].hidden = True

    return change


def noted(cell: str, text: str, author: str = "张三") -> Change:
    return lambda book: setattr(book[TOTALS][cell], "comment", Comment(text, author))


def second_totals(heading: str, value: Any = 9999, *, unseen: bool = False) -> Change:
    """Put another column of totals before the right one; `value` for C01, the others alike."""

    def change(book: Workbook) -> None:
        sheet = book[TOTALS]
        for merged in list(sheet.merged_cells.ranges):
            sheet.unmerge_cells(str(merged))
        sheet.insert_cols(4)
        sheet["D4"] = heading
        for row in range(5, 33):
            sheet.cell(row, 4).value = sheet.cell(row, 5).value if value is not None else None
        sheet["D21"] = value
        sheet.column_dimensions["D"].hidden = unseen

    return change


def saved_with(make: Make, member: str, *edits: tuple[str, str]) -> Make:
    """Return a book in a part of which texts are replaced: what programs save and openpyxl does not write."""

    def edited() -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(make())) as before, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as after:
            for name in before.namelist():
                text = before.read(name)
                for wanted, instead in edits if name == member else ():
                    changed_text = re.sub(wanted, instead, text.decode()).encode()
                    assert changed_text != text
                    text = changed_text
                after.writestr(name, text)
        return out.getvalue()

    return edited


EMPTY_RESULT = (r'(<c r="D5"[^>]*>)(<f>.*?</f>)<v ?(?:/>|></v>)', r"\1\2<v>5</v>")
COUNTED = """=IF(COUNTIF('活动明细'!C4:C100003,"?*")=0,"",COUNTIF('活动明细'!C4:C100003,"?*"))"""
STALE = saved_with(
    changed(put("D5", COUNTED)),
    "xl/worksheets/sheet1.xml",
    EMPTY_RESULT,
)
D21, D22, D23 = f"{TOTALS}!D21", f"{TOTALS}!D22", f"{TOTALS}!D23"

CASES: list[Case] = [
    accepted("format shows 万", changed(shows("D21", 3, '0"万份"')), f"warning shown {D21}", changed={"C01": 30000}),
    accepted("format shows 万 by a trick", changed(shows("D21", 4050, '0!.0,"万"')), f"note shown {D21}"),
    accepted("format shows the unit", changed(shows("D21", 4050, '#,##0"份"'))),
    accepted("format of an accountant", changed(shows("D21", 4050, '_ * #,##0_ ;_ * -#,##0_ ;_ * "-"??_ ;_ @_ '))),
    accepted("format shows thousands", changed(shows("D21", 4050, '0,"千"')), f"note shown {D21}"),
    rejected("format hides thousands", changed(shows("D21", 4050, "0,")), f"error shown {D21}"),
    rejected("format hides all", changed(shows("D21", 4050, ";;;")), f"error shown {D21}"),
    rejected("format of per cent", changed(shows("D21", 40, "0%")), f"error shown {D21}"),
    rejected("format adds a nought", changed(shows("D21", 405, '0"0"')), f"error shown {D21}"),
    accepted("format rounds money", changed(shows("D29", 11.5, "0")), f"note shown {TOTALS}!D29"),
    accepted("format shows 元", changed(shows("D29", 115000, '0"元"')), f"warning shown {TOTALS}!D29"),
    accepted(
        "format shows 万 in the list",
        changed(shows("N4", 0.2, '0.0"万"', LIST)),
        f"warning shown {LIST}!N4",
    ),
    accepted("struck 30 before 12", changed(struck("D23", ("30", True), ("12", False))), f"warning struck {D23}"),
    accepted(
        "struck behind the number", changed(struck("D23", ("12", False), ("件30", True))), f"warning struck {D23}"
    ),
    rejected("struck whole number", changed(crossed_out("D23")), f"error struck {D23}"),
    rejected("struck whole text", changed(struck("D23", ("12", True))), f"error struck {D23}"),
    rejected("struck activity", changed(*(crossed_out(f"{c}6", LIST) for c in "ABCK")), f"error struck {LIST}!B6"),
    accepted("struck words of a summary", changed(crossed_out("T4", LIST))),
    accepted("hidden row of the list", changed(hidden(LIST, rows=(6,))), f"warning hidden_cells {LIST}!B6"),
    accepted("hidden rows are told once", changed(hidden(LIST, rows=(5, 6, 9))), f"warning hidden_cells {LIST}!B5"),
    accepted("hidden column of the list", changed(hidden(LIST, columns="K")), f"warning hidden_cells {LIST}!K3"),
    accepted("hidden column of words", changed(hidden(LIST, columns="T"))),
    accepted("hidden row of an indicator", changed(hidden(TOTALS, rows=(22,))), f"warning hidden_cells {TOTALS}!B22"),
    accepted("hidden total", changed(hidden(TOTALS, columns="D")), f"warning hidden_cells {TOTALS}!D4"),
    rejected("columns two of 合计", changed(second_totals("合计")), f"error two_columns {TOTALS}!E4"),
    accepted("columns two of 合计 and the same", changed(second_totals("合计", 4050))),
    accepted("columns two of 合计 and one blank", changed(second_totals("合计", None))),
    accepted("columns 合计 hidden", changed(second_totals("合计", unseen=True)), f"warning two_columns {TOTALS}!D4"),
    accepted("columns 总数 before 合计", changed(second_totals("总数")), f"warning two_columns {TOTALS}!D4"),
    accepted(
        "comment holds the figure",
        changed(put("D22", None), noted("D22", "展板共36块")),
        f"warning comment {D22}",
        changed={"C02": None},
    ),
    accepted("comment beside a figure", changed(noted("D22", "去年是30块"))),
    accepted("comment without a figure", changed(put("D22", None), noted("D22", "待补")), changed={"C02": None}),
    accepted(
        "comment of an annotated copy",
        changed(put("D22", None), noted("D22", f"【{level('warning')}】C02 填的是 36", "报送系统")),
        changed={"C02": None},
    ),
    rejected(
        "merged name", changed(put("B6", None, LIST), lambda b: b[LIST].merge_cells("B5:B6")), f"error merged {LIST}!B6"
    ),
    accepted(
        "merged indicators",
        changed(lambda b: b[TOTALS].merge_cells("D22:D23")),
        f"warning merged {D23}",
        changed={"C03": None},
    ),
    rejected("picture for a name", changed(put("B6", PICTURE, LIST)), f"error picture {LIST}!B6"),
    rejected("picture for the hand", changed(put("F2", PICTURE)), f"error picture {TOTALS}!F2"),
    rejected("picture for a figure", changed(put("D22", PICTURE)), f"error picture {D22}"),
    accepted("picture beside it", changed(put("T6", PICTURE, LIST)), f"warning picture {LIST}!T6"),
    rejected(
        "names of two indicators swapped",
        changed(put("B22", "展品"), put("B23", "展板")),
        f"error contradicted {TOTALS}!B22",
    ),
    accepted("stale result of the template", STALE, f"warning stale {TOTALS}!D5"),
]
