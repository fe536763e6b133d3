"""What is found in a sheet beside its values; the same for each kind of workbook."""

from __future__ import annotations

import re

TYPE_CHECKING = False  # typing takes longer to import than all others
if TYPE_CHECKING:
    from typing import Any

    from baosong.validation.sandbox.programs.number_format import NumberFormat

MAX_COLUMNS = 256
MOST = 20_000  # of each: more than a person could mend
LONGEST_FORMULA = 400
EAST_ASIAN_DATES = frozenset((*range(27, 32), 36, *range(50, 55), 57, 58))
"""Numbers of built-in formats that show a day, but in East Asian programs only; 32 to 35, 55 and 56 are times."""

_PLACES = re.compile(
    r"""("[^"]*+"|'[^']*+'|(?<![\w.])[\w.]{1,250}+[!(])|(?<![\w.$])(\$?)([A-Za-z]{1,3}+)(\$?)(\d{1,7}+)(?![\w.])"""
)

At = tuple[int, int]
"""A cell's row and column, counted from 0."""


class Found:
    """`uncached`: formulas without a result, and error values; `formulas`: those with one.

    `shown`: what is seen of numbers where that may not be the number; `struck`: the struck-out part of a text, None
    where all of a cell is struck out; `values`: what stands in place of what the reader gave; `text_formats` are
    those that add something to a text.
    """

    def __init__(self, *, from_1904: bool = False) -> None:
        self.uncached: dict[At, str] = {}
        self.formulas: dict[At, str] = {}
        self.shown: dict[At, str] = {}
        self.struck: dict[At, str | None] = {}
        self.comments: dict[At, str] = {}
        self.hidden_rows: list[int] = []
        self.hidden_columns: list[int] = []
        self.merged: list[tuple[At, At]] = []
        self.values: dict[At, Any] = {}
        self.text_formats: dict[At, NumberFormat] = {}
        self.from_1904 = from_1904

    def struck_in_part(self, at: At, seen: str, struck: str) -> None:
        """Note a text of which a part is struck out, or raised beside the line."""
        if struck and not seen.strip():
            self.struck[at] = None
            return
        self.values[at] = seen
        if struck:
            self.struck[at] = struck

    def put_into(self, sheet: dict[str, Any]) -> None:
        """Give a sheet, as the program answers, what was found in it."""
        for at, value in self.values.items():
            _put(sheet, at, value)
        for at, form in self.text_formats.items():
            text = _get(sheet, at)
            if isinstance(text, str) and text:
                _put(sheet, at, form.shows_text(text))
        sheet["merged"] = sheet["merged"] or self.merged
        sheet["uncached_formulas"] = self.uncached
        for name in ("formulas", "shown", "struck", "comments", "hidden_rows", "hidden_columns", "from_1904"):
            sheet[name] = getattr(self, name)


def _get(sheet: dict[str, Any], at: At) -> Any:
    row, column = at[0] - sheet["start"][0], at[1] - sheet["start"][1]
    inside = 0 <= row < len(sheet["rows"]) and 0 <= column < len(sheet["rows"][row])
    return sheet["rows"][row][column] if inside else None


def _put(sheet: dict[str, Any], at: At, value: Any) -> None:
    if _get(sheet, at) is not None:
        sheet["rows"][at[0] - sheet["start"][0]][at[1] - sheet["start"][1]] = value


def column_number(address: str) -> int:
    """Return the column, counted from 0, of an address: 1 for B5."""
    column = 0
    for letter in address.rstrip("0123456789"):
        column = column * 26 + ord(letter) - 64
    return column - 1


def spelled(formula: str) -> str:
    """Return a formula no longer than anybody needs."""
    return formula[:LONGEST_FORMULA]


def moved(formula: str, down: int, right: int) -> str:
    """Return a formula as it reads in another cell: places follow it, but for what a $ stands before."""

    def place(found: re.Match[str]) -> str:
        if found[1] or not (down or right):
            return found[0]
        column = found[3] if found[2] else letters(column_number(found[3].upper()) + right)
        return f"{found[2]}{column}{found[4]}{found[5] if found[4] else int(found[5]) + down}"

    return _PLACES.sub(place, formula)


def letters(column: int) -> str:
    """Return the letters of a column that is counted from 0."""
    text = ""
    while column >= 0:
        text, column = chr(65 + column % 26) + text, column // 26 - 1
    return text
