"""The good sheet in other formats, and other formats in the good sheet's place."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from typing import Any

import xlwt
from odfdo import Cell, Document, Row, Table

from baosong_local.samples import dirt, documents, media
from sheet_corpus.base import LIST, TOTALS
from sheet_corpus.case import Case, accepted, cell, rejected, sheet, total
from sheet_help import CAMPAIGN, URUMQI

_EMPTY = re.compile(rb"(?s)(\x06\x00.\x00.{6})\x03\0{5}\xff\xff")  # a formula, and its result: an empty text


def xls(book: dirt.Book, epoch_1904: bool = False, code: str = "utf-8") -> bytes:
    """An old workbook; a text such as #DIV/0! becomes the error value, and =1/0 a formula with that result."""
    made = xlwt.Workbook(encoding=code)
    made.dates_1904 = epoch_1904
    day = xlwt.easyxf(num_format_str="YYYY/M/D")
    for name, rows in book.items():
        page = made.add_sheet(name)
        for r, row in enumerate(rows):
            for c, value in enumerate(row):
                if isinstance(value, date):
                    page.write(r, c, value, day)
                elif isinstance(value, str) and value.startswith("="):
                    page.write(r, c, xlwt.Formula(value[1:]))
                elif isinstance(value, str) and value.startswith("#"):
                    page.row(r).set_cell_error(c, value)
                elif value is not None:
                    page.write(r, c, value)
    out = io.BytesIO()
    made.save(out)
    return _EMPTY.sub(lambda found: found[1] + b"\2\0\7\0\0\0\xff\xff", out.getvalue())


def ods(book: dirt.Book) -> bytes:
    document = Document("spreadsheet")
    document.body.clear()
    for name, rows in book.items():
        table = Table(name)
        for row in rows:
            table.append_row(_ods_row(row))
        document.body.append(table)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _ods_row(row: list[Any]) -> Row:
    made = Row()
    for value in row:
        made.append_cell(Cell(datetime(value.year, value.month, value.day) if isinstance(value, date) else value))
    return made


def text(book: dirt.Book, code: str = "utf-8", delimiter: str = ",") -> bytes:
    """Both tables below each other, as text."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    for rows in book.values():
        writer.writerows([[f"{v:%Y/%m/%d}" if isinstance(v, date) else v for v in row] for row in rows])
    return out.getvalue().encode(code)


def html(book: dirt.Book) -> bytes:
    """What report tools export as .xls: a web page with tables."""
    tables = (
        "".join(f"<tr>{''.join(f'<td>{v or str()}</td>' for v in row)}</tr>" for row in rows) for rows in book.values()
    )
    return f"<html><body>{''.join(f'<table>{t}</table>' for t in tables)}</body></html>".encode()


def xml_2003(book: dirt.Book) -> bytes:
    return b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook xmlns="urn:spreadsheet"/>'


def only(name: str, write: Callable[..., bytes] = text) -> Any:
    return sheet(lambda book: book.pop(TOTALS if name == LIST else LIST), write=write)


SHEET_1 = "统计表"
CASES: list[Case] = [
    accepted("format xls", sheet(write=xls), file="统计表.xls"),
    accepted("format xls with dates of 1904", sheet(write=partial(xls, epoch_1904=True)), file="统计表.xls"),
    rejected(
        "format xls with error values",
        sheet(total("C02", "#DIV/0!"), total("D01", "=1/0"), cell("offline", 6, "#REF!"), write=xls),
        f"error formula {TOTALS}!D22",
        f"error formula {TOTALS}!D25",
        f"error formula {LIST}!K6",
        file="统计表.xls",
    ),
    accepted("format et", sheet(write=xls), file="统计表.et"),
    rejected(
        "format xls with a word for a number",
        sheet(cell("offline", 6, "若干"), write=xls),
        f"error number {LIST}!K6",
        file="统计表.xls",
    ),
    accepted(
        "format xls with numbers as people write them",
        sheet(total("C01", "3万余份"), write=xls),
        f"warning rounded {TOTALS}!D21",
        changed={"C01": 30000},
        file="统计表.et",
    ),
    accepted("format ods", sheet(write=ods), file="统计表.ods"),
    rejected(
        "format ods with a word for a number",
        sheet(cell("offline", 6, "若干"), write=ods),
        f"error number {LIST}!K6",
        file="统计表.ods",
    ),
    accepted("format csv in UTF-8", sheet(write=text), file="统计表.csv"),
    accepted("format csv in UTF-8 with a BOM", sheet(write=partial(text, code="utf-8-sig")), file="统计表.csv"),
    accepted("format csv in GBK", sheet(write=partial(text, code="gbk")), file="统计表.csv"),
    accepted(
        "format csv in GB18030 with a rare name",
        sheet(cell("leader", 6, "𬀩㛃"), write=partial(text, code="gb18030")),
        file="统计表.csv",
    ),
    accepted(
        "format text in UTF-16 with tabs", sheet(write=partial(text, code="utf-16", delimiter="\t")), file="统计表.csv"
    ),
    accepted("format csv with semicolons", sheet(write=partial(text, delimiter=";")), file="统计表.csv"),
    rejected("format csv of the list alone", only(LIST), "error missing_table", file="统计表.csv"),
    rejected(
        "format csv with a word for a number",
        sheet(cell("offline", 6, "若干"), write=partial(text, code="gbk")),
        f"error number {SHEET_1}!K38",
        file="统计表.csv",
    ),
    accepted("format xlsx named xls", sheet(), "warning file.type_mismatch", file="统计表.xls"),
    accepted("format xls named xlsx", sheet(write=xls), "warning file.type_mismatch", file="统计表.xlsx"),
    rejected(
        "format web page named xls",
        sheet(write=html),
        "warning file.type_mismatch",
        "error unreadable",
        file="统计表.xls",
    ),
    rejected(
        "format XML of 2003 named xls",
        sheet(write=xml_2003),
        "warning file.type_mismatch",
        "error unreadable",
        file="统计表.xls",
    ),
    rejected("format a scan in PDF", lambda: documents.make_pdf([["统计表"]]), "error file.format", file="统计表.pdf"),
    rejected(
        "format a photo of the sheet",
        lambda: media.make_photo(1, "x", (640, 480)),
        "error file.format",
        file="统计表.jpg",
    ),
    rejected(
        "format a Word document",
        lambda: documents.make_report(CAMPAIGN, URUMQI, 1),
        "error file.format",
        file="统计表.docx",
    ),
]
