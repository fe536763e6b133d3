"""Wide tables on paper."""

from __future__ import annotations

import pytest
from openpyxl import Workbook

from baosong.report.parts import _widths
from baosong.report.xlsx.sheet import Table


def test_columns_fill_the_fewest_pages_and_none_is_left_over_for_a_page_of_its_own() -> None:
    """34 columns, of which 14 would fit beside the names, are 12, 11 and 11; not thrice 11 and one."""
    table = Table(Workbook().create_sheet("各地州市"))
    table.widths([8, 34, *([11] * 34)])
    for column in range(1, 37):
        table.put(5, column, 1)
    table.printed((4, 4), beside=2, scale=50)
    assert [b.id for b in table.sheet.col_breaks.brk] == [14, 25]


def test_a_long_number_has_room_in_one_piece_and_short_ones_have_columns_that_are_alike() -> None:
    """Eight digits broke in the seventh part of 119 mm; a letter of 9 pt is 1.7 mm wide, a cell's margins are 2 mm."""
    short, long = ["1", "120"], ["11,248,760", "29,474"]
    assert _widths([*zip(*[short] * 7, strict=True)], 119) == [pytest.approx(17)] * 7
    wide, *others = _widths([*zip(long, *[short] * 6, strict=True)], 119)
    assert wide - 2 > 10 * 1.7
    assert [wide + sum(others), min(others)] == [pytest.approx(119), pytest.approx(max(others))]
    assert min(others) - 2 > 8 * 1.7, "a number of six digits has room in any column"
