"""What a sentence says of the ranks: it varies by what the figures are, and each form of it can be wrong."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from baosong.report.consolidation import Figure
from baosong.report.indicator_view import IndicatorView
from baosong.report.template_context import _gaps


def view(*values: int | None, first: tuple[int, ...] = ()) -> IndicatorView:
    """Return an indicator with these values; None is a prefecture whose sheet is not counted.

    `first` are the values of the form's first figure, where it is another one.
    """

    def lead(n: int) -> dict[str, Figure]:
        return {"F": Figure(Decimal(first[n]))} if first else {}

    places: list[Any] = [
        SimpleNamespace(
            prefecture=SimpleNamespace(code=str(n), name=name),
            sheet=None if v is None else name,
            values={} if v is None else {"A": Figure(Decimal(v), Decimal(v), Decimal(0))} | lead(n),
        )
        for n, (name, v) in enumerate(zip("甲乙丙丁戊", values, strict=False))
    ]
    total, lead_total = (Figure(Decimal(sum(v or 0 for v in some))) for some in (values, first))
    sheets = [p for p in places if p.sheet]
    rows = [SimpleNamespace(code="F" if first else "A", name="总数" if first else "活动", unit="项", required=True)]
    campaign = SimpleNamespace(form=SimpleNamespace(indicators=SimpleNamespace(rows=rows)))
    figures: Any = SimpleNamespace(
        prefectures=places, totals={"F": lead_total, "A": total}, sheets=sheets, campaign=campaign
    )
    indicator: Any = SimpleNamespace(code="A", name="活动", unit="项", required=True)
    return IndicatorView(figures, indicator)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((5, 5, 5, 5), "在4个地州市相同，均为5项"),
        ((0, 0, 0), "在各地州市均为零"),
        ((6, 4, None), "依次是：甲（6项，占60.0%）、乙（4项，占40.0%）"),
        ((5, 5, 0), "在2个地州市相同，均为5项，其余1个为零"),
        ((6, 4, 0), "来自2个地州市：甲（6项，占60.0%）、乙（4项，占40.0%），其余1个为零"),
        ((6, 0, 0), "全部来自甲，其余2个为零"),
        ((9, 1, 1, 1), "主要集中在甲（9项，占75.0%），其余3个地州市合计3项"),
        ((4, 4, 0, 1), "来自3个地州市：甲（4项，占44.4%）、乙（4项，占44.4%）、丁（1项，占11.1%），其余1个为零"),
        (
            (5, 5, 1, 1),
            "居前三位的是：甲（5项，占41.7%）、乙（5项，占41.7%）、丙（1项，占8.3%）、丁（1项，占8.3%），合计占100.0%，相对集中",
        ),
        (
            (3, 2, 1, 4, 0),
            "居前三位的是：丁（4项，占40.0%）、甲（3项，占30.0%）、乙（2项，占20.0%），合计占90.0%，相对集中",
        ),
    ],
)
def test_ranks_are_told_as_the_figures_have_it(values: tuple[int | None, ...], said: str) -> None:
    assert view(*values).排名 == said


EVEN = "各地相差不大：最多的甲（9项），最少的丁（6项），前三位合计占80.0%"


@pytest.mark.parametrize(
    ("values", "first", "said"),
    [
        ((9, 8, 7, 6), (), EVEN),
        ((9, 8, 7, 6), (9, 8, 7, 1), EVEN),
        ((9, 8, 7, 6, None), (), EVEN),
        ((9, 9, 7, 6), (), "居前三位的是："),  # nobody alone has most
        ((9, 8, 7, 4), (), "居前三位的是："),  # more than twice as much
        ((9, 8, 7, 6, 0), (), "居前三位的是："),  # somebody has none
        ((12, 8, 7, 1), (9, 8, 7, 1), "居前三位的仍是："),
        ((12, 8, 7, 1), (8, 9, 7, 1), "居前三位的与总数相同，依次是：甲（"),
        ((12, 8, 7, 1), (9, 1, 7, 8), "仍以甲（12项，占42.9%）最多，其次是乙（8项，占28.6%）、丙（7项，占25.0%），"),
        ((12, 8, 7, 1), (1, 9, 7, 8), "居前三位的是："),  # another leads there
        ((12, 8, 7, 1), (9, 8, 7, 6), "居前三位的是："),  # the first figure was not told so
        ((12, 8, 7, 1), (90, 8, 7, 1), "居前三位的是："),  # there one has nearly all
        ((12, 8, 7, 1), (9, 8, 7, 7), "居前三位的是："),  # four lead there
        ((90, 8, 7, 1), (90, 8, 7, 1), "仍主要集中在甲（90项，占84.9%），"),
        ((90, 8, 7, 1), (8, 90, 7, 1), "主要集中在甲（"),
    ],
)
def test_figures_that_are_even_or_led_by_the_same_are_told_so(
    values: tuple[int | None, ...], first: tuple[int, ...], said: str
) -> None:
    assert view(*values, first=first).排名.startswith(said)


def test_who_has_none_is_named_or_it_is_said_that_all_have_none() -> None:
    assert (view(3, 0, None).为零, view(3, 4).为零) == ("有1个地州市（乙）", "")
    assert view(3, 4, None).线上为零 == "是已计入的全部2个地州市"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((40, 1, 2, None), "14.33项，不计甲为1.5项"),
        ((3, 2, 1), "2项，不计甲为1.5项"),
        ((2, 2, 1), "1.67项"),
        ((5, 1), "3项"),
        ((1, 0, 0), ""),  # a third of an activity is nobody's
        ((0, 0, 0), ""),
    ],
)
def test_a_mean_that_one_alone_makes_is_told_without_it_too(values: tuple[int | None, ...], said: str) -> None:
    assert view(*values).每地 == said


@pytest.mark.parametrize(
    ("major", "online", "said"),
    [
        ([], [], ""),
        (["甲"], [], "没有大活动的有1个地州市（甲）"),
        (list("甲乙丙"), [], "3份统计表都没有大活动"),
        (list("甲乙丙"), list("甲乙丙"), "3份统计表都没有大活动和线上参与"),
        (
            list("甲乙丙丁"),
            list("甲乙丙丁戊"),
            "没有大活动的有4个地州市（甲、乙、丙、丁）；没有线上参与的有5个地州市（甲、乙、丙等）",
        ),
        (list("甲乙丙"), ["乙", "丙"], "3份统计表都没有大活动；没有线上参与的有2个地州市（乙、丙）"),
    ],
)
def test_what_nobody_has_is_said_once_and_names_stand_where_some_have_not(
    major: list[str], online: list[str], said: str
) -> None:
    assert _gaps(3 if len(online) < 5 else 9, ("大活动", major), ("线上参与", online)) == said
