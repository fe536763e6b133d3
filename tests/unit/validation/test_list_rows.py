"""What stands in a list beside its activities changes no figure, and no activity is passed over in silence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baosong.rules.findings import Severity
from baosong.validation.statistics.choices import choices_of
from baosong.validation.statistics.dates import parse_date
from baosong.validation.statistics.numbers import NumberKind, format_decimal, parse_number
from baosong.validation.statistics.units import named_prefectures
from sheet_corpus.base import ACTIVITIES, base_book
from sheet_corpus.habits import ENDS, SECTION_WORDS, SENTENCES, SIGNED, TOTAL_WORDS
from sheet_help import CAMPAIGN, LIST, URUMQI, crossed, read_back, values_of

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FIRST, LAST, WIDTH = 3, 8, 20  # the indexes of the good sheet's activities, and its columns
START, END = CAMPAIGN.window.start, CAMPAIGN.window.end
FORM = CAMPAIGN.form
CLEAN = read_back(base_book())

scopes = st.sampled_from(["", "全市", "全县", "甲县", "本页", "天山区", "讲座类", "以上"])
gaps = st.sampled_from(["", " ", "　", "  "])
ends_of_words = st.sampled_from(["", "：", "。", "（人次）", " "])
figures = st.one_of(st.none(), st.integers(0, 99999))


def in_row(**cells: Any) -> list[Any]:
    row: list[Any] = [None] * WIDTH
    for letter, value in cells.items():
        row[ord(letter) - 65] = value
    return row


@st.composite
def totals(draw: st.DrawFn) -> list[Any]:
    word = draw(st.sampled_from(["合计", "小计", "总计", "总数", "累计", "汇总", "合 计"]))
    text = draw(scopes) + draw(gaps) + word + draw(ends_of_words)
    return in_row(**{draw(st.sampled_from("AB")): text, "K": draw(figures), "L": draw(figures), "N": draw(figures)})


sections = st.builds(lambda text, at: in_row(**{at: text}), st.sampled_from(SECTION_WORDS), st.sampled_from("AB"))
dragged = st.builds(
    lambda n, form, major: in_row(A=n, C="其他", J=form, P=major),
    st.one_of(st.none(), st.integers(1, 99)),
    st.sampled_from([None, "线下"]),
    st.sampled_from([None, "否"]),
)
blanks = st.just(in_row())
tails = st.one_of(
    st.builds(
        lambda text, at: in_row(**{at: text}), st.sampled_from([*ENDS, *SENTENCES, *TOTAL_WORDS]), st.sampled_from("AB")
    ),
    st.sampled_from(SIGNED).map(lambda cells: in_row(**cells)),
    totals(),
    blanks,
)


@QUICK
@given(
    st.lists(st.tuples(st.integers(FIRST, LAST + 1), st.one_of(totals(), sections, dragged, blanks)), max_size=6),
    st.lists(tails, max_size=5),
)
def test_honest_rows_and_tails_change_no_figure(between: list[tuple[int, list[Any]]], below: list[list[Any]]) -> None:
    book = base_book()
    for at, row in sorted(between, key=lambda item: -item[0]):
        book[LIST].insert(at, row)
    book[LIST] += below
    assert read_back(book) == CLEAN
    assert [f for f in crossed(book) if f.severity is not Severity.NOTE] == []


@QUICK
@given(
    st.sampled_from(
        [
            "合计",
            "总计",
            "小计",
            "汇总",
            "累计",
            "总数",
            "注",
            "说明",
            "以上",
            "完",
            "共6项",
            "填表人",
            "甲县",
            "一、",
            "总结",
        ]
    ),
    st.sampled_from(["知识讲座", "大会", "展览", "培训班", "进校园", "成果展示", "义诊"]),
    st.booleans(),
    st.integers(FIRST, LAST + 1),
    st.integers(1, 999),
)
def test_an_activity_named_like_another_row_stays_one(word: str, rest: str, chosen: bool, at: int, people: int) -> None:
    row = in_row(B=word + rest, E="某处", F="2023-05-21", G="2023-05-21", H="某单位", K=people, L=0)
    if chosen:
        row[2], row[9], row[15] = "其他", "线下", "否"
    book = base_book()
    book[LIST].insert(at, row)
    assert word + rest in values_of(book).activities["name"]


@QUICK
@given(st.sampled_from(ACTIVITIES), st.sets(st.integers(1, WIDTH - 2)), st.integers(FIRST, LAST + 1))
def test_no_activity_is_passed_over_in_silence(activity: list[Any], kept: set[int], at: int) -> None:
    """Whatever is left of an activity's cells beside its name, the row is counted, or asked about."""
    book = base_book()
    row = [None, "科技大集", *(value if i in kept else None for i, value in enumerate(activity[1:], 1))]
    book[LIST].insert(at, row)
    reading = values_of(book).reading
    assert at in reading.activity_rows or any(u.row <= at <= u.last for u in reading.unclear)


@QUICK
@given(st.lists(st.lists(st.one_of(st.none(), st.text(max_size=30), st.integers(), st.floats()), max_size=WIDTH)))
def test_no_rows_raise(rows: list[list[Any]]) -> None:
    book = base_book()
    book[LIST] += rows
    values_of(book)


def test_the_sums_of_a_list_are_told_from_an_activity_of_the_same_size() -> None:
    book = base_book()
    book[LIST].append(in_row(B="科技大集", K=6045, L=11080))
    assert [u.row for u in values_of(book).reading.unclear] == [9]


def test_missing_days_and_names_are_not_told_to_be_zero() -> None:
    from baosong.validation.statistics import expectations

    book = base_book()
    for row, letter in enumerate("BEFGHK", FIRST):
        book[LIST][row][ord(letter) - 65] = None
    found, _ = expectations.validate(values_of(book), FORM)
    zero = {f.where["cell"]: "填 0" in f.fix for f in found if f.rule == "statistics.required"}
    assert zero == {"B4": False, "E5": False, "F6": False, "G7": False, "H8": False, "K9": True}


NUMBERS: list[tuple[str, str, str | None, bool]] = [
    ("2,665份（其中维吾尔文800份）", "份", "2665", True),
    ("2,665份（其中维吾尔文800份、哈萨克文300份、柯尔克孜文100份、蒙古文65份、汉文1400份）", "份", "2665", True),
    ("7人（3名女性）", "人", "7", True),
    ("7人（男4女3）", "人", "7", True),
    ("7人（另3名志愿者）", "人", None, False),
    ("300（应为320）", "人", None, False),
    ("300（实际320）", "人", None, False),
    ("1200（其中线上300）", "人次", None, False),
    ("50+7", "块", "57", True),
    ("30+20=50份", "份", "50", True),
    ("30+20=60", "份", None, False),
    ("叁万贰仟元整", "万元", "3.2", True),
    ("人民币叁万贰仟元整（¥32,000.00）", "万元", "3.2", True),
    ("32000元（3.2万元）", "万元", "3.2", True),
    ("约300", "人", "300", False),
    ("3万余", "份", "30000", False),
    ("不足300人", "人", "300", False),
    ("≥500", "人", "500", False),
    ("1.2w人次", "人次", "12000", True),
    ("120人/次", "人次", "120", True),
    ("12（场）", "场", "12", True),
    ("33件（套）", "件", "33", True),
    ("2665份宣传资料", "份", "2665", True),
    ("300人每场", "人次", None, False),
    ("伍佰", "份", "500", True),
]


@pytest.mark.parametrize(("text", "unit", "value", "exact"), NUMBERS)
def test_an_exact_number_is_read_and_another_is_told(text: str, unit: str, value: str | None, exact: bool) -> None:
    parsed = parse_number(text, unit)
    assert (None if parsed.value is None else format_decimal(parsed.value)) == value
    assert (parsed.kind is NumberKind.NUMBER) is exact


SPANS: list[tuple[str, int, int]] = [
    ("2023年5月20日星期六", 20, 20),
    ("2023年5月20日 星期六 上午10时30分", 20, 20),
    ("5月20日10:00-12:00", 20, 20),
    ("5月20日下午2时至4时", 20, 20),
    ("5月20日-22日", 20, 22),
    ("5月20日10:00—5月22日18:00", 20, 22),
    ("5月20日10:00-22日18:00", 20, 22),
    ("5月20日上午至22日下午", 20, 22),
    ("5月20日-22日（3天）", 20, 22),
    ("5月20日（线上）", 20, 20),
    ("二〇二三年五月二十日", 20, 20),
    ("五月二十至二十二日", 20, 22),
    ("20230520-20230522", 20, 22),
    ("2023、5、20", 20, 20),
    ("5月20日、22日", 20, 22),
    ("2023-05-20T10:00:00+08:00", 20, 20),
]


@pytest.mark.parametrize(("text", "first", "last"), SPANS)
def test_a_day_with_its_weekday_or_hours_is_a_day(text: str, first: int, last: int) -> None:
    parsed = parse_date(text, START, END)
    assert (parsed.value, parsed.last) == (START.replace(day=first), START.replace(day=last))


@pytest.mark.parametrize("text", ["每周六", "10:00-12:00", "5月20日起", "2023年5月", "5月32日", "20日"])
def test_what_names_no_day_is_none(text: str) -> None:
    assert parse_date(text, START, END).value is None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("乌鲁木齐市科学技术局（昌吉路）", ["乌鲁木齐市"]),
        ("呼图壁县科技局", ["昌吉回族自治州"]),
        ("伊犁哈萨克自治州塔城地区乌苏市科技局", ["塔城地区"]),
        ("喀什东路科技局", []),
        ("（昌吉州）科技局", ["昌吉回族自治州"]),
        ("乌鲁木齐市科技局、昌吉州科技局", ["乌鲁木齐市", "昌吉回族自治州"]),
        ("克孜勒苏·柯尔克孜自治州科技局", ["克孜勒苏柯尔克孜自治州"]),
    ],
)
def test_a_units_prefecture_is_told_by_its_name_or_its_county(text: str, names: list[str]) -> None:
    assert [p.name for p in named_prefectures(text, CAMPAIGN)] == names


def test_a_shared_sheet_is_its_own_prefectures() -> None:
    book = base_book()
    book["指标汇总"][1][2] = "昌吉州科技局、乌鲁木齐市科技局"
    assert [f.rule for f in crossed(book, URUMQI)] == []


@pytest.mark.parametrize("point", "·•・．‧･")
def test_interpuncts_in_names_are_alike(point: str) -> None:
    book = base_book()
    book[LIST][FIRST][1] = "阿凡提·科普"
    book[LIST].append([7, f"阿凡提{point}科普", *book[LIST][FIRST][2:]])
    assert "statistics.duplicate_activity" in [f.rule for f in crossed(book)]


@pytest.mark.parametrize(
    "text", ["不在线下", "线上取消", "待定", "看情况", "☑是 ☑否", "□是 □否", "☒是 ☒否", "是（否）"]
)
def test_a_choice_that_is_none_has_no_nearest_one(text: str) -> None:
    for name in ("form", "major", "category"):
        choices = choices_of(FORM.by_field[name])
        assert choices.same(text) is None
        assert choices.nearest(text) is None
