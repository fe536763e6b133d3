"""The template's own formulas, computed here: programs save them without results, or with old ones."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from baosong.campaign.form import Form
from baosong.campaign.prefill import Prefill, is_ours, prefills
from baosong.rules.catalogue import finding
from baosong.rules.findings import Finding
from baosong.validation.statistics.numbers import format_decimal
from baosong.validation.statistics.values import AMOUNT_NAMES, Values


def compute_template_formulas(values: Values, form: Form) -> None:
    """Give the cells that hold the template's formula the value that it has, whatever result was saved with it.

    What follows from nothing is blank, as a cell that was not filled in: some programs save a zero there.
    """
    for cell, prefill in prefills(form).items():
        saved = _saved_with_result(values, cell)
        formula = values.formulas.get(cell) or saved
        if formula is not None and is_ours(formula, cell, form) and (saved is None or _is_legible(values, prefill)):
            _compute(values, form, cell, prefill, is_saved=saved is not None)


def _compute(values: Values, form: Form, cell: tuple[str, str], prefill: Prefill, *, is_saved: bool) -> None:
    """Give a cell the value of its formula; `is_saved`: it came with a result."""
    code, amount = cell
    result, before = _result(values, prefill), values.indicators[code][amount]
    values.indicators[code][amount] = result
    values.indicator_text[code][amount] = None if result is None else format_decimal(result)
    if result is None:
        _blank(values, code, amount)
    elif not is_saved or result != before:
        values.findings.append(_told(values, form, cell, result, before if is_saved else None))


def _blank(values: Values, code: str, amount: str) -> None:
    """Forget the zero that stood there: nobody wrote it."""
    for row in values.reading.indicators:
        if row.indicator.code == code:
            row.raw[amount] = None


def _told(values: Values, form: Form, cell: tuple[str, str], result: Decimal, before: Decimal | None) -> Finding:
    code, amount = cell
    given: dict[str, Any] = {
        "where": values.indicator_where(code, amount),
        "what": f"{form.by_code[code].title}的{AMOUNT_NAMES[amount]}",
        "result": format_decimal(result),
    }
    if before is None:
        return finding("statistics.worked_out", **given)
    return finding("statistics.stale", "template", found=format_decimal(before), **given)


def _saved_with_result(values: Values, cell: tuple[str, str]) -> str | None:
    """Return the formula of a cell that was saved with its result."""
    table, (code, amount) = values.tables.indicators, cell
    if table is None or code not in values.indicator_rows or amount not in table.columns:
        return None
    return table.sheet.formulas.get((values.indicator_rows[code], table.columns[amount]))


def _is_legible(values: Values, prefill: Prefill) -> bool:
    """Return whether all that a formula adds up could be read."""
    if not prefill.from_list:
        cells = (
            (values.indicators.get(c, {}).get(a), values.indicator_text.get(c, {}).get(a)) for c, a in prefill.cells
        )
        return not any(value is None and text is not None for value, text in cells)
    known, texts = values.activities.get(prefill.field, []), values.activity_text.get(prefill.field, [])
    return not any(value is None and text is not None for value, text in zip(known, texts, strict=True))


def _result(values: Values, prefill: Prefill) -> Decimal | None:
    rows = len(values.reading.activity_rows)
    if prefill.from_list and not prefill.field:
        return Decimal(rows) if rows else None
    if prefill.choices:
        found = values.activities.get(prefill.field, [])
        return Decimal(sum(found.count(choice) for choice in prefill.choices)) if rows else None
    if prefill.from_list:
        figures = values.activities.get(prefill.field, [])
    else:
        figures = [values.indicators.get(code, {}).get(amount) for code, amount in prefill.cells]
    known = [f for f in figures if f is not None]
    return sum(known, Decimal(0)) if known else None
