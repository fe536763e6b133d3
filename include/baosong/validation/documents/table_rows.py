"""The lines of a Word document or workbook with the rows of their tables whole, and the addresses behind their words.

The words of a document that checks search come cell by cell, an empty cell like the end of a row; a list of press
coverage is told apart by its rows. What is no such package, or too large, has its lines as the search gave them.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice
from typing import Any

from baosong.store.source import Source
from baosong.validation.common import opc, zip_guard
from baosong.validation.common.dtd import declares_dtd
from baosong.validation.common.package_text import DAMAGE

_LARGEST = 8 << 20  # bytes of a part that is made a tree; a list of 2,000 rows has one
_MOST_SHEETS = 10
_FIRST_DAY = date(1899, 12, 30)  # day 0 of a workbook, as all spreadsheets count since 1900-03-01
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_R_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def lines(source: Source) -> list[str] | None:
    """Return a docx's or xlsx's lines, the cells of a row parted by tabs; None for a file that is neither."""
    from defusedxml.common import DefusedXmlException

    try:
        with zip_guard.guarded(source) as archive:
            package = opc.Package(archive)
            read = {"docx": _document, "xlsx": _workbook}.get(package.kind)
            return list(read(archive, package)) if read else None
    except (*DAMAGE, DefusedXmlException, zip_guard.Bomb):
        return None


def _tree(archive: zipfile.ZipFile, package: opc.Package, part: str) -> Any:
    """Return a part as a tree; ValueError where it is none that is to be read."""
    from defusedxml.ElementTree import fromstring

    member = package.members[part]
    data = archive.read(member) if member.file_size <= _LARGEST else b""
    if not data or declares_dtd(io.BytesIO(data).read):
        raise ValueError(part)
    return fromstring(data)


def _addresses(package: opc.Package, part: str) -> dict[str, str]:
    return {r.id: r.target for r in package.relations(part) if r.external and r.kind == "hyperlink"}


def _document(archive: zipfile.ZipFile, package: opc.Package) -> Iterator[str]:
    links = _addresses(package, package.main)
    body = next(iter(_tree(archive, package, package.main)), ())
    for item in body:
        if item.tag == f"{_WORD}tbl":
            for row in item.iter(f"{_WORD}tr"):
                yield "\t".join(_words(cell, links) for cell in row.iterfind(f".//{_WORD}tc"))
        else:
            yield from _words(item, links, "\n").split("\n")


def _words(element: Any, links: dict[str, str], end: str = " ") -> str:
    """Return an element's words and, behind those that lead somewhere, the address."""
    told: list[str] = []
    for item in element.iter():
        if item.tag == f"{_WORD}t":
            told.append(item.text or "")
        elif item.tag in (f"{_WORD}br", f"{_WORD}tab") or (item.tag == f"{_WORD}p" and told):
            told.append("\t" if item.tag == f"{_WORD}tab" and end == "\n" else end)
    behind = [links.get(item.get(_R_ID, ""), "") for item in element.iter(f"{_WORD}hyperlink")]
    words = "".join(told).strip()
    return " ".join([words, *(a for a in dict.fromkeys(behind) if a and a not in words)]).strip()


def _workbook(archive: zipfile.ZipFile, package: opc.Package) -> Iterator[str]:
    parts = [package.resolved(package.main, r.target) for r in package.relations(package.main) if not r.external]
    shared = [
        s for p in parts if package.type_of(p) == "spreadsheetml.sharedstrings" for s in _shared(archive, package, p)
    ]
    for part in islice((p for p in parts if package.type_of(p) == "spreadsheetml.worksheet"), _MOST_SHEETS):
        yield from _sheet(_tree(archive, package, part), shared, _addresses(package, part))
        yield ""


def _shared(archive: zipfile.ZipFile, package: opc.Package, part: str) -> list[str]:
    return ["".join(t.text or "" for t in item.iterfind(".//{*}t")) for item in _tree(archive, package, part)]


def _sheet(root: Any, shared: list[str], links: dict[str, str]) -> Iterator[str]:
    behind = {h.get("ref", ""): links.get(h.get(_R_ID, ""), "") for h in root.iterfind(".//{*}hyperlink")}
    days = set[str]()  # columns whose heading says that they hold days, which a workbook keeps as numbers
    for row in root.iterfind(".//{*}row"):
        cells = []
        for cell in row.iterfind("{*}c"):
            at, text = cell.get("r", ""), " ".join(_value(cell, shared).split())
            column = at.rstrip("0123456789")
            if text.endswith(("日期", "时间")):
                days.add(column)
            text, link = _day(text) if column in days else text, behind.get(at, "")
            cells.append(f"{text} {link}".strip() if link not in text else text)
        yield "\t".join(cells)


def _day(text: str) -> str:
    whole = text.partition(".")[0]
    known = whole.isdecimal() and len(whole) == 5
    return (_FIRST_DAY + timedelta(days=int(whole))).isoformat() if known else text


def _value(cell: Any, shared: list[str]) -> str:
    """Return what a cell holds, as its part writes it."""
    if cell.get("t") == "inlineStr":
        return "".join(t.text or "" for t in cell.iterfind(".//{*}t"))
    value = str(cell.findtext("{*}v") or "")
    if cell.get("t") == "s":
        return shared[int(value)] if value.isdecimal() and int(value) < len(shared) else ""
    return value
