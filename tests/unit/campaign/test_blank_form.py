"""The blank sheet: fit to fill, to print, and to be read back."""

from __future__ import annotations

import io
import re
import zipfile

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.utils.cell import coordinate_to_tuple
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from baosong.campaign import Campaign
from baosong.campaign.blank_form.template import make_template, make_templates
from baosong.campaign.form import GUIDE_SHEET, ActivityField, Listed
from baosong.campaign.layout import first_activity_row, indicator_cells, indicator_header, signature_cells
from baosong.campaign.prefill import formulas
from sheet_help import CAMPAIGN, LIST, TOTALS, URUMQI, judged, rules

FORM = CAMPAIGN.form
CHINESE = re.compile("[\u4e00-\u9fff]")
AMOUNTS = ("total", "offline", "online")


@pytest.fixture(scope="module")
def book() -> Workbook:
    return load_workbook(io.BytesIO(make_template(CAMPAIGN, URUMQI)))


def test_each_prefecture_gets_the_book_that_it_would_get_alone() -> None:
    """They are saved out of one book: nothing of one prefecture may stand in the next one's."""
    made = list(make_templates(CAMPAIGN))
    assert [prefecture for prefecture, _ in made] == list(CAMPAIGN.prefectures)
    assert all(parts(book) == parts(make_template(CAMPAIGN, prefecture)) for prefecture, book in made[::5])


def parts(book: bytes) -> dict[str, bytes]:
    """Return what a workbook holds, but for the time, and a default that openpyxl spells out the second time."""
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        names = [name for name in archive.namelist() if name != "docProps/core.xml"]
        return {name: archive.read(name).replace(b' outlineLevelCol="0"', b"") for name in names}


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


def rules_of(sheet: Worksheet) -> dict[str, DataValidation]:
    """The input check of each cell that heads a range."""
    return {str(r).split(":")[0]: rule for rule in sheet.data_validations.dataValidation for r in rule.sqref.ranges}


def test_every_typed_cell_has_an_input_check_in_chinese(book: Workbook) -> None:
    first, found = first_activity_row(FORM), rules_of(book[LIST])
    kinds = {"text": "textLength", "integer": "whole", "decimal": "decimal", "date": "date"}
    for at, spec in enumerate(FORM.activities.fields):
        rule = found[f"{chr(65 + at)}{first}"]
        assert rule.type == kinds.get(spec.type, "list")
        assert rule.showErrorMessage
        assert CHINESE.search(rule.error)
        assert spec.type == "text" or CHINESE.search(rule.prompt)
        limits = {"text": ("lessThanOrEqual", str(spec.max_length)), "date": ("greaterThan", "36526")}
        if rule.type != "list":
            assert (rule.operator, rule.formula1) == limits.get(spec.type, ("greaterThanOrEqual", "0"))
    assert found[f"C{first}"].formula1 == '"' + ",".join(FORM.by_field["category"].choices) + '"'
    totals, cells = rules_of(book[TOTALS]), indicator_cells(FORM)
    covered = {c for rule in totals.values() for rows in rule.sqref.ranges for row in rows.rows for c in row}
    places = {coordinate_to_tuple(cells[i.code, a]) for i in FORM.indicators.rows for a in AMOUNTS}
    assert covered == places | {coordinate_to_tuple(cell) for cell in signature_cells(FORM).values()}
    for rule in totals.values():
        assert CHINESE.search(rule.error)
        assert CHINESE.search(rule.prompt)
        assert rule.operator in ("greaterThanOrEqual", "greaterThan", "lessThanOrEqual")
        assert len(rule.prompt) <= 255


def test_what_is_printed_is_locked_and_what_is_filled_in_is_not(book: Workbook) -> None:
    totals, details = book[TOTALS], book[LIST]
    open_cells = {*indicator_cells(FORM)} - {
        (i.code, c) for i in FORM.indicators.rows for c in ("number", "name", "unit")
    }
    inputs = {indicator_cells(FORM)[c] for c in open_cells} | {*signature_cells(FORM).values()}
    merged = {"D2", "G2", "D3", "G3"}
    assert {c.coordinate for row in totals.iter_rows() for c in row if not c.protection.locked} == inputs | merged
    for sheet in (totals, details):
        assert sheet.protection.sheet
        assert not sheet.protection.password
        assert not sheet.protection.formatRows
    first = first_activity_row(FORM)
    assert all(c.protection.locked for row in details.iter_rows(1, first - 1) for c in row)
    assert not [c for row in details.iter_rows(first) for c in row if c.protection.locked]
    assert not any(d.protection.locked for d in details.column_dimensions.values())
    assert not any((details.protection.insertRows, details.protection.deleteRows, details.protection.sort))


def test_sums_are_prefilled_only_where_a_check_or_the_form_holds_them(book: Workbook) -> None:
    cells = indicator_cells(FORM)
    found = {c.coordinate: c.value for row in book[TOTALS].iter_rows() for c in row if c.data_type == "f"}
    adding = [(code, "total") for code in ("B02", "B03", "C01", "C02", "C03", "C04")]
    by_check = [("A01", "total"), ("B01", "total"), ("B01", "offline"), ("B01", "online"), ("D01", "total")]
    counted = [(f"A{n:02}", "total") for n in range(2, 12)]
    assert set(found) == {cells[c] for c in (*by_check, *adding, *counted)}
    assert found[cells["A04", "total"]] == (
        f"""=IF(COUNTIF('{LIST}'!C4:C100003,"?*")=0,"",COUNTIF('{LIST}'!C4:C100003,"讲座报告"))"""
    )
    assert found[cells["D01", "total"]] == '=IF(COUNT(D26,D27,D28)=0,"",SUM(D26,D27,D28))'
    assert not [c for row in book[LIST].iter_rows() for c in row if c.data_type == "f"]


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
        assert not sheet.sheet_format.customHeight  # rows grow with their text
        assert all(d.width >= 6 for d in sheet.column_dimensions.values())


def test_the_properties_say_which_campaign_and_form_it_is(book: Workbook) -> None:
    assert book.properties.subject == f"2023 {FORM.id} {FORM.version}"
    assert book.properties.creator == "自治区科学技术厅"


def test_the_properties_carry_campaign_and_form_one_by_one(book: Workbook) -> None:
    found = {p.name: p.value for p in book.custom_doc_props.props}
    assert found == {"活动": "2023", "表式": FORM.id, "表式版本": FORM.version}


def listing(choices: tuple[str, ...]) -> Campaign:
    """Return the campaign with other categories to choose from."""
    fields = [f.model_dump() for f in FORM.activities.fields]
    for field in fields:
        if field["name"] == "category":
            field.update(choices=choices, synonyms={}, words={}, several="")
    activities = FORM.activities.model_copy(update={"fields": tuple(ActivityField(**f) for f in fields)})
    return CAMPAIGN.model_copy(update={"form": FORM.model_copy(update={"activities": activities})})


@pytest.mark.parametrize(
    "choices",
    [
        tuple(f"第{n}类科普活动及其他形式" for n in range(40)),
        ("讲座,报告", "展览"),
        ('"科普"大篷车', "展览"),
    ],
    ids=["beyond 255 characters", "a comma", "quotation marks"],
)
def test_a_drop_down_that_its_rule_cannot_hold_is_a_range_of_a_hidden_sheet(choices: tuple[str, ...]) -> None:
    book = load_workbook(io.BytesIO(make_template(listing(choices), URUMQI)))
    (rule,) = [r for r in book[LIST].data_validations.dataValidation if r.type == "list" and "!" in r.formula1]
    name, _, cells = rule.formula1.partition("!")
    assert tuple(row[0].value for row in book[name][cells.replace("$", "")]) == choices
    assert all(row[0].data_type == "s" for row in book[name][cells.replace("$", "")])
    assert book[name].sheet_state == "hidden"
    assert book.sheetnames[:2] == [TOTALS, LIST]
    inline = [r.formula1 for r in book[LIST].data_validations.dataValidation if r.type == "list" and r != rule]
    assert inline
    assert all(len(formula) <= 257 for formula in inline)


def test_a_sheet_with_hidden_choices_is_read_as_any_other() -> None:
    plain = judged(make_template(CAMPAIGN, URUMQI))
    assert rules(judged(make_template(listing(("讲座,报告", "展览")), URUMQI)).findings) == rules(plain.findings)


def test_no_drop_down_of_the_notice_needs_a_hidden_sheet(book: Workbook) -> None:
    assert book.sheetnames == [TOTALS, LIST, GUIDE_SHEET]


@pytest.mark.parametrize("choices", [("展览", "展览"), ("a\nb", "c"), ("长" * 101, "c")])
def test_choices_that_no_drop_down_can_show_are_refused_when_the_form_is_loaded(choices: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="choice"):
        listing(choices)


def test_the_guide_says_of_every_grey_figure_how_it_is_worked_out_and_is_no_table(book: Workbook) -> None:
    guide = [(row[0].value, row[1].value) for row in book[GUIDE_SHEET].iter_rows()]
    assert [text for text, _ in guide[1 : len(FORM.guide) + 1]] == [f"{n}. {t}" for n, t in enumerate(FORM.guide, 1)]
    grey = {c.coordinate for row in book[TOTALS].iter_rows() for c in row if c.data_type == "f"}
    cells = indicator_cells(FORM)
    told = {name.split(" ")[0] for name, _ in guide[len(FORM.guide) + 2 :]}
    assert told == {code for (code, amount), place in cells.items() if amount == "total" and place in grey}


def test_a_choice_is_counted_as_it_is_written() -> None:
    odd = Listed(field="major", choices=('"是"*',))
    rows = [r.model_copy(update={"listed": odd}) if r.code == "A02" else r for r in FORM.indicators.rows]
    table = FORM.indicators.model_copy(update={"rows": tuple(rows)})
    formula = formulas(FORM.model_copy(update={"indicators": table}))["A02", "total"]
    assert formula.endswith(',"""是""~*"))')
