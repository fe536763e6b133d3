"""What the lists of activities tell beside the sums: themes, spread and the activities that stand out.

All of it is counted by words that stand in the form (`themes`, `settings`) or read from the lists as they are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from heapq import nlargest
from typing import TYPE_CHECKING, Any

from baosong.report.consolidation import RegionFigures
from baosong.report.excerpt import clean_line
from baosong.report.wording import amount_text, dates_text
from baosong.rules.words import alike

if TYPE_CHECKING:
    from baosong.campaign import Prefecture
    from baosong.campaign.form import ActivityTable
    from baosong.ledger import ActivityRow

_MOST_NAMED = 3
_Ranked = tuple[Decimal, int, "ActivityRow"]  # people, minus its place in the list, so that the first of equals wins


@dataclass(slots=True)
class _Counts:
    """Counts over all activities; only the activities that may be named are kept."""

    themes: Counter[str] = field(default_factory=Counter)
    people: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    settings: Counter[str] = field(default_factory=Counter)
    counties: set[tuple[str, str]] = field(default_factory=set)
    largest: list[_Ranked] = field(default_factory=list)
    major: list[_Ranked] = field(default_factory=list)


def narrative(figures: RegionFigures) -> dict[str, Any]:
    """Return the values that a template may use; texts and lists are empty where the lists tell nothing."""
    table, counts = figures.campaign.form.activities, _count(figures)
    named = [t for t in table.themes if counts.themes[t]]
    named.sort(key=lambda t: -counts.themes[t])
    settings = [s for s in table.settings if counts.settings[s]]
    places = {p.code: p.name for p in figures.campaign.prefectures}
    return {
        "主题": "；".join(f"涉及{t}的{counts.themes[t]}项、{amount_text(counts.people[t], '人次')}" for t in named),
        "县数": len(counts.counties),
        "县所在": len({code for code, _ in counts.counties}),
        "场所": "、".join(f"在{s}举办的{counts.settings[s]}项" for s in settings),
        "重大": [_told(a, places) for a in counts.major],
        "最多": [_told(a, places) for a in counts.largest],
    }


def _count(figures: RegionFigures) -> _Counts:
    table, counts = figures.campaign.form.activities, _Counts()
    counties = {p.code: _counties(p) for p in figures.campaign.prefectures}
    major = figures.campaign.form.by_field.get("major")
    for number, a in enumerate(figures.activities):
        people = (a.offline or Decimal(0)) + (a.online or Decimal(0))
        _count_words(counts, table, a, people)
        county = counties[a.prefecture].get(alike(str(a.fields.get("county") or "")))
        if county:
            counts.counties.add((a.prefecture, county))
        if people:
            counts.largest = _kept(counts.largest, (people, -number, a))
            if major and a.fields.get("major") == major.choices[0]:
                counts.major = _kept(counts.major, (people, -number, a))
    return counts


def _count_words(counts: _Counts, table: ActivityTable, a: ActivityRow, people: Decimal) -> None:
    for theme in _held(a.name, table.themes.items()):
        counts.themes[theme] += 1
        counts.people[theme] += people
    counts.settings.update(_held(str(a.fields.get("place") or ""), table.settings.items()))


def _held(text: str, words: Iterable[tuple[str, tuple[str, ...]]]) -> list[str]:
    return [name for name, some in words if any(word in text for word in some)]


def _kept(best: list[_Ranked], one: _Ranked) -> list[_Ranked]:
    return nlargest(_MOST_NAMED, [*best, one], key=lambda item: item[:2])


def _counties(p: Prefecture) -> dict[str, str]:
    """Return a prefecture's counties by their names; the short name of an autonomous county means it."""
    full = [c for c in p.counties if c.endswith("自治县")]
    return {alike(c): next((f for f in full if f.startswith(c.removesuffix("县"))), c) for c in p.counties}


def _told(ranked: _Ranked, places: dict[str, str]) -> str:
    people, _, a = ranked
    where = clean_line(str(a.fields.get("place") or ""))
    prefecture, dates = places[a.prefecture], dates_text(a.start, a.end)
    told = "，".join(t for t in (prefecture, dates, where, amount_text(people, "人次")) if t)
    return f"{clean_line(a.name)}（{told}）"
