"""What a person sees of the cells against what they hold: struck out, hidden, merged, scaled by a format, a picture.

A figure is what its cell shows: where that can be read it replaces what is stored, and is told; where it cannot be
known which of the two is meant, it is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import islice
from typing import Any

from baosong.campaign.form import Form
from baosong.campaign.layout import column_letter
from baosong.rules.catalogue import catalogue, finding, phrase
from baosong.rules.findings import Finding, Where
from baosong.validation.statistics.cells import Sheet, address
from baosong.validation.statistics.dates import EPOCH, SERIALS
from baosong.validation.statistics.numbers import NumberKind, Raw, as_text, fold, format_decimal, parse_number
from baosong.validation.statistics.reader import Reading
from baosong.validation.statistics.tables import Heading, Table, Tables
from baosong.validation.statistics.values import AMOUNT_NAMES, AMOUNTS, shown

At = tuple[int, int]
FROM_1904 = 1462
MOST_ROWS = 20  # that a message names
MOST_CELLS = 200_000  # of merged ranges, which may overlap in a file that somebody made by hand
INSTEAD = ("statistics.required", "statistics.signature")  # what a cell with a picture or a merged one is not told
_DIGITS = re.compile(r"[0-9]+(?:\.([0-9]+))?")
_NO_WORD = re.compile(r"[\d\W]*")  # nothing tells that thousands are meant
_THEIRS = "—— 原有批注 ——"  # what follows it in a comment of ours is the sender's own


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that the form asks for: what a receipt calls it, where it is, and how its raw value is replaced."""

    what: str
    where: Where
    raw: Raw
    unit: str
    scale: int
    is_figure: bool
    is_shared: bool
    required: bool
    put: Callable[[Raw], None]


class Cells:
    """The cells of a table that the form asks for, by their places."""

    def __init__(self, table: Table, reading: Reading, form: Form) -> None:
        self.table, self.reading, self.form = table, reading, form
        self.names = {column: name for name, column in table.columns.items()}
        if table.kind == "indicators":
            self.rows = {row.row: i for i, row in enumerate(reading.indicators)}
        else:
            self.rows = {row: i for i, row in enumerate(reading.activity_rows)}

    def at(self, at: At) -> Cell | None:
        """Return the cell at a row and column, None if the form asks for none there."""
        index, name = self.rows.get(at[0]), self.names.get(at[1])
        if index is None or name is None:
            return None
        where = Where(sheet=self.table.sheet.name, cell=address(*at))
        return (
            self._indicator(index, name, where) if self.table.kind == "indicators" else self._field(index, name, where)
        )

    def _indicator(self, index: int, name: str, where: Where) -> Cell | None:
        row = self.reading.indicators[index]
        if name not in AMOUNTS:
            return None
        spec, what = row.indicator, f"{row.indicator.title}的{AMOUNT_NAMES[name]}"
        scale, needed = spec.scale if spec.type == "decimal" else 0, spec.required and name == "total"
        return Cell(what, where, row.raw[name], spec.unit, scale, True, False, needed, _putter(row.raw, name))

    def _field(self, index: int, name: str, where: Where) -> Cell | None:
        spec, column = self.form.by_field[name], self.reading.activities.get(name)
        if column is None or name == "number":
            return None
        counts = spec.type in ("integer", "decimal")
        scale, shared = spec.scale if spec.type == "decimal" else 0, not counts and name != "name"
        what = f"“{spec.label}”"
        return Cell(what, where, column[index], spec.unit, scale, counts, shared, spec.required, _putter(column, index))


def _putter(holder: Any, key: Any) -> Callable[[Raw], None]:
    def put(value: Raw) -> None:
        holder[key] = value

    return put


def judge(tables: Tables, reading: Reading, form: Form) -> list[Finding]:
    """Return what is to be said of how cells look; raw values of `reading` become what is seen."""
    found: list[Finding] = []
    for table in (t for t in (tables.indicators, tables.activities) if t):
        cells, sheet = Cells(table, reading, form), table.sheet
        found += [
            *_columns(cells),
            *_hidden(cells),
            *_merged(cells),
            *_pictures(cells),
            *_each(cells, sheet.struck, _struck),
            *_each(cells, sheet.shown, _shown),
            *_each(cells, sheet.comments, _commented),
        ]
        found += _from_1904(cells) if table.kind == "activities" else ()
    return found


def without_what_is_told(findings: Iterable[Finding], told: Iterable[Finding]) -> list[Finding]:
    """Return findings but for those that call a cell blank of which it was told why."""
    places = {tuple(f.where.items()) for f in told if f.rule in ("statistics.picture", "statistics.merged")}
    return [f for f in findings if f.rule not in INSTEAD or tuple(f.where.items()) not in places]


# --- columns and rows


def _columns(cells: Cells) -> Iterator[Finding]:
    """Tell the columns that say the same as the one taken, where they hold something else."""
    table = cells.table
    for name, rivals in table.rivals.items():
        if not _matters(cells, name):
            continue
        taken, *others = rivals
        for rival in (r for r in others if not r.above and _differ(cells, taken.column, r.column)):
            yield _rival(table, taken, rival)


def _matters(cells: Cells, name: str) -> bool:
    if cells.table.kind == "indicators":
        return name in AMOUNTS
    spec = cells.form.by_field[name]
    return spec.type != "text" or spec.required


def _differ(cells: Cells, first: int, second: int) -> bool:
    """Return whether a second column holds anything else than the first; blanks say nothing."""
    sheet = cells.table.sheet
    pairs = ((sheet.value(row, first), sheet.value(row, second)) for row in cells.rows)
    return any(as_text(b) and as_text(a) != as_text(b) for a, b in pairs)


def _rival(table: Table, taken: Heading, rival: Heading) -> Finding:
    given: dict[str, Any] = {
        "where": Where(sheet=table.sheet.name, cell=address(table.header, rival.column)),
        "column": shown(rival.text),
        "used": shown(taken.text),
        "first": column_letter(taken.column + 1),
        "second": column_letter(rival.column + 1),
    }
    if rival.hidden and not taken.hidden:
        return finding("statistics.two_columns", "hidden", **given)
    return finding("statistics.two_columns", "ambiguous" if rival.equals(taken) else "left_aside", **given)


def _hidden(cells: Cells) -> Iterator[Finding]:
    """Tell the rows and columns of figures that nobody sees and that count all the same."""
    table, sheet = cells.table, cells.table.sheet
    name = shown(sheet.name)
    if rows := [row for row in sheet.hidden_rows if row in cells.rows and _has_figures(cells, row)]:
        where = Where(sheet=sheet.name, cell=address(rows[0], table.columns.get("name", 0)))
        places = phrase("sheet.rows", rows="、".join(_spans(rows)))
        yield finding("statistics.hidden_cells", where=where, sheet=name, places=places)
    columns = [c for c in sheet.hidden_columns if c in cells.names and _matters(cells, cells.names[c])]
    if columns := [c for c in columns if any(sheet.value(row, c) is not None for row in cells.rows)]:
        where = Where(sheet=sheet.name, cell=address(table.header, columns[0]))
        places = phrase("sheet.columns", columns="、".join(column_letter(c + 1) for c in columns))
        yield finding("statistics.hidden_cells", where=where, sheet=name, places=places)


def _has_figures(cells: Cells, row: int) -> bool:
    if cells.table.kind != "indicators":
        return True
    return any(value is not None for value in cells.reading.indicators[cells.rows[row]].raw.values())


def _spans(rows: list[int]) -> Iterator[str]:
    """Yield `6` or `9-12` for rows counted from 0, not more than anybody reads."""
    ordered, spans = sorted(set(rows)), list[list[int]]()
    for row in ordered:
        if spans and spans[-1][1] == row - 1:
            spans[-1][1] = row
        else:
            spans.append([row, row])
    for first, last in spans[:MOST_ROWS]:
        yield f"{first + 1}" if first == last else f"{first + 1}-{last + 1}"
    if len(spans) > MOST_ROWS:
        yield "……"


# --- cells


def _each(
    cells: Cells, places: dict[At, Any], tell: Callable[[Cells, Cell, At, Any], Finding | None]
) -> Iterator[Finding]:
    for at, what in sorted(places.items()):
        if (cell := cells.at(at)) and (found := tell(cells, cell, at, what)):
            yield found


def _struck(cells: Cells, cell: Cell, at: At, struck: str | None) -> Finding | None:
    """What is struck out in a cell does not count; of a whole cell nobody knows whether it is void."""
    if cell.raw is None:
        return None
    if struck is not None:
        return finding(
            "statistics.struck", "part", where=cell.where, what=cell.what, struck=shown(struck), left=shown(cell.raw)
        )
    name = cells.table.columns.get("name", -1)
    if cells.table.kind == "activities" and (at[0], name) in cells.table.sheet.struck:
        row = phrase("sheet.row", row=at[0] + 1)  # all of it is struck out, and told once
        return finding("statistics.struck", "row", where=cell.where, row=row) if at[1] == name else None
    if not cell.is_figure:
        return None
    return finding("statistics.struck", "whole", where=cell.where, what=cell.what, found=shown(cell.raw))


def _shown(_: Cells, cell: Cell, __: At, seen: str) -> Finding | None:
    """Take the number that a cell shows where its format makes another of it."""
    stored = parse_number(cell.raw).value if cell.is_figure and type(cell.raw) in (int, float) else None
    read = parse_number(seen, cell.unit)
    if stored is None or (stored == 0 and read.kind in (NumberKind.BLANK, NumberKind.NONE)):
        return None
    given: dict[str, Any] = {
        "where": cell.where,
        "what": cell.what,
        "stored": format_decimal(stored),
        "found": shown(seen) or phrase("sheet.blank"),
    }
    if read.value is not None and _is_rounded(stored, read.value, seen):
        return None if _cut(stored, cell.scale) == read.value else finding("statistics.shown", "rounded", **given)
    if read.value is None or _NO_WORD.fullmatch(fold(seen)):
        return finding("statistics.shown", "unclear", **given)
    cell.put(float(read.value))
    return finding("statistics.shown", "other", value=format_decimal(read.value), **given)


def _cut(value: Decimal, scale: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)


def _is_rounded(stored: Decimal, read: Decimal, seen: str) -> bool:
    """Return whether a text shows a number as exactly as its digits can: 1.2万 shows 12345."""
    digits = _DIGITS.search(fold(seen).replace(",", ""))
    if stored == read or digits is None:
        return stored == read
    number = Decimal(digits[0])
    power = abs(read) / number if number else Decimal(1)
    return abs(stored - read) * 2 <= power.scaleb(-len(digits[1] or ""))


def _commented(cells: Cells, cell: Cell, at: At, comment: str) -> Finding | None:
    """A figure that stands in a comment is in no sum, and the cell below it looks as if it were not filled in."""
    sheet = cells.table.sheet
    text = _own_words(comment)
    if not cell.is_figure or cell.raw is not None or at in sheet.uncached_formulas or not re.search(r"\d", text):
        return None
    return finding("statistics.comment", where=cell.where, what=cell.what, found=shown(text))


def _own_words(comment: str) -> str:
    """Return a comment without the marks of an annotated copy that the sender corrected and sent again."""
    ours = tuple(f"【{word}】" for word in catalogue().levels.values())
    return comment.partition(_THEIRS)[2] if comment.lstrip().startswith(ours) else comment


def _merged(cells: Cells) -> Iterator[Finding]:
    """Tell the blank cells that cannot be filled in as they are merged with another one."""
    sheet = cells.table.sheet
    for top, left, row, column in islice(_covered(cells), MOST_CELLS):
        cell = cells.at((row, column))
        if cell is None or cell.raw is not None or (cell.is_shared and column == left):
            continue
        lost = cell.is_figure and row > top and sheet.value(top, left) is not None
        if cell.required or lost:
            variant, span = "needed" if cell.required else "lost", _span(sheet, top, left)
            yield finding("statistics.merged", variant, where=cell.where, what=cell.what, span=span)


def _covered(cells: Cells) -> Iterator[tuple[int, int, int, int]]:
    """Yield first row and column of a merged range, and row and column of each other cell of it that is asked for."""
    table = cells.table
    for (top, left), (bottom, right) in table.sheet.merged:
        if bottom < table.first or top >= table.end:
            continue
        for row in range(max(top, table.first), min(bottom + 1, table.end)):
            for column in range(left, right + 1):
                if (row, column) != (top, left) and column in cells.names:
                    yield top, left, row, column


def _span(sheet: Sheet, top: int, left: int) -> str:
    bottom, right = next(end for begin, end in sheet.merged if tuple(begin) == (top, left))
    return f"{address(top, left)}:{address(bottom, right)}"


def _pictures(cells: Cells) -> Iterator[Finding]:
    for at in sorted(cells.table.sheet.pictures):
        if cell := cells.at(at):
            severity = "needed" if cell.required or cell.is_figure else "optional"
            yield finding("statistics.picture", severity, where=cell.where, what=cell.what)
    if cells.table.kind == "indicators":
        yield from _signed_by_pictures(cells)


def _signed_by_pictures(cells: Cells) -> Iterator[Finding]:
    for column in cells.form.signatures:
        text, sheet, row, at_column = cells.reading.signatures.get(column.name, ("", None, 0, 0))
        if sheet is not None and not text and (row, at_column) in sheet.pictures:
            where = Where(sheet=sheet.name, cell=address(row, at_column))
            severity = "needed" if column.required else "optional"
            yield finding("statistics.picture", severity, where=where, what=f"“{column.label}”")


def _from_1904(cells: Cells) -> Iterator[Finding]:
    """Days without a format are counted from 1904 on in such a book."""
    days = [f.name for f in cells.form.activities.fields if f.type == "date" and f.name in cells.table.columns]
    for row in cells.rows if cells.table.sheet.from_1904 else ():
        for name in days:
            cell = cells.at((row, cells.table.columns[name]))
            if cell and type(cell.raw) is float and int(cell.raw) + FROM_1904 in SERIALS:
                day = EPOCH + timedelta(days=int(cell.raw) + FROM_1904)
                given = {"what": cell.what, "found": shown(cell.raw), "how": phrase("day.read_as", day=day), "day": day}
                cell.put(day)
                yield finding("statistics.normalised", "date", where=cell.where, **given)
