"""Reads a workbook of before 2007 with xlrd: Excel 5 to 2003, WPS's .et, in the code page that it names.

calamine reads most of them faster, but no code page of Excel 5 and 95, and of no cell how it looks.
"""

from __future__ import annotations

import io
import itertools
from datetime import datetime, time, timedelta
from decimal import Decimal

from baosong.validation.sandbox.programs import number_format
from baosong.validation.sandbox.programs.found import MAX_COLUMNS, MOST, Found, spelled

TYPE_CHECKING = False  # typing takes longer to import than all others
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

BOUND_SHEET, BEGIN, END, FORMULA, SHARED = 0x85, 0x809, 0x0A, 0x06, 0x4BC
ERRORS = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}
VERY_HIDDEN = 2
_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class WantsPassword(ValueError):
    """A workbook behind a password."""


def read(data: bytes, max_rows: int) -> list[dict[str, Any]]:
    """Return the sheets as the program answers them; raises `WantsPassword`, or what xlrd raises on a damaged book."""
    import xlrd  # type: ignore[import-untyped]

    stream = _stream(data)  # sectors may lie anywhere, and xlrd refuses what is only untidy
    try:
        book = xlrd.open_workbook(file_contents=stream, formatting_info=True, logfile=io.StringIO())
    except xlrd.XLRDError as e:
        raise (WantsPassword if "ncrypted" in str(e) else ValueError)(str(e)) from e
    formulas = _formulas(book, stream)
    return [_sheet(book, sheet, max_rows, formulas.get(sheet.number, {})) for sheet in book.sheets()]


def _stream(data: bytes) -> bytes:
    import olefile  # type: ignore[import-untyped]

    with olefile.OleFileIO(io.BytesIO(data)) as ole:
        name = next(name for name in ("Workbook", "Book") if ole.exists(name))
        return bytes(ole.openstream(name).read())


def _sheet(book: Any, sheet: Any, max_rows: int, formulas: dict[tuple[int, int], str]) -> dict[str, Any]:
    found = Found(from_1904=bool(book.datemode))
    rows = []
    for r in range(min(sheet.nrows, max_rows)):
        width = min(sheet.row_len(r), MAX_COLUMNS)
        row = [_value(book, sheet, found, r, c) for c in range(width)]
        while row and row[-1] == "":
            row.pop()
        rows.append(row)
    _looks(book, sheet, found)
    found.formulas = {at: text for at, text in formulas.items() if at not in found.uncached}
    answer = {
        "name": sheet.name,
        "hidden": sheet.visibility != 0,
        "very_hidden": sheet.visibility == VERY_HIDDEN,
        "start": (0, 0),
        "rows": rows,
        "merged": [],
        "clipped": sheet.nrows > max_rows or sheet.ncols > MAX_COLUMNS,
    }
    found.put_into(answer)
    return answer


def _value(book: Any, sheet: Any, found: Found, r: int, c: int) -> Any:
    """Return a cell's value, and note what it shows besides; an error value is no value."""
    kind, value = sheet.cell_type(r, c), sheet.cell_value(r, c)
    if kind in (0, 6):
        return ""
    style = book.xf_list[sheet.cell_xf_index(r, c)]
    if book.font_list[style.font_index].struck_out:
        found.struck.setdefault((r, c), None)
    match kind:
        case 1:
            return _text(book, sheet, found, (r, c), value)
        case 2:
            _note_shown(book, style, found, (r, c), value)
            return value
        case 3:
            return _moment(book, style, value)
        case 4:
            return bool(value)
        case _:
            if len(found.uncached) < MOST:
                found.uncached[r, c] = ERRORS.get(value, "#")
            return ""


def _text(book: Any, sheet: Any, found: Found, at: tuple[int, int], text: str) -> str:
    """Return a text without what is struck out in it, and with a format's own words."""
    runs = [(0, None), *sheet.rich_text_runlist_map.get(at, ()), (len(text), None)]
    pieces = [
        (text[begin:end], book.font_list[font] if font is not None else None)
        for (begin, font), (end, _) in itertools.pairwise(runs)
    ]
    struck = "".join(piece for piece, font in pieces if font and font.struck_out)
    seen = "".join(_raised(piece, font) for piece, font in pieces if not (font and font.struck_out))
    if struck:
        found.struck_in_part(at, seen, struck)
        text = seen if seen.strip() else text
    elif seen != text:
        text = seen
    form = _format(book, book.xf_list[sheet.cell_xf_index(*at)])
    return text if form.is_plain else form.shows_text(text)


def _raised(piece: str, font: Any) -> str:
    """Return a piece of a text; digits raised beside the line are no digits of a number."""
    return piece.translate(_SUPERSCRIPT) if font and font.escapement else piece


def _format(book: Any, style: Any) -> Any:
    known = book.format_map.get(style.format_key)
    return number_format.parsed(known.format_str if known else "General")


def _note_shown(book: Any, style: Any, found: Found, at: tuple[int, int], value: float) -> None:
    form = _format(book, style)
    if form.is_date or abs(value) > 1e15:
        return
    exact = Decimal(format(value, ".15g"))
    decimals = max(0, -int(exact.as_tuple().exponent))
    if (not form.is_plain or (form.decimals is not None and decimals > form.decimals)) and len(found.shown) < MOST:
        found.shown[at] = form.shows(exact) or ""


def _moment(book: Any, style: Any, value: float) -> Any:
    """Return the day, the time or the span that a number with such a format is; the number where it is none."""
    days = value + 1462 * bool(book.datemode)
    try:
        if "[" in str(getattr(book.format_map.get(style.format_key), "format_str", "")).replace("[$-", ""):
            return timedelta(days=value)
        moment = datetime(1899, 12, 30) + timedelta(milliseconds=round(days * 86_400_000))
    except OverflowError:
        return value
    if days < 1:
        return time(moment.hour, moment.minute, moment.second)
    return moment.date() if days == int(days) else moment


def _looks(book: Any, sheet: Any, found: Found) -> None:
    found.hidden_rows = [r for r, row in sheet.rowinfo_map.items() if row.hidden or row.height == 0]
    columns = sheet.colinfo_map.items()
    found.hidden_columns = [c for c, column in columns if c < MAX_COLUMNS and (column.hidden or column.width == 0)]
    found.merged = [((top, left), (bottom - 1, right - 1)) for top, bottom, left, right in sheet.merged_cells[:MOST]]
    found.comments = {at: note.text[:2000] for at, note in sheet.cell_note_map.items()}


def _formulas(book: Any, stream: bytes) -> dict[int, dict[tuple[int, int], str]]:
    """Return the formulas by sheet and cell, as far as xlrd can spell them: a place on another sheet is a `?`."""
    if book.biff_version < 80:
        return {}
    bound = [body for number, body in _records(stream, 0) if number == BOUND_SHEET]
    starts = [int.from_bytes(body[:4], "little") for body in bound if body[5:6] == b"\0"]  # no charts, no macros
    found: dict[int, dict[tuple[int, int], str]] = {}
    for sheet, start in enumerate(starts):
        here: dict[tuple[int, int], str] = {}
        found[sheet] = here
        last, shared = (0, 0), dict[tuple[int, int], bytes]()
        for number, body in _records(stream, start):
            if number == FORMULA and len(here) < MOST:
                last = (int.from_bytes(body[:2], "little"), int.from_bytes(body[2:4], "little"))
                here[last] = _spelled(book, body, 20, last)
            elif number == SHARED:
                shared[last] = body
        _share(book, here, shared)
    return found


def _share(book: Any, here: dict[tuple[int, int], str], shared: dict[tuple[int, int], bytes]) -> None:
    """Give each cell of a shared formula what it says there; it holds where the first of them stands."""
    for at, text in here.items():
        if text.startswith("=SHARED FMLA"):
            row, column = (int(part.partition("=")[2]) for part in text.split()[-2:])
            body = shared.get((row, column))
            here[at] = _spelled(book, body, 8, at, shared=True) if body else "=?"


def _spelled(book: Any, body: bytes, at: int, cell: tuple[int, int], *, shared: bool = False) -> str:
    from xlrd import formula

    length = int.from_bytes(body[at : at + 2], "little")
    kind = formula.FMLA_TYPE_SHARED if shared else formula.FMLA_TYPE_CELL
    try:
        text = formula.decompile_formula(book, body[at + 2 :], length, kind, browx=cell[0], bcolx=cell[1])
    except Exception:  # it is a formula, whatever it says
        text = "?"
    return spelled(f"={text}")


def _records(stream: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Yield number and body of each record from a beginning to its end, but for those of charts within a sheet."""
    depth = 0
    while at + 4 <= len(stream):
        number, length = (int.from_bytes(stream[i : i + 2], "little") for i in (at, at + 2))
        depth += (number == BEGIN) - (number == END)
        if depth == 1:
            yield number, stream[at + 4 : at + 4 + length]
        if depth <= 0:
            return
        at += 4 + length
