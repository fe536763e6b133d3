"""The program that unpacks a workbook, in a process of its own: a hostile file takes this process down, not ours.

Run as `python read_sheet.py < workbook > cells`; of Baosong it imports `confine` only. calamine allocates a sheet's
whole rectangle, so that two far cells in a file of 5 KB abort the process; the limits below bound what that can cost.
What calamine does not need is imported late: while it reads, by the thread beside it.
"""

from __future__ import annotations

import gc
import io
import os
import sys
import threading
from datetime import date
from itertools import islice

from baosong.validation.sandbox import confine

TYPE_CHECKING = False  # typing takes longer to import than all others
if TYPE_CHECKING:
    import re
    import zipfile
    from collections.abc import Iterator
    from typing import IO, Any

MEMORY = 1 << 30
SECONDS = 8  # of a processor: the whole check promises an answer within ten
MAX_COLUMNS = 256
MAX_ROW = 1 << 20  # as many rows as a spreadsheet has
MAX_UNCACHED = 20_000
HEAD = 4096
FRAME = ("xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml")
CHUNK = 1 << 20
LONGEST_FORMULA = 400
FORMULAS = (rb"<f[ />]", rb":f[ >]", rb't="e"', rb"t='e'")  # one pattern of all is slower

# A workbook of before 2007: a row of records, each a number and a length. What may be an error value, and its record.
OLD = b"\xd0\xcf\x11\xe0"
OLD_ERROR = rb"(?s)\x05\x02\x08\x00.{7}\x01|\x06\x00.{8}\x02.{5}\xff\xff"
BOUND_SHEET, BEGIN, END, FORMULA, BOOL_OR_ERROR = 0x85, 0x809, 0x0A, 0x06, 0x205
ERRORS = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}


def main(max_rows: int) -> None:
    """Read a workbook from stdin; write `(sheets, error)` to stdout, error being the parser's word or None."""
    confine.die_with(os.getppid())
    confine.confine(MEMORY, SECONDS)
    gc.disable()  # it ends in a moment, and makes no circles
    data = sys.stdin.buffer.read()
    import python_calamine

    parts: set[str] = set()
    problem: list[str] = []
    search = threading.Thread(target=_look, args=(data, parts, problem))  # calamine leaves the interpreter to it
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
        answer = (sheets, problem[0]) if problem else _with_uncached(data, sheets, max_rows, parts)
    import pickle

    sys.stdout.buffer.write(pickle.dumps(answer, protocol=5))
    sys.stdout.buffer.flush()
    os._exit(0)  # to take a million cells apart one by one first would only cost time


def _look(data: bytes, parts: set[str], problem: list[str]) -> None:
    """Look into the parts while calamine reads: `parts` gets those that hold formulas or error values."""
    import re
    import zipfile

    if not data.startswith((OLD, b"PK")):
        return
    try:
        if data.startswith(OLD):
            if re.search(OLD_ERROR, _old_stream(data)):
                parts.add("")
            return
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _guard(archive)
            _find_formulas(archive, parts)
    except Exception as e:  # what cannot be looked into must not pass for a good book
        problem.append(f"{type(e).__name__}: {e}"[:300])


def _guard(archive: zipfile.ZipFile) -> None:
    """Raise on a part with entities of its own, and on a book whose frame is not XML; calamine minds neither."""
    from xml.parsers.expat import ParserCreate

    for name in archive.namelist():
        plain = name.replace("\\", "/")
        if plain.startswith("xl/") or plain == "content.xml":
            with archive.open(name) as part:
                head = part.read(HEAD)
                if b"<!DOCTYPE" in head.replace(b"\0", b""):
                    raise ValueError(plain)
                if plain in FRAME:
                    ParserCreate().Parse(head + part.read(), True)


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
        "uncached_formulas": {},
    }
    if str(meta.typ) != "SheetTypeEnum.WorkSheet":
        return nothing
    sheet = book.get_sheet_by_name(meta.name)
    start = sheet.start or (0, 0)
    if start[0] >= MAX_ROW:
        return nothing | {"clipped": True}
    rows: list[list[Any]] = []
    one = known.setdefault
    for row in islice(sheet.iter_rows(), start[0], start[0] + max_rows):  # it begins above, with the sheet's first row
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


def _with_uncached(
    data: bytes, sheets: list[dict[str, Any]], max_rows: int, parts: set[str]
) -> tuple[list[dict[str, Any]], str | None]:
    """Tell the empty cells that hold a formula without a result, or an error value: calamine gives them as nothing.

    openpyxl would tell them too, but it refuses whole books for a font that Excel and WPS do not mind.
    """
    if not parts:
        return sheets, None
    import zipfile

    by_name = {s["name"]: s["uncached_formulas"] for s in sheets}
    try:
        if data.startswith(OLD):
            _find_old_errors(data, [s["uncached_formulas"] for s in sheets], max_rows)
            return sheets, None
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name, part in _sheet_parts(archive).items():
                if part in parts and name in by_name:
                    with archive.open(part) as xml:
                        by_name[name].update(_uncached(xml, max_rows))
    except Exception as e:  # a formula that cannot be looked for must not pass for an empty cell
        return [], f"{type(e).__name__}: {e}"[:300]
    return sheets, None


def _find_old_errors(data: bytes, of_sheets: list[dict[tuple[int, int], str]], max_rows: int) -> None:
    """Tell the error values of an old workbook, sheet by sheet."""
    stream = _old_stream(data)
    starts = [int.from_bytes(body[:4], "little") for number, body in _records(stream, 0) if number == BOUND_SHEET]
    for start, found in zip(starts, of_sheets, strict=True):
        for number, body in _records(stream, start):
            row, column = (int.from_bytes(body[at : at + 2], "little") for at in (0, 2))
            if row < max_rows and column < MAX_COLUMNS and len(found) < MAX_UNCACHED:
                if number == BOOL_OR_ERROR and body[7:8] == b"\1":
                    found[row, column] = ERRORS.get(body[6], "#")
                elif number == FORMULA and body[6:7] == b"\2" and body[12:14] == b"\xff\xff":
                    found[row, column] = ERRORS.get(body[8], "#")


def _old_stream(data: bytes) -> bytes:
    """Return the records of an old workbook, none where it has none. In the file their sectors may lie anywhere."""
    import olefile  # type: ignore[import-untyped]

    with olefile.OleFileIO(io.BytesIO(data)) as book:
        name = next((name for name in ("Workbook", "Book") if book.exists(name)), None)
        return bytes(book.openstream(name).read()) if name else b""


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


def _sheet_parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the member that holds each sheet, by the sheet's name."""
    import posixpath

    members = {name.replace("\\", "/"): name for name in archive.namelist()}
    relations = _parsed(archive, members["xl/_rels/workbook.xml.rels"])
    targets = {r.get("Id"): r.get("Target", "") for r in relations}
    parts = {}
    for sheet in _parsed(archive, members["xl/workbook.xml"]).iter():
        if _tag(sheet) == "sheet":
            target = next((targets.get(v, "") for k, v in sheet.attrib.items() if k.endswith("}id")), "")
            path = posixpath.normpath(posixpath.join("xl", target.replace("\\", "/"))).lstrip("/")
            parts[sheet.get("name", "")] = members.get(path, "")
    return parts


def _parsed(archive: zipfile.ZipFile, member: str) -> Any:
    from xml.etree.ElementTree import fromstring

    return fromstring(archive.read(member))  # noqa: S314 it has no entities, or `_guard` had raised


def _uncached(xml: IO[bytes], max_rows: int) -> dict[tuple[int, int], str]:
    """Return the formulas without result and the error values of a sheet, by row and column from 0."""
    from xml.etree.ElementTree import iterparse

    found, row, column = {}, -1, -1
    for event, element in iterparse(xml, events=("start", "end")):  # noqa: S314 no entities here either
        match event, _tag(element):
            case "start", "row":
                row, column = int(element.get("r", row + 2)) - 1, -1
                if row >= max_rows:
                    break
            case "start", "c":
                column = column_number(element.get("r", "")) if element.get("r") else column + 1
            case "end", "c":
                if (text := _formula_or_error(element)) and column < MAX_COLUMNS:
                    found[row, column] = text[:LONGEST_FORMULA]
                    if len(found) == MAX_UNCACHED:
                        break
            case "end", "row":
                element.clear()
    return found


def _formula_or_error(cell: Any) -> str:
    """Return `=SUM(A1)` of a formula without result, `#REF!` of an error, nothing of any other cell."""
    inside = {_tag(child): child.text or "" for child in cell}
    if cell.get("t") == "e":
        return inside.get("v") or "#"
    has_result = bool(inside.get("v")) or (cell.get("t") == "str" and "v" in inside)
    return "=" + inside["f"] if "f" in inside and not has_result else ""


def _tag(element: Any) -> str:
    return str(element.tag.rpartition("}")[2])


def column_number(address: str) -> int:
    """Return the column, counted from 0, of an address: 1 for B5."""
    column = 0
    for letter in address.rstrip("0123456789"):
        column = column * 26 + ord(letter) - 64
    return column - 1


def _find_formulas(archive: zipfile.ZipFile, parts: set[str]) -> None:
    """Add the names of the parts that hold formulas or error values to `parts`."""
    import re

    patterns = [re.compile(p) for p in FORMULAS]
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
