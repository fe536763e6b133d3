"""One reading of the lists of activities: all that a report counts in them, and the few rows that it shows.

What is counted by words stands in the form (`themes`, `settings`); everything else is read from the lists as they are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from heapq import nlargest
from typing import TYPE_CHECKING

from baosong.report.timeline import Timeline
from baosong.rules.words import alike

if TYPE_CHECKING:
    from baosong.campaign import Campaign, Prefecture
    from baosong.campaign.form import ActivityTable
    from baosong.ledger import ActivityRow

MOST_LISTED = 100  # rows of the Word report's list, some six pages; the workbook has all
MOST_NAMED = 3
Ranked = tuple[Decimal, int, "ActivityRow"]  # people, minus its place in the list, so that the first of equals wins


@dataclass(slots=True)
class Counts:
    """Counts over all activities; only the activities that may be named are kept, with their numbers from 1.

    `several` counts those of more than one theme.
    """

    timeline: Timeline
    themes: Counter[str] = field(default_factory=Counter)
    people: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    several: int = 0
    settings: Counter[str] = field(default_factory=Counter)
    counties: set[tuple[str, str]] = field(default_factory=set)
    largest: list[Ranked] = field(default_factory=list)
    major: list[Ranked] = field(default_factory=list)
    first: list[tuple[int, ActivityRow]] = field(default_factory=list)
    first_major: list[tuple[int, ActivityRow]] = field(default_factory=list)


def count(campaign: Campaign, activities: Iterable[ActivityRow]) -> Counts:
    """Return the counts of these activities of a campaign."""
    table, counts = campaign.form.activities, Counts(Timeline.of(campaign))
    counties = {p.code: _counties(p) for p in campaign.prefectures}
    major = campaign.form.by_field.get("major")
    for number, a in enumerate(activities, start=1):
        people = (a.offline or Decimal(0)) + (a.online or Decimal(0))
        counts.timeline.add(a)
        _count_words(counts, table, a, people)
        county = counties[a.prefecture].get(alike(str(a.fields.get("county") or "")))
        if county:
            counts.counties.add((a.prefecture, county))
        if number <= MOST_LISTED:
            counts.first.append((number, a))
        if is_major := bool(major and a.fields.get("major") == major.choices[0]):
            counts.first_major += [(number, a)] if len(counts.first_major) < MOST_LISTED else []
        if people:
            counts.largest = _kept(counts.largest, (people, -number, a))
            counts.major = _kept(counts.major, (people, -number, a)) if is_major else counts.major
    return counts


def _count_words(counts: Counts, table: ActivityTable, a: ActivityRow, people: Decimal) -> None:
    themes = _held(a.name, table.themes.items())
    counts.several += len(themes) > 1
    for theme in themes:
        counts.themes[theme] += 1
        counts.people[theme] += people
    counts.settings.update(_held(str(a.fields.get("place") or ""), table.settings.items()))


def _held(text: str, words: Iterable[tuple[str, tuple[str, ...]]]) -> list[str]:
    return [name for name, some in words if any(word in text for word in some)]


def _kept(best: list[Ranked], one: Ranked) -> list[Ranked]:
    if len(best) == MOST_NAMED and one[:2] < best[-1][:2]:
        return best
    return nlargest(MOST_NAMED, [*best, one], key=lambda item: item[:2])


def _counties(p: Prefecture) -> dict[str, str]:
    """Return a prefecture's counties by their names; the short name of an autonomous county means it."""
    full = [c for c in p.counties if c.endswith("自治县")]
    return {alike(c): next((f for f in full if f.startswith(c.removesuffix("县"))), c) for c in p.counties}
