"""Cells that show something else than they hold, in every kind of workbook; and what is said of it."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import xlwt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from baosong.campaign.form import Form
from baosong.campaign.layout import indicator_cells
from baosong.rules.findings import Severity, Verdict
from baosong.validation.sandbox.programs import number_format
from baosong.validation.statistics import appearance, cells
from baosong.validation.statistics.numbers import as_text
from baosong.validation.statistics.reader import read
from baosong.validation.statistics.tables import find_tables
from baosong.validation.statistics.values import normalise
from baosong_local.samples import dirt
from old_books import biff5
from sheet_corpus.base import base_book
from sheet_help import CAMPAIGN, FIRST, LIST, TOTALS, crossed, edited, figures, judged, put, rules, sample

CELL = indicator_cells(CAMPAIGN.form)
COUNTED = ("A12", "B04", "C01", "C02", "C03", "C04", "D02", "D03", "D04", "F01", "F02")
MEANT = {  # what a whole number is when its cell has this format; None where that cannot be said
    "General": 1, "0": 1, "#,##0": 1, "0_ ": 1, "[Red]0": 1, "0;[Red]-0": 1, "[DBNum1]0": 1, "@": 1,
    '_ * #,##0_ ;_ * -#,##0_ ;_ * "-"_ ;_ @_ ': 1, '#,##0"万"': 10_000, '0"万余"': 10_000, '0"千"': 1000,
    '0"0"': None, "0%": None, ";;;": None, '"见附表"': None,
}  # fmt: skip


# ---- number formats


@pytest.mark.parametrize(
    ("form", "number", "seen"),
    [
        ('0"万份"', "3", "3万份"),
        ('0.0,"千"', "3456", "3.5千"),
        ('0!.0,"万"', "12345", "1.2万"),
        ("0\\.0,\\万", "12345", "1.2万"),
        ('[>=10000]0!.0,"万";0', "9999", "9999"),
        ("0%", "0.5", "50%"),
        ("0.0%", "0.1234", "12.3%"),
        (";;;", "7", ""),
        ("0;(0);-", "-7", "(7)"),
        ('0;(0);"无"', "0", "无"),
        ('[$¥-804]0.00"元"', "3", "¥3.00元"),
        ("000", "7", "007"),
        ("0.00E+00", "12345", "1.23E+04"),
        ("0.00E+00", "2665", "2.67E+03"),
        ("0E+0", "96", "1E+2"),
        ("General", "0.1", "0.1"),
        ('G/通用格式"人"', "12", "12人"),
    ],
)
def test_a_number_format_is_read_as_programs_show_it(form: str, number: str, seen: str) -> None:
    assert number_format.parsed(form).shows(Decimal(number)) == seen


@given(st.text(max_size=40), st.decimals(-(10**9), 10**9, places=3))
def test_no_number_format_raises(form: str, number: Decimal) -> None:
    parsed = number_format.parsed(form)
    assert isinstance(parsed.shows(number), str | None)
    assert isinstance(parsed.shows_text("三"), str)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, 9999), st.sampled_from(sorted(MEANT))), min_size=11, max_size=11))
def test_no_figure_differs_silently_from_what_its_cell_shows(typed: list[tuple[int, str]]) -> None:
    book = load_workbook(io.BytesIO(dirt.written(edited())))
    for code, (number, form) in zip(COUNTED, typed, strict=True):
        cell = book[TOTALS][CELL[code, "total"]]
        cell.value, cell.number_format = number, form
    tables = find_tables(cells.read_book(saved(book), 1000), CAMPAIGN.form)
    reading = read(tables, CAMPAIGN.form)
    said = {f.where["cell"]: f.severity for f in appearance.judge(tables, reading, CAMPAIGN.form)}
    values = normalise(tables, reading, CAMPAIGN)
    for code, (number, form) in zip(COUNTED, typed, strict=True):
        times, cell = MEANT[form], CELL[code, "total"]
        if times is None:
            assert said.get(cell) is Severity.ERROR or number == 0
        else:
            assert values.indicators[code]["total"] == number * times
            assert (cell in said) is (times * number != number)


# ---- the same in other programs' workbooks


def test_an_old_workbook_tells_what_its_cells_show() -> None:
    plain = xlwt.Workbook()
    for name, rows in base_book().items():
        page = plain.add_sheet(name)
        for r, row in enumerate(rows):
            for c, value in enumerate(row):
                if value is not None:
                    page.write(
                        r, c, value, xlwt.easyxf(num_format_str="YYYY/M/D" if hasattr(value, "year") else "General")
                    )
    totals, page = plain.get_sheet(0), plain.get_sheet(1)
    totals._cell_overwrite_ok = True
    totals.write(20, 3, 3, xlwt.easyxf(num_format_str='0"万"'))
    totals.write(21, 3, 36, xlwt.easyxf("font: struck_out on"))
    totals.write_rich_text(22, 3, [("30", xlwt.easyfont("struck_out on")), ("12", xlwt.easyfont(""))])
    page.row(5).hidden = True
    page.col(10).hidden = True
    found = judged(written(plain), "统计表.xls")
    assert {r for r in rules(found.findings) if r[0] != "list_differs"} == {
        ("shown", "warning", "D21"),
        ("struck", "error", "D22"),
        ("struck", "warning", "D23"),
        ("hidden_cells", "warning", "B6"),
        ("hidden_cells", "warning", "K3"),
    }


def test_a_workbook_of_excel_5_is_read_in_the_code_page_that_it_names() -> None:
    found = judged(biff5(base_book()), "统计表.xls")
    assert (found.verdict, found.findings) == (Verdict.ACCEPTED, [])
    assert figures(found)[0] == figures(judged(dirt.written(base_book())))[0]


def test_a_template_that_was_only_signed_is_no_report_of_zeros() -> None:
    """LibreOffice 7.4 saves the result 0 for the template's formulas of nothing when it writes .xls."""
    content = (Path(__file__).parents[2] / "helpers" / "data" / "signed.xls").read_bytes()
    found = judged(content, "统计表.xls")
    assert [(r, c) for r, _, c in rules(found.findings)] == [("required", "D5"), ("required", "D17")]
    assert "现在是空的" in found.findings[0].message


ODS_ERROR = (
    '<table:table-cell table:formula="of:=1/0" office:value-type="string" office:string-value="" '
    'calcext:value-type="error"><text:p>#DIV/0!</text:p></table:table-cell>'
)
ODS_MERGED = (
    '<table:table-cell table:number-rows-spanned="2" office:value-type="float" office:value="1380">'
    "<text:p>1380</text:p></table:table-cell>"
)
ODS_STRUCK = (
    '<table:table-cell office:value-type="string"><text:p><text:span text:style-name="T1">30</text:span>12'
    "</text:p></table:table-cell>"
)
ODS_SCALED = '<table:table-cell office:value-type="float" office:value="3"><text:p>3万份</text:p></table:table-cell>'
ODS_NOTED = "<table:table-cell><office:annotation><text:p>共36块</text:p></office:annotation></table:table-cell>"


@pytest.mark.parametrize(
    ("sheet", "cell", "xml", "said"),
    [
        (TOTALS, "D22", ODS_ERROR, ("formula", "error", "D22")),
        (LIST, "K4", ODS_MERGED, ("merged", "error", "K5")),
        (TOTALS, "D23", ODS_STRUCK, ("struck", "warning", "D23")),
        (TOTALS, "D23", ODS_STRUCK.replace("T1", "T2"), ("struck", "warning", "D23")),
        (TOTALS, "D21", ODS_SCALED, ("shown", "warning", "D21")),
        (TOTALS, "D22", ODS_NOTED, ("comment", "warning", "D22")),
    ],
)
def test_an_open_document_sheet_tells_what_its_cells_show(sheet: str, cell: str, xml: str, said: Any) -> None:
    below = [put(LIST, "K5", None)] if cell == "K4" else []
    found = rules(judged(open_document(edited(put(sheet, cell, "■"), *below), xml), "统计表.ods").findings)
    assert said in found
    assert not [r for r in found if r[0] == "number"]


def test_a_raised_digit_of_an_open_document_sheet_is_none_of_the_number() -> None:
    raised = ODS_STRUCK.replace('<text:span text:style-name="T1">30</text:span>12', "12{}").format(
        '<text:span text:style-name="T3">1</text:span>'
    )
    found = judged(open_document(edited(put(TOTALS, "D23", "■")), raised), "统计表.ods").findings
    assert "“12¹”" in next(f.message for f in found if f.rule == "statistics.number")


def test_a_duration_of_an_open_document_sheet_is_quoted_as_it_is_seen() -> None:
    lasting = '<table:table-cell office:value-type="time" office:time-value="PT26H30M00S"><text:p>26:30</text:p>'
    content = open_document(edited(put(LIST, "F4", "■")), f"{lasting}</table:table-cell>")
    assert "“26:30”" in next(f.message for f in judged(content, "统计表.ods").findings if f.rule == "statistics.date")


def test_a_hidden_row_of_an_open_document_sheet_is_called_hidden() -> None:
    found = judged(open_document(edited(put(LIST, "T5", "■")), "", hidden=True), "统计表.ods")
    assert ("hidden_cells", "warning", "B5") in rules(found.findings)


def test_a_locked_open_document_sheet_is_locked_and_not_damaged() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", bytes(range(256)) * 8)
        archive.writestr("META-INF/manifest.xml", '<m:manifest xmlns:m="urn:x"><m:encryption-data/></m:manifest>')
    assert [f.rule for f in judged(out.getvalue(), "统计表.ods").findings] == ["file.encrypted"]


def test_a_workbook_whose_parts_lie_in_the_root_is_not_called_damaged() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(sample().content)) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            after.writestr(name.removeprefix("xl/"), before.read(name).replace(b"/xl/", b"/"))
    with pytest.raises(cells.UnreadableSheet, match="没有放在通常的位置"):
        cells.read_book(out.getvalue(), 1000)


# ---- days, durations and places


@pytest.mark.parametrize("from_1904", [False, True])
@pytest.mark.parametrize("number", [0, 27, 31, 57])
def test_a_day_in_an_east_asian_format_is_that_day(number: int, from_1904: bool) -> None:
    """By these numbers of built-in formats WPS and a Chinese Excel show days; calamine takes them for numbers."""
    out = io.BytesIO()
    day = (datetime(2023, 5, 20) - (datetime(1904, 1, 1) if from_1904 else datetime(1899, 12, 30))).days
    book = load_workbook(io.BytesIO(dirt.written(edited(put(LIST, f"F{FIRST}", 777)))))
    book[LIST][f"F{FIRST}"].number_format = '0"§"'
    with zipfile.ZipFile(io.BytesIO(saved(book))) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            part = before.read(name).replace(b"<v>777</v>", b"<v>%d</v>" % day)
            if name == "xl/styles.xml":
                own = part.split(b'formatCode="0&quot;')[0].rpartition(b'numFmtId="')[2].split(b'"')[0]
                part = part.replace(b'<xf numFmtId="%s"' % own, b'<xf numFmtId="%d"' % number)
            if from_1904 and name == "xl/workbook.xml":
                part = part.replace(b"<workbookPr", b'<workbookPr date1904="1"', 1)
            after.writestr(name, part)
    sheets = cells.read_book(out.getvalue(), 1000)
    tables = find_tables(sheets, CAMPAIGN.form)
    reading = read(tables, CAMPAIGN.form)
    appearance.judge(tables, reading, CAMPAIGN.form)
    first = normalise(tables, reading, CAMPAIGN).activities["start"][0]
    assert (first.month, first.day) == (5, 20)


def test_a_duration_is_quoted_as_a_sheet_shows_it() -> None:
    assert as_text(timedelta(days=1, hours=2, minutes=30)) == "26:30:00"
    assert as_text(datetime(2023, 5, 20)) == "2023-05-20"


def test_a_very_hidden_sheet_is_not_told_what_no_menu_offers() -> None:
    book = load_workbook(io.BytesIO(sample().content))
    book[LIST].sheet_state = "veryHidden"
    told = next(f for f in judged(saved(book)).findings if f.rule == "statistics.hidden_sheet")
    assert "菜单里不能取消" in told.fix


# ---- the form's own words


def test_an_indicator_that_the_list_can_sum_is_one_word_in_the_form() -> None:
    data = CAMPAIGN.form.model_dump()
    row = next(r for r in data["indicators"]["rows"] if r["code"] == "C02")
    row["listed"] = {"field": "form", "choices": ["线下"]}
    campaign = CAMPAIGN.model_copy(update={"form": Form.model_validate(data)})
    found = judged(dirt.written(base_book()), campaign=campaign)
    assert ("list_differs", "warning", "D22") in rules(found.findings)
    for wrong in ({"sum": "nothing"}, {"sum": "host"}, {"field": "form", "choices": ["别处"]}, {"field": "form"}):
        row["listed"] = wrong
        with pytest.raises(ValueError, match="listed"):
            Form.model_validate(data)


def test_a_code_and_a_name_that_contradict_each_other_are_told_in_one_finding() -> None:
    found = [f for f in crossed(edited(put(TOTALS, "B22", "展品"), put(TOTALS, "B23", "展板"))) if "contra" in f.rule]
    assert [f.where["cell"] for f in found] == ["B22"]
    assert "第 22 行" in found[0].message
    assert "第 23 行" in found[0].message


def saved(book: Any) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def written(book: xlwt.Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def open_document(book: dirt.Book, instead: str, *, hidden: bool = False) -> bytes:
    """Return rows as an OpenDocument sheet; a cell that says ■ is given as it is, or its row is hidden."""
    tables = "".join(
        f'<table:table table:name="{name}">{"".join(_row(row, instead, hidden) for row in rows)}</table:table>'
        for name, rows in book.items()
    )
    urn = "urn:oasis:names:tc:opendocument:xmlns"
    spaces = " ".join(f'xmlns:{s}="{urn}:{s}:1.0"' for s in ("office", "table", "text", "style"))
    style = (
        '<office:automatic-styles><style:style style:name="T1" style:family="text">'
        '<style:text-properties style:text-line-through-style="solid"/></style:style>'
        '<style:style style:name="T2" style:family="text">'  # as LibreOffice writes a part of a text
        '<style:text-properties style:text-line-through-type="single"/></style:style>'
        '<style:style style:name="T3" style:family="text">'
        '<style:text-properties style:text-position="33% 58%"/></style:style></office:automatic-styles>'
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        kind = "application/vnd.oasis.opendocument.spreadsheet"
        archive.writestr("mimetype", kind)
        archive.writestr(
            "META-INF/manifest.xml",
            f'<m:manifest xmlns:m="{urn}:manifest:1.0"><m:file-entry m:media-type="{kind}"/></m:manifest>',
        )
        body = f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body>"
        root = f'office:document-content {spaces} xmlns:calcext="{urn}:calcext:1.0"'
        archive.writestr("content.xml", f"<{root}>{style}{body}</office:document-content>")
    return out.getvalue()


def _row(row: list[Any], instead: str, hidden: bool) -> str:
    unseen = ' table:visibility="collapse"' if hidden and "■" in row else ""
    return f"<table:table-row{unseen}>{''.join(_cell(v, instead) for v in row)}</table:table-row>"


def _cell(value: Any, instead: str) -> str:
    if value == "■":
        return instead or "<table:table-cell/>"
    if value is None:
        return "<table:table-cell/>"
    if isinstance(value, datetime):
        about = f'office:value-type="date" office:date-value="{value:%Y-%m-%d}"'
    elif isinstance(value, int | float):
        about = f'office:value-type="float" office:value="{value}"'
    else:
        about = 'office:value-type="string"'
    return f"<table:table-cell {about}><text:p>{value}</text:p></table:table-cell>"
