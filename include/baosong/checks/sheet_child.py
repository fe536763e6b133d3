"""The program that unpacks a workbook, in a process of its own: a hostile file takes this process down, not ours.

Run as `python sheet_child.py < workbook > cells`: it imports nothing of Baosong. calamine allocates a sheet's whole
rectangle, so that two far cells in a file of 5 KB abort the process; the limits below bound what that can cost.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import resource
import sys
import zipfile
from typing import Any

MEMORY = 1 << 30
SECONDS = 20
MAX_COLUMNS = 256
LONGEST_FORMULA = 400
_FORMULAS = (b"<f>", b"<f ", b"<f/", b":f>", b":f ", b't="e"', b"t='e'")


def main(max_rows: int) -> None:
    """Read a workbook from stdin; write `(sheets, error)` to stdout, error being the parser's word or None."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    data = sys.stdin.buffer.read()
    import python_calamine

    try:
        with python_calamine.load_workbook(io.BytesIO(data)) as book:
            sheets = [_sheet(book, meta, max_rows) for meta in book.sheets_metadata]
    except python_calamine.PasswordError:
        answer: tuple[list[dict[str, Any]], str | None] = ([], "password")
    except (python_calamine.CalamineError, OSError, ValueError, zipfile.BadZipFile) as e:
        answer = ([], f"{type(e).__name__}: {e}"[:300])
    else:
        with contextlib.suppress(Exception):  # openpyxl refuses books that calamine reads; holes are an extra
            _add_holes(data, sheets, max_rows)
        answer = (sheets, None)
    sys.stdout.buffer.write(pickle.dumps(answer, protocol=5))


def _sheet(book: Any, meta: Any, max_rows: int) -> dict[str, Any]:
    """Return a sheet's cells without the empty ends of rows, and where its first cell lies (row, column, from 0)."""
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
    for i, row in enumerate(sheet.iter_rows()):
        if i >= max_rows:
            break
        end = min(len(row), MAX_COLUMNS)
        while end and row[end - 1] == "":
            end -= 1
        rows.append(row[:end])
    return nothing | {
        "hidden": str(meta.visible) != "SheetVisibleEnum.Visible",
        "start": start,
        "rows": rows,
        "merged": (sheet.merged_cell_ranges or [])[:20_000],
        "clipped": sheet.height > max_rows or sheet.width > MAX_COLUMNS,
    }


def _add_holes(data: bytes, sheets: list[dict[str, Any]], max_rows: int) -> None:
    """Tell the empty cells that hold a formula without a result, or an error value: calamine gives them as nothing."""
    places = _with_formulas(data) if data.startswith(b"PK") else set()
    if not places:
        return
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True)
    by_name = {s["name"]: s.setdefault("holes", {}) for s in sheets}
    for sheet in book.worksheets:
        if getattr(sheet, "_worksheet_path", None) not in places:
            continue  # a long list without formulas is not read a second time
        holes = by_name[sheet.title]
        for row in sheet.iter_rows(max_row=max_rows, max_col=MAX_COLUMNS):
            for cell in row:
                if cell.data_type in ("f", "e") and cell.row and cell.column:
                    holes[cell.row - 1, cell.column - 1] = str(cell.value)[:LONGEST_FORMULA]


def _with_formulas(data: bytes) -> set[str]:
    """Return the members that are sheets with formulas or error values."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [n for n in archive.namelist() if n.replace("\\", "/").startswith("xl/worksheets/")]
        return {name for name in names if any(mark in archive.read(name) for mark in _FORMULAS)}


if __name__ == "__main__":
    main(int(sys.argv[1]))
