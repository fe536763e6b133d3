"""Opens a sender's workbook with openpyxl and marks it, in a child of the sandbox: limits bound a hostile one.

`annotate` asks for it. A child can write no file, so each sheet's XML is kept in memory where openpyxl takes a file.
"""

from __future__ import annotations

import io
import warnings
import zipfile
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

_FIXED = datetime(1980, 1, 1, tzinfo=UTC)  # the copy's own date, so that the same input gives the same bytes


def marked(source: Source, work: dict[str, Any]) -> bytes:
    """Return the marked workbook as xlsx bytes, empty where the workbook has none of the cells to mark.

    `source` is the sender's workbook, empty where it is no xlsx; `annotate` makes the work.
    """
    warnings.simplefilter("ignore")  # openpyxl's warnings about extensions that it does not know
    content = source.read() or None
    opened = open_book(content, work["sheets"])
    if not mark(opened.by_name, work["findings"]):
        return b""
    add_listing(opened.book, opened.by_name, work)
    if opened.book.properties.created is None or content is None:
        opened.book.properties.created = _FIXED.replace(tzinfo=None)
    results = [opened.results.get(sheet.title, {}) for sheet in opened.book.worksheets]
    return make_reproducible(_saved(opened.book), _FIXED, results)


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
