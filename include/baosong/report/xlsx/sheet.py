"""The look and page set-up of the workbook's sheets, and safe cells: text never becomes a formula."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import cast

from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.header_footer import HeaderFooterItem
from openpyxl.worksheet.pagebreak import Break
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from baosong.rules.words import strip_control

Value = str | int | Decimal | date | None

_BLUE, _SOFT = "17407B", "5C6470"
_LINE = Side(style="thin", color="BFC7D1")
_BORDER = Border(left=_LINE, right=_LINE, top=_LINE, bottom=_LINE)
_HEAD_FILL = PatternFill("solid", fgColor="EDF2F8")
_SUM_FILL = PatternFill("solid", fgColor="F6F8FB")
_BODY, _BOLD = Font(name="宋体", size=10.5), Font(name="宋体", size=10.5, bold=True)
_HEAD = Font(name="黑体", size=10.5, color=_BLUE)
_TITLE, _NOTE = Font(name="黑体", size=16, color=_BLUE), Font(name="宋体", size=10, color=_SOFT)
_MIDDLE = Alignment(horizontal="center", vertical="center", wrap_text=True)
_LEFT = Alignment(horizontal="left", vertical="center", wrap_text=True)
_RIGHT = Alignment(horizontal="right", vertical="center")
PAGE_WIDTH = 103.0  # characters across A4 landscape at 100 percent
DANGEROUS = ("=", "+", "-", "@", "\t")


@dataclass(slots=True)
class Table:
    """A sheet under construction; `results` maps the cells of formulas to their results."""

    sheet: Worksheet
    results: dict[str, Decimal | str] = field(default_factory=dict)

    def put(self, row: int, column: int, value: Value, *, digits: int = 0, centred: bool = False) -> Cell:
        """Write one bordered value; numbers show `digits` decimals, text stays text whatever it begins with."""
        cell = self._cell(row, column)
        if isinstance(value, str):
            _write_text(cell, value)
            cell.alignment = _MIDDLE if centred else _LEFT
        else:
            cell.value = value
            cell.number_format = "yyyy-mm-dd" if isinstance(value, date) else number_format(digits)
            cell.alignment = _MIDDLE if isinstance(value, date) or centred else _RIGHT
        return cell

    def formula(self, row: int, column: int, text: str, result: Decimal | str, *, digits: int = 0) -> Cell:
        """Write one of our own formulas together with its result."""
        cell = self._cell(row, column)
        cell.value = text
        cell.number_format = number_format(digits)
        cell.alignment = _MIDDLE if isinstance(result, str) else _RIGHT
        self.results[cell.coordinate] = result
        return cell

    def head(self, row: int, column: int, text: str, *, to_row: int = 0, to_column: int = 0) -> None:
        """Write a header, merged down to `to_row` and across to `to_column` where they are given."""
        for r in range(row, max(row, to_row) + 1):
            for c in range(column, max(column, to_column) + 1):
                cell = self._cell(r, c)
                cell.font, cell.fill, cell.alignment = _HEAD, _HEAD_FILL, _MIDDLE
        _write_text(self._cell(row, column), text)
        self._cell(row, column).font = _HEAD
        if to_row > row or to_column > column:
            self.sheet.merge_cells(
                start_row=row, start_column=column, end_row=max(row, to_row), end_column=max(column, to_column)
            )

    def emphasize(self, row: int, columns: Iterable[int]) -> None:
        """Set a row of sums apart."""
        for column in columns:
            cell = self.sheet.cell(row, column)
            cell.font, cell.fill = _BOLD, _SUM_FILL

    def title(self, text: str, note: str, first: int, last: int) -> None:
        """Write title and explanation in rows 1 and 2, across the columns `first` to `last`."""
        for row, (words, font, align, height) in enumerate(
            ((text, _TITLE, _MIDDLE, 34.0), (note, _NOTE, _LEFT, 32.0)), start=1
        ):
            cell = self._bare(row, first)
            _write_text(cell, words)
            cell.font, cell.alignment = font, align
            self.sheet.row_dimensions[row].height = height
            self.sheet.merge_cells(start_row=row, start_column=first, end_row=row, end_column=last)

    def heights(self, rows: Iterable[int], height: float) -> None:
        """Set the height of rows in points; other rows grow with their text."""
        for row in rows:
            self.sheet.row_dimensions[row].height = height

    def fit(self, rows: Iterable[int]) -> None:
        """Set the height of rows by their longest wrapped text, because not every program does so by itself."""
        for row in rows:
            lines = [
                lines_of(cell.value, self._width(n))
                for n, cell in enumerate(self.sheet[row], 1)
                if cell.data_type == "s"
            ]
            self.sheet.row_dimensions[row].height = 14.0 * max(lines, default=1) + 5

    def _width(self, column: int) -> float:
        return self.sheet.column_dimensions[get_column_letter(column)].width

    def widths(self, widths: Sequence[float]) -> None:
        """Set the columns' widths in characters, from the first on, and the height of the explanation accordingly."""
        for column, width in enumerate(widths, start=1):
            self.sheet.column_dimensions[get_column_letter(column)].width = width
        for merged in (r for r in self.sheet.merged_cells.ranges if r.min_row == r.max_row == 2):
            room = sum(self._width(c) for c in range(merged.min_col, merged.max_col + 1))
            self.sheet.row_dimensions[2].height = max(32.0, 14.0 * lines_of(merged.start_cell.value, room) + 5)

    def printed(self, head: tuple[int, int], *, beside: int, scale: int = 0, area: str = "") -> None:
        """Set up A4 landscape, with the rows `head` and the first `beside` columns frozen and repeated on each page.

        With a `scale` in percent, the columns spread over several pages; without it, the sheet is scaled to the width
        of one page. Only the `area` is printed, if one is given, beside those first columns.
        """
        sheet = self.sheet
        sheet.freeze_panes = f"{get_column_letter(beside + 1)}{head[1] + 1}"
        sheet.print_title_rows = f"{head[0]}:{head[1]}"
        sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", 9
        if area:
            sheet.print_area = area
        if scale or area:
            sheet.print_title_cols = f"A:{get_column_letter(beside)}"
        if scale:
            sheet.page_setup.scale, sheet.page_setup.pageOrder = scale, "overThenDown"
            for column in self._breaks(beside, PAGE_WIDTH * 100 / scale):
                sheet.col_breaks.append(Break(id=column - 1))
        else:
            sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
            sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
        sheet.print_options.horizontalCentered = True
        margins = sheet.page_margins
        margins.left = margins.right = 0.5
        margins.top, margins.bottom = 0.4, 0.55
        margins.header = margins.footer = 0.25  # above the edge that printers leave white
        footer = HeaderFooterItem()
        footer.center.text, footer.center.size = "第 &P 页，共 &N 页", 9
        sheet.HeaderFooter.oddFooter = footer

    def _breaks(self, beside: int, room: float) -> list[int]:
        """Return the columns that begin a new printed page; a page is `room` characters wide."""
        widths = [self._width(c) for c in range(1, self.sheet.max_column + 1)]
        return [beside + 1 + n for n in _evenly(widths[beside:], room - sum(widths[:beside]))]

    def _cell(self, row: int, column: int) -> Cell:
        cell = self._bare(row, column)
        cell.font, cell.border = _BODY, _BORDER
        return cell

    def _bare(self, row: int, column: int) -> Cell:
        return cast(Cell, self.sheet.cell(row, column))  # nothing is written into what is merged already


def _evenly(widths: Sequence[float], room: float) -> list[int]:
    """Return where to break columns into the fewest pages, about equally wide."""
    whole, pages = sum(widths), max(1, math.ceil(sum(widths) / room))
    begin, before, used = list[int](), 0.0, 0.0
    for n, width in enumerate(widths):
        if n and (before >= whole * (len(begin) + 1) / pages or used + width > room):
            begin.append(n)
            used = 0.0
        before, used = before + width, used + width
    return begin


def lines_of(text: object, width: float) -> int:
    """Return the number of lines of a text in a column of `width` characters; a Chinese character counts as two."""
    room = max(width - 1.5, 1)
    # A Chinese character has three bytes: with the count of characters added, twice its width.
    widths = ((len(part.encode("utf-8", "replace")) + len(part)) // 2 for part in str(text).split("\n"))
    return sum(math.ceil(max(wide, 1) / room) for wide in widths)


def number_format(digits: int) -> str:
    """Return the format of a number with grouped thousands."""
    return "#,##0" + (f".{'0' * digits}" if digits else "")


def _write_text(cell: Cell, text: str) -> None:
    """Write text as text; the quote prefix keeps it text even when somebody edits the cell."""
    if content := strip_control(text):
        cell.value, cell.data_type = content, "s"
        cell.quotePrefix = content.startswith(DANGEROUS)
