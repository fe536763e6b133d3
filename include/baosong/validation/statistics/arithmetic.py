"""The plain arithmetic of a sheet's formulas: + - * / %, brackets, places, SUM, PRODUCT and ROUND; nothing else.

The packages that know all functions bring numpy, scipy or pandas, and none bounds what a formula may cost. What totals
are made of takes a hundred lines, and whatever is not among it stays unknown: nothing is guessed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from decimal import ROUND_HALF_UP, Decimal

from baosong.rules.errors import BaosongError
from baosong.validation.sandbox.programs.found import LONGEST_FORMULA, MAX_COLUMNS, column_number
from baosong.validation.statistics.cells import Sheet
from baosong.validation.statistics.numbers import Raw

At = tuple[int, int]
Area = tuple[Sheet, At, At]
MOST_STEPS = 300_000  # cells and letters that a book's formulas may read: running totals cost a list's square
DEEPEST = 30  # brackets and formulas within one another
LAST_ROW = 1 << 20
_LEXEME = re.compile(
    r"\s*+(?:(?P<number>\d{1,15}+(?:\.\d{1,15}+)?(?![\w.]))"
    r"|(?P<sheet>\$?'[^'\[\]]{1,40}+'!|\$?[^\W\d]\w{0,40}+!)?"
    r"(?P<place>\$?[A-Z]{1,3}\$?\d{1,7}+(?::\$?[A-Z]{1,3}\$?\d{1,7}+)?|\$?[A-Z]{1,3}:\$?[A-Z]{1,3})(?![\w.(!:\[])"
    r"|(?P<function>SUM|PRODUCT|ROUND)\(|(?P<mark>[-+*/%(),]))\s*+",
    re.IGNORECASE,
)
_PLACE = re.compile(r"([A-Z]{1,3})(\d*+)")


class UnknownFormula(BaosongError, ValueError):
    """A formula of which nothing can be said here."""


class Book:
    """The sheets of a book, in which each formula is worked out once; results are floats, as a spreadsheet's are."""

    def __init__(self, sheets: Sequence[Sheet]) -> None:
        self.sheets = {sheet.name.casefold(): sheet for sheet in sheets}
        self.known: dict[tuple[str, At], float | None] = {}
        self.ends = {sheet.name: _end(sheet) for sheet in sheets}
        self.left, self.depth = MOST_STEPS, 0
        self.begun: set[tuple[str, At]] = set()

    def result(self, sheet: Sheet, at: At) -> float | None:
        """Return what the formula of a cell gives, None where that is unknown."""
        key = (sheet.name, at)
        if key not in self.known:
            self.known[key] = None
            self.begun.add(key)
            with suppress(UnknownFormula, ArithmeticError):
                self.known[key] = _Formula(self, sheet, _formula_at(sheet, at)).result()
            self.begun.discard(key)
        return self.known[key]

    def deeper(self, change: int) -> None:
        """Count how deep one thing stands within another; raises `UnknownFormula` if that is too deep."""
        if self.depth + change > DEEPEST:
            raise UnknownFormula
        self.depth += change

    def spend(self, steps: int) -> None:
        """Count what is read; raises `UnknownFormula` once that is too much."""
        self.left -= steps
        if self.left < 0:
            raise UnknownFormula

    def value(self, sheet: Sheet, at: At) -> Raw:
        """Return the value of a place: what its formula gives or, where that is unknown, what was saved.

        No program saves results that contradict each other in one working out. Raises `UnknownFormula` on an error,
        and on a formula that leads back to itself.
        """
        self.spend(1)
        if at in sheet.pictures or (sheet.name, at) in self.begun:
            raise UnknownFormula
        worked_out = self.result(sheet, at) if _formula_at(sheet, at) else None
        if worked_out is None and at in sheet.uncached_formulas:
            raise UnknownFormula
        return sheet.value(*at) if worked_out is None else worked_out


def _end(sheet: Sheet) -> int:
    """Return the row after the last one that holds anything, be it a formula without result."""
    return max(sheet.end, 1 + max((row for row, _ in sheet.uncached_formulas), default=0))


def _formula_at(sheet: Sheet, at: At) -> str:
    formula = sheet.formulas.get(at) or sheet.uncached_formulas.get(at, "")
    return formula if formula.startswith("=") else ""


class _Formula:
    """One reading of a formula, from left to right."""

    def __init__(self, book: Book, sheet: Sheet, formula: str) -> None:
        self.book, self.sheet = book, sheet
        book.spend(1 + len(formula))  # before it is taken apart, which costs most
        self.tokens = list(_tokens(formula))
        self.at = 0

    def result(self) -> float:
        """Return what the whole formula gives; raises `UnknownFormula`."""
        self.book.deeper(1)
        try:
            result = self._sum()
        finally:
            self.book.deeper(-1)
        if self.at < len(self.tokens) or not math.isfinite(result):
            raise UnknownFormula
        return result

    def _next(self, *marks: str) -> str:
        """Return the next token if it is one of these marks, and go past it; or else an empty text."""
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        if token is None or token.lastgroup != "mark" or token["mark"] not in marks:
            return ""
        self.at += 1
        return str(token["mark"])

    def _sum(self) -> float:
        result = self._product()
        while mark := self._next("+", "-"):
            result += self._product() if mark == "+" else -self._product()
        return result

    def _product(self) -> float:
        result = self._signed()
        while mark := self._next("*", "/"):
            by = self._signed()
            result = result * by if mark == "*" else result / by
        return result

    def _signed(self) -> float:
        sign = 1
        while mark := self._next("+", "-"):
            sign = -sign if mark == "-" else sign
        result = sign * self._one()
        while self._next("%"):
            result /= 100
        return result

    def _one(self) -> float:
        if self._next("("):
            return self._inside()
        token = self._take()
        if token["number"]:
            return float(token["number"])
        if token["function"]:
            return self._call(token["function"].upper())
        sheet, first, last = self._area(token)
        if first != last:
            raise UnknownFormula
        return _number(self.book.value(sheet, first))

    def _take(self) -> re.Match[str]:
        if self.at >= len(self.tokens):
            raise UnknownFormula
        self.at += 1
        return self.tokens[self.at - 1]

    def _inside(self) -> float:
        self.book.deeper(1)
        try:
            result = self._sum()
        finally:
            self.book.deeper(-1)
        if not self._next(")"):
            raise UnknownFormula
        return result

    def _call(self, name: str) -> float:
        if name == "ROUND":
            arguments = self._arguments(lambda: [self._sum()])
            return _rounded(*arguments) if len(arguments) == 2 else _rounded(math.nan, 0)
        figures = self._arguments(self._figures)
        return math.fsum(figures) if name == "SUM" else math.prod(figures) if figures else 0.0

    def _arguments(self, read: Callable[[], list[float]]) -> list[float]:
        self.book.deeper(1)
        try:
            found = read()
            while self._next(","):
                found += read()
        finally:
            self.book.deeper(-1)
        if not self._next(")"):
            raise UnknownFormula
        return found

    def _figures(self) -> list[float]:
        """Return the numbers of one argument: of places those that hold one, as texts there count nothing."""
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        alone = self.tokens[self.at + 1 : self.at + 2]
        if token is None or not token["place"] or not alone or alone[0]["mark"] not in (",", ")"):
            return [self._sum()]
        self.at += 1
        sheet, (top, left), (bottom, right) = self._area(token)
        rows = range(max(top, 0), min(bottom + 1, self.book.ends[sheet.name]))
        values = (self.book.value(sheet, (row, column)) for row in rows for column in range(left, right + 1))
        return [_number(value) for value in values if value is not None and type(value) not in (str, bool)]

    def _area(self, token: re.Match[str]) -> Area:
        """Return the sheet, the first and the last cell of a place."""
        name = (token["sheet"] or "").lstrip("$").rstrip("!").strip("'").casefold()
        sheet = self.book.sheets.get(name) if name else self.sheet
        corners = [
            (int(row or 0) - 1, column_number(letters))
            for letters, row in _PLACE.findall(token["place"].replace("$", "").upper())
        ]
        rows, columns = zip(*corners, strict=True)
        top, bottom = (0, LAST_ROW) if -1 in rows else (min(rows), max(rows))
        if sheet is None or max(columns) >= MAX_COLUMNS or (sheet.clipped and bottom >= sheet.end):
            raise UnknownFormula
        return sheet, (top, min(columns)), (bottom, max(columns))


def _tokens(formula: str) -> Iterator[re.Match[str]]:
    at = 1  # after the sign of equality
    if not 1 < len(formula) < LONGEST_FORMULA:
        raise UnknownFormula
    while at < len(formula):
        token = _LEXEME.match(formula, at)
        if token is None:
            raise UnknownFormula
        yield token
        at = token.end()


def _number(value: Raw) -> float:
    """Return a value as arithmetic takes it; what a program makes of a text, a day or a yes is not said here."""
    if value is None:
        return 0.0
    if type(value) not in (int, float):
        raise UnknownFormula
    return float(value)  # type: ignore[arg-type]


def _rounded(value: float, digits: float) -> float:
    if not math.isfinite(value) or abs(digits) > 10:
        raise UnknownFormula
    exact = Decimal(format(value, ".15g"))
    return float(exact.quantize(Decimal(1).scaleb(-int(digits)), ROUND_HALF_UP))
