"""What is remarked of a file because of its neighbours: counts, quoted totals, outliers, the same table elsewhere."""

from __future__ import annotations

import decimal
from decimal import Decimal

import pytest
from pydantic import ValidationError

from baosong.campaign.form import CROSS_FILE, CrossCheck, Form
from baosong.campaign.layout import indicator_cells
from baosong.rules.findings import Finding, Kind, Severity
from baosong.validation.cross_file.context import (
    REPORT_DIFFERS,
    TESTS,
    Neighbours,
    Sheet,
    Twin,
    remarks,
    report_remarks,
)
from baosong.validation.documents.quotes import quotes
from sheet_help import CAMPAIGN, FIRST, LIST, TOTALS, judged, sample

CELL = indicator_cells(CAMPAIGN.form)


ONE = Decimal(1)


def sheet_of(seed: int = 1) -> Sheet:
    checked = judged(sample(seed=seed).content)
    return Sheet(checked.figures or {}, checked.facts, CAMPAIGN)


def counted(photos: int, videos: int) -> list[Finding]:
    return remarks(sheet_of(), Neighbours({Kind.PHOTO: photos, Kind.VIDEO: videos}))


def test_the_numbers_of_files_are_held_against_those_that_came() -> None:
    assert counted(4, 1) == []
    (photos,) = counted(3, 1)
    assert (photos.rule, photos.severity) == ("statistics.file_count", Severity.WARNING)
    assert photos.where == {"sheet": TOTALS, "cell": CELL["F01", "total"]}
    assert photos.message == "F01“报送照片”填的是 4，目前收到 3 张照片"
    assert [f.where["cell"] for f in counted(5, 2)] == [CELL[code, "total"] for code in ("F01", "F02")]


def test_nothing_is_said_of_what_has_not_come_at_all_or_of_a_sheet_without_figures() -> None:
    assert counted(0, 0) == []
    assert remarks(Sheet({}, {}, CAMPAIGN), Neighbours({Kind.PHOTO: 3}, means={"X08a": [ONE] * 9})) == []


def test_a_report_that_tells_another_total_is_quoted_beside_the_cell() -> None:
    total = sample().indicators["B01"][0]
    (found,) = remarks(sheet_of(), Neighbours(quotes=quotes(f"全市参与公众{int(total) + 1}人次", CAMPAIGN.form)))
    assert (found.rule, found.where["cell"]) == ("statistics.report_differs", CELL["B01", "total"])
    assert found.message == f"B01“参与公众”填的是 {total}，而总结报告里写的是“公众{int(total) + 1}人次”"
    agreeing = quotes(f"县级共吸引群众30人次。全市参与公众{total}人次", CAMPAIGN.form)
    assert len(agreeing) == 2
    assert remarks(sheet_of(), Neighbours(quotes=agreeing)) == []


def test_a_report_that_comes_after_its_sheet_hears_of_the_difference_itself() -> None:
    total = sample().indicators["A01"][0]
    (found,) = report_remarks(quotes("全市共举办活动999项", CAMPAIGN.form), sheet_of())
    assert (found.rule, found.severity, found.observed) == (REPORT_DIFFERS, Severity.WARNING, "活动999项")
    assert found.message.endswith(f"已接收的统计表里A01“举办活动总数”填的是 {total}")
    assert report_remarks(quotes(f"全市共举办活动{total}项", CAMPAIGN.form), sheet_of()) == []


def test_a_mean_activity_twenty_times_the_regions_median_is_remarked_and_not_one_bit_before() -> None:
    figures = sheet_of()
    people, parts = figures.total("B01"), figures.total("A01")
    assert people
    assert parts
    edge = people / parts / 20
    wide = decimal.Context(prec=60)
    just = wide.add(edge, Decimal("1e-20")), wide.subtract(edge, Decimal("1e-20"))

    def mean(*others: Decimal) -> list[str]:
        return [f.rule for f in remarks(figures, Neighbours(means={"X08a": others}))]

    assert mean(ONE, just[0], people) == []
    assert mean(ONE, just[1], people) == ["statistics.mean_people"]
    assert mean(ONE, ONE) == []  # two others are no region
    (found,) = remarks(figures, Neighbours(means={"X08a": [ONE, ONE, ONE]}))
    assert found.where == {"sheet": TOTALS, "cell": CELL["B01", "total"]}
    assert found.expected == "其他地州市的中位数是每项 1 人次"


def test_the_same_table_elsewhere_is_named_with_whose_it_is() -> None:
    (found,) = remarks(sheet_of(), Neighbours(twins=[Twin(LIST, "喀什地区")]))
    assert (found.rule, found.severity) == ("statistics.same_content", Severity.WARNING)
    assert found.where == {"sheet": LIST, "cell": f"A{FIRST}"}
    assert found.message == "“活动明细”的内容与喀什地区报送的统计表完全相同"
    (totals,) = remarks(sheet_of(), Neighbours(twins=[Twin(TOTALS, "喀什地区")]))
    assert totals.where == {"sheet": TOTALS, "cell": CELL["A01", "total"]}


def test_a_check_of_files_must_say_which_files_and_one_of_means_what_to_divide_by() -> None:
    check = next(c for c in CAMPAIGN.form.checks if c.test == "files")
    with pytest.raises(ValidationError, match="deliverable"):
        CrossCheck.model_validate(check.model_dump() | {"deliverable": None})
    mean = next(c for c in CAMPAIGN.form.checks if c.test == "mean")
    with pytest.raises(ValidationError, match="per"):
        CrossCheck.model_validate(mean.model_dump() | {"per": None})


def test_a_remark_after_the_verdict_can_neither_be_an_error_nor_share_a_rule_with_what_the_sheet_says() -> None:
    form = CAMPAIGN.form
    (mean,) = [c for c in form.checks if c.test == "mean"]
    assert {c.test for c in form.checks if c.test in TESTS} == CROSS_FILE
    with pytest.raises(ValidationError, match="after the verdict"):
        CrossCheck.model_validate(mean.model_dump() | {"severity": "error"})
    shared = [c.model_dump() | ({"rule": "statistics.crowd"} if c is mean else {}) for c in form.checks]
    with pytest.raises(ValidationError, match=r"statistics\.crowd"):
        Form.model_validate(form.model_dump() | {"checks": shared})


def test_offline_there_are_no_neighbours() -> None:
    assert judged(sample().content).findings == []
