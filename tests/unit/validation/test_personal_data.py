"""Personal numbers in texts for publication: found however they are written, never echoed, and no false alarms."""

from __future__ import annotations

import io
import json
import random
from datetime import date

import docx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baosong.rules.findings import Kind, Severity
from baosong.store.source import Source
from baosong.validation.check import check
from baosong.validation.common.personal_data import findings, hidden, is_identity
from baosong_local.samples import documents as samples
from personal_data_samples import MASKED_MOBILE, MOBILE, WHOLE, identity
from sheet_help import CAMPAIGN

LATEST = date(2023, 5, 31)


MASKED = f"6501**********{WHOLE[-4:]}"
WIDE = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")


def told(text: str, margins: str = "") -> list[str]:
    return [f.observed for f in findings(text, margins, LATEST, pages=False)]


@pytest.mark.parametrize(
    "text",
    [
        f"身份证：{WHOLE}。",
        f"（{WHOLE}）",
        f"姓名张三{WHOLE}男",
        WHOLE.translate(WIDE),
        f"{WHOLE[:6]} {WHOLE[6:14]} {WHOLE[14:]}",
        f"{WHOLE[:6]}-{WHOLE[6:14]}-{WHOLE[14:]}",
        f"{WHOLE[:6]}—{WHOLE[6:14]}—{WHOLE[14:]}",
        f"{WHOLE[:10]}\n{WHOLE[10:]}",
        " ".join(WHOLE),
    ],
)
def test_an_identity_number_is_found_however_it_is_written(text: str) -> None:
    (said,) = told(text)
    assert said.endswith(MASKED)


@pytest.mark.parametrize("first", ["11010119491001001", "65312120001231999", "83000019000101000", "44030519560701200"])
def test_every_check_digit_is_the_standard_s(first: str) -> None:
    whole = identity(first)
    assert is_identity(whole, LATEST)
    assert is_identity(whole.lower(), LATEST)
    for other in set("0123456789X") - {whole[-1]}:
        assert not is_identity(first + other, LATEST)


@pytest.mark.parametrize(
    "text",
    [
        f"手机{MOBILE}",
        f"张三（{MOBILE}）",
        f"+86{MOBILE}",
        f"+86 138 0013 8000，{'无'}",
        "138-0013-8000",
        "138 0013 8000",
        "１３８００１３８０００",
        "1 3 8 0 0 1 3 8 0 0 0",
        "联系电话：1380013 8000",
        "联系电话：13800\n138000",
        f"{MOBILE}@139.com",
    ],
)
def test_a_mobile_number_is_found_however_it_is_written(text: str) -> None:
    (said,) = told(text)
    assert said.endswith(MASKED_MOBILE)


@pytest.mark.parametrize(
    "text",
    [
        "0991-3836587",  # an office
        "6222021380013800012",  # a bank card
        "6222 0213 8001 3800 012",
        "6222 0213 8001 3800",
        f"9{MOBILE}",
        f"{MOBILE}1",
        f"{MOBILE}元",
        f"参与公众{MOBILE}人次",
        f"0.{MOBILE}",
        f"https://mp.weixin.qq.com/s/{MOBILE}?id={WHOLE}",
        f"www.xjdaily.com/c/{MOBILE}.html",
        f"编号A{MOBILE}",
        "12800138000",
        "15\n1234\n56789",  # cells of a table
        "13 500 123 456",
        "138 1234 5678 910",
        WHOLE[:-1] + ("1" if WHOLE[-1] != "1" else "2"),
        f"1{WHOLE}",
        identity("65010219901307123"),  # the thirteenth month
        identity("65010220240101123"),  # not born yet
        identity("09010219900307123"),  # no such province
        "统一社会信用代码12650100457601234X",
    ],
)
def test_other_long_numbers_are_left_alone(text: str) -> None:
    assert told(text) == []


def test_tables_of_figures_raise_no_alarm() -> None:
    rng = random.Random(2023)
    for _ in range(300):
        cells = [str(rng.randrange(10 ** rng.randint(1, 6))) for _ in range(60)]
        assert told("\n".join(cells)) == [], cells
        assert told(" ".join(f"{c}人次" for c in cells)) == []


@given(st.integers(0, 10**17 - 1), st.sampled_from(["", " ", "-", "\n", "\u3000"]))
@settings(max_examples=200, deadline=None)
def test_no_number_is_ever_repeated_in_full(number: int, between: str) -> None:
    whole = identity(f"65{number:017}"[:17])
    text = f"张三{between.join(whole)}，电话{between.join(MOBILE)}，{whole}和{MOBILE}"
    said = json.dumps([f.as_json() for f in findings(text, text, LATEST, pages=False)], ensure_ascii=False)
    assert whole not in said
    assert MOBILE not in said
    assert "手机号码" in said
    assert MOBILE not in hidden(text)


def test_a_title_without_numbers_stays_as_it_is_written() -> None:
    assert hidden("乌鲁木齐市（２０２３）总结") == "乌鲁木齐市（２０２３）总结"
    assert hidden(f"总结 张三{MOBILE}") == f"总结 张三{MASKED_MOBILE}"


def test_each_number_is_told_once_and_not_more_than_ten() -> None:
    assert len(told(f"{MOBILE} 和 {MOBILE}")) == 1
    assert len(told("、".join(f"138001380{n}" for n in range(10, 40)))) == 10
    assert told("", MOBILE) == [f"页眉、页脚、批注或属性里：{MASKED_MOBILE}"]


@pytest.mark.parametrize("piece", ["1 2 3 4 5 6 7 8 9 0 ", WHOLE, f"电话{' '.join(MOBILE)} ", f"{MOBILE}、"])
@pytest.mark.timeout(60)
def test_a_text_of_nothing_but_digits_does_not_take_for_ever(piece: str) -> None:
    assert len(told(piece * (3_000_000 // len(piece)))) <= 10
    assert len(hidden(piece * 10_000)) <= 600


def test_the_words_before_a_number_do_not_give_another_one_away() -> None:
    assert told(f"{WHOLE}{MOBILE}") == []  # one string of 29 digits is neither
    assert told(f"{WHOLE},{MOBILE}")[1].count("*") > 10


@pytest.mark.parametrize(("kind", "name"), [(Kind.REPORT, "总结.pdf"), (Kind.PRESS, "报道.pdf")])
def test_a_pdf_tells_the_page(kind: Kind, name: str) -> None:
    data = samples.make_pdf([["乌鲁木齐市2023年科技活动周总结"], ["无"], [f"联系人手机{MOBILE}"]])
    checked = check(Source(name, len(data), lambda: io.BytesIO(data)), kind, CAMPAIGN, CAMPAIGN.prefecture("6501"))
    (finding,) = checked.findings
    assert (finding.rule, finding.severity, finding.where) == ("file.personal_numbers", Severity.WARNING, {"page": 3})


def test_a_word_document_tells_the_words_before_and_keeps_no_number_in_its_facts() -> None:
    document, out = docx.Document(), io.BytesIO()
    for text in (f"乌鲁木齐市2023年总结 {MOBILE}", f"联系人：张三 {WHOLE}"):
        document.add_paragraph(text)
    document.sections[0].footer.paragraphs[0].text = f"值班手机{MOBILE}"
    document.save(out)
    source = Source("总结.docx", len(out.getvalue()), lambda: io.BytesIO(out.getvalue()))
    checked = check(source, Kind.REPORT, CAMPAIGN, CAMPAIGN.prefecture("6501"))
    assert [f.observed for f in checked.findings] == [
        f"联系人:张三 {MASKED}",
        f"鲁木齐市****年总结 {MASKED_MOBILE}",
        f"页眉、页脚、批注或属性里：值班手机{MASKED_MOBILE}",
    ]
    kept = json.dumps([checked.facts, [f.as_json() for f in checked.findings]], ensure_ascii=False)
    assert MOBILE not in kept
    assert WHOLE not in kept
