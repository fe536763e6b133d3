"""What a report must tell of the campaign's days, recounted from the sheets, a day at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recount import Region

FORMS = ("线下", "线上", "线上线下结合")
FIRST, LAST = date(2023, 5, 20), date(2023, 5, 31)
DAYS = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]


def _span(a: dict[str, Any]) -> tuple[date, date]:
    first, last = (date.fromisoformat(str(a[head])[:10]) for head in ("开始日期", "结束日期"))
    return first, last


def on(r: Region, first: date, last: date, form: str) -> int:
    """Return how many activities of a form had a day from `first` to `last`."""
    spans = [_span(a) for _, _, a in r.activities if a["形式"] == form]
    return sum(not (end < first or start > last) for start, end in spans)


def by_day(r: Region) -> dict[str, dict[str, int]]:
    return {f"{d.month}月{d.day}日": {form: on(r, d, d, form) for form in FORMS} for d in DAYS}


def of_days(r: Region) -> Iterator[str]:
    """Yield the sentence that reads the chart; every made activity lies within the campaign."""
    count = len(r.activities)
    assert sum(on(r, FIRST, LAST, form) for form in FORMS) == count
    told = "、".join(f"{form}{n}项" for form in FORMS if (n := on(r, FIRST, LAST, form)))
    sums = {day: sum(forms.values()) for day, forms in by_day(r).items()}
    most = [day for day, n in sums.items() if n == max(sums.values())]
    at = "、".join(f"{form}{n}项" for form, n in by_day(r)[most[0]].items() if n)
    peak = f"最多的是{'、'.join(most)}，每天{sums[most[0]]}项"
    if len(most) == 1:
        peak = f"最多的是{most[0]}，当天{sums[most[0]]}项" + (f"，{at}" if "、" in told else "")
    elif len(most) > 3:
        peak = f"最多的有{len(most)}天，每天{sums[most[0]]}项"
    yield f"活动明细的{count}项活动都在活动期间（5月20日至31日）开展，{told}；开展活动{peak}。"
    yield f"历时几天的{sum(_span(a)[0] != _span(a)[1] for _, _, a in r.activities)}项逐日计数。"


def day_changes(before: Region, now: Region) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield what the list of changes must say of the days."""
    for form in FORMS:
        old, new = (on(r, FIRST, LAST, form) for r in (before, now))
        if old != new:
            yield "全区", f"活动期间开展的活动（{form}）", "total", str(old), str(new)
    if len(before.activities) != len(now.activities):
        yield "全区", "活动期间开展的活动", "total", str(len(before.activities)), str(len(now.activities))
