"""Numbers and dates as people write them."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baosong.validation.statistics.dates import DateKind, parse_date
from baosong.validation.statistics.numbers import NumberKind, Raw, format_decimal, parse_number, unit_factor

START, END = date(2023, 5, 20), date(2023, 5, 31)
NUMBER, VAGUE, NONE, BLANK, INVALID = (
    NumberKind.NUMBER,
    NumberKind.VAGUE,
    NumberKind.NONE,
    NumberKind.BLANK,
    NumberKind.INVALID,
)

UNCLEAR: list[tuple[Raw, str]] = [
    ("100-200", "人次"),
    ("100~200", "人次"),
    ("50%", ""),
    ("１０％", ""),
    ("12次15人", "人次"),
    ("1 2", ""),
    ("1,23", ""),
    ("12,34", ""),
    ("1.2.3", ""),
    ("1²", ""),
    ("1000000000001", ""),
    ("9999999999999", ""),
    ("①", ""),
    ("½", ""),
    ("几十", ""),
    ("数百", ""),
    ("若干", ""),
    ("若干人", "人次"),
    ("见附表", ""),
    ("待定", ""),
    ("万", ""),
    ("万人", "人次"),
    ("三万五", ""),
    ("一百二", ""),
    ("二三", ""),
    ("二三人", "人次"),
    ("十十", ""),
    ("一二三", ""),
    ("=SUM(A1:A3)", ""),
    ("#REF!", ""),
    ("1200（其中线上300）", "人次"),
    ("5场/300人", "人次"),
    ("元", "万元"),
    ("3人", "万元"),
    ("3元", "人次"),
    ("12345678901234567", ""),
    ("9" * 100, ""),
    (float("nan"), ""),
    (float("inf"), ""),
    (1e15, ""),
    (True, ""),
    (False, ""),
    (date(2023, 5, 20), ""),
    (time(3, 4), ""),
    ("1e5e5", ""),
    ("--5", ""),
    ("0x10", ""),
    ("1_000", ""),
    ("<script>", ""),
    ("５０００．５．１", ""),
]

READ: list[tuple[Raw, str, str, NumberKind]] = [
    ("1,234", "", "1234", NUMBER),
    ("1，234", "", "1234", NUMBER),
    ("1,234,567", "", "1234567", NUMBER),
    ("1 234", "", "1234", NUMBER),
    ("１２３４", "", "1234", NUMBER),
    ("２０００", "", "2000", NUMBER),
    (" 12 次", "次", "12", NUMBER),
    ("12次", "次", "12", NUMBER),
    ("共12项", "项", "12", NUMBER),
    ("1.2万", "", "12000", NUMBER),
    ("1.2万人次", "人次", "12000", NUMBER),
    ("3千", "", "3000", NUMBER),
    ("1万2千", "", "12000", NUMBER),
    ("３万５千", "", "35000", NUMBER),
    ("1亿", "", "100000000", NUMBER),
    ("十二", "", "12", NUMBER),
    ("二十", "", "20", NUMBER),
    ("一百零五", "", "105", NUMBER),
    ("一百二十", "", "120", NUMBER),
    ("两千", "", "2000", NUMBER),
    ("三万五千", "", "35000", NUMBER),
    ("一万零三十", "", "10030", NUMBER),
    ("一亿二千万", "", "120000000", NUMBER),
    ("零", "", "0", NUMBER),
    ("0", "", "0", NUMBER),
    ("007", "", "7", NUMBER),
    (".5", "万元", "0.5", NUMBER),
    ("-5", "", "-5", NUMBER),
    ("'123", "", "123", NUMBER),
    ("\u200b12\u200b", "", "12", NUMBER),
    ("١٢٣", "", "123", NUMBER),
    ("20篇（条）", "篇（条）", "20", NUMBER),
    ("20篇", "篇（条）", "20", NUMBER),
    ("500人", "人次", "500", NUMBER),
    (12.0, "", "12", NUMBER),
    (12, "", "12", NUMBER),
    (0.1 + 0.2, "", "0.3", NUMBER),
    ("3万元", "万元", "3", NUMBER),
    ("30000元", "万元", "3", NUMBER),
    ("1.5", "万元", "1.5", NUMBER),
    ("5千元", "万元", "0.5", NUMBER),
    ("￥3.5", "万元", "3.5", NUMBER),
    ("3万", "万元", "3", VAGUE),
    ("3万余份", "份", "30000", VAGUE),
    ("约500人", "人次", "500", VAGUE),
    ("近万人", "人次", "10000", VAGUE),
    ("上千人", "人次", "1000", VAGUE),
    ("千余人", "人", "1000", VAGUE),
    ("500+", "", "500", VAGUE),
    ("十余场", "场", "10", VAGUE),
    ("500多人", "人次", "500", VAGUE),
    ("5千余人次", "人次", "5000", VAGUE),
    ("2000人左右", "人次", "2000", VAGUE),
    ("超过1万", "", "10000", VAGUE),
    ("约1.2万余人次", "人次", "12000", VAGUE),
    ("500（约）", "", "500", VAGUE),
    ("5.1（万元）", "万元", "5.1", NUMBER),
    ("51000（元）", "万元", "5.1", NUMBER),
    ("2665份(含电子版)", "份", "2665", NUMBER),
    ("2665份，其中维吾尔文800份。", "份", "2665", NUMBER),
    ("2665（不含线上）", "份", "2665", VAGUE),
    ("1.23E+05", "", "123000", VAGUE),
    ("500场", "人次", "500", VAGUE),
]


@pytest.mark.parametrize(("raw", "unit"), UNCLEAR)
def test_what_is_truly_unclear_has_no_value(raw: Raw, unit: str) -> None:
    parsed = parse_number(raw, unit)
    assert (parsed.kind, parsed.value) == (INVALID, None)
    assert not parsed.exact


@pytest.mark.parametrize(("raw", "unit", "value", "kind"), READ)
def test_numbers_are_read_as_people_mean_them(raw: Raw, unit: str, value: str, kind: NumberKind) -> None:
    parsed = parse_number(raw, unit)
    assert (parsed.value is not None and format_decimal(parsed.value), parsed.kind) == (value, kind)
    assert parsed.exact is (kind is NUMBER)


@pytest.mark.parametrize("raw", ["-", "—", "——", "－", "/", "／", "无", " 无 ", "暂无", "（无）", "无（未开展）"])
def test_words_for_nothing_are_none_and_not_zero(raw: str) -> None:
    assert (parse_number(raw).kind, parse_number(raw).value) == (NONE, None)


@pytest.mark.parametrize("raw", ["2665份(含电子版)", "2665（不含线上）", "1.5（自筹）"])
def test_a_remark_in_brackets_is_not_called_a_rough_number(raw: str) -> None:
    assert "后面的说明不另计" in str(parse_number(raw).note)


@pytest.mark.parametrize("raw", [None, "", "  ", "\u3000", "\u200b", "\n"])
def test_blank_cells_are_blank(raw: Raw) -> None:
    assert parse_number(raw).kind is BLANK


def test_a_plain_number_as_text_needs_no_note_and_a_respelt_one_has_one() -> None:
    assert parse_number("1234").note is None
    assert parse_number(" 1234 ").note is None
    assert parse_number("1,234").note == "按 1234 计"
    assert parse_number("约500").note == "写的是约数，按 500 计"


@given(st.integers(0, 10**9))
def test_every_exact_spelling_of_a_number_reads_back(n: int) -> None:
    wide = str(n).translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    for text in (
        str(n),
        f"{n:,}",
        f"{n:,}".replace(",", "，"),
        wide,
        f" {n} 人次",
        f"共{n}",
        chinese(n),
        f"{Decimal(n) / 10000}万",
    ):
        parsed = parse_number(text, "人次")
        assert (parsed.value, parsed.exact) == (n, True), text


@given(st.integers(1, 10**8), st.sampled_from(["约{}", "近{}", "{}余", "{}多人", "{}+", "{}左右", "超过{}人次"]))
def test_every_vague_spelling_keeps_its_number_and_says_so(n: int, spelling: str) -> None:
    parsed = parse_number(spelling.format(n), "人次")
    assert (parsed.value, parsed.kind) == (n, VAGUE)


@given(
    st.one_of(
        st.text(), st.text("0123456789.,，万千百十一二三约余+-/ 人次（）"), st.floats(), st.integers(), st.booleans()
    )
)
def test_no_content_of_a_cell_raises(raw: Raw) -> None:
    parsed = parse_number(raw, "人次")
    assert (parsed.value is None) == (parsed.kind in (BLANK, NONE, INVALID))
    assert parsed.value is None or parsed.value.is_finite()
    assert parse_date(raw, START, END).kind in DateKind


def test_units_are_converted_only_where_they_are_related() -> None:
    assert unit_factor("万人次", "人次") == 10000
    assert unit_factor("元", "万元") == Decimal("0.0001")
    assert unit_factor("人次", "人次") == 1
    assert unit_factor("场", "人次") is None


DATES: list[tuple[Raw, str, str]] = [
    (datetime(2023, 5, 20, 10), "2023-05-20", "2023-05-20"),
    (date(2023, 5, 20), "2023-05-20", "2023-05-20"),
    ("2023.5.20", "2023-05-20", "2023-05-20"),
    ("2023/5/20", "2023-05-20", "2023-05-20"),
    ("2023-05-20 10:30", "2023-05-20", "2023-05-20"),
    ("2023年5月20日", "2023-05-20", "2023-05-20"),
    ("2023年5月20日上午10:00", "2023-05-20", "2023-05-20"),
    ("20230520", "2023-05-20", "2023-05-20"),
    ("2023年5月20日（周六）", "2023-05-20", "2023-05-20"),
    ("5月20日", "2023-05-20", "2023-05-20"),
    ("５月２０日", "2023-05-20", "2023-05-20"),
    ("5月20日-22日", "2023-05-20", "2023-05-22"),
    ("5月20-22日", "2023-05-20", "2023-05-22"),
    ("5.20-5.22", "2023-05-20", "2023-05-22"),
    ("2023.5.20—2023.5.31", "2023-05-20", "2023-05-31"),
    ("2023-05-20至2023-05-22", "2023-05-20", "2023-05-22"),
    ("5月30日至6月1日", "2023-05-30", "2023-06-01"),
    (45066, "2023-05-20", "2023-05-20"),
    (45066.5, "2023-05-20", "2023-05-20"),
    ("45066", "2023-05-20", "2023-05-20"),
    ("5.20", "2023-05-20", "2023-05-20"),
    (5.2, "2023-05-20", "2023-05-20"),
    (5.3, "2023-05-30", "2023-05-30"),
    (5.25, "2023-05-25", "2023-05-25"),
    ("5/20/2023", "2023-05-20", "2023-05-20"),
    ("2023。5。20", "2023-05-20", "2023-05-20"),
]


@pytest.mark.parametrize(("raw", "first", "last"), DATES)
def test_dates_are_read_as_people_mean_them(raw: Raw, first: str, last: str) -> None:
    parsed = parse_date(raw, START, END)
    assert (str(parsed.value), str(parsed.last)) == (first, last)


@pytest.mark.parametrize(
    "raw", ["待定", "2023年5月", "5月32日", "2023.13.1", "全年", 5.1, 520, True, time(3), float("nan"), "2023"]
)
def test_what_is_no_date_is_invalid(raw: Raw) -> None:
    assert parse_date(raw, START, END).kind is DateKind.INVALID


def test_a_date_that_became_a_number_is_read_with_a_warning() -> None:
    parsed = parse_date(5.2, START, END)
    assert parsed.kind is DateKind.VAGUE
    assert parsed.note == "写成了数 5.2，按 2023-05-20 计"


def chinese(n: int) -> str:
    """Spell a number below 10**10 as a person would, 零 included."""
    if n == 0:
        return "零"
    parts, zero = [], False
    for power, mark in ((8, "亿"), (4, "万"), (0, "")):
        section, n = divmod(n, 10**power)
        if section:
            parts.append(("零" if parts and (zero or section < 1000) else "") + _section(section) + mark)
            zero = False
        elif parts:
            zero = True
    return "".join(parts)


def _section(n: int) -> str:
    text, pending = "", False
    for power, mark in ((3, "千"), (2, "百"), (1, "十"), (0, "")):
        digit, n = divmod(n, 10**power)
        if digit:
            text += ("零" if pending and text else "") + "零一二三四五六七八九"[digit] + mark
            pending = False
        else:
            pending = True
    return text
