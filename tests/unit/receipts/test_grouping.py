"""A receipt says once what is so in many cells, and loses nothing by it."""

from __future__ import annotations

from typing import Any

from baosong.receipts.grouping import grouped


def remark(cell: str, **more: Any) -> dict[str, Any]:
    shared = {"severity": "note", "rule": "statistics.normalised", "expected": "如 2023-05-20", "fix": ""}
    where = {"sheet": "活动明细", "cell": cell}
    return {**shared, "where": where, "place": cell, "message": "“日期”是公式", "observed": "公式", **more}


def test_23_dates_are_one_line_with_their_cells_and_how_each_was_counted() -> None:
    days = range(4, 27)
    told = [remark(f"F{n}", message=f"“日期”写成“5月{n}日”，按 {n} 计", observed=f"5月{n}日") for n in days]

    (line,) = grouped(told)

    assert line["place"].startswith("工作表“活动明细”，单元格 F4、F5、")
    assert line["place"].endswith("、F26（23 处）")
    assert line["message"].startswith("“日期”写成：“5月4日”，按 4 计（F4）；“5月5日”")
    assert all(f["observed"] in line["observed"] for f in told)


def test_equal_errors_are_joined_and_others_stand_alone() -> None:
    wrong = [remark(f"D{n}", severity="error", message="必须填写，现在是空的", observed="空") for n in (5, 6)]
    other = remark("D7", severity="error", message="填的“甲”看不出是多少", observed="甲")

    lines = grouped([*wrong, other])

    assert [line["message"] for line in lines] == ["必须填写，现在是空的", "填的“甲”看不出是多少"]
    assert "D5、D6（2 处）" in lines[0]["place"]


def test_another_column_sheet_or_rule_is_another_line() -> None:
    sheet = {"sheet": "指标汇总", "cell": "F4"}
    told = [remark("F4"), remark("G4"), remark("F5", rule="statistics.rounded"), remark("F4", where=sheet)]
    assert grouped(told) == told


def test_what_is_about_a_whole_file_is_never_joined() -> None:
    told = [remark("", where={}), remark("", where={}), remark("", where={"page": 3})]
    assert grouped(told) == told


def test_what_is_written_alike_is_told_once_with_its_cells() -> None:
    told = [
        remark(f"F{n}", message=f"“日期”写成“{day}”，按它计", observed=day)
        for n, day in ((4, "甲"), (5, "乙"), (6, "甲"))
    ]

    (line,) = grouped(told)

    assert line["message"] == "“日期”写成：“甲”，按它计（F4、F6）；“乙”，按它计（F5）"
    assert line["observed"] == "甲、乙"
