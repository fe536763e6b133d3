"""The causes of a change against last year: what is said when totals grow, shrink, stay, or hardly anybody moved."""

from __future__ import annotations

from decimal import Decimal

import pytest

from baosong.report.causes import by_kind, by_place, furthest


def moved(**by: int) -> list[tuple[str, str, Decimal]]:
    return [(name, "项", Decimal(n)) for name, n in by.items()]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"甲": 8, "乙": 1, "丙": 1}, "活动在3个地州市都增加，以甲（增加8项）为主，占增加部分的80.0%"),
        ({"甲": 4, "乙": 4, "丙": 4}, "活动在3个地州市各增加4项"),
        ({"甲": 4, "乙": 3, "丙": 1}, "活动在3个地州市都增加，以甲（增加4项）为主，占增加部分的50.0%"),
        ({"甲": 5, "乙": 5, "丙": 1}, "活动在3个地州市都增加，以甲（增加5项）、乙（增加5项）为主，合占增加部分的90.9%"),
        (dict.fromkeys("甲乙丙丁", 4) | {"戊": 1}, "活动在5个地州市都增加，分布较散，最多的4个各增加4项"),
        (
            {"甲": 1, "乙": 1, "丙": -3, "丁": -3},
            "活动减少的有2个地州市，各减少3项；增加的有2个，各增加1项",
        ),
        ({"甲": 9, "乙": -2}, "活动增加的只有甲（增加9项）；乙减少2项"),
        ({"甲": -9, "乙": 2, "丙": 3}, "活动减少的只有甲（减少9项）；增加的有2个，最多的是丙（增加3项）"),
        (dict.fromkeys("甲乙丙丁戊己庚", 1), "活动在7个地州市各增加1项"),
        ({"甲": 5, "乙": -5}, "活动总量持平，但各地有增有减：增加最多的是甲（增加5项），减少最多的是乙（减少5项）"),
        ({"甲": 0, "乙": 0}, ""),
        ({"甲": 7}, ""),
    ],
)
def test_who_made_a_change_is_said_as_the_figures_have_it(changes: dict[str, int], said: str) -> None:
    assert by_place("活动", Decimal(sum(changes.values())), moved(**changes)) == said


def test_kinds_are_named_in_the_directions_that_they_took() -> None:
    both = by_kind("活动", moved(讲座=3, 展览=5, 竞赛=-1))
    assert both == "活动按类别看，增加最多的是展览（增加5项），减少最多的是竞赛（减少1项）"
    assert by_kind("活动", moved(讲座=-3)) == "活动按类别看，减少最多的是讲座（减少3项）"
    assert by_kind("活动", moved(讲座=0)) == ""
    assert by_kind("活动", moved(讲座=-3, 其他活动=-9)) == "活动按类别看，减少最多的是讲座（减少3项）"
    assert by_kind("活动", moved(其他=-9)) == "", "that others moved explains nothing"
    assert by_kind("", moved(**dict.fromkeys("甲乙丙丁", 3))) == "按类别看，增加最多的4类各增加3项"


def test_those_who_fell_furthest_are_asked_and_nobody_if_they_are_many() -> None:
    assert furthest(moved(甲=-3, 乙=-5, 丙=9), -1) == ["乙"]
    assert furthest(moved(甲=-3, 乙=-3, 丙=9), -1) == ["甲", "乙"]
    assert furthest(moved(**dict.fromkeys("甲乙丙丁", -3)), -1) == []
    assert furthest(moved(甲=3), -1) == []
