"""The names of annotated copies."""

from __future__ import annotations

from typing import Any

from baosong.pipeline import reply


def test_sheets_of_one_name_get_copies_of_two() -> None:
    from types import SimpleNamespace as Row

    rows: Any = [Row(id=2, name="统计表.XLS"), Row(id=1, name="统计表.xlsx"), Row(id=3, name="长" * 300 + ".xlsx")]
    names = reply._copy_names(rows)
    assert (names[1], names[2]) == ("统计表.xlsx", "统计表-2.xlsx")
    assert len(names[3].encode()) < 130
