"""The cells of the statistics sheet that follow from others; the template prefills them with formulas.

Only values that a check requires anyway, or that the form declares to add up, are prefilled. A formula without inputs
is blank and not 0, so that an empty sheet is never taken for a campaign without activities.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from baosong.campaign.form import Form
from baosong.campaign.layout import Cell, activity_range, indicator_cells
from baosong.rules.findings import Severity

COUNTED = "category"  # a 合计 row has a name and figures, but no category
_PLACE = re.compile(r"[0-9$'. ]")
# A range of another sheet, which old workbooks are not asked for.
_ELSEWHERE = re.compile(r"(?<![^(),!])[^(),!]++![A-Z]+(:[A-Z]+)?")


@dataclass(frozen=True, slots=True)
class Prefill:
    """The origin of a cell: a sum of cells, or of a field of the activity list; without either, the list's length.

    With `choices` it is the number of activities that have one of them in that field.
    """

    cells: tuple[Cell, ...] = ()
    field: str = ""
    choices: tuple[str, ...] = ()

    @property
    def from_list(self) -> bool:
        """Return whether the cell follows from the activity list."""
        return not self.cells


def prefills(form: Form) -> dict[Cell, Prefill]:
    """Return the prefilled cells by indicator and column, each after the cells that it adds up."""
    found: dict[Cell, Prefill] = {}
    for cell, prefill in (*_from_list(form), *_counts(form), *_splits(form), *_wholes(form)):
        found.setdefault(cell, prefill)
    return found


def _from_list(form: Form) -> Iterator[tuple[Cell, Prefill]]:
    for check in form.checks:
        if check.indicator and check.test == "rows":
            yield (check.indicator, "total"), Prefill()
        if check.indicator and check.test == "list_sum":
            for amount in ("offline", "online"):
                yield (check.indicator, amount), Prefill(field=amount)


def _counts(form: Form) -> Iterator[tuple[Cell, Prefill]]:
    for spec in form.indicators.rows:
        if spec.listed and spec.listed.field:
            yield (spec.code, "total"), Prefill(field=spec.listed.field, choices=spec.listed.choices)


def _splits(form: Form) -> Iterator[tuple[Cell, Prefill]]:
    named = {c.indicator for c in form.checks if c.test == "split"}
    for spec in form.indicators.rows:
        if spec.adds_up or spec.code in named:
            yield (spec.code, "total"), Prefill(((spec.code, "offline"), (spec.code, "online")))


def _wholes(form: Form) -> Iterator[tuple[Cell, Prefill]]:
    """Yield the totals that their kinds must add up to; where a difference is only a warning, people fill them in."""
    sums = [c for c in form.checks if c.test == "sum"]
    named = {c.indicator for c in sums if c.indicator}
    strict = {c.indicator for c in sums if c.severity is Severity.ERROR}
    for whole in sorted({i.adds_to for i in form.indicators.rows if i.adds_to}):
        if whole in strict or (None in strict and whole not in named):
            yield (whole, "total"), Prefill(tuple((kind.code, "total") for kind in form.kinds_of(whole)))


def formulas(form: Form) -> dict[Cell, str]:
    """Return the formula of each prefilled cell in the template."""
    return {cell: _formula(prefill, form) for cell, prefill in prefills(form).items()}


def _formula(prefill: Prefill, form: Form) -> str:
    if prefill.from_list:
        sheet = f"'{form.activities.sheet}'!"
        counted = f'{sheet}{activity_range(form, COUNTED)},"?*"'
        count = f"COUNTIF({counted})"
        field = f"{sheet}{activity_range(form, prefill.field)}" if prefill.field else ""
        result = f"SUMIF({counted},{field})" if field else count
        if prefill.choices:  # of any row that has one, as the checks count; a 合计 row has none
            result = "+".join(f'COUNTIF({field},"{_literal(choice)}")' for choice in prefill.choices)
        return f'=IF({count}=0,"",{result})'
    places = indicator_cells(form)
    cells = ",".join(places[cell] for cell in prefill.cells)
    return f'=IF(COUNT({cells})=0,"",SUM({cells}))'


def _literal(choice: str) -> str:
    """Return a choice as a criterion within quotation marks, in which no sign has a meaning."""
    return re.sub("([*?~])", r"~\1", choice).replace('"', '""')


def is_ours(formula: str, cell: Cell, form: Form) -> bool:
    """Return whether a formula is the template's own; rows may have been moved since.

    The reader of old workbooks spells a place on another sheet as `?`.
    """
    ours = formulas(form).get(cell)
    if ours is None:
        return False
    plain = _PLACE.sub("", ours).upper()
    return _PLACE.sub("", formula).upper() in (plain, _ELSEWHERE.sub("?", plain))
