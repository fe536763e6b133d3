"""The blank sheet: fit to fill, to print, and to be read back."""

from __future__ import annotations

import io

import pytest
from openpyxl import Workbook, load_workbook

from baosong.template import first_activity_row, indicator_cells, indicator_header, make_template, signature_cells
from sheet_help import CAMPAIGN, LIST, TOTALS, URUMQI, judged, rules

FORM = CAMPAIGN.form


@pytest.fixture(scope="module")
def book() -> Workbook:
    return load_workbook(io.BytesIO(make_template(CAMPAIGN, URUMQI)))


def test_a_blank_sheet_lacks_only_what_a_person_must_fill_in() -> None:
    found = judged(make_template(CAMPAIGN, URUMQI))
    cells, signatures = indicator_cells(FORM), signature_cells(FORM)
    assert rules(found.findings) == [
        ("signature", "error", signatures["person"]),
        ("signature", "error", signatures["phone"]),
        ("required", "error", cells["A01", "total"]),
        ("required", "error", cells["B01", "total"]),
    ]


def test_the_unit_is_filled_in_for_a_known_prefecture_only(book: Workbook) -> None:
    cell = signature_cells(FORM)["unit"]
    assert book[TOTALS][cell].value == "乌鲁木齐市"
    assert load_workbook(io.BytesIO(make_template(CAMPAIGN)))[TOTALS][cell].value is None


def test_every_word_of_the_form_is_printed(book: Workbook) -> None:
    totals, details = book[TOTALS], book[LIST]
    assert [c.value for c in totals[indicator_header(FORM)]] == [c.label for c in FORM.indicators.columns]
    first = indicator_header(FORM) + 1
    printed = [
        tuple(c.value for c in row[:3]) for row in totals.iter_rows(first, first + len(FORM.indicators.rows) - 1)
    ]
    assert printed == [(i.code, i.name, i.unit) for i in FORM.indicators.rows]
    head = [c.value for c in details[first_activity_row(FORM) - 1]]
    assert head == [f.label + "*" * f.required for f in FORM.activities.fields]
    assert (
        totals["A1"].value == details["A1"].value.removesuffix(f"（{LIST}）") == "2023年自治区科技活动周开展情况统计表"
    )
    assert "A1:G1" in [str(r) for r in totals.merged_cells.ranges]


def test_choices_have_lists_and_numbers_and_dates_have_input_checks(book: Workbook) -> None:
    by_type: dict[str, list[str]] = {}
    for rule in book[LIST].data_validations.dataValidation:
        assert rule.showErrorMessage
        assert rule.prompt
        assert rule.error
        by_type.setdefault(str(rule.type), []).append(str(rule.sqref).rstrip("0123456789").split(":")[0])
    columns = {f.name: chr(65 + i) for i, f in enumerate(FORM.activities.fields)}
    row = str(first_activity_row(FORM))
    assert by_type["list"] == [columns[n] + row for n in ("category", "form", "major")]
    assert by_type["date"] == [columns[n] + row for n in ("start", "end")]
    assert len(by_type["whole"]) == sum(f.type == "integer" for f in FORM.activities.fields)
    lists = [r.formula1 for r in book[LIST].data_validations.dataValidation if r.type == "list"]
    assert lists[0] == '"' + ",".join(FORM.by_field["category"].choices) + '"'
    assert all(len(text) <= 255 for text in lists)
    assert len(book[TOTALS].data_validations.dataValidation) == len(FORM.indicators.rows)


def test_headers_stay_in_sight_and_print_on_a4(book: Workbook) -> None:
    for name, header, orientation in (
        (TOTALS, indicator_header(FORM), "portrait"),
        (LIST, first_activity_row(FORM) - 1, "landscape"),
    ):
        sheet = book[name]
        assert sheet.freeze_panes == f"C{header + 1}"
        assert sheet.print_title_rows == f"${header}:${header}"
        assert (sheet.page_setup.paperSize, sheet.page_setup.orientation) == ("9", orientation) or (
            sheet.page_setup.paperSize == 9 and sheet.page_setup.orientation == orientation
        )
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert all(d.width >= 6 for d in sheet.column_dimensions.values())


def test_the_properties_say_which_campaign_and_form_it_is(book: Workbook) -> None:
    assert book.properties.subject == f"2023 {FORM.id} {FORM.version}"
    assert book.properties.creator == "自治区科学技术厅"


def test_nothing_printed_is_a_formula(book: Workbook) -> None:
    assert not [c for sheet in book for row in sheet.iter_rows() for c in row if c.data_type == "f"]
