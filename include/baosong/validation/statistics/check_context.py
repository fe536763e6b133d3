"""What a cross check of the form looks at: its entry in the form, the sheet's values, and whose sheet it is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from baosong.campaign import Campaign, Prefecture
from baosong.campaign.form import CrossCheck, Indicator
from baosong.rules.findings import Where
from baosong.validation.statistics.values import Values, shown

_INNER_QUOTES = str.maketrans("“”", "‘’")

Detection = tuple[Where, dict[str, Any]]


class CheckContext:
    """The subject of a test: its entry in the form, the values, and the prefecture whose sheet it should be."""

    def __init__(self, check: CrossCheck, values: Values, campaign: Campaign, prefecture: Prefecture | None) -> None:
        self.check, self.values, self.campaign, self.prefecture = check, values, campaign, prefecture
        self.form = campaign.form

    def amount(self, code: str | None, column: str = "total") -> Decimal | None:
        """Return an indicator's figure, None if it is not on the sheet or could not be read."""
        return self.values.indicators.get(code or "", {}).get(column)

    @property
    def indicator(self) -> Indicator:
        """Return the indicator that the check names."""
        return self.form.by_code[self.check.indicator or ""]

    @property
    def limit(self) -> Decimal:
        """Return the check's threshold."""
        return self.check.limit or Decimal(0)

    def figure(self, code: str, amount: str = "total", **details: Any) -> Detection:
        """Return what a test detected in an indicator's figure."""
        return self.values.indicator_where(code, amount), {"label": self.form.by_code[code].title, **details}

    def activity(self, index: int, field: str, **details: Any) -> Detection:
        """Return what a test detected in a field of an activity, whose name is made fit to stand in quotation marks."""
        name = shown(self.values.activity(index, "name") or "").translate(_INNER_QUOTES)
        return self.values.activity_where(index, field), {"name": name, **details}

    def column(self, field: str) -> list[Any]:
        """Return a column of the activity list, all None where the sheet has none."""
        return self.values.activities.get(field) or [None] * len(self.values.reading.activity_rows)

    def sums(self, field: str) -> Decimal | None:
        """Return the sum of a column of the activity list; None if a cell of it could not be read."""
        texts, figures = self.values.activity_text.get(field), self.values.activities.get(field)
        if texts is None or figures is None or any(v is None for v in figures):
            return None
        return sum(figures, Decimal(0))
