"""The program that unpacks a workbook, in a process of its own: a hostile file takes this process down, not ours.

Run as `python sheet_child.py < workbook > cells`: it imports nothing of Baosong. calamine allocates a sheet's whole
rectangle, so that two far cells in a file of 5 KB abort the process; the limits below bound what that can cost.
What calamine does not need is imported late: while it reads, by the thread beside it.
"""

from __future__ import annotations

import gc
import io
import os
import resource
import sys
import threading
from datetime import date

TYPE_CHECKING = False  # typing takes longer to import than all others
if TYPE_CHECKING:
    import re
    from typing import IO, Any

MEMORY = 1 << 30
SECONDS = 20
MAX_COLUMNS = 256
CHUNK = 1 << 20
LONGEST_FORMULA = 400
FORMULAS = (rb"<f[ />]", rb":f[ >]", rb't="e"', rb"t='e'")  # one pattern of all is slower


def main(max_rows: int) -> None:
    """Read a workbook from stdin; write `(sheets, error)` to stdout, error being the parser's word or None."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.disable()  # it ends in a moment, and makes no circles
    data = sys.stdin.buffer.read()
    import python_calamine

    parts: set[str] = set()
    search = threading.Thread(target=_find_formulas, args=(data, parts))  # calamine leaves the interpreter to it
    search.start()
    known: dict[Any, Any] = {}
    try:
        with python_calamine.load_workbook(io.BytesIO(data)) as book:
            sheets = [_sheet(book, meta, max_rows, known) for meta in book.sheets_metadata]
    except python_calamine.PasswordError:
        answer: tuple[list[dict[str, Any]], str | None] = ([], "password")
    except (python_calamine.CalamineError, OSError, ValueError) as e:
        answer = ([], f"{type(e).__name__}: {e}"[:300])
    else:
        search.join()
        if parts:
            _add_holes(data, sheets, max_rows, parts)
        answer = (sheets, None)
    import pickle

    sys.stdout.buffer.write(pickle.dumps(answer, protocol=5))
    sys.stdout.buffer.flush()
    os._exit(0)  # to take a million cells apart one by one first would only cost time


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
        "holes": {},
    }
    if str(meta.typ) != "SheetTypeEnum.WorkSheet":
        return nothing
    sheet = book.get_sheet_by_name(meta.name)
    start = sheet.start or (0, 0)
    rows: list[list[Any]] = []
    one = known.setdefault
    for i, row in enumerate(sheet.iter_rows()):
        if i >= max_rows:
            break
        end = min(len(row), MAX_COLUMNS)
        while end and row[end - 1] == "":
            end -= 1
        rows.append([one(v, v) if type(v) is str or type(v) is date else v for v in row[:end]])
    return nothing | {
        "hidden": str(meta.visible) != "SheetVisibleEnum.Visible",
        "start": start,
        "rows": rows,
        "merged": (sheet.merged_cell_ranges or [])[:20_000],
        "clipped": sheet.height > max_rows or sheet.width > MAX_COLUMNS,
    }


def _add_holes(data: bytes, sheets: list[dict[str, Any]], max_rows: int, parts: set[str]) -> None:
    """Tell the empty cells that hold a formula without a result, or an error value: calamine gives them as nothing."""
    import contextlib

    import openpyxl

    with contextlib.suppress(Exception):  # openpyxl refuses books that calamine reads; holes are an extra
        book: Any = openpyxl.load_workbook(io.BytesIO(data), read_only=True)
        by_name = {s["name"]: s.setdefault("holes", {}) for s in sheets}
        for sheet in book.worksheets:
            if sheet._worksheet_path not in parts:
                continue
            holes = by_name[sheet.title]
            for row in sheet.iter_rows(max_row=max_rows, max_col=MAX_COLUMNS):
                for cell in row:
                    if cell.data_type in ("f", "e") and cell.row and cell.column:
                        holes[cell.row - 1, cell.column - 1] = str(cell.value)[:LONGEST_FORMULA]


def _find_formulas(data: bytes, parts: set[str]) -> None:
    """Add the names of the parts that hold formulas or error values to `parts`."""
    if not data.startswith(b"PK"):
        return
    import contextlib
    import re
    import zipfile

    patterns = [re.compile(p) for p in FORMULAS]
    with contextlib.suppress(Exception), zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            if name.replace("\\", "/").startswith("xl/worksheets/"):
                with archive.open(name) as part:
                    if _holds(part, patterns):
                        parts.add(name)


def _holds(part: IO[bytes], patterns: list[re.Pattern[bytes]]) -> bool:
    before = b""
    while chunk := part.read(CHUNK):
        text = before + chunk
        if any(pattern.search(text) for pattern in patterns):
            return True
        before = chunk[-8:]
    return False


if __name__ == "__main__":
    main(int(sys.argv[1]))
