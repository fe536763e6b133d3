"""Wide tables on paper."""

from __future__ import annotations

from openpyxl import Workbook

from baosong.report.xlsx.sheet import Table


def test_columns_fill_the_fewest_pages_and_none_is_left_over_for_a_page_of_its_own() -> None:
    """34 columns, of which 14 would fit beside the names, are 12, 11 and 11; not thrice 11 and one."""
    table = Table(Workbook().create_sheet("各地州市"))
    table.widths([8, 34, *([11] * 34)])
    for column in range(1, 37):
        table.put(5, column, 1)
    table.printed((4, 4), beside=2, scale=50)
    assert [b.id for b in table.sheet.col_breaks.brk] == [14, 25]
