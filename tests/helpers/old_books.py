"""Old workbooks that no library writes: Excel 5 and 95 (BIFF5), whose texts are bytes of the code page they name."""

from __future__ import annotations

import io
import struct
from datetime import date
from typing import Any

from xlwt.CompoundDoc import XlsDoc

from baosong_local.samples import dirt

_GLOBALS, _SHEET = 0x0005, 0x0010


def biff5(book: dirt.Book, code_page: int = 936, code: str = "gbk") -> bytes:
    """Return rows as a workbook of Excel 5, with the second style for days."""
    sheets = [_sheet(rows, code) for rows in book.values()]
    head = _begin(_GLOBALS) + _record(0x42, struct.pack("<H", code_page))
    head += b"".join(
        _record(0x31, struct.pack("<HHHHHBBBB", 200, 0, 0x7FFF, 400, 0, 0, 0, 0, 0) + b"\5Arial") for _ in range(4)
    )
    head += b"".join(_record(0xE0, struct.pack("<HHHBBHHHH", 0, form, 1, 0x20, 0, 0, 0, 0, 0)) for form in (0, 14))
    names = [name.encode(code) for name in book]
    at = len(head) + sum(4 + 7 + len(name) for name in names) + 4
    for name, sheet in zip(names, sheets, strict=True):
        head += _record(0x85, struct.pack("<IHB", at, 0, len(name)) + name)
        at += len(sheet)
    stream = head + _record(0x0A) + b"".join(sheets)
    out = io.BytesIO()
    XlsDoc().save(out, stream.ljust(4096, b"\0"))
    return out.getvalue()


def _sheet(rows: list[list[Any]], code: str) -> bytes:
    cells = (_cell(r, c, value, code) for r, row in enumerate(rows) for c, value in enumerate(row) if value is not None)
    return _begin(_SHEET) + b"".join(cells) + _record(0x0A)


def _cell(row: int, column: int, value: Any, code: str) -> bytes:
    if isinstance(value, date):
        days = (date(value.year, value.month, value.day) - date(1899, 12, 30)).days
        return _record(0x203, struct.pack("<HHHd", row, column, 1, days))
    if isinstance(value, int | float):
        return _record(0x203, struct.pack("<HHHd", row, column, 0, value))
    text = str(value).encode(code)
    return _record(0x204, struct.pack("<HHHH", row, column, 0, len(text)) + text)


def _begin(kind: int) -> bytes:
    return _record(0x809, struct.pack("<HHHH", 0x500, kind, 0, 0))


def _record(number: int, body: bytes = b"") -> bytes:
    return struct.pack("<HH", number, len(body)) + body
