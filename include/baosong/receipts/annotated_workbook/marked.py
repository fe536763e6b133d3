"""Opens a sender's workbook with openpyxl and marks it, in a child of the sandbox: limits bound a hostile one.

`annotate` asks for it. The reader of the checks reads it first: what it finds too large is not opened, and where
openpyxl cannot, a workbook is made of what it has read. A child can write no file, so each sheet's XML is kept in
memory where openpyxl takes a file.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from openpyxl import Workbook
from openpyxl.drawing.spreadsheet_drawing import SpreadsheetDrawing
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.writer.excel import ExcelWriter

from baosong.receipts.annotated_workbook.book import open_book
from baosong.receipts.annotated_workbook.listing import add_listing
from baosong.receipts.annotated_workbook.marks import mark
from baosong.report.reproducible import make_reproducible
from baosong.store.source import Source
from baosong.validation.sandbox.programs import read_sheet
from baosong.validation.sandbox.programs.found import MAX_COLUMNS
from baosong.validation.statistics.cells import LockedSheet, Sheet, UnreadableSheet, read_sheets

MAX_CELLS = 250_000  # some ten seconds of work
MAX_MERGED = 100_000  # cells: openpyxl makes an object of each
_FIXED = datetime(1980, 1, 1, tzinfo=UTC)  # the copy's own date, so that the same input gives the same bytes


def marked(source: Source, work: dict[str, Any]) -> bytes:
    """Return the marked workbook as xlsx bytes, empty where it is large, unreadable or has none of the cells to mark.

    `annotate` makes the work.
    """
    warnings.simplefilter("ignore")  # openpyxl's warnings about extensions that it does not know
    kind, max_rows, data = work["kind"], work["max_rows"], source.read()
    try:
        sheets = read_sheets(data, kind, source.name, max_rows, read_sheet.answer)
    except (LockedSheet, UnreadableSheet):
        sheets = []
    if not (sheets and _moderate(sheets, max_rows)):
        return b""
    opened = open_book(data if kind == "xlsx" else None, sheets)
    if not mark(opened.by_name, work["findings"]):
        return b""
    add_listing(opened.book, opened.by_name, work)
    if opened.book.properties.created is None or kind != "xlsx":
        opened.book.properties.created = _FIXED.replace(tzinfo=None)
    results = [opened.results.get(sheet.title, {}) for sheet in opened.book.worksheets]
    return make_reproducible(_saved(opened.book), _FIXED, results)


def _moderate(sheets: Sequence[Sheet], max_rows: int) -> bool:
    """Return whether every sheet stays near its first cell: one far cell or merged range costs openpyxl gigabytes."""
    merged = sum((bottom - top + 1) * (right - left + 1) for s in sheets for (top, left), (bottom, right) in s.merged)
    cells = sum(len(row) for sheet in sheets for row in sheet.rows)
    near = all(not s.clipped and s.end <= max_rows and max(map(len, s.rows), default=0) <= MAX_COLUMNS for s in sheets)
    return near and merged <= MAX_MERGED and cells <= MAX_CELLS


def _saved(book: Workbook) -> bytes:
    out = io.BytesIO()
    _MemoryWriter(book, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED)).save()
    return out.getvalue()


class _MemoryWriter(ExcelWriter):
    _archive: zipfile.ZipFile

    def write_worksheet(self, ws: Any) -> None:
        """Do what openpyxl does, without its temporary file."""
        ws._drawing = SpreadsheetDrawing()
        ws._drawing.charts, ws._drawing.images = ws._charts, ws._images
        out = io.BytesIO()
        writer: Any = WorksheetWriter(ws, out)
        writer.write()
        ws._rels = writer._rels
        self._archive.writestr(ws.path[1:], out.getvalue())
        self.manifest.append(ws)
