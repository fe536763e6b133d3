"""Reads what the confined reader of workbooks answers. A parser that was taken over may have written it.

So all in it is bounded beforehand: an answer of n bytes takes no more than some 12 n of memory and `MOST_TEXTS` texts,
whatever it claims. It holds tables of values and flat lists of numbers, and nothing that nests, names a class or acts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from msgspec import Meta, MsgspecError, Struct, field, json

from baosong.validation.sandbox.programs.read_sheet import MAX_COLUMNS, MAX_ROW
from baosong.validation.sandbox.programs.sheet_answer import NOTES

LONGEST = 128 << 20  # bytes: as much as all that is read of a workbook may unpack to
MOST_SHEETS = 1 << 12
MOST_CELLS = 1 << 25  # of all sheets, with the empty ones before the first of a row
MOST_ROWS = 2 << 20  # of all sheets
MOST_TEXTS = 1 << 22
MOST_NOTES = 1 << 20  # of all sheets: formulas, comments, covered cells and whatever else a cell has beside its value

_Number = Annotated[int, Meta(ge=0, le=MOST_TEXTS)]
_Digits = Annotated[str, Meta(max_length=400)]
_Numbers = Annotated[list[_Number], Meta(max_length=4 * MOST_NOTES)]
_Notes = Annotated[list[_Number | None], Meta(max_length=3 * MOST_NOTES)]
_Table = Meta(max_length=MOST_TEXTS)


class SheetRead(Struct, forbid_unknown_fields=True):
    """A sheet on its way: `rows` are widths, `cells` all of them, and places run on as row, column, number."""

    name: str
    start: tuple[Annotated[int, Meta(ge=0, le=MAX_ROW)], Annotated[int, Meta(ge=0, le=MAX_COLUMNS)]]
    rows: Annotated[list[Annotated[int, Meta(ge=0, le=MAX_COLUMNS)]], Meta(max_length=MAX_ROW)]
    cells: Annotated[list[_Number | float | _Digits | bool | None], Meta(max_length=MOST_CELLS)]
    merged: _Numbers
    pictures: _Numbers
    hidden: bool
    very_hidden: bool = False
    clipped: bool = False
    from_1904: bool = False
    uncached_formulas: _Notes = field(default_factory=list)
    formulas: _Notes = field(default_factory=list)
    shown: _Notes = field(default_factory=list)
    struck: _Notes = field(default_factory=list)
    comments: _Notes = field(default_factory=list)
    hidden_rows: _Numbers = field(default_factory=list)
    hidden_columns: _Numbers = field(default_factory=list)


class Answer(Struct, forbid_unknown_fields=True):
    """All that a child may say."""

    sheets: Annotated[list[SheetRead], Meta(max_length=MOST_SHEETS)]
    problem: Annotated[str, Meta(max_length=300)] | None
    texts: Annotated[list[str], _Table]
    days: Annotated[list[date], _Table]
    moments: Annotated[list[Annotated[datetime, Meta(tz=False)]], _Table]
    times: Annotated[list[Annotated[time, Meta(tz=False)]], _Table]
    spans: Annotated[list[tuple[int, int, int]], _Table]


_DECODER = json.Decoder(Answer)


def decoded(answer: bytes) -> tuple[list[dict[str, Any]], str | None]:
    """Return each sheet as the fields of `cells.Sheet`, and the reader's problem; ValueError for what is no answer."""
    if len(answer) > LONGEST:
        raise ValueError(len(answer))
    try:
        read = _DECODER.decode(answer)
        _bound(read.sheets)
        known = [*read.texts, *read.days, *read.moments, *read.times, *(timedelta(*span) for span in read.spans)]
        return [_sheet(sheet, known) for sheet in read.sheets], read.problem
    except (MsgspecError, LookupError, TypeError, RecursionError, OverflowError) as wrong:
        raise ValueError(str(wrong)) from wrong


def _bound(sheets: Sequence[SheetRead]) -> None:
    """Raise ValueError for what would grow beyond its bounds when it is laid out."""
    cells = sum(sum(sheet.rows) + sheet.start[1] * len(sheet.rows) for sheet in sheets)
    noted = sum(len(getattr(sheet, name)) for sheet in sheets for name in (*NOTES, "merged", "pictures"))
    if cells > MOST_CELLS or sum(len(sheet.rows) for sheet in sheets) > MOST_ROWS or noted > 3 * MOST_NOTES:
        raise ValueError("too much")
    if any(sheet.start[1] + max(sheet.rows, default=0) > MAX_COLUMNS for sheet in sheets):
        raise ValueError("beyond the last column")
    if any(sum(sheet.rows) != len(sheet.cells) for sheet in sheets):
        raise ValueError("rows and cells differ")


def _sheet(sheet: SheetRead, known: list[Any]) -> dict[str, Any]:
    top, left = sheet.start
    cells = [known[c] if type(c) is int else c for c in sheet.cells]
    if any(type(c) is str for c in sheet.cells):
        cells = [_number(told) if type(told) is str else c for told, c in zip(sheet.cells, cells, strict=True)]
    empty, at, rows = [None] * left, 0, []
    for width in sheet.rows:
        rows.append(empty + cells[at : at + width] if width else [])
        at += width
    plain = ("name", "hidden", "very_hidden", "clipped", "from_1904", "hidden_rows", "hidden_columns")
    corners = _places(sheet.merged, 4)
    return {
        **{name: getattr(sheet, name) for name in plain},
        "top": top,
        "rows": rows,
        "merged": [((r, c), (bottom, right)) for r, c, bottom, right in corners],
        "pictures": set(_places(sheet.pictures, 2)),
        **{name: _notes(getattr(sheet, name), known, empty=name == "struck") for name in NOTES},
    }


def _number(told: str) -> int | float:
    return float(told) if told in ("inf", "-inf", "nan") else int(told)


def _notes(flat: list[int | None], known: list[Any], *, empty: bool) -> dict[tuple[int, int], str | None]:
    """Return texts by their places; only a cell that is `struck` as a whole has none."""
    notes = {(r, c): None if n is None else known[n] for r, c, n in _places(flat, 3)}
    if any(None in at for at in notes) or not all(type(t) is str or (empty and t is None) for t in notes.values()):
        raise ValueError("no place or no text")
    return notes


def _places(flat: Sequence[Any], size: int) -> list[tuple[Any, ...]]:
    return list(zip(*[iter(flat)] * size, strict=True))
