"""The cells of a workbook, whatever program wrote it: xlsx, xls, et, ods by calamine, csv in UTF-8, UTF-16 or GBK.

Every cell keeps its place, so that a finding can name it; what a hostile file costs is bounded in `read_sheet`.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from baosong.campaign.layout import column_letter
from baosong.rules.catalogue import phrase
from baosong.rules.errors import BaosongError
from baosong.validation.common import zip_guard
from baosong.validation.common.filetypes import TEXTS, decode_text
from baosong.validation.sandbox import run as sandbox
from baosong.validation.sandbox.programs.read_sheet import ELSEWHERE, LOCKED, MAX_COLUMNS, column_number
from baosong.validation.sandbox.programs.xlsx_cells import PICTURE
from baosong.validation.statistics import sheet_answer
from baosong.validation.statistics.numbers import Raw

MOST_UNPACKED = 128 << 20  # of cells and texts; a million rows are half of it, and reading it all takes some 3 s
_NOT_READ = re.compile(r"(?i)embeddings|printerSettings|vbaProject|customXml")
TIMEOUT_SECONDS = 32  # four times what the child may have of a processor: a busy machine is not the file's fault
SPARE_ROWS = 1000  # sections, totals and blank rows that a list may carry beside its activities
LONGEST_LINE = 1 << 20
_PICTURE = re.compile(r"=?(?:_xlfn\.)?DISPIMG\(", re.IGNORECASE)
CHILD = sandbox.PROGRAMS / "read_sheet.py"
Ask = Callable[[bytes, int], bytes]


class UnreadableSheet(BaosongError, ValueError):
    """A workbook that cannot be read; the text says why, in Chinese."""


class LockedSheet(BaosongError, ValueError):
    """A workbook behind a password."""


@dataclass(slots=True)
class Sheet:
    """One sheet: rows of raw values from row `top` (counted from 0), each from column A on, empty ends cut off.

    By row and column: `uncached_formulas` are the formulas that were saved without a result, and error values;
    `formulas` those with one; `shown` what is seen of numbers where it may not be the number; `struck` the struck-out
    part of a text, None where the whole cell is; `pictures` the cells in which WPS keeps a picture.
    """

    name: str
    rows: list[list[Raw]]
    top: int = 0
    hidden: bool = False
    very_hidden: bool = False
    clipped: bool = False
    merged: list[tuple[tuple[int, int], tuple[int, int]]] = field(default_factory=list)
    uncached_formulas: dict[tuple[int, int], str] = field(default_factory=dict)
    formulas: dict[tuple[int, int], str] = field(default_factory=dict)
    shown: dict[tuple[int, int], str] = field(default_factory=dict)
    struck: dict[tuple[int, int], str | None] = field(default_factory=dict)
    comments: dict[tuple[int, int], str] = field(default_factory=dict)
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[int] = field(default_factory=list)
    from_1904: bool = False
    pictures: set[tuple[int, int]] = field(default_factory=set)

    def value(self, row: int, column: int) -> Raw:
        """Return the raw value at a row and column counted from 0, None where the sheet is empty."""
        row -= self.top
        if 0 <= row < len(self.rows) and 0 <= column < len(self.rows[row]):
            value = self.rows[row][column]
            return None if value == "" else value
        return None

    @property
    def end(self) -> int:
        """Return the row after the last one."""
        return self.top + len(self.rows)


def address(row: int, column: int) -> str:
    """Return the address of a cell by row and column counted from 0: (4, 1) is B5."""
    return f"{column_letter(column + 1)}{row + 1}"


def parse_address(cell: str) -> tuple[int, int]:
    """Return the row and column, counted from 0, of an address; the far end where it is none."""
    letters = cell.rstrip("0123456789")
    if not letters or len(letters) == len(cell):
        return (1 << 21, 0)
    return int(cell[len(letters) :]) - 1, column_number(cell)


def ask_reader(data: bytes, max_rows: int) -> bytes:
    """Return what a confined process of its own says of a workbook; raises `UnreadableSheet`."""
    import olefile  # type: ignore[import-untyped]
    import python_calamine
    import xlrd  # type: ignore[import-untyped]

    try:
        program = sandbox.own_program(CHILD, str(max_rows), packages=[python_calamine, xlrd, olefile])
        finished = sandbox.run(program, data, wall=TIMEOUT_SECONDS, longest=sheet_answer.LONGEST)
    except sandbox.ResourceLimitExceeded:
        raise UnreadableSheet(phrase("sheet.too_slow")) from None
    except sandbox.WorkerCrashed:
        raise UnreadableSheet(phrase("sheet.out_of_bounds")) from None
    if finished.exit_code != 0:
        raise UnreadableSheet(phrase("sheet.out_of_bounds"))
    return finished.output


def read_sheets(data: bytes, kind: str, name: str, max_rows: int, ask: Ask = ask_reader) -> list[Sheet]:
    """Return the sheets of a file by its true type; raises `LockedSheet` or `UnreadableSheet`."""
    if kind in ("xlsx", "xls", "ods", "xlsb"):
        return read_book(data, max_rows, ask)
    if kind in TEXTS or kind == "csv":
        return read_csv(data, name.rsplit(".", 1)[0][:31], max_rows)
    raise UnreadableSheet(phrase("sheet.other_type"))


def read_book(data: bytes, max_rows: int, ask: Ask = ask_reader) -> list[Sheet]:
    """Return the sheets of a workbook, at most `max_rows` rows each; raises `LockedSheet` or `UnreadableSheet`."""
    if (size := _unpacked(data)) > MOST_UNPACKED:
        raise UnreadableSheet(phrase("sheet.too_large", size=size, limit=MOST_UNPACKED))
    return _sheets(ask(data, max_rows))


def _unpacked(data: bytes) -> int:
    """Return what the parts that are read would unpack to: told beforehand, so that no machine is too slow for it."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = [m for m in archive.infolist() if m.filename.endswith((".xml", ".bin"))]
            return sum(m.file_size for m in parts if not _NOT_READ.search(m.filename))
    except zip_guard.ERRORS:
        return 0


def _sheets(answer: bytes) -> list[Sheet]:
    """Return what the child read; raises `LockedSheet`, or `UnreadableSheet`, also for an answer that is none."""
    try:
        read, problem = sheet_answer.decoded(answer)
    except ValueError as wrong:
        raise UnreadableSheet(phrase("sheet.garbled")) from wrong
    if problem:
        if problem == LOCKED:
            raise LockedSheet
        raise UnreadableSheet(phrase("sheet.elsewhere" if problem == ELSEWHERE else "sheet.damaged"))
    sheets = [Sheet(**s) for s in read]
    for sheet in sheets:
        _part_pictures(sheet)
    return sheets


def _part_pictures(sheet: Sheet) -> None:
    """Take the pictures out of the cells: WPS writes a function's name in their place, Excel an error value."""
    formulas = sheet.uncached_formulas | sheet.formulas if sheet.uncached_formulas else sheet.formulas
    sheet.pictures = {at for at in sheet.pictures if _PICTURE.match(str(sheet.value(*at)))}
    sheet.pictures |= {at for at, text in formulas.items() if text == PICTURE or _PICTURE.match(text)}
    for r, c in sheet.pictures:
        sheet.uncached_formulas.pop((r, c), None)
        if 0 <= r - sheet.top < len(sheet.rows) and c < len(sheet.rows[r - sheet.top]):
            sheet.rows[r - sheet.top][c] = None


def read_csv(data: bytes, name: str, max_rows: int) -> list[Sheet]:
    """Return a text table as a book of one sheet; raises `UnreadableSheet`."""
    if (text := decode_text(data)) is None:
        raise UnreadableSheet(phrase("sheet.encoding"))
    if text.lstrip().startswith("<"):
        raise UnreadableSheet(phrase("sheet.markup"))
    first = next((line for line in _lines(text) if line.strip()), "")
    delimiter = max(",\t;，", key=first.count)
    clipped = False
    rows: list[list[Raw]] = []
    try:
        for row in islice(csv.reader(_lines(text), delimiter=delimiter), max_rows + 1):
            clipped = clipped or len(row) > MAX_COLUMNS
            rows.append([*row[:MAX_COLUMNS]])
    except csv.Error as e:
        raise UnreadableSheet(phrase("sheet.csv")) from e
    return [Sheet(name, rows[:max_rows], clipped=clipped or len(rows) > max_rows)]


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of a text one by one: a list of nine million would take half a gigabyte."""
    for line in io.StringIO(text, newline=""):
        if len(line) > LONGEST_LINE:
            raise UnreadableSheet(phrase("sheet.long_line"))
        yield line
