"""Works out the template's own formulas where a program saved them without their results."""

from __future__ import annotations

from decimal import Decimal

from baosong.campaign.form import Form
from baosong.campaign.layout import Cell
from baosong.campaign.prefill import Prefill, is_ours, prefills
from baosong.rules.findings import note
from baosong.validation.statistics.numbers import plain
from baosong.validation.statistics.values import AMOUNTS, Values

_WORDS = dict(zip(AMOUNTS, ("合计", "线下", "线上"), strict=True))


def work_out(values: Values, form: Form) -> None:
    """Give the cells that still hold the template's formula, and no result, the value that the formula has.

    What follows from nothing stays blank, as a cell that was not filled in.
    """
    for cell, prefill in prefills(form).items():
        hole = values.formulas.get(cell)
        if hole is None or not is_ours(hole, cell, form):
            continue
        code, amount = cell
        result = _result(values, prefill)
        values.indicators[code][amount] = result
        values.indicator_text[code][amount] = None if result is None else plain(result)
        if result is not None:
            what = f"{form.by_code[code].title}的{_WORDS[amount]}"
            values.findings.append(
                note(
                    "statistics.worked_out",
                    f"{what}是模板的公式，文件里没有结果，按公式算得 {plain(result)}",
                    where=values.indicator_where(code, amount),
                    observed="公式",
                    expected=plain(result),
                )
            )


def _result(values: Values, prefill: Prefill) -> Decimal | None:
    rows = len(values.reading.activity_rows)
    if prefill.from_list and not prefill.field:
        return Decimal(rows) if rows else None
    if prefill.from_list:
        figures = values.activities.get(prefill.field, [])
    else:
        figures = [_figure(values, cell) for cell in prefill.cells]
    known = [f for f in figures if f is not None]
    return sum(known, Decimal(0)) if known else None


def _figure(values: Values, cell: Cell) -> Decimal | None:
    code, amount = cell
    return values.indicators.get(code, {}).get(amount)
