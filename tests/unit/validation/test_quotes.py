"""The totals told in a report's sentences: found where it sums up, left alone where it tells of one event."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baosong.campaign.form import Quoted
from baosong.store.source import Source
from baosong.validation.common.reader import read_docx
from baosong.validation.documents.quotes import MOST_QUOTES, Quote, quotes
from baosong_local.samples.documents import make_report
from sheet_help import CAMPAIGN, URUMQI, sample

FORM = CAMPAIGN.form


def told(text: str) -> dict[str, str]:
    return {q.code: f"{q.value:f}" for q in quotes(text, FORM)}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "全市共举办各类科普活动328项，其中重大示范活动12项，参与公众12.8万余人次，发放科普资料30余万份。",
            {"A01": "328", "B01": "128000", "C01": "300000"},
        ),
        (
            "活动周期间，累计开展活动１，２３４场次，吸引12.8万人次参与；刊发新闻报道56篇（条），投入经费35.6万元。",
            {"A01": "1234", "B01": "128000", "D01": "56", "E01": "35.6"},
        ),
        ("全州组织科技人员 600 余人次，群众参与达 8 万人。", {"B03": "600", "B01": "80000"}),
        ("共投入资金300000元。", {"E01": "30"}),
        ("主要数据\n举办活动总数\n328\n项\n参与公众\n127,843\n人次", {"A01": "328", "B01": "127843"}),
    ],
)
def test_totals_are_read_as_people_write_them(text: str, found: dict[str, str]) -> None:
    assert told(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "启动仪式现场共发放资料500份，3000名群众参与。",
        "在第一中学举办“人工智能”科普讲座，线上线下共500余人参加。",
        "组织科技特派员深入田间，发放资料2000余份。",
        "各单位共同推进活动30项。",
        "公共活动30项。",
        "全市累计去年活动300项，预计活动400项，平均每项活动30次。",
        "共有活动三百二十八项。",
        "共举办活动0项。",
        "",
    ],
)
def test_numbers_of_one_event_or_another_year_are_left_alone(text: str) -> None:
    assert told(text) == {}


@pytest.mark.parametrize(
    ("words", "just_inside", "just_outside"),
    [
        ("共举办活动328项", ["328"], ["327", "329"]),
        ("累计群众参与12.8万人次", ["127001", "128999"], ["127000", "129000"]),
        ("累计群众参与12.8万余人次", ["128000", "128999"], ["129000"]),
        ("累计群众参与30余万人次", ["300000", "399999"], ["400000", "200000"]),
        ("累计群众参与约5000人次", ["4001", "5999"], ["4000", "6000"]),
        ("累计群众参与5000人次", ["5000"], ["4999", "5001"]),
        ("共投入经费35万元", ["35.99", "34.01"], ["36", "34"]),
    ],
)
def test_a_figure_agrees_as_finely_as_it_is_told(words: str, just_inside: list[str], just_outside: list[str]) -> None:
    (quote,) = quotes(words, FORM)
    assert [n for n in just_inside if not quote.agrees(Decimal(n))] == []
    assert [n for n in just_outside if quote.agrees(Decimal(n))] == []


def test_a_report_with_the_sheets_table_tells_the_sheets_figures_and_the_demo_reports_tell_none() -> None:
    def text(**more: object) -> str:
        data = make_report(CAMPAIGN, URUMQI, 1, **more)  # type: ignore[arg-type]
        return read_docx(Source("总结.docx", len(data), lambda: io.BytesIO(data))).text

    assert quotes(text(), FORM) == []
    sheet = sample()
    found = quotes(text(figures=sheet.indicators), FORM)
    assert len(found) == len([1 for amounts in sheet.indicators.values() if amounts[0] is not None])
    assert all(q.agrees(Decimal(sheet.indicators[q.code][0])) for q in found)


@pytest.mark.parametrize("text", ["共" + "1" * 300_000, "累计" + "1," * 100_000, "共" + "公众" * 100_000 + "1人次"])
def test_what_no_one_writes_is_passed_over(text: str) -> None:
    assert told(text) == {}


def test_a_report_of_nothing_but_totals_does_not_fill_the_ledger() -> None:
    assert len(quotes("。".join(f"共举办活动{n}项" for n in range(1, 1000)), FORM)) == MOST_QUOTES


def test_the_forms_words_are_words_whatever_signs_they_hold() -> None:
    spec = FORM.by_code["A01"]
    odd = Quoted(before=("活动(", "活动（含）*"), after=("[合计",), units=("项+", "场"))
    rows = tuple(i.model_copy(update={"quoted": odd}) if i is spec else i for i in FORM.indicators.rows)
    form = FORM.model_copy(update={"indicators": FORM.indicators.model_copy(update={"rows": rows})})
    said = [q.said for q in quotes("共举办活动（含）*328项+，另有5场[合计", form) if q.code == "A01"]
    assert said == ["活动(含)*328项+", "5场[合计"]


@given(st.text(alphabet="共累计活动公众参与资料约余万亿.,，0123456789 项人次份\n。", max_size=80))
def test_no_text_raises_and_quotes_survive_the_ledgers_json(text: str) -> None:
    for quote in quotes(text, FORM):
        assert quote.step > 0
        assert Quote.from_json(quote.as_json()) == quote
