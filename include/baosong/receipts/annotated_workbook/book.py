"""The sender's workbook opened for marking: the original where openpyxl reads it, else one rebuilt from its values.

Active content and external references are dropped (macros, links to other files, DDE); formulas that used them keep
their results.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, cast

from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment
from openpyxl.utils import get_column_letter
from openpyxl.utils.datetime import to_excel
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from baosong.rules.words import strip_control
from baosong.validation.sandbox.programs.found import EAST_ASIAN_DATES, MAX_COLUMNS
from baosong.validation.statistics.cells import Sheet

Results = dict[str, Decimal | str]

_LITERAL = re.compile(r'"[^"]*"')
_REACHING = re.compile(  # another workbook, a DDE server, a path, a program, the net
    r"\[\d+\]|\[[^\[\]]*\.\w++\]|[|\\]|://"
    r"|\b(?:WEBSERVICE|FILTERXML|IMAGE|CALL|REGISTER(?:\.ID)?|EXEC|RTD|DDE)\s*\(",
    re.I,
)
_MACRO_SHEETS = ("xl/macrosheets/", "xl/dialogsheets/")
_BAD_TITLE = re.compile(r"[\\*?:/\[\]]")
_NARROWEST, _WIDEST = 8, 36


@dataclass(slots=True)
class Opened:
    """A workbook, its worksheets by the names that findings use, and its formulas' saved results by title and cell."""

    book: Workbook
    by_name: dict[str, Worksheet]
    results: dict[str, Results] = field(default_factory=dict)


def open_book(content: bytes | None, sheets: Sequence[Sheet]) -> Opened:
    """Return the workbook itself, or one with the values of `sheets` where there is none that openpyxl reads."""
    if content is not None:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
        try:
            if not any(name.lower().startswith(_MACRO_SHEETS) for name in names):
                opened = _original(content)
                if opened.by_name:  # of a Strict workbook openpyxl sees no sheet
                    return opened
        except MemoryError:
            raise
        except Exception:  # noqa: S110 openpyxl refuses, in many ways, books that WPS and our reader take
            pass
    return _rebuilt(sheets)


def _original(content: bytes) -> Opened:
    book = load_workbook(io.BytesIO(content), rich_text=True, keep_links=False)
    opened = Opened(book, {sheet.title: sheet for sheet in book.worksheets})
    cells = [cell for sheet in book.worksheets for cell in cells_of(sheet)]
    for cell in cells:  # by such a number of a format only East Asian programs show a day
        if cell._style.numFmtId in EAST_ASIAN_DATES:  # type: ignore[attr-defined]
            cell.number_format = "yyyy-mm-dd"
    formulas = [cell for cell in cells if cell.data_type == "f"]
    if formulas:
        saved = load_workbook(io.BytesIO(content), data_only=True, keep_links=False)
        for cell in formulas:
            _keep_result(cell, saved[cell.parent.title][cell.coordinate].value, opened)
    _drop_reaching(book)
    return opened


def cells_of(sheet: Worksheet) -> list[Cell]:
    """Return the cells that exist; iterating by row would create millions where one far cell has a border."""
    return [cell for cell in sheet._cells.values() if isinstance(cell, Cell)]


def _keep_result(cell: Cell, saved: Any, opened: Opened) -> None:
    """Record the saved result of a formula; an external formula is replaced by its result."""
    formula = cell.value if isinstance(cell.value, str) else getattr(cell.value, "text", None) or ""
    if reaches_out(formula):
        write_value(cell, saved)
    elif (result := _result(saved, opened.book.epoch)) is not None:
        opened.results.setdefault(cell.parent.title, {})[cell.coordinate] = result


def reaches_out(formula: object) -> bool:
    """Return whether a formula could fetch or start anything outside its workbook."""
    return _REACHING.search(_LITERAL.sub("", str(formula or ""))) is not None


def _result(saved: Any, epoch: datetime) -> Decimal | str | None:
    if isinstance(saved, bool) or saved is None:
        return None  # these are calculated when the book is opened
    if isinstance(saved, (datetime, date, time, timedelta)):
        return Decimal(repr(to_excel(saved, epoch)))  # type: ignore[no-untyped-call]
    return Decimal(repr(saved)) if isinstance(saved, (int, float)) else strip_control(str(saved))


def _drop_reaching(book: Workbook) -> None:
    """Remove the names and input checks that refer to files which the copy no longer has."""
    for names in (book.defined_names, *(sheet.defined_names for sheet in book.worksheets)):
        for name in [n for n, defined in names.items() if n.startswith("_xlnm.Auto") or reaches_out(defined.value)]:
            del names[name]
    for sheet in book.worksheets:
        rules = sheet.data_validations
        rules.dataValidation = [
            r for r in rules.dataValidation if not reaches_out(r.formula1) and not reaches_out(r.formula2)
        ]


def write_value(cell: Cell, value: Any) -> None:
    """Write a value into a cell; a text never becomes a formula, whatever it begins with."""
    if isinstance(value, str):
        cell.value, cell.data_type = strip_control(value), "s"
    else:
        cell.value = value


def _rebuilt(sheets: Sequence[Sheet]) -> Opened:
    book = Workbook()
    book.remove(book.worksheets[0])
    opened = Opened(book, {})
    for read in sheets:
        title = _BAD_TITLE.sub("_", strip_control(read.name)).strip("'")[:31] or "Sheet"
        sheet = book.create_sheet(title)
        opened.by_name[read.name] = sheet
        _fill(sheet, read)
        if read.hidden:
            sheet.sheet_state = "hidden"
    return opened


def _fill(sheet: Worksheet, read: Sheet) -> None:
    for r, row in enumerate(read.rows, read.top + 1):
        for c, value in enumerate(row, 1):
            if value not in (None, ""):
                cell = cast(Cell, sheet.cell(r, c))
                write_value(cell, value)
                cell.alignment = Alignment(vertical="center", wrap_text=True)
    for (r, c), error in _errors(read).items():
        write_value(cast(Cell, sheet.cell(r + 1, c + 1)), error)
    for column, width in _widths(read.rows).items():
        sheet.column_dimensions[get_column_letter(column)].width = width
    sheet.page_setup.paperSize, sheet.page_setup.orientation = 9, "landscape"
    sheet.print_options.gridLines = True
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    for (top, left), (bottom, right) in read.merged:
        sheet.merge_cells(start_row=top + 1, start_column=left + 1, end_row=bottom + 1, end_column=right + 1)


def _errors(sheet: Sheet) -> dict[tuple[int, int], str]:
    """Return the error values within a sheet's rows, which hold nothing in their place."""
    rows = range(sheet.top, sheet.end)
    errors = {at: text for at, text in sheet.uncached_formulas.items() if text.startswith("#")}
    return {(r, c): text for (r, c), text in errors.items() if r in rows and c < MAX_COLUMNS}


def _widths(rows: list[list[Any]]) -> dict[int, float]:
    """Return the width of each column by its longest text, within bounds; a title alone in its row does not count."""
    widths: dict[int, float] = {}
    for row in rows:
        for c, value in enumerate(row, 1):
            length = sum(1 + (ord(letter) > 0x2E7F) for letter in str(value if value is not None else ""))
            wanted = min(length + 2, _WIDEST) if sum(v not in (None, "") for v in row) > 1 else 0
            widths[c] = max(widths.get(c, _NARROWEST), wanted)
    return widths
