"""What the lists of activities tell beside the sums: days, themes, spread and the activities that stand out."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from baosong.report.excerpt import clean_line
from baosong.report.timeline import UNSTATED
from baosong.report.wording import amount_text, dates_text, share

if TYPE_CHECKING:
    from baosong.campaign import Campaign
    from baosong.report.listed import Counts, Ranked
    from baosong.report.timeline import Timeline

_MOST_NAMED = 3  # days that are equally busy


def narrative(campaign: Campaign, counts: Counts) -> dict[str, Any]:
    """Return the values that a template may use; texts and lists are empty where the lists tell nothing."""
    table = campaign.form.activities
    named = [t for t in table.themes if counts.themes[t]]
    named.sort(key=lambda t: -counts.themes[t])
    settings = sorted((s for s in table.settings if counts.settings[s]), key=lambda s: -counts.settings[s])
    places = {p.code: p.name for p in campaign.prefectures}
    return {
        "主题": "；".join(f"{t}{counts.themes[t]}项、{amount_text(counts.people[t], '人次')}" for t in named),
        "多主题": counts.several,
        "县数": len(counts.counties),
        "县所在": len({code for code, _ in counts.counties}),
        "场所": "、".join(f"{s}{counts.settings[s]}项" for s in settings),
        "重大": [_told(a, places) for a in counts.major],
        "最多": [_told(a, places) for a in counts.largest],
    }


def _told(ranked: Ranked, places: dict[str, str]) -> str:
    people, _, a = ranked
    where = clean_line(str(a.fields.get("place") or ""))
    prefecture, dates = places[a.prefecture], dates_text(a.start, a.end)
    told = "，".join(t for t in (prefecture, dates, where, amount_text(people, "人次")) if t)
    return f"{clean_line(a.name)}（{told}）"


def timeline_values(told: Timeline) -> dict[str, Any]:
    """Return the values that a template may use."""
    whole = told.within + told.outside + told.undated
    return {
        "总数": whole,
        "期内": told.within,
        "占比": share(Decimal(told.within), Decimal(whole)),
        "起止": dates_text(told.days[0], told.days[-1]),
        "形式": _forms(told, told.under_way(told.days[0], told.days[-1])),
        "高峰": _busiest(told) if told.within else "",
        "期外": told.outside,
        "无日期": told.undated,
        "跨日": sum(n for (first, last, _), n in told.spans.items() if first != last),
    }


def _forms(told: Timeline, counts: Sequence[int]) -> str:
    some = [(form, n) for form, n in zip(told.forms, counts, strict=True) if n]
    if len(some) == 1:
        return some[0][0] if some[0][0] == UNSTATED else f"均为{some[0][0]}"
    return "、".join(f"{form}{n}项" for form, n in some)


def _busiest(told: Timeline) -> str:
    """Return on which day most were under way; of several such days no one's forms are told."""
    by_day = {day: told.under_way(day, day) for day in told.days}
    most = max(map(sum, by_day.values()))
    days = [day for day, counts in by_day.items() if sum(counts) == most]
    if len(days) > _MOST_NAMED:
        return f"开展活动最多的有{len(days)}天，每天{most}项"
    names = "、".join(dates_text(day, None) for day in days)
    if len(days) > 1:
        return f"开展活动最多的是{names}，每天{most}项"
    if most == sum(map(sum, by_day.values())):
        return f"{'都' if most > 1 else ''}在{names}{'' if len(told.days) == 1 else '当天'}开展"
    forms = "" if sum(map(bool, told.under_way(told.days[0], told.days[-1]))) == 1 else _forms(told, by_day[days[0]])
    return f"开展活动最多的是{names}，当天{most}项{'，' if forms else ''}{forms}"  # of one form alone it was just said
