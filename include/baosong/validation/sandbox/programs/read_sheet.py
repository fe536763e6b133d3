"""The program that unpacks a workbook, in a process of its own: a hostile file takes this process down, not ours.

Run as `python read_sheet.py < workbook > cells`; of Baosong it imports little but `confine`. calamine
allocates a sheet's whole rectangle, so that two far cells in a file of 5 KB abort the process; the limits below bound
what that can cost. What calamine does not need is imported late: while it reads, by the thread beside it.
"""

from __future__ import annotations

import gc
import io
import os
import sys
import threading
from datetime import date
from itertools import islice

from baosong.validation.common.dtd import declares_dtd
from baosong.validation.sandbox import confine
from baosong.validation.sandbox.programs.found import MAX_COLUMNS, MOST, Found, column_number

TYPE_CHECKING = False  # typing takes longer to import than all others
if TYPE_CHECKING:
    import zipfile
    from typing import Any

__all__ = ["MAX_COLUMNS", "column_number"]

MEMORY = 1 << 30
SECONDS = 8  # of a processor: the whole check promises an answer within ten
MAX_ROW = 1 << 20  # as many rows as a spreadsheet has
OLD = b"\xd0\xcf\x11\xe0"
FRAME = ("xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml")
LOCKED, ELSEWHERE = "password", "elsewhere"

Answer = tuple[list[dict[str, "Any"]], "str | None"]


def main(max_rows: int) -> None:
    """Read a workbook from stdin; write `(sheets, error)` to stdout, error being the parser's word or None."""
    confine.die_with(os.getppid())
    confine.confine(MEMORY, SECONDS)
    gc.disable()  # it ends in a moment, and makes no circles
    sys.stdout.buffer.write(answer(sys.stdin.buffer.read(), max_rows))
    sys.stdout.buffer.flush()
    os._exit(0)  # to take a million cells apart one by one first would only cost time


def answer(data: bytes, max_rows: int) -> bytes:
    """Return the sheets of a workbook, or the parser's word, in JSON; a damaged one may take the process down."""
    from baosong.validation.sandbox.programs.sheet_answer import encoded

    read = _old(data, max_rows) if data.startswith(OLD) else _packed(data, max_rows)
    try:
        return encoded(*read)
    except ValueError as e:  # half a character
        return encoded([], _said(e))


def _old(data: bytes, max_rows: int) -> Answer:
    from baosong.validation.sandbox.programs import xls_book

    try:
        return xls_book.read(data, max_rows), None
    except xls_book.WantsPassword:
        return [], LOCKED
    except Exception as e:  # whatever a parser says of a damaged book
        return [], _said(e)


def _packed(data: bytes, max_rows: int) -> Answer:
    """Read a workbook of today: its values by calamine, all else by a thread beside it."""
    import python_calamine

    found: dict[str, Found] = {}
    problem: list[str] = []
    beside = threading.Thread(target=_look, args=(data, max_rows, found, problem))
    beside.start()  # calamine leaves the interpreter to it
    known: dict[Any, Any] = {}
    sheets: list[dict[str, Any]] = []
    try:
        with python_calamine.load_workbook(io.BytesIO(data)) as book:
            sheets = [_sheet(book, meta, max_rows, known) for meta in book.sheets_metadata]
    except python_calamine.PasswordError:
        return [], LOCKED
    except (python_calamine.CalamineError, OSError, ValueError) as e:
        beside.join()
        return [], next((said for said in problem if said in (LOCKED, ELSEWHERE)), _said(e))
    beside.join()
    for sheet in sheets:
        found.get(sheet["name"], Found()).put_into(sheet)
    _note_pictures(sheets, {text for text in known if type(text) is str and "DISPIMG(" in text})
    return ([], problem[0]) if problem else (sheets, None)


def _note_pictures(sheets: list[dict[str, Any]], names: set[str]) -> None:
    """Note where texts stand that WPS writes in place of a picture; nearly no book has any."""
    for sheet in sheets if names else ():
        top, left = sheet["start"]
        cells = ((r, c, value) for r, row in enumerate(sheet["rows"], top) for c, value in enumerate(row, left))
        sheet["pictures"] = {(r, c) for r, c, value in cells if type(value) is str and value in names}


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]


def _look(data: bytes, max_rows: int, found: dict[str, Found], problem: list[str]) -> None:
    """Look into the parts while calamine reads: `found` gets what each sheet holds beside its values."""
    import zipfile

    if not data.startswith(b"PK"):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found |= _looked(archive, max_rows)
    except Exception as e:  # what cannot be looked into must not pass for a good book
        problem.append(str(e) if str(e) in (LOCKED, ELSEWHERE) else _said(e))


def _looked(archive: zipfile.ZipFile, max_rows: int) -> dict[str, Found]:
    names = {name.replace("\\", "/") for name in archive.namelist()}
    if "META-INF/manifest.xml" in names and b"encryption-data" in archive.read("META-INF/manifest.xml"):
        raise ValueError(LOCKED)
    _guard(archive)
    if "content.xml" in names:
        from baosong.validation.sandbox.programs import ods_cells

        return ods_cells.look(archive, max_rows)
    if "xl/workbook.xml" in names:
        from baosong.validation.sandbox.programs import xlsx_cells

        return xlsx_cells.look(archive, max_rows)
    if "xl/workbook.bin" not in names:
        raise ValueError(ELSEWHERE)
    return {}


def _guard(archive: zipfile.ZipFile) -> None:
    """Raise on a part with entities of its own, and on a book whose frame is not XML; calamine minds neither."""
    from xml.parsers.expat import ParserCreate

    for name in archive.namelist():
        plain = name.replace("\\", "/")
        if plain.startswith("xl/") or plain == "content.xml":
            with archive.open(name) as part:
                if declares_dtd(part.read):
                    raise ValueError(plain)
                if plain in FRAME:
                    part.seek(0)
                    ParserCreate().Parse(part.read(), True)


def _sheet(book: Any, meta: Any, max_rows: int, known: dict[Any, Any]) -> dict[str, Any]:
    """Return a sheet's cells without the empty ends of rows, and where its first cell lies (row, column, from 0).

    Equal texts and days are one object, that of `known`: calamine makes one a cell, and to hand them over took longer.
    """
    nothing: dict[str, Any] = {
        "name": meta.name,
        "hidden": True,
        "start": (0, 0),
        "rows": [],
        "merged": [],
    }
    if str(meta.typ) != "SheetTypeEnum.WorkSheet":
        return nothing
    sheet = book.get_sheet_by_name(meta.name)
    start = sheet.start or (0, 0)
    if start[0] >= MAX_ROW or start[1] >= MAX_COLUMNS:
        return nothing | {"clipped": True}
    rows: list[list[Any]] = []
    one = known.setdefault
    for row in islice(sheet.iter_rows(), start[0], start[0] + max_rows):  # it begins above, with the sheet's first row
        end = min(len(row), MAX_COLUMNS - start[1])
        while end and row[end - 1] == "":
            end -= 1
        rows.append([one(v, v) if type(v) is str or type(v) is date else v for v in row[:end]])
    return nothing | {
        "hidden": str(meta.visible) != "SheetVisibleEnum.Visible",
        "very_hidden": str(meta.visible) == "SheetVisibleEnum.VeryHidden",
        "start": start,
        "rows": rows,
        "merged": (sheet.merged_cell_ranges or [])[:MOST],
        "clipped": sheet.height > max_rows or start[1] + sheet.width > MAX_COLUMNS,
    }


if __name__ == "__main__":
    main(int(sys.argv[1]))
