"""The Data Docs of a sheet: whatever it holds is shown as text."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from openpyxl import load_workbook

from baosong.ledger import Submission
from baosong.receipts import sheet_results
from baosong.rules.findings import Checked
from baosong.validation.statistics import datadocs, expectations
from baosong_local.samples.dirt import written
from datadocs_help import FIELDS, cell, wrong_sheet
from sheet_help import CAMPAIGN, LIST, TOTALS, edited, judged, put, sample, values_of

NOW = datetime(2023, 6, 1, 8, 0, tzinfo=UTC)


HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<style>*{display:none}</style>",
    "<svg/onload=alert(1)>",
    "<iframe src=//x.cn></iframe>",
    "{{7*7}} {% raw %} {{section_id}}",
    "$column ${column} $$ $PARAMETER",
    "&lt;b&gt; &#36;x \\ ` ' \"",
    "</td></table><h1>x</h1><!-- ",
)


FRAME = {
    *("html", "head", "meta", "title", "style", "body", "main", "header", "h1", "h2", "small"),
    *("dl", "dt", "dd", "bdi", "footer"),
}


class Page(HTMLParser):
    """A page's elements with their attributes, and its visible text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements[-1:] and self.elements[-1][0] != "style":
            self.texts.append(data.strip())

    @property
    def attributes(self) -> set[tuple[str, str]]:
        return {(tag, name) for tag, attrs in self.elements for name in attrs}


def submission(number: int = 1, name: str = "统计表.xlsx") -> Submission:
    return Submission(
        id=number, campaign="2023", prefecture="6501", kind="statistics", name=name, size=9000, received_at=NOW
    )


def page_of(checked: Checked, name: str = "统计表.xlsx") -> str:
    return sheet_results.render_page(submission(name=name), checked, CAMPAIGN)


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_a_sheet_says_is_shown_as_text_and_nothing_of_it_runs(text: str) -> None:
    """The same text as number, choice and date, as an indicator, and as the file's name."""
    book = edited(
        put(LIST, cell("offline", 4), text),
        put(LIST, cell("form", 5), text),
        put(LIST, cell("start", 6), text),
        put(TOTALS, "D8", text),
    )
    page = Page(page_of(judged(written(book)), name=f"{text}.xlsx"))

    assert {tag for tag, _ in page.elements} <= datadocs.TAGS | FRAME
    assert not {name for _, name in page.attributes} & {"href", "src", "style", "id", "srcset", "action", "xlink:href"}
    assert not [name for _, name in page.attributes if name.startswith("on")]
    assert page.texts.count(" ".join(text.split())) == 4
    assert f"{text}.xlsx" in page.texts


def test_formulas_and_names_too_long_are_text_as_well() -> None:
    link = '=HYPERLINK("https://x.cn","<b>点</b>")'
    book = load_workbook(io.BytesIO(sample().content))
    book[LIST][cell("offline", 4)] = link
    book[LIST][cell("online", 4)].value, book[LIST][cell("online", 4)].data_type = link, "s"
    book[LIST][cell("name", 4)] = "$column<script>" + "长" * 100
    saved = io.BytesIO()
    book.save(saved)
    page = Page(page_of(judged(saved.getvalue())))
    assert page.texts.count(link) == 2
    assert any(text.startswith("$column<script>长") for text in page.texts)
    assert "script" not in {tag for tag, _ in page.elements}


def test_the_page_loads_nothing() -> None:
    html = page_of(judged(wrong_sheet()))
    assert not re.search(r"url\(|@import|https?:|javascript:|data:", html)
    assert "content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\"" in html


@pytest.mark.parametrize("label", ["人次<5 $styling ${template}", "$$ $$$ $column $PARAMETER $1", "{{7*7}} a\\b `x`"])
def test_a_label_of_the_form_is_shown_as_it_is_printed(label: str) -> None:
    content = wrong_sheet()
    checked = judged(content)
    for told in checked.validations[1]["results"]:
        told["expectation_config"]["meta"]["notes"] = f"{label}：必填"
    texts = Page(page_of(checked)).texts
    assert texts.count(f"{label}：必填") == len(checked.validations[1]["results"])


def test_what_slips_through_a_template_is_cut_away() -> None:
    slipped = (
        '<td id="x" onclick="a()" class="bad" style="color:red">1<script>a()</script><img src=x onerror=a()>'
        '<a href="javascript:a()">2</a><svg><script>a()</script></svg><style>*{}</style><link href="//x"><form><input>'
    )
    assert datadocs.harmless(f"<table><tr>{slipped}") == (
        '<table><tbody><tr><td class="bad">12</td></tr></tbody></table>'
    )


def test_each_line_says_in_chinese_what_was_asked_what_was_found_and_where() -> None:
    book = edited(put(LIST, cell("offline", 4), "很多"), put(LIST, cell("name", 6), None), put(TOTALS, "D8", "若干"))
    texts = Page(page_of(judged(written(book)))).texts
    said = "|".join(text for text in texts if text)
    assert "× 不符|线下人次：不小于 0 的整数|填写的内容|次数|单元格|很多|1|K4|1 处不符" in said
    assert "活动名称：必填|填写的内容|次数|单元格|（空）|1|B6|1 处不符" in said
    assert "填写的内容|次数|单元格|指标|若干|1|D8|A04“科普（技）讲座/报告会”|1 处不符" in said
    assert "✓ 符合|活动类别：必填|—" in said
    assert "有 3 项填写要求不符" in said
    assert not re.search(r"[A-Za-z]{4,}", re.sub(f"Great Expectations|xlsx|{CAMPAIGN.rules_version}", "", said))


def test_a_missing_column_is_named_as_the_form_prints_it() -> None:
    book = edited()
    at = FIELDS.index("place")
    for row in book[LIST][2:]:
        del row[at : at + 1]
    said = "|".join(t for t in Page(page_of(judged(written(book)))).texts if t)
    assert "缺少举办地点" in said


def test_a_good_sheet_is_said_to_be_good_and_a_bad_one_with_other_faults_is_not() -> None:
    assert "填写要求全部符合" in Page(page_of(judged(sample().content))).texts
    other = judged(sample().content, prefecture=CAMPAIGN.prefecture("6502"))
    assert "填写要求全部符合，但另有必须修改的问题，见回执" in Page(page_of(other)).texts


def test_the_same_sheet_gives_the_same_page() -> None:
    assert page_of(judged(wrong_sheet())) == page_of(judged(wrong_sheet()))


@pytest.mark.parametrize(("rows", "wrong", "longer"), [(100_000, ["offline"], 1), (200, FIELDS, 200)])
def test_a_sheet_that_is_wrong_throughout_makes_a_small_record_and_a_small_page(
    rows: int, wrong: list[str], longer: int
) -> None:
    book = edited()
    good = dict(zip(FIELDS, book[LIST][3], strict=False))
    bad = (dict.fromkeys(wrong, f"{at}<b>$x" * longer) for at in range(rows))
    book[LIST][3:] = [list((good | spoilt).values()) for spoilt in bad]
    findings, validations = expectations.validate(values_of(book), CAMPAIGN.form)
    page = page_of(Checked(findings, validations=validations))
    assert len(json.dumps(validations)) < 200_000
    assert len(page.encode()) < 300_000
    assert f"{rows} 处不符，举前 20 处" in page


def test_the_record_stays_out_of_what_the_ledger_keeps() -> None:
    checked = judged(wrong_sheet())
    assert checked.validations
    assert json.loads(json.dumps(checked.validations)) == checked.validations
    assert "validations" not in checked.facts
