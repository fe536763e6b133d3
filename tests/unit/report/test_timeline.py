"""The campaign's days: each activity on each of its own, and what has none is told and shown nowhere."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baosong.campaign import Campaigns
from baosong.report.narrative import timeline_values
from baosong.report.parts import timeline_chart
from baosong.report.timeline import Timeline
from baosong.store.settings import PROJECT

CAMPAIGN = Campaigns([PROJECT / "include" / "campaigns"]).get("2023")
Span = tuple[date | None, date | None, str | None]


def day(n: int) -> date:
    return date(2023, 5, 20) + timedelta(days=n)


def of(spans: Iterable[Span], length: int = 12) -> Timeline:
    window = CAMPAIGN.window.model_copy(update={"end": day(length - 1)})
    told = Timeline.of(CAMPAIGN.model_copy(update={"window": window}))
    for start, end, form in spans:
        told.add(SimpleNamespace(start=start, end=end, form=form))  # type: ignore[arg-type]
    return told


def chart(told: Timeline) -> Any:
    return timeline_chart(SimpleNamespace(activities=SimpleNamespace(counts=SimpleNamespace(timeline=told))))  # type: ignore[arg-type]


A, B, BOTH = "线下", "线上", "线上线下结合"
CASES = [
    ([], "", (0, 0)),
    ([(day(0), day(0), B)] * 3, "都在5月20日当天开展", (0, 0)),
    ([(day(0), day(1), A), (day(1), None, A)], "开展活动最多的是5月21日，当天2项", (0, 0)),
    ([(day(0), day(1), A), (day(1), None, BOTH)], "开展活动最多的是5月21日，当天2项，线下1项、线上线下结合1项", (0, 0)),
    ([(day(0), day(1), A)], "开展活动最多的是5月20日、5月21日，每天1项", (0, 0)),
    ([(day(-9), day(99), None)], "开展活动最多的有12天，每天1项", (0, 0)),
    ([(day(-2), day(-1), A), (day(12), day(12), A), (None, day(1), A), (day(2), day(1), A)], "", (2, 2)),
]


@pytest.mark.parametrize(("spans", "said", "apart"), CASES)
def test_the_busiest_day_is_told_as_the_lists_have_it(spans: list[Span], said: str, apart: tuple[int, int]) -> None:
    told = timeline_values(of(spans))
    assert (told["高峰"], (told["期外"], told["无日期"])) == (said, apart)


def test_no_chart_compares_nothing_and_a_long_campaign_is_shown_by_weeks() -> None:
    assert chart(of([])) is None
    assert chart(of([(day(0), day(0), A)], length=1)) is None
    assert chart(of([(day(3), day(3), A), (day(3), None, B)])) is None, "a single bar"
    assert chart(of([(day(3), day(4), A)])) is not None
    long = chart(of([(day(0), day(8), A)], length=60))
    assert (long.title, long.names[0], len(long.names)) == ("每周开展的活动（项）", "5月20日至26日", 9)
    assert [int(n) for n in long.series[0][1]] == [1, 1, 0, 0, 0, 0, 0, 0, 0]


DATES = st.none() | st.integers(-5, 20).map(day)


@given(st.lists(st.tuples(DATES, DATES, st.sampled_from([A, B, BOTH, None]))))
def test_every_activity_is_counted_once_and_on_each_of_its_days(spans: list[Span]) -> None:
    told = of(spans)
    assert told.within + told.outside + told.undated == len(spans)
    for at in told.days:
        shown = [s for s in spans if s[0] and s[0] <= at <= (s[1] or s[0])]
        assert sum(told.under_way(at, at)) == len(shown)
