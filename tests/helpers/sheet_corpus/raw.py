"""Writes rows as the XML that producers other than openpyxl leave: a small part of the format, said in other ways."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from xml.sax.saxutils import escape

from baosong.campaign.layout import column_letter
from baosong_local.samples import dirt

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
STYLES = (
    f'<styleSheet xmlns="{MAIN}"><fonts count="1"><font/></fonts><fills count="1"><fill/></fills><borders count="1">'
    '<border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="2"><xf numFmtId="0"/>'
    '<xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>'
)
ODD_FONT = '<font><family val="255"/><sz val="auto"/></font>'  # openpyxl refuses the whole book for it


@dataclass(frozen=True, slots=True)
class Hand:
    """The habits of a producer: how it spells texts and dates, what it leaves out, who it says it is."""

    shared: bool = True
    styles: bool = True
    odd_styles: bool = False
    addresses: bool = True
    prefix: str = ""
    dimension: str = "A1:T99"
    epoch_1904: bool = False
    iso_dates: bool = False
    program: str = ""
    backslash: bool = False
    texts: bool = False
    """Every value is text, as report tools export it."""
    formulas: bool = False
    """Every number is a formula with its result."""


def workbook(book: dirt.Book, hand: Hand) -> bytes:
    """Return the rows as this hand would have saved them."""
    strings: list[str] = []
    members = {f"xl/worksheets/sheet{i}.xml": _sheet(rows, hand, strings) for i, rows in enumerate(book.values(), 1)}
    members |= {"xl/workbook.xml": _book(book, hand), "xl/_rels/workbook.xml.rels": _relations(book, hand)}
    if hand.shared:
        items = "".join(f"<si><t xml:space='preserve'>{escape(s)}</t></si>" for s in strings)
        members["xl/sharedStrings.xml"] = f'<sst xmlns="{MAIN}" count="{len(strings)}">{items}</sst>'
    if hand.styles:
        members["xl/styles.xml"] = STYLES.replace("<font/>", ODD_FONT) if hand.odd_styles else STYLES
    if hand.program:
        members["docProps/app.xml"] = f"<Properties><Application>{hand.program}</Application></Properties>"
    members["_rels/.rels"] = (
        f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    )
    members["[Content_Types].xml"] = _types(members)
    return zipped({(n.replace("/", "\\") if hand.backslash else n): HEAD + xml for n, xml in members.items()})


def zipped(members: dict[str, str] | dict[str, bytes]) -> bytes:
    """Return a zip of these members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.filename, info.compress_type = name, zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return out.getvalue()


def _book(book: dirt.Book, hand: Hand) -> str:
    sheets = "".join(f'<sheet name="{escape(n)}" sheetId="{i}" r:id="rId{i}"/>' for i, n in enumerate(book, 1))
    epoch = '<workbookPr date1904="1"/>' if hand.epoch_1904 else "<workbookPr/>"
    return f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}">{epoch}<sheets>{sheets}</sheets></workbook>'


def _relations(book: dirt.Book, hand: Hand) -> str:
    targets = [("worksheet", f"worksheets/sheet{i}.xml") for i in range(1, len(book) + 1)]
    targets += [("sharedStrings", "sharedStrings.xml")] * hand.shared + [("styles", "styles.xml")] * hand.styles
    inside = "".join(
        f'<Relationship Id="rId{i}" Type="{RELATIONS}/{kind}" Target="{target}"/>'
        for i, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{inside}</Relationships>'


def _types(members: dict[str, str]) -> str:
    kinds = {"xl/workbook.xml": "sheet.main", "xl/styles.xml": "styles", "xl/sharedStrings.xml": "sharedStrings"}
    parts = "".join(
        f'<Override PartName="/{name}" ContentType="{KIND}.{kinds.get(name, "worksheet")}+xml"/>'
        for name in members
        if name in kinds or "sheets/" in name
    )
    return (
        f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/><Default '
        f'Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{parts}</Types>'
    )


def _sheet(rows: dirt.Grid, hand: Hand, strings: list[str]) -> str:
    p = f"{hand.prefix}:" if hand.prefix else ""
    space = f"xmlns:{hand.prefix}" if p else "xmlns"
    body = "".join(
        f"<{p}row{_address(hand, '', r)}>{''.join(_cells(row, r, hand, p, strings))}</{p}row>"
        for r, row in enumerate(rows, 1)
    )
    dimension = f'<{p}dimension ref="{hand.dimension}"/>' if hand.dimension else ""
    return f'<{p}worksheet {space}="{MAIN}">{dimension}<{p}sheetData>{body}</{p}sheetData></{p}worksheet>'


def _address(hand: Hand, letter: str, row: int) -> str:
    return f' r="{letter}{row}"' if hand.addresses else ""


def _cells(row: list[Any], r: int, hand: Hand, p: str, strings: list[str]) -> Iterator[str]:
    for c, value in enumerate(row, 1):
        at = _address(hand, column_letter(c), r)
        if value is None:
            yield "" if hand.addresses else f"<{p}c/>"
        elif isinstance(value, date):
            yield _date(value, at, hand, p, strings)
        elif isinstance(value, str) or hand.texts:
            yield _text(str(value), at, hand, p, strings)
        elif hand.formulas:
            yield f"<{p}c{at}><{p}f>{value}+0</{p}f><{p}v>{value}</{p}v></{p}c>"
        else:
            yield f"<{p}c{at}><{p}v>{value}</{p}v></{p}c>"


def _text(value: str, at: str, hand: Hand, p: str, strings: list[str]) -> str:
    if not hand.shared:
        return f'<{p}c{at} t="inlineStr"><{p}is><{p}t>{escape(value)}</{p}t></{p}is></{p}c>'
    strings.append(value)
    return f'<{p}c{at} t="s"><{p}v>{len(strings) - 1}</{p}v></{p}c>'


def _date(value: date, at: str, hand: Hand, p: str, strings: list[str]) -> str:
    day = value.date() if isinstance(value, datetime) else value
    if hand.texts:
        return _text(f"{day:%Y/%m/%d}", at, hand, p, strings)
    if hand.iso_dates:
        return f'<{p}c{at} t="d" s="1"><{p}v>{day.isoformat()}</{p}v></{p}c>'
    serial = (day - (date(1904, 1, 1) if hand.epoch_1904 else date(1899, 12, 30))).days
    return f"<{p}c{at}{' s=' + chr(34) + '1' + chr(34) if hand.styles else ''}><{p}v>{serial}</{p}v></{p}c>"
