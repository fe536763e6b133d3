"""The template's own formulas, computed here where a program saved them without their results."""

from __future__ import annotations

from decimal import Decimal

from baosong.campaign.form import Form
from baosong.campaign.prefill import Prefill, is_ours, prefills
from baosong.rules.catalogue import finding
from baosong.validation.statistics.numbers import format_decimal
from baosong.validation.statistics.values import AMOUNT_NAMES, Values


def compute_template_formulas(values: Values, form: Form) -> None:
    """Give the cells that still hold the template's formula, and no result, the value that the formula has.

    What follows from nothing stays blank, as a cell that was not filled in.
    """
    for cell, prefill in prefills(form).items():
        formula = values.formulas.get(cell)
        if formula is None or not is_ours(formula, cell, form):
            continue
        code, amount = cell
        result = _result(values, prefill)
        values.indicators[code][amount] = result
        values.indicator_text[code][amount] = None if result is None else format_decimal(result)
        if result is not None:
            what, where = f"{form.by_code[code].title}的{AMOUNT_NAMES[amount]}", values.indicator_where(code, amount)
            computed = finding("statistics.worked_out", where=where, what=what, result=format_decimal(result))
            values.findings.append(computed)


def _result(values: Values, prefill: Prefill) -> Decimal | None:
    rows = len(values.reading.activity_rows)
    if prefill.from_list and not prefill.field:
        return Decimal(rows) if rows else None
    if prefill.from_list:
        figures = values.activities.get(prefill.field, [])
    else:
        figures = [values.indicators.get(code, {}).get(amount) for code, amount in prefill.cells]
    known = [f for f in figures if f is not None]
    return sum(known, Decimal(0)) if known else None
