"""The statistics sheet: what it is judged by, in what words, and what no dirt may change."""

from __future__ import annotations

import io
import random
import socket
import zipfile
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from baosong.campaign.form import Form
from baosong.campaign.layout import indicator_cells
from baosong.campaign.prefill import formulas
from baosong.rules.findings import Finding, Severity, Verdict
from baosong.validation.statistics import cells, statistics
from baosong_local.samples import dirt, sheets
from sheet_help import (
    CAMPAIGN,
    FIRST,
    LIST,
    TOTALS,
    URUMQI,
    Edit,
    crossed,
    edited,
    figures,
    judged,
    put,
    read_back,
    rules,
    sample,
)

CELL = indicator_cells(CAMPAIGN.form)


def total(code: str, value: Any, column: str = "total") -> Edit:
    return put(TOTALS, CELL[code, column], value)


def field(name: str, value: Any, row: int = FIRST) -> Edit:
    at = next(i for i, f in enumerate(CAMPAIGN.form.activities.fields) if f.name == name)
    return put(LIST, f"{chr(65 + at)}{row}", value)


def at(name: str, row: int = FIRST) -> str:
    return f"{chr(65 + [f.name for f in CAMPAIGN.form.activities.fields].index(name))}{row}"


# ---- hostile and broken files


def test_garbage_is_an_answer_and_never_an_exception() -> None:
    for content in (
        b"\x00",
        b"PK\x03\x04",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600,
        b"a,b\n1,2\n",
        "表".encode("gbk"),
    ):
        for name in ("统计表.xlsx", "统计表.xls", "统计表.csv", "统计表.et", "统计表"):
            assert judged(content, name).verdict is Verdict.REJECTED


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), st.integers(1, 40))
@example(709, 1)
def test_a_damaged_workbook_never_raises(seed: int, damage: int) -> None:
    rng, content = random.Random(seed), bytearray(sample().content)
    for _ in range(damage):
        content[rng.randrange(len(content))] = rng.randrange(256)
    data = bytes(content)
    checked = judged(data)
    unsearched = any(found.rule == "file.not_searched" for found in checked.findings)
    assert checked.verdict is not Verdict.HELD or unsearched  # a part that is of no importance may be the damaged one


def test_two_far_cells_cost_a_child_process_and_not_ours() -> None:
    book = load_workbook(io.BytesIO(sample().content))
    book.worksheets[1]["XFD1048576"] = "x"
    found = judged(saved(book))
    assert rules(found.findings) == [("unreadable", "error", None)]
    assert "异常" in found.findings[0].message


def test_an_encrypted_and_a_truncated_workbook_say_how_to_mend() -> None:
    locked, cut = judged(sheets.encrypted(sample())), judged(sheets.broken(sample()))
    assert [f.rule for f in locked.findings] == ["file.encrypted"]
    assert "密码" in locked.findings[0].fix
    assert cut.verdict is Verdict.REJECTED
    assert cut.findings[0].fix


def test_macros_are_refused_and_links_remarked() -> None:
    found = judged(with_members(sample().content, "xl/vbaProject.bin", "xl/externalLinks/externalLink1.xml"))
    assert ("file.macros", Severity.ERROR) in [(f.rule, f.severity) for f in found.findings]
    assert ("statistics.external_links", Severity.WARNING) in [(f.rule, f.severity) for f in found.findings]


def test_a_formula_without_result_and_an_error_value_are_named_and_not_taken_for_nothing() -> None:
    book = load_workbook(io.BytesIO(sample().content))
    book[TOTALS][CELL["C01", "total"]] = "=SUM(活动明细!N4:N99)"
    book[TOTALS][CELL["C02", "total"]] = "#REF!"
    book[LIST][at("offline")] = "=1+1"
    book[LIST][at("name")], book[LIST][at("start")] = '="航天"&"讲座"', "#N/A"
    found = judged(saved(book))
    wanted = [CELL["C01", "total"], CELL["C02", "total"], *map(at, ("name", "start", "offline"))]
    said = [f for f in found.findings if f.rule == "statistics.formula"]
    assert [f.where["cell"] for f in said] == wanted
    assert {f.severity for f in said} == {Severity.ERROR}
    assert "statistics.required" not in [f.rule for f in found.findings]


def test_a_truth_value_is_quoted_as_the_cell_shows_it() -> None:
    book = load_workbook(io.BytesIO(sample().content))
    book[TOTALS][CELL["C01", "total"]] = True
    assert "“TRUE”" in next(f.message for f in judged(saved(book)).findings if f.rule == "statistics.number")


def test_a_total_is_not_held_against_parts_of_which_one_cannot_be_read() -> None:
    """That it cannot be read is told; that the sum is wrong would be untrue."""
    assert crossed(edited(total("B01", "若干", "online"))) == []


def as_formulas(*cells: tuple[str, str], edit: dict[str, Any] | None = None) -> bytes:
    """The good sheet with the template's formulas in cells, saved by a program that does not calculate."""
    book = load_workbook(io.BytesIO(sample().content))
    for cell in cells or formulas(CAMPAIGN.form):
        book[TOTALS][CELL[cell]] = formulas(CAMPAIGN.form)[cell]
    for place, value in (edit or {}).items():
        book[TOTALS][place] = value
    return saved(book)


def test_the_templates_own_formulas_are_worked_out_where_they_came_without_result() -> None:
    cells = [("A01", "total"), ("B01", "offline"), ("B01", "online"), ("B01", "total"), ("D01", "total")]
    found = judged(as_formulas(*cells))
    assert (found.verdict, {f.severity for f in found.findings}) == (Verdict.ACCEPTED, {Severity.NOTE})
    assert [f.rule for f in found.findings] == ["statistics.worked_out"] * len(cells)
    assert figures(found) == figures(judged(sample().content))


def test_kinds_and_demonstrations_are_counted_from_the_list_as_the_template_does() -> None:
    counted = {(i.code, "total"): i.listed for i in CAMPAIGN.form.indicators.rows if i.listed and i.listed.field}
    found = judged(as_formulas(*counted))
    names = [f.name for f in CAMPAIGN.form.activities.fields]
    rows = [[c.value for c in row] for row in load_workbook(io.BytesIO(sample().content))[LIST].iter_rows(FIRST)]
    for (code, _), listed in counted.items():
        there = [row[names.index(listed.field or "")] for row in rows]
        assert figures(found)[0][code][0] == sum(there.count(choice) for choice in listed.choices)


def test_a_formula_that_somebody_else_wrote_is_not_worked_out() -> None:
    for own in ("=COUNTA(活动明细!B4:B99)", "=12", "=IF(1,2,3)"):
        found = judged(as_formulas(("B01", "total"), edit={CELL["A01", "total"]: own}))
        said = [f.where["cell"] for f in found.findings if f.rule == "statistics.formula"]
        assert said == [CELL["A01", "total"]]


def test_a_formula_of_nothing_is_a_cell_that_was_not_filled_in() -> None:
    book = load_workbook(io.BytesIO(as_formulas()))
    book[LIST].delete_rows(FIRST, 300)
    found = judged(saved(book))
    assert ("required", "error", CELL["A01", "total"]) in rules(found.findings)
    assert ("required", "error", CELL["B01", "total"]) in rules(found.findings)
    assert "statistics.formula" not in [f.rule for f in found.findings]


def test_great_expectations_says_nothing_and_calls_nobody(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a check must not open a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert judged(sample().content).verdict is Verdict.ACCEPTED
    assert capfd.readouterr() == ("", "")


# ---- the good sheet


@pytest.mark.parametrize("code", ["6501", "6530", "6540"])
def test_a_good_sheet_passes_without_a_remark_and_gives_its_figures(code: str) -> None:
    made = sample(code, 3)
    found = judged(made.content, prefecture=CAMPAIGN.prefecture(code))
    assert (found.verdict, found.findings) == (Verdict.ACCEPTED, [])
    indicators, activities = figures(found)
    typed = {
        c: tuple(str(v) if isinstance(v, Decimal) else v for v in amounts) for c, amounts in made.indicators.items()
    }
    assert {c: tuple(str(v) if c[0] == "E" and v is not None else v for v in a) for c, a in indicators.items()} == typed
    assert len(activities) == made.activities == found.facts["rows"]
    assert found.facts["unit_prefecture"] == code


def test_figures_are_typed_so_that_nothing_is_rounded_on_its_way() -> None:
    found = judged(sample().content)
    assert found.figures is not None
    by_code = {i["code"]: i for i in found.figures["indicators"]}
    assert type(by_code["B01"]["total"]) is int
    assert type(by_code["E01"]["total"]) is str
    assert by_code["B01"]["cell"] == CELL["B01", "total"]
    first = found.figures["activities"][0]
    assert (first["row"], type(first["offline"]), type(first["funds"])) == (FIRST, int, str)
    assert date.fromisoformat(first["start"])


# ---- cross checks, each just inside and just outside

A01, B01 = sample().indicators["A01"][0], sample().indicators["B01"][0]
DAY = timedelta(days=1)
MAJOR, E01 = sample().indicators["A02"][0], sample().indicators["E01"][0]
B02_LIMIT, B03 = B01, sample().indicators["B03"][0]

OUTSIDE: list[tuple[list[Edit], str, str, str]] = [
    ([total("A01", A01 + 1), total("A11", lambda n: n + 1)], "activity_count", "error", CELL["A01", "total"]),
    ([total("A02", A01 + 1)], "part_exceeds_whole", "error", CELL["A02", "total"]),
    ([total("A11", lambda n: n + 1)], "kinds_sum", "warning", CELL["A01", "total"]),
    ([total("B02", B01 + 1)], "part_exceeds_whole", "error", CELL["B02", "total"]),
    ([total("B04", B03 + 1)], "part_exceeds_whole", "error", CELL["B04", "total"]),
    ([total("E02", float(E01) + 0.01)], "part_exceeds_whole", "error", CELL["E02", "total"]),
    ([total("C01", 5), total("C01", 6, "offline")], "part_exceeds_whole", "error", CELL["C01", "offline"]),
    ([total("D03", lambda n: n + 1)], "parts_sum", "error", CELL["D01", "total"]),
    ([field("end", lambda d: d - DAY)], "dates_reversed", "error", at("end")),
    ([field("end", datetime(2023, 6, 1))], "outside_window", "warning", at("end")),
    ([field("start", datetime(2023, 5, 19))], "outside_window", "warning", at("start")),
    ([total("E01", 10000)], "money_unit", "warning", CELL["E01", "total"]),
    ([put(TOTALS, "C2", "喀什地区科技局")], "wrong_prefecture", "error", "C2"),
    ([put(TOTALS, "C2", "新疆维吾尔自治区博州科技局")], "wrong_prefecture", "error", "C2"),
    ([put(TOTALS, "F2", None)], "signature", "error", "F2"),
    ([put(TOTALS, "C3", "  ")], "signature", "error", "B3"),
    ([put(TOTALS, "C2", "科技局")], "unit_unclear", "warning", "C2"),
]

INSIDE: list[tuple[list[Edit], str]] = [
    ([total("A02", A01)], "part_exceeds_whole"),
    ([total("B02", B01)], "part_exceeds_whole"),
    ([total("E02", float(E01))], "part_exceeds_whole"),
    ([total("C01", 5), total("C01", 5, "offline")], "part_exceeds_whole"),
    ([field("end", datetime(2023, 5, 31))], "outside_window"),
    ([field("end", lambda d: d)], "dates_reversed"),
    ([total("E01", 9999.99)], "money_unit"),
    ([put(TOTALS, "C2", "乌市科技局")], "wrong_prefecture"),
    ([put(TOTALS, "C2", "新疆维吾尔自治区乌鲁木齐市科学技术局、科学技术协会")], "wrong_prefecture"),
]


@pytest.mark.parametrize(("edits", "rule", "severity", "cell"), OUTSIDE)
def test_a_cross_check_speaks_just_outside_its_limit(edits: list[Edit], rule: str, severity: str, cell: str) -> None:
    found = [f for f in crossed(edited(*edits)) if f.rule == f"statistics.{rule}"]
    assert [(f.severity.value, f.where["cell"]) for f in found][:1] == [(severity, cell)]
    assert all(f.message and f.fix and (f.expected or f.observed) and "{" not in f.message for f in found)


@pytest.mark.parametrize(("edits", "rule"), INSIDE)
def test_a_cross_check_is_silent_just_inside_its_limit(edits: list[Edit], rule: str) -> None:
    assert f"statistics.{rule}" not in [f.rule for f in crossed(edited(*edits))]


def test_the_total_of_people_agrees_with_its_parts_and_with_the_list() -> None:
    found = crossed(edited(total("B01", B01 + 1)))
    assert [(f.rule, f.where["cell"]) for f in found] == [("statistics.total_mismatch", CELL["B01", "total"])] * 2
    assert f"{B01 + 1}" in found[0].message
    assert "相差 1" in found[0].message
    online = crossed(edited(field("online", lambda n: n + 7), field("form", "线上线下结合")))
    assert [f.where["cell"] for f in online] == [CELL["B01", "total"], CELL["B01", "online"]]


def test_a_doubled_activity_a_contradicted_form_and_a_crowd_are_remarked() -> None:
    def doubled(book: dirt.Book) -> None:
        book[LIST][FIRST] = list(book[LIST][FIRST - 1])

    assert ("duplicate_activity", "warning", at("name", FIRST + 1)) in rules(crossed(edited(doubled)))
    assert ("form_contradiction", "warning", at("online")) in rules(crossed(edited(field("online", 5))))
    assert ("form_contradiction", "warning", at("offline")) in rules(crossed(edited(field("form", "线上"))))
    nobody = crossed(edited(field("offline", 0), field("online", 0)))
    assert ("no_people", "warning", at("offline")) in rules(nobody)
    assert ("crowd", "warning", at("offline")) in rules(crossed(edited(field("offline", 100_001))))
    assert "statistics.crowd" not in [f.rule for f in crossed(edited(field("offline", 100_000)))]


def test_figures_that_are_all_round_are_remarked() -> None:
    large = [c for c, (n, *_) in sample().indicators.items() if n >= 100 and c[0] in "BC"]
    codes = [*large, "C02", "C03", "C04", "A12", "F01"]
    book = edited(*(total(c, 1000 + 100 * i) for i, c in enumerate(codes)))
    assert "statistics.round_figures" in [f.rule for f in crossed(book)]
    book = edited(*(total(c, 1000 + 100 * i) for i, c in enumerate(codes)), total(codes[0], 1001))
    assert "statistics.round_figures" not in [f.rule for f in crossed(book)]


def test_without_a_known_prefecture_the_sheet_may_be_anybodys() -> None:
    assert crossed(edited(), prefecture=None) == []


# ---- values


BAD_VALUES: list[tuple[Edit, str, str, str]] = [
    (total("A01", None), "required", CELL["A01", "total"], "必须填写"),
    (total("B01", "—"), "required", CELL["B01", "total"], "不能填“—”"),
    (total("C01", -1), "number", CELL["C01", "total"], "负数"),
    (total("C04", 1.5), "number", CELL["C04", "total"], "不是整数"),
    (total("C02", "若干"), "number", CELL["C02", "total"], "看不出"),
    (total("C03", 10**13), "number", CELL["C03", "total"], "看不出"),
    (field("name", None), "required", at("name"), "必须填写"),
    (field("category", "看情况"), "choice", at("category"), "不在可选的词里"),
    (field("start", "待定"), "date", at("start"), "不是日期"),
    (field("offline", "100-200"), "number", at("offline"), "看不出"),
    (field("place", "某" * 101), "length", at("place"), "太长"),
    (field("major", "也许"), "choice", at("major"), "不在可选的词里"),
]


def test_every_bad_value_is_found_in_one_pass_with_its_cell_and_in_reading_order() -> None:
    found = judged(dirt.written(edited(*(edit for edit, *_ in BAD_VALUES))))
    assert found.verdict is Verdict.REJECTED
    assert found.figures is not None, "an operator may waive each of them"
    said = {(f.rule, f.where.get("cell")): f.message for f in found.findings}
    for _, rule, cell, words in BAD_VALUES:
        assert words in said[f"statistics.{rule}", cell]
    order = [(f.where.get("sheet") != TOTALS, *cells.parse_address(f.where["cell"])) for f in found.findings]
    assert order == sorted(order)


def test_the_same_problem_in_many_rows_is_listed_fifty_times_and_then_counted() -> None:
    base = sample("6501", 2, 80)
    found = judged(dirt.written(edited(*(field("offline", "若干", FIRST + i) for i in range(80)), base=base)))
    said = [f for f in found.findings if f.rule == "statistics.number"]
    assert len(said) == statistics.SHOWN_A_RULE + 1
    assert "还有 30 处" in said[-1].message


def test_findings_survive_json() -> None:
    found = judged(dirt.written(edited(field("offline", "若干"), total("C01", "约500"))))
    assert [Finding.from_json(f.as_json()) for f in found.findings] == found.findings


def test_vague_numbers_are_accepted_with_a_warning_that_names_the_cell() -> None:
    found = judged(dirt.written(edited(total("C01", "3万余份"), total("C02", "1,234"))))
    assert found.verdict is Verdict.ACCEPTED
    assert rules(found.findings) == [
        ("rounded", "warning", CELL["C01", "total"]),
        ("normalised", "note", CELL["C02", "total"]),
    ]
    assert "3万余份" in found.findings[0].message
    assert figures(found)[0]["C01"][0] == 30000


def test_another_unit_is_converted_and_said() -> None:
    row = int(CELL["B01", "total"][1:])
    edits = [
        put(TOTALS, f"C{row}", "万人次"),
        *(total("B01", lambda n: n / 10000, c) for c in ("total", "offline", "online")),
    ]
    assert rules(crossed(edited(*edits))) == [("unit", "warning", f"C{row}")]
    funds = at("funds", FIRST - 1)
    book = edited(put(LIST, funds, "经费（元）"), *(field("funds", 20000, FIRST + i) for i in range(A01)))
    assert {row[8] for row in read_back(book)[1]} == {Decimal(2)}


# ---- structure


def test_a_missing_sheet_or_column_is_said_once_and_hides_nothing_else() -> None:
    no_list = edited(lambda book: book.pop(LIST), total("C01", -1))
    assert rules(judged(dirt.written(no_list)).findings) == [
        ("missing_table", "error", None),
        ("number", "error", CELL["C01", "total"]),
    ]

    def without_places(book: dirt.Book) -> None:
        for row in book[LIST][FIRST - 2 :]:
            del row[4:5]

    found = judged(dirt.written(edited(without_places, total("C01", -1))))
    assert ("missing_column", "error", "A3") in rules(found.findings)
    assert "举办地点" in next(f.message for f in found.findings if f.rule.endswith("missing_column"))
    assert ("number", "error", CELL["C01", "total"]) in rules(found.findings)


def test_unknown_missing_repeated_and_renamed_indicators_are_said() -> None:
    row = int(CELL["C02", "total"][1:])
    assert ("unknown_indicator", "warning", f"B{row}") in rules(
        crossed(edited(put(TOTALS, f"A{row}", None), put(TOTALS, f"B{row}", "无人机表演"), total("C02", 3)))
    )
    assert ("renamed_indicator", "warning", f"B{row}") in rules(
        crossed(edited(put(TOTALS, f"B{row}", "宣传展板（新）块数")))
    )
    gone = crossed(edited(lambda book: book[TOTALS].pop(row - 1)))
    assert [f.severity.value for f in gone if f.rule == "statistics.missing_indicator"] == ["warning"]
    required = crossed(edited(lambda book: book[TOTALS].pop(int(CELL["A01", "total"][1:]) - 1)))
    assert [f.severity.value for f in required if f.rule == "statistics.missing_indicator"] == ["error"]
    again = crossed(edited(lambda book: book[TOTALS].insert(row, ["C02", "展板", "块", 99999])))
    assert [f.severity.value for f in again if f.rule == "statistics.repeated_indicator"] == ["error"]


def test_a_sheet_of_another_year_is_refused_and_an_old_title_remarked() -> None:
    old = edited(put(TOTALS, "A1", "2022年自治区科技活动周开展情况统计表"), put(LIST, "A1", None))
    assert ("old_template", "warning", "A1") in rules(crossed(old))
    count = sample().activities
    dates = [field(name, datetime(2022, 5, 21), FIRST + i) for i in range(count) for name in ("start", "end")]
    assert ("other_year", "error", at("start")) in rules(crossed(edited(*dates)))


def test_a_header_in_two_rows_is_read() -> None:
    def split(book: dirt.Book) -> None:
        rows = book[LIST]
        head, at_offline = rows[FIRST - 2], [f.name for f in CAMPAIGN.form.activities.fields].index("offline")
        lower: list[Any] = [None] * len(head)
        head[at_offline], head[at_offline + 1] = "参与人次*", None
        lower[at_offline], lower[at_offline + 1] = "线下", "线上"
        rows.insert(FIRST - 1, lower)

    def split_totals(book: dirt.Book) -> None:
        rows = book[TOTALS]
        i = next(i for i, row in enumerate(rows) if row[0] == "序号")
        rows[i][3:6] = ["数量", None, None]
        rows.insert(i + 1, [None, None, None, "合计", "其中：线下", "其中：线上", None])

    book = edited(split_totals)
    assert read_back(book) == read_back(edited())
    assert read_back(edited(split)) == read_back(edited())


def test_signatures_are_found_in_one_cell_and_below_the_table() -> None:
    def moved(book: dirt.Book) -> None:
        rows = book[TOTALS]
        rows[1], rows[2] = ["填报单位：乌鲁木齐市科技局（盖章）"], [None]
        rows.append(["填报人：张三　　联系电话：0991-1234567", None, "填报日期：2023年6月3日"])

    assert crossed(edited(moved)) == []


@pytest.mark.parametrize(
    "name", ["小计算机科普展", "合计一个亿：反诈宣传", "一、二年级科学课", "说明：科普讲解大赛", "注意力训练营"]
)
def test_an_activity_whose_name_sounds_like_a_total_or_a_note_is_counted(name: str) -> None:
    assert crossed(edited(field("name", name))) == []


def test_text_merged_downwards_belongs_to_every_row_it_covers() -> None:
    book = load_workbook(io.BytesIO(sample().content))
    county = book[LIST][at("host")].value
    book[LIST].merge_cells(f"{at('host')}:{at('host', FIRST + 2)}")
    found = judged(saved(book))
    assert found.verdict is Verdict.ACCEPTED
    assert found.figures is not None
    assert [a["host"] for a in found.figures["activities"][:3]] == [county] * 3


def test_a_second_table_and_a_hidden_one_are_remarked() -> None:
    book = load_workbook(io.BytesIO(sample().content))
    copy = book.copy_worksheet(book[LIST])
    copy.title = "伊州区"
    assert ("spare_table", "note", "A3") in rules(judged(saved(book)).findings)
    copy[at("offline")] = 1
    assert ("spare_table", "error", "A3") in rules(judged(saved(book)).findings)
    copy.sheet_state = "hidden"
    assert judged(saved(book)).findings == []
    del book["伊州区"]
    book[LIST].sheet_state = "hidden"
    assert ("hidden_sheet", "warning", "A3") in rules(judged(saved(book)).findings)


# ---- the form is data


def test_an_indicator_added_to_the_form_is_printed_read_and_checked() -> None:
    data = CAMPAIGN.form.model_dump()
    entry = {"code": "G01", "name": "其中：院士专家", "unit": "人", "part_of": "B03"}
    data["indicators"]["rows"] = [*data["indicators"]["rows"], entry]
    form = Form.model_validate(data)
    campaign = CAMPAIGN.model_copy(update={"form": form})
    made = sheets.make_sheet(campaign, URUMQI, 1)
    book = load_workbook(io.BytesIO(made.content))
    cell = indicator_cells(form)["G01", "total"]
    book[TOTALS][cell] = made.indicators["B03"][0] + 1
    found = judged(saved(book), campaign=campaign)
    assert ("part_exceeds_whole", "error", cell) in rules(found.findings)
    book[TOTALS][cell] = 2
    found = judged(saved(book), campaign=campaign)
    assert figures(found)[0]["G01"] == (2, None, None)


def saved(book: Any) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def with_members(content: bytes, *names: str) -> bytes:
    out = io.BytesIO(content)
    with zipfile.ZipFile(out, "a") as archive:
        for name in names:
            archive.writestr(name, b"<x/>")
    return out.getvalue()
