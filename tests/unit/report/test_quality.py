"""Doubtful figures as leaders read of them: many of one sort at once, a few one by one, and no page of the same."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from baosong.campaign import Campaigns
from baosong.report.printable import Remark
from baosong.report.quality import quality_values
from baosong.store.settings import PROJECT

CAMPAIGN = Campaigns([PROJECT / "include" / "campaigns"]).get("2023")
CODES = [p.code for p in CAMPAIGN.prefectures]


def told(*remarks: tuple[int, str, str]) -> dict[str, Any]:
    """Return what is told of remarks: the prefecture's place in the campaign, the sort and the message."""
    some = [Remark(CODES[n], 1, "statistics", "单元格 D5", message, "", "", what) for n, what, message in remarks]
    figures: Any = SimpleNamespace(campaign=CAMPAIGN, remarks=some, sheets=CODES)
    return quality_values(figures)


def test_many_doubts_of_a_sort_are_one_line_that_says_who_has_most() -> None:
    """Twelve single activities with their days once filled the chapter, and said less."""
    said = told(*[(n % 14, "日期不在活动周期间", f"活动“{n}”的日期不在") for n in range(71)])
    assert said["各项"] == ["日期不在活动周期间71处，14个地州市都有，最多的是乌鲁木齐市（6处）。"]
    assert (said["全部"], said["一类"], said["余"]) == (True, "活动开展情况统计表", 71)


@pytest.mark.parametrize(
    ("places", "line"),
    [
        ([0] * 5, "太多5处，都在乌鲁木齐市。"),
        ([0, 0, 1, 1, 1], "太多5处：克拉玛依市3处、乌鲁木齐市2处。"),
        ([0, 0, 1, 1, 2, 3, 4], "太多7处，涉及5个地州市，最多的是乌鲁木齐市、克拉玛依市，各2处。"),
        ([0, 1, 2, 3, 4], "太多5处，涉及5个地州市。"),
    ],
)
def test_where_they_are_is_said_as_the_counts_have_it(places: list[int], line: str) -> None:
    assert told(*[(n, "太多", "太多") for n in places])["各项"] == [line]


def test_a_few_are_told_in_their_own_words_without_codes_and_cells() -> None:
    said = told((0, "相差很大", "D01“媒体报道”填的是 13，而“活动 1 次”之和是 6，相差 2 倍以上。"))
    assert said["各项"] == ["乌鲁木齐市：“媒体报道”填的是13，而“活动 1 次”之和是6，相差2倍以上。"]
    assert (said["全部"], said["余"]) == (False, 0)


def test_no_sort_is_lost_and_the_lines_stay_few() -> None:
    said = told(*[(0, f"第{n}类", f"第{n}处") for n in range(20)], *[(1, "太多", "太多")] * 5)
    assert said["各项"][0].startswith("太多5处")
    assert len(said["各项"]) == 12
    assert said["余"] == 25 - 11, "the rest is in the workbook, and the text says so"


def test_remarks_of_a_rule_without_a_name_are_not_told_as_one() -> None:
    said = told(*[(0, "", f"第{n}处") for n in range(6)])
    assert said["各项"] == [f"乌鲁木齐市：第{n}处。" for n in range(6)]
