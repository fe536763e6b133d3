"""Annotated copies: the right cells marked, nothing else changed, nothing executable, and no workbook too hostile."""

from __future__ import annotations

import csv
import io
import os
import re
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.styles import Border, Side
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.worksheet import Worksheet

from annotate_help import WRONG, at, changed, spoil
from baosong.campaign.form import GUIDE_SHEET
from baosong.receipts.annotated_workbook.annotate import annotate
from baosong.receipts.annotated_workbook.book import reaches_out
from baosong.receipts.annotated_workbook.listing import NAME, TITLE
from baosong.receipts.annotated_workbook.marks import AUTHOR, FILLS
from baosong.rules.findings import Finding, Severity, warning
from sheet_corpus.formats import xls
from sheet_help import CAMPAIGN, LIST, TOTALS, judged, sample


def copy_of(content: bytes, findings: list[Finding], name: str = "统计表.xlsx") -> Workbook:
    made = annotate(content, name, findings, CAMPAIGN)
    assert made is not None
    return load_workbook(io.BytesIO(made))


def look(sheet: Worksheet) -> dict[str, Any]:
    """Everything of a sheet that a person would miss, apart from comments and fills."""
    cells = {
        c.coordinate: (c.value, c.data_type, c.number_format, repr((c.font, c.border, c.alignment, c.protection)))
        for row in sheet.iter_rows()
        for c in row
        if c.value is not None or c.has_style
    }
    return {
        "cells": cells,
        "merged": {str(r) for r in sheet.merged_cells.ranges},
        "widths": {k: (d.width, d.hidden) for k, d in sheet.column_dimensions.items()},
        "heights": {k: d.height for k, d in sheet.row_dimensions.items()},
        "rules": [(str(r.sqref), r.type, r.formula1, r.prompt) for r in sheet.data_validations.dataValidation],
        "frozen": sheet.freeze_panes,
        "printed": (sheet.print_title_rows, sheet.page_setup.orientation),
        "colours": [(str(r.sqref), [(x.type, x.formula) for x in r.rules]) for r in sheet.conditional_formatting],
    }


def fills(sheet: Worksheet) -> dict[str, Any]:
    return {c.coordinate: c.fill.fgColor.rgb for row in sheet.iter_rows() for c in row if c.fill.fill_type}


# --- what is marked, and what is not


def test_wrong_cells_are_coloured_by_their_gravest_finding_and_say_all_of_them_in_one_comment() -> None:
    found = [
        at(TOTALS, "D5", Severity.WARNING, message="像是多了", observed="999"),
        at(TOTALS, "D5", message="与明细不符", observed="999", expected="18", fix="请核对两张表。"),
        at(TOTALS, "F9", Severity.WARNING, message="约数"),
        at(LIST, "F5", Severity.NOTE, message="已按日期理解"),
    ]
    book = copy_of(sample().content, found)
    marked = {(s, c): book[s][c].fill.fgColor.rgb for s, c in ((TOTALS, "D5"), (TOTALS, "F9"), (LIST, "F5"))}
    assert list(marked.values()) == [FILLS[s].fgColor.rgb for s in ("error", "warning", "note")]
    assert len(set(marked.values())) == 3
    text = book[TOTALS]["D5"].comment.text
    assert text.index("【必须修改】与明细不符") < text.index("【请核对】像是多了")
    assert all(part in text for part in ("实际：999", "要求：18", "怎样修改：请核对两张表。"))
    assert book[LIST]["F5"].comment.text == "【说明】已按日期理解"


def test_nothing_else_of_the_workbook_changes() -> None:
    content = changed(spoil)
    findings = judged(content).findings
    before, after = load_workbook(io.BytesIO(content)), copy_of(content, findings)
    assert after.sheetnames == [NAME, *before.sheetnames]
    marked = {(f.where["sheet"], f.where["cell"]) for f in findings if "cell" in f.where}
    assert len(marked) >= 3
    for sheet in before.worksheets:
        assert look(after[sheet.title]) == look(sheet)
        cells = {c for s, c in marked if s == sheet.title}
        now, was = fills(after[sheet.title]), fills(sheet)
        assert {c: now[c] for c in now.keys() - cells} == {c: was[c] for c in was.keys() - cells}
        assert {c.coordinate for row in after[sheet.title].iter_rows() for c in row if c.comment} == cells
    assert after[TOTALS]["D20"].value == "=SUM(E20:F20)"
    assert after[TOTALS]["D5"].comment.text.endswith("去年也是这样填的")


def test_formulas_keep_their_saved_results() -> None:
    def add_result(package: bytes) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(package)) as old, zipfile.ZipFile(out, "w") as new:
            for name in old.namelist():
                new.writestr(name, re.sub(rb"</f><v ?(/>|></v>)", b"</f><v>77</v>", old.read(name)))
        return out.getvalue()

    content = add_result(changed(spoil))
    assert load_workbook(io.BytesIO(content), data_only=True)[TOTALS]["D20"].value == 77
    made = annotate(content, "统计表.xlsx", [WRONG], CAMPAIGN)
    assert load_workbook(io.BytesIO(made or b""), data_only=True)[TOTALS]["D20"].value == 77
    assert load_workbook(io.BytesIO(made or b""))[TOTALS]["D20"].value == "=SUM(E20:F20)"


def test_the_first_sheet_lists_everything_with_links_to_the_cells() -> None:
    content = changed(spoil)
    findings = [*judged(content).findings, warning("file.late", "迟报"), at("没有这张表", "B2")]
    book = copy_of(content, findings)
    sheet = book.worksheets[0]
    assert book.active is sheet
    assert (sheet.title, sheet["A1"].value, sheet.page_setup.paperSize) == (NAME, TITLE, 9)
    rows = list(sheet.iter_rows(min_row=4))
    assert len(rows) == len(findings)
    words = [row[0].value for row in rows]
    assert words == sorted(words, key=["必须修改", "请核对", "说明"].index)
    assert {row[2].value for row in rows} == {f.message for f in findings}
    links = {row[1].value: row[1].hyperlink.location for row in rows if row[1].hyperlink}
    assert links["指标汇总 D5"] == "'指标汇总'!D5"
    assert links.keys() == {
        f"{f.where['sheet']} {f.where['cell']}" for f in findings if f.where.get("sheet") in (TOTALS, LIST)
    }
    assert [s.title for s in book.worksheets if s.sheet_view.tabSelected] == [NAME]


def test_a_cell_in_a_merged_range_is_marked_at_its_first_and_an_impossible_one_is_passed_over() -> None:
    book = copy_of(sample().content, [at(TOTALS, "C1"), at(TOTALS, "XFE1"), at(TOTALS, "A0"), at(TOTALS, "甲1")])
    assert book[TOTALS]["A1"].comment.author == AUTHOR
    assert book[TOTALS]["A1"].fill.fgColor.rgb == FILLS["error"].fgColor.rgb
    assert [c.coordinate for row in book[TOTALS].iter_rows() for c in row if c.comment] == ["A1"]


def test_no_copy_is_made_where_no_cell_is_named() -> None:
    assert annotate(sample().content, "统计表.xlsx", [warning("file.late", "迟报")], CAMPAIGN) is None
    assert annotate(sample().content, "统计表.xlsx", [], CAMPAIGN) is None


def test_a_copy_that_is_sent_back_is_judged_the_same_and_its_old_marks_go() -> None:
    content = changed(spoil)
    findings = judged(content).findings
    copy = annotate(content, "统计表.xlsx", findings, CAMPAIGN) or b""
    assert [f.as_json() for f in judged(copy).findings] == [f.as_json() for f in findings]
    again = copy_of(copy, [at(TOTALS, "E6")])
    assert again.sheetnames == [NAME, TOTALS, LIST, GUIDE_SHEET]
    assert again[TOTALS]["D5"].comment.text == "去年也是这样填的"
    assert again[TOTALS]["D5"].fill.fill_type is None
    assert again[TOTALS]["F9"].comment is None


def test_the_same_input_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    rebuilt = "序号,活动名称\n1,甲\n".encode()
    for content, name in ((changed(spoil), "统计表.xlsx"), (rebuilt, "统计表.csv")):
        found = [at("统计表", "B2"), WRONG]
        assert annotate(content, name, found, CAMPAIGN) == annotate(content, name, found, CAMPAIGN)
        with zipfile.ZipFile(io.BytesIO(annotate(content, name, found, CAMPAIGN) or b"")) as made:
            assert {m.date_time for m in made.infolist()} == {(1980, 1, 1, 0, 0, 0)}
            core = made.read("docProps/core.xml").decode()
    assert set(re.findall(r">(\d{4}-[^<]*)<", core)) == {"1980-01-01T00:00:00Z"}


# --- nothing in it runs

INJECTED = [
    '=HYPERLINK("http://x","y")',
    "=cmd|'/C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "<b>&lt;\x07\u202e",
]


def test_texts_of_findings_are_never_formulas() -> None:
    found = [at(TOTALS, "D5", message=t, observed=t, expected=t, fix=t) for t in INJECTED]
    made = annotate(sample().content, '=1+1"<>.xlsx', found, CAMPAIGN) or b""
    book = load_workbook(io.BytesIO(made))
    assert {c.data_type for row in book[NAME].iter_rows() for c in row} <= {"s", "n"}
    texts = [row[2] for row in book[NAME].iter_rows(min_row=4)]
    assert texts[0].value == INJECTED[0]
    assert all(c.quotePrefix for c in texts if c.value.startswith(("=", "+", "-", "@")))
    with zipfile.ZipFile(io.BytesIO(made)) as package:
        assert b"<f>" not in package.read("xl/worksheets/sheet1.xml")


def test_texts_of_a_csv_never_become_formulas() -> None:
    text = io.StringIO()
    csv.writer(text).writerows([["序号", "活动名称"], *[[i, t] for i, t in enumerate(INJECTED)]])
    book = copy_of(text.getvalue().encode(), [at("统计表", "B2")], "统计表.csv")
    assert book["统计表"]["B2"].value == INJECTED[0]
    assert {c.data_type for row in book["统计表"].iter_rows() for c in row} == {"s"}


@pytest.mark.parametrize(
    ("formula", "reaching"),
    [
        ("=SUM(A1:B2)", False),
        ('=IF(A1="a|b","http://x",1)', False),
        ("=SUM(表1[人次])", False),
        ("=[1]Sheet1!A1", True),
        ("='[统计.xlsx]Sheet1'!A1", True),
        ("=cmd|'/C calc'!A0", True),
        ("='\\\\host\\x'!A1", True),
        ("=webservice(A1)", True),
        ('=IFERROR(CALL("kernel32"),0)', True),
    ],
)
def test_formulas_that_reach_out_of_the_workbook_are_known(formula: str, reaching: bool) -> None:
    assert reaches_out(formula) is reaching


def test_links_to_other_files_and_macros_are_left_behind_and_results_stay() -> None:
    def reach(book: Workbook) -> None:
        book[TOTALS]["E20"], book[TOTALS]["E21"], book[TOTALS]["E22"] = "=[1]Sheet1!A1", "=1+2", "=cmd|'/C calc'!A0"
        book.defined_names["外部"] = DefinedName("外部", attr_text="[1]Sheet1!$A$1")

    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(changed(reach))) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, re.sub(rb"(Sheet1!A1</f>)<v ?(/>|></v>)", rb"\1<v>12</v>", data))
        new.writestr("xl/vbaProject.bin", b"macro")
        new.writestr("xl/externalLinks/externalLink1.xml", b"<x/>")
    made = annotate(out.getvalue(), "统计表.xlsx", [WRONG], CAMPAIGN) or b""
    with zipfile.ZipFile(io.BytesIO(made)) as package:
        assert not [n for n in package.namelist() if "vba" in n.lower() or "external" in n.lower()]
    book = load_workbook(io.BytesIO(made))
    assert [book[TOTALS][c].value for c in ("E20", "E21", "E22")] == [12, "=1+2", None]
    assert not book.defined_names


# --- other formats


def test_an_old_xls_gets_a_workbook_with_its_values() -> None:
    content = (Path(__file__).parents[2] / "helpers/data/statistics.xls").read_bytes()
    book = copy_of(content, [at(TOTALS, "D5"), at(LIST, "F5")], "统计表.xls")
    assert book.sheetnames == [NAME, TOTALS, LIST]
    assert book[TOTALS]["D5"].fill.fgColor.rgb == FILLS["error"].fgColor.rgb
    assert book[TOTALS]["B5"].value == "举办活动总数"
    assert book[TOTALS].merged_cells.ranges
    assert book[LIST]["F5"].is_date
    assert book[LIST]["F5"].comment is not None


def test_an_ods_gets_a_workbook_with_its_values(tmp_path: Path) -> None:
    rows = "".join(
        f'<table:table-row><table:table-cell office:value-type="string"><text:p>{t}</text:p></table:table-cell>'
        f'<table:table-cell office:value-type="float" office:value="{n}"/></table:table-row>'
        for t, n in (("甲", 1), ("=乙", 2))
    )
    spaces = " ".join(f'xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in ("office", "table", "text"))
    xml = (
        f'<office:document-content {spaces} office:version="1.2"><office:body><office:spreadsheet>'
        f'<table:table table:name="表一">{rows}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        package.writestr("content.xml", xml)
        package.writestr("META-INF/manifest.xml", "<x/>")
    book = copy_of(out.getvalue(), [at("表一", "B2")], "统计表.ods")
    assert [[c.value for c in row] for row in book["表一"].iter_rows()] == [["甲", 1], ["=乙", 2]]
    assert (book["表一"]["A2"].data_type, book["表一"]["B2"].comment.author) == ("s", AUTHOR)


def test_a_gbk_csv_gets_a_workbook_under_its_own_name() -> None:
    book = copy_of("序号,活动名称\n1,讲座\n".encode("gbk"), [at("昌吉/州[1]", "B2")], "昌吉/州[1].csv")
    assert book.sheetnames == [NAME, "昌吉_州_1_"]
    assert book.worksheets[1]["B2"].comment is not None
    assert book[NAME]["B4"].hyperlink.location == "'昌吉_州_1_'!B2"


def test_a_book_that_openpyxl_refuses_is_rebuilt() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(sample().content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            info = zipfile.ZipInfo(name)
            info.filename = name if name == "xl/workbook.xml" else name.replace("/", "\\")  # as some report tools write
            new.writestr(info, old.read(name))
    with pytest.raises(KeyError):
        load_workbook(io.BytesIO(out.getvalue()))
    book = copy_of(out.getvalue(), [WRONG])
    assert book[TOTALS]["D5"].comment is not None
    assert book[TOTALS]["B5"].value == "举办活动总数"


STRICT = (
    (
        b"schemas.openxmlformats.org/officeDocument/2006/relationships",
        b"purl.oclc.org/ooxml/officeDocument/relationships",
    ),
    (b"schemas.openxmlformats.org/spreadsheetml/2006/main", b"purl.oclc.org/ooxml/spreadsheetml/main"),
)


def test_a_strict_workbook_is_rebuilt() -> None:
    """openpyxl opens such a workbook without a word, and finds no sheet in it."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(sample().content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            for usual, strict in STRICT:
                part = part.replace(usual, strict)
            new.writestr(name, part)
    book = copy_of(out.getvalue(), [WRONG])
    assert book[TOTALS]["D5"].comment is not None
    assert book[TOTALS]["B5"].value == "举办活动总数"


def test_error_values_of_an_old_xls_stand_in_its_copy() -> None:
    content = xls({TOTALS: [["序号", "数"], ["甲", "#DIV/0!"], ["乙", "=1/0"]]})
    book = copy_of(content, [at(TOTALS, "B2")], "统计表.xls")
    assert [c.value for c in book[TOTALS]["B"]] == ["数", "#DIV/0!", "#DIV/0!"]


def test_days_of_a_workbook_of_1904_keep_their_year() -> None:
    """Also those that a formula gave, and those in a format by whose number only East Asian programs show a day."""

    def of_1904(book: Workbook) -> None:
        book.epoch = CALENDAR_MAC_1904
        book[LIST]["F4"], book[LIST]["G4"] = datetime(2023, 5, 20), "=F4"
        book[LIST]["F5"], book[LIST]["F5"].number_format = 43605, "General"
        book[LIST]["F5"]._style.numFmtId = 31

    content = changed(of_1904)
    made = annotate(content, "统计表.xlsx", [at(LIST, "F4")], CAMPAIGN)
    book = load_workbook(io.BytesIO(made or b""))
    assert book[LIST]["F4"].value == datetime(2023, 5, 20)
    assert book[LIST]["F5"].value == datetime(2023, 5, 21)


# --- hostile ones


def far_cell(book: Workbook) -> None:
    book[TOTALS]["XFD1048576"] = 1


def far_merge(book: Workbook) -> None:
    book[TOTALS].merge_cells("A50:D50000")


def replaced(member: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(sample().content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, data if name == member else old.read(name))
    return out.getvalue()


def far_link(book: Workbook) -> None:
    book[TOTALS]["A1"].hyperlink = "http://x"
    book[TOTALS]["A1"].hyperlink.ref = "A1:XFD1048576"


LAUGHS = b'<!DOCTYPE x [<!ENTITY a "%s"><!ENTITY b "%s"><!ENTITY c "%s">]>' % (b"x" * 99, b"&a;" * 9999, b"&b;" * 9999)
HOSTILE = {
    "one far cell": lambda: changed(far_cell),
    "nothing but a far cell": lambda: changed(far_cell, one_sheet()),
    "a far merged range": lambda: changed(far_merge),
    "a far link": lambda: changed(far_link),
    "bomb": lambda: replaced("xl/worksheets/sheet1.xml", b" " * (200 << 20)),
    "entities": lambda: replaced("xl/workbook.xml", LAUGHS + b"<workbook>&c;</workbook>"),
    "cut short": lambda: sample().content[:5000],
    "not a sheet": lambda: b"%PDF-1.7 something",
    "empty": lambda: b"",
}


def one_sheet() -> bytes:
    book = Workbook()
    book.worksheets[0].title = TOTALS
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def spent() -> float:
    """Return the seconds of a processor that we and our ended children took: a busy machine is no file's fault."""
    return sum(os.times()[:4])


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_workbooks_get_no_copy_and_get_it_soon(kind: str) -> None:
    content = HOSTILE[kind]()
    before = spent()
    assert annotate(content, "统计表.xlsx", [WRONG], CAMPAIGN) is None
    assert spent() - before < (45 if kind == "a far link" else 20)  # that one only memory stops


def test_a_far_cell_with_nothing_but_a_border_costs_nothing() -> None:
    def border(book: Workbook) -> None:
        book[TOTALS]["XFD1048576"].border = Border(top=Side(style="thin"))

    before = spent()
    assert annotate(changed(border), "统计表.xlsx", [WRONG], CAMPAIGN) is not None
    assert spent() - before < 20


def test_a_child_that_breaks_a_limit_means_no_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert annotate(sample().content, "统计表.xlsx", [WRONG], CAMPAIGN) is not None
    monkeypatch.setattr("baosong.receipts.annotated_workbook.annotate.LONGEST_COPY", 1000)
    assert annotate(sample().content, "统计表.xlsx", [WRONG], CAMPAIGN) is None
