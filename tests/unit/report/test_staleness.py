"""What an edition tells of days and of the press is never stale: where it reads otherwise, the identity is another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, ClassVar

from hypothesis import given, settings
from hypothesis import strategies as st

from baosong.campaign import Campaign, Campaigns
from baosong.ledger import ActivityRow
from baosong.report.consolidation import Activities, Figure, PrefectureFigures, RegionFigures
from baosong.report.coverage import coverage
from baosong.report.figures import figures_json
from baosong.report.identity import inputs_sha
from baosong.report.parts import activity_table, timeline_chart
from baosong.report.press_list import press_tables, press_values
from baosong.report.template_context import Material, template_context
from baosong.store.settings import PROJECT

AT = datetime(2023, 6, 20, 9, 5, tzinfo=UTC)
WHOLE = Campaigns([PROJECT / "include" / "campaigns"]).get("2023")
CAMPAIGN = WHOLE.model_copy(update={"prefectures": WHOLE.prefectures[:2]})
CODES = [p.code for p in CAMPAIGN.prefectures]
Activity = tuple[str, int | None, int | None, str | None, int]  # name, first and last day of the campaign, form, people
World = dict[str, Any]


class Rows:
    """What the ledger is to a report's activities: rows by the number of a sheet, which no other rows ever get."""

    numbers: ClassVar[dict[tuple[Activity, ...], int]] = {}

    def activities(self, _: str, sheet: int) -> Iterator[ActivityRow]:
        (rows,) = (rows for rows, number in self.numbers.items() if number == sheet)
        for row, (name, start, end, form, people) in enumerate(rows, start=4):
            said = {"place": "文化馆", "county": "天山区", "major": "是"}
            yield ActivityRow(
                CODES[0], row, name, "竞赛", _day(start), _day(end), form, Decimal(people), None, said, sheet
            )


def _day(number: int | None) -> date | None:
    return None if number is None else CAMPAIGN.window.start + timedelta(days=number)


def figures_of(world: World) -> RegionFigures:
    rows = tuple(world["activities"])
    number = Rows.numbers.setdefault(rows, len(Rows.numbers) + 1)
    window = CAMPAIGN.window.model_copy(update={"end": CAMPAIGN.window.start + timedelta(days=world["length"])})
    campaign: Campaign = CAMPAIGN.model_copy(update={"window": window})
    sent: Any = [
        SimpleNamespace(prefecture=code, kind="press", state=state, name=name, sha256="ab", facts={"coverage": pieces})
        for code, name, state, pieces in world["press"]
    ]
    return RegionFigures(
        campaign=campaign,
        as_of=AT,
        prefectures=[PrefectureFigures(p, None, {}, {}) for p in campaign.prefectures],
        totals={i.code: Figure() for i in campaign.form.indicators.rows},
        activities=Activities(Rows(), campaign, (number,), len(rows)),  # type: ignore[arg-type]
        punctuality=[],
        remarks=[],
        missing=[],
        accepted=[],
        coverage=coverage(campaign, sent),
    )


def told(figures: RegionFigures) -> str:
    """Return all that the editions say of days and of the press."""
    context = template_context(figures, "final", 1, Material({}, [], None, None))
    numbers = figures_json(figures, "final", 1)
    chart = timeline_chart(figures)
    parts = [
        activity_table(figures).rows,
        [t.rows for t in press_tables(figures)],
        chart and (chart.names, chart.series),
    ]
    said = [context["日程"], context["叙述"], press_values(figures), numbers["timeline"], numbers["press"], parts]
    return json.dumps(said, ensure_ascii=False, default=str)


DAYS = st.none() | st.integers(-2, 6)
ACTIVITIES = st.lists(
    st.tuples(
        st.sampled_from(["讲座", "科学家精神报告会", "青少年竞赛"]), DAYS, DAYS,
        st.sampled_from(["线下", "线上", None]), st.integers(0, 3),
    ),
    min_size=1, max_size=3,
)  # fmt: skip
PIECES = st.lists(
    st.fixed_dictionaries(
        {
            "title": st.sampled_from(["", "科技周启动", "科普进乡村"]),
            "medium": st.sampled_from(["", "新华社", "某县融媒体中心"]),
            "date": st.sampled_from(["", "2023-05-21", "2022-05-21"]),
            "level": st.sampled_from(["", "中央级", "省级"]),
            "link": st.sampled_from(["", "https://news.cn/1.html", "https://news.cn/2.html"]),
        }
    ),
    max_size=2,
)
FILES = st.tuples(
    st.sampled_from(CODES), st.sampled_from(["甲", "乙"]), st.sampled_from(["accepted", "rejected"]), PIECES
)
INPUTS: dict[str, st.SearchStrategy[Any]] = {
    "activities": ACTIVITIES,
    "length": st.integers(0, 5),
    "press": st.lists(FILES, max_size=3),
}


@settings(max_examples=200, deadline=None)
@given(st.data(), st.fixed_dictionaries(INPUTS), st.sampled_from(list(INPUTS)))
def test_days_or_press_that_read_otherwise_make_another_edition(data: st.DataObject, world: World, which: str) -> None:
    before, after = figures_of(world), figures_of(world | {which: data.draw(INPUTS[which])})
    one, two = (inputs_sha(f, None, ()) for f in (before, after))
    assert one != two or told(before) == told(after), which
    if which == "press":
        assert (one == two) == (before.coverage == after.coverage), "nor is an edition written for what nobody prints"
    assert inputs_sha(figures_of(world), None, ()) == one
    assert inputs_sha(replace(before, as_of=AT + timedelta(days=1)), None, ()) == one
