"""A sender's own formulas held against the results that were saved with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from baosong.campaign.form import Form
from baosong.campaign.prefill import is_ours
from baosong.rules.catalogue import finding
from baosong.rules.findings import Finding
from baosong.validation.statistics.appearance import At, Cell, Cells
from baosong.validation.statistics.arithmetic import Book
from baosong.validation.statistics.cells import Sheet
from baosong.validation.statistics.numbers import format_decimal
from baosong.validation.statistics.reader import Reading
from baosong.validation.statistics.tables import Tables
from baosong.validation.statistics.values import shown

RELATIVE = 1e-9  # what sums in another order may differ by


def judge(sheets: Sequence[Sheet], tables: Tables, reading: Reading, form: Form) -> list[Finding]:
    """Return an error for each figure whose formula gives another one; raw values of `reading` become that one.

    So the other checks look at what the sender will see after working it out anew, and say all else in the same answer.
    """
    book, found = Book(sheets), list[Finding]()
    for table in (t for t in (tables.indicators, tables.activities) if t):
        for at, formula, cell in _figures(Cells(table, reading, form), form):
            result, saved = book.result(table.sheet, at), table.sheet.value(*at)
            if result is not None and type(saved) is float and _differs(result, saved, cell.scale):
                cell.put(result)
                found.append(_told(cell, formula, result, saved))
    return found


def _figures(cells: Cells, form: Form) -> Iterator[tuple[At, str, Cell]]:
    """Yield the figures that a formula gives, but for the template's own: these are worked out by their meaning."""
    for at, formula in sorted(cells.table.sheet.formulas.items()):
        cell = cells.at(at)
        if cell and cell.is_figure and not _is_template(cells, at, formula, form):
            yield at, formula, cell


def _is_template(cells: Cells, at: At, formula: str, form: Form) -> bool:
    if cells.table.kind != "indicators":
        return False
    code = cells.reading.indicators[cells.rows[at[0]]].indicator.code
    return is_ours(formula, (code, cells.names[at[1]]), form)


def _differs(result: float, saved: float, scale: int) -> bool:
    """Return whether two results differ by more than sums in another order do, and as far as a figure is exact."""
    if abs(result - saved) <= RELATIVE * max(abs(result), abs(saved), 1):
        return False
    return _exact(result, scale) != _exact(saved, scale)


def _exact(value: float, scale: int) -> Decimal:
    return round(Decimal(format(value, ".15g")), scale)


def _told(cell: Cell, formula: str, result: float, saved: float) -> Finding:
    return finding(
        "statistics.stale",
        "own",
        where=cell.where,
        what=cell.what,
        formula=shown(formula),
        found=_spelled(saved),
        result=_spelled(result),
    )


def _spelled(value: float) -> str:
    return format_decimal(Decimal(format(value, ".15g")))
