"""The campaign's days: how many activities were under way on each, offline and online.

An activity counts on every day from its first to its last. What states no day of the campaign is counted apart and
shown on none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from baosong.campaign import Campaign
    from baosong.ledger import ActivityRow

UNSTATED = "形式未注明"


@dataclass(slots=True)
class Timeline:
    """The activities by (first day, last day, form), cut to the campaign's days.

    `undated` counts those without a readable first day, or whose last day is before it.
    """

    days: tuple[date, ...]
    choices: tuple[str, ...]
    spans: Counter[tuple[date, date, str]] = field(default_factory=Counter)
    outside: int = 0
    undated: int = 0

    @classmethod
    def of(cls, campaign: Campaign) -> Timeline:
        """Return a campaign's days without any activity."""
        first, last = campaign.window.start, campaign.window.end
        form = campaign.form.by_field.get("form")
        days = tuple(first + timedelta(days=n) for n in range((last - first).days + 1))
        return cls(days, tuple(form.choices) if form else ())

    def add(self, a: ActivityRow) -> None:
        """Count one activity."""
        first, last = a.start, a.end or a.start
        if first is None or last is None or last < first:
            self.undated += 1
        elif last < self.days[0] or first > self.days[-1]:
            self.outside += 1
        else:
            form = a.form if a.form in self.choices else UNSTATED
            self.spans[max(first, self.days[0]), min(last, self.days[-1]), form] += 1

    @property
    def within(self) -> int:
        """Return how many activities have a day of the campaign."""
        return self.spans.total()

    @property
    def forms(self) -> tuple[str, ...]:
        """Return the form's choices, and what some activities are without one of them."""
        return self.choices + ((UNSTATED,) if any(form == UNSTATED for _, _, form in self.spans) else ())

    def under_way(self, first: date, last: date) -> list[int]:
        """Return how many activities had a day from `first` to `last`, by form."""
        by: Counter[str] = Counter()
        for (start, end, form), n in self.spans.items():
            by[form] += n if start <= last and end >= first else 0
        return [by[form] for form in self.forms]
