"""The good sheet as other programs save it: the same figures, whatever the XML looks like."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import date
from functools import partial
from typing import Any

import xlsxwriter
from openpyxl import load_workbook

from baosong.campaign.blank_form.template import new_book
from baosong.campaign.layout import first_activity_row, indicator_cells, signature_cells
from baosong_local.samples import dirt
from sheet_corpus.base import LIST, TOTALS, base_book
from sheet_corpus.case import Case, Make, accepted, cell, rejected, sheet
from sheet_corpus.raw import Hand, workbook, zipped
from sheet_help import CAMPAIGN, URUMQI

SERIALS = tuple(f"note normalised {LIST}!{column}{row}" for row in range(4, 10) for column in "FG")


def by(hand: Hand, *edits: Any) -> Make:
    return sheet(*edits, write=partial(workbook, hand=hand))


def in_the_template() -> bytes:
    """Fill the very template that is sent out: styles, drop-downs, protected labels."""
    book, rows, form = new_book(CAMPAIGN, URUMQI), base_book(), CAMPAIGN.form
    totals, details = book[TOTALS], book[LIST]
    filled = {
        cells[0]: dict(zip(("total", "offline", "online"), cells[3:6], strict=True)) for cells in rows[TOTALS][4:]
    }
    for (code, column), at in indicator_cells(form).items():
        if column in filled[code]:
            totals[at].value = filled[code][column]
    for name, text in {"unit": "乌鲁木齐市科学技术局", "person": "张伟", "phone": "0991-2812345"}.items():
        totals[signature_cells(form)[name]].value = text
    for r, cells in enumerate(rows[LIST][3:], first_activity_row(form)):
        for c, value in enumerate(cells, 1):
            details.cell(r, c, value)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def by_xlsxwriter(book: dirt.Book, **options: Any) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, **options}) as made:
        day = made.add_format({"num_format": "yyyy/m/d"})
        for name, rows in book.items():
            page = made.add_worksheet(name)
            for r, row in enumerate(rows):
                for c, value in enumerate(row):
                    if isinstance(value, date):
                        page.write_datetime(r, c, value, day)
                    elif value is not None:
                        page.write(r, c, value)
    return out.getvalue()


def worked_out(book: dirt.Book) -> bytes:
    """Totals as formulas with their results, as Excel and WPS save them."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as made:
        for name, rows in book.items():
            page = made.add_worksheet(name)
            for r, row in enumerate(rows):
                for c, value in enumerate(row):
                    if isinstance(value, date):
                        page.write_string(r, c, value.isoformat())
                    elif isinstance(value, int) and c >= 3:
                        page.write_formula(r, c, f"={value}+0", None, value)
                    elif value is not None:
                        page.write(r, c, value)
    return out.getvalue()


def resaved(book: dirt.Book) -> bytes:
    """Open and save again, as a script of an office's own would."""
    out = io.BytesIO()
    load_workbook(io.BytesIO(by_xlsxwriter(book))).save(out)
    return out.getvalue()


def rezipped(book: dirt.Book, method: int = zipfile.ZIP_STORED, folders: bool = False) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(dirt.written(book))) as good, zipfile.ZipFile(out, "w", method) as again:
        for folder in ("xl/", "xl/worksheets/", "docProps/") if folders else ():
            again.writestr(folder, b"")
        for name in reversed(good.namelist()):
            again.writestr(name, good.read(name))
    return out.getvalue()


def linked(book: dirt.Book) -> bytes:
    """Totals that were computed from another workbook: what they were when the file was saved is in it."""
    with zipfile.ZipFile(io.BytesIO(workbook(book, Hand()))) as good:
        members = {name: good.read(name) for name in good.namelist()}
    first = members["xl/worksheets/sheet1.xml"]
    members["xl/worksheets/sheet1.xml"] = first.replace(b'<c r="D21"><v>', b'<c r="D21"><f>[1]Sheet1!$B$2</f><v>')
    assert members["xl/worksheets/sheet1.xml"] != first
    members["xl/externalLinks/externalLink1.xml"] = b"<externalLink/>"
    return zipped(members)


def unreckoned(hand: Hand, **cells: str) -> Make:
    """Return the good sheet with cells of the totals that hold another XML: formulas without results, errors."""

    def make() -> bytes:
        with zipfile.ZipFile(io.BytesIO(workbook(base_book(), hand))) as good:
            members = {name: good.read(name) for name in good.namelist()}
        part = next(name for name in members if name.endswith("sheet1.xml"))
        for at, inside in cells.items():
            members[part], count = re.subn(rf'<c r="{at}">.*?</c>'.encode(), inside.encode(), members[part])
            assert count == 1
        return zipped(members)

    return make


NO_RESULT = '<c r="D22"><f>SUM(D1:D2)</f></c>'
WENT_WRONG = '<c r="D23" t="e"><f>1/0</f><v>#DIV/0!</v></c>'
NOTHING = '<c r="D24" t="str"><f>IF(1,&quot;&quot;)</f><v></v></c>'

CASES: list[Case] = [
    accepted("producer the template itself", in_the_template),
    accepted("producer openpyxl", sheet()),
    accepted("producer xlsxwriter", sheet(write=by_xlsxwriter)),
    accepted(
        "producer xlsxwriter in constant memory",
        sheet(write=partial(by_xlsxwriter, constant_memory=True, in_memory=False)),
    ),
    accepted("producer xlsxwriter strict dates of 1904", sheet(write=partial(by_xlsxwriter, date_1904=True))),
    accepted("producer xlsxwriter then openpyxl", sheet(write=resaved)),
    accepted("producer WPS", by(Hand(program="WPS Office", dimension="A1:XFD1048576"))),
    accepted(
        "producer Excel for Mac with dates of 1904", by(Hand(epoch_1904=True, program="Microsoft Macintosh Excel"))
    ),
    accepted(
        "producer Tencent Docs, texts inline, no styles", by(Hand(shared=False, styles=False, dimension="")), *SERIALS
    ),
    accepted("producer a wrong dimension", by(Hand(dimension="A1:A1"))),
    accepted("producer no dimension", by(Hand(dimension=""))),
    accepted("producer cells without addresses", by(Hand(addresses=False))),
    accepted("producer a prefix on every element", by(Hand(prefix="x"))),
    accepted("producer dates in ISO", by(Hand(iso_dates=True))),
    accepted("producer every value is text", by(Hand(texts=True))),
    accepted("producer every value is text, inline", by(Hand(texts=True, shared=False, styles=False))),
    accepted("producer every number is a formula with its result", by(Hand(formulas=True))),
    accepted("producer formulas with results", sheet(write=worked_out)),
    accepted("producer backslashes in the directory", by(Hand(backslash=True))),
    accepted("producer nothing compressed, parts turned round", sheet(write=rezipped)),
    accepted(
        "producer folders in the directory", sheet(write=partial(rezipped, method=zipfile.ZIP_DEFLATED, folders=True))
    ),
    accepted("producer formulas into another workbook", sheet(write=linked), "warning external_links"),
    *(
        rejected(
            f"producer formulas without results, {name}",
            unreckoned(hand, D22=NO_RESULT, D23=WENT_WRONG),
            *(SERIALS if not hand.styles else ()),
            f"error formula {TOTALS}!D22",
            f"error formula {TOTALS}!D23",
        )
        for name, hand in (
            ("plain", Hand()),
            ("backslashes", Hand(backslash=True)),
            ("no styles", Hand(styles=False, shared=False)),
            ("styles that openpyxl refuses", Hand(odd_styles=True)),
        )
    ),
    accepted("producer a formula whose result is nothing", unreckoned(Hand(), D24=NOTHING), changed={"C04": None}),
    rejected(
        "producer cells without addresses still name their cell",
        by(Hand(addresses=False), cell("offline", 6, "若干")),
        f"error number {LIST}!K6",
    ),
    rejected(
        "producer a prefix and a formula that went wrong",
        by(Hand(prefix="x"), cell("category", 6, "")),
        f"error required {LIST}!C6",
    ),
]
