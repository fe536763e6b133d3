"""What press documents tell of their pieces, in the shapes in which offices write lists, and nothing more."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import docx
import pytest
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from openpyxl import Workbook

from baosong.campaign import Campaigns
from baosong.rules.findings import Kind
from baosong.store.settings import PROJECT
from baosong.store.source import Source
from baosong.validation.check import check
from baosong.validation.common.reader import Document
from baosong.validation.documents.coverage import MOST_PIECES, Piece, pieces

CAMPAIGN = Campaigns([PROJECT / "include" / "campaigns"]).get("2023")
ONE = ("科技周在我州开幕", "新华网", "2023-05-20", "", "https://www.news.cn/1.html")
HEADS = ["序号", "标题", "媒体", "级别", "日期", "网址"]
MOBILE = "13812345678"


def told(text: str, pages: int | None = None) -> list[tuple[str, ...]]:
    return [shown(p) for p in pieces(Document(text, pages=pages), 2023)]


def shown(p: Piece) -> tuple[str, ...]:
    return p["title"], p["medium"], p["date"], p["level"], p["link"]


def judged(content: bytes, name: str) -> list[tuple[str, ...]]:
    source = Source(name, len(content), lambda: io.BytesIO(content))
    checked = check(source, Kind.PRESS, CAMPAIGN, CAMPAIGN.prefectures[0])
    return [shown(p) for p in checked.facts["coverage"]]


def saved(document: Any) -> bytes:
    raw = io.BytesIO()
    document.save(raw)
    return raw.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "1. 科技周在我州开幕\t新华网\t2023-05-20\thttps://www.news.cn/1.html",
        "标题\t媒体\t日期\t网址\n科技周在我州开幕\t新华网\t2023.5.20\thttps://www.news.cn/1.html",
        "媒体报道汇总表\n\n（1）科技周在我州开幕（新华网，5月20日） https://www.news.cn/1.html。",
        "新华网：科技周在我州开幕  2023/05/20  https://www.news.cn/1.html",
        "标题：科技周在我州开幕\n来源：新华网 时间：2023年5月20日 10:30\n正文很长。\n原文链接：https://www.news.cn/1.html",
        "科技周在我州开幕 | 新华网 | 20230520 | https://www.news.cn/1.html",
        "①科技周在我州开幕\t新华网\t5.20\nhttps://www.news.cn/1.html",
    ],
)
def test_a_piece_is_read_in_each_of_these_shapes(text: str) -> None:
    assert told(text) == [ONE]


def test_a_title_in_its_marks_keeps_them() -> None:
    assert told("《科技周在我州开幕》新华网 5月20日\nhttps://www.news.cn/1.html") == [
        ("《科技周在我州开幕》", *ONE[1:])
    ]


def test_what_is_not_written_stays_empty() -> None:
    assert told("乌恰县科普活动热烈开展 https://a.cn/1.html") == [
        ("乌恰县科普活动热烈开展", "", "", "", "https://a.cn/1.html")
    ]
    assert told("乌恰县科普活动热烈开展，群众积极参与。") == [
        ("乌恰县科普活动热烈开展，群众积极参与。", "", "", "", "")
    ]
    assert told("见图") == [("见图", "", "", "", "")]
    assert told("") == []


def test_a_heading_gives_its_level_to_what_stands_below_it() -> None:
    text = "一、国家级媒体（1篇）\n科技周在我州开幕\thttps://a.cn/1\n二、州级媒体\n科普大篷车进牧区\thttps://a.cn/2"
    assert [(t, level) for t, _, _, level, _ in told(text)] == [
        ("科技周在我州开幕", "国家级"), ("科普大篷车进牧区", "州级")
    ]  # fmt: skip


def test_a_row_without_an_address_counts_by_title_medium_and_day() -> None:
    assert told("科普大篷车进牧区\t塔城日报\t5月22日\n合计\t2\n科技特派员下乡来\t塔城日报\t5月23日") == [
        ("科普大篷车进牧区", "塔城日报", "2023-05-22", "", ""),
        ("科技特派员下乡来", "塔城日报", "2023-05-23", "", ""),
    ]


def test_an_article_with_many_words_is_one_piece_with_its_own_address() -> None:
    text = (
        "科普大篷车开进牧区\n来源：塔城日报\n5月20日，大篷车来了。"
        + "农牧民围着展品看。" * 20
        + "\n阅读 https://a.cn/9"
    )
    assert told(text) == [("科普大篷车开进牧区", "塔城日报", "", "", "https://a.cn/9")]


def test_an_address_that_a_pdf_broke_is_whole_again() -> None:
    address = "https://www.example.cn/news/2023/05/20/a-very-long-path/that-goes-on"
    assert (
        told(f"科技周在我州开幕 {address}\n/and-on/1234.html\n第2页", pages=2)[0][-1] == f"{address}/and-on/1234.html"
    )
    assert told(f"科技周在我州开幕 {address}\n/and-on/1234.html")[0][-1] == address, "in a text a line is a line"


@pytest.mark.parametrize(
    "address",
    ["https://user:secret@a.cn/1", "javascript://a.cn/1", "file:///etc/passwd", "https://localhost", "http://[a.cn/1"],
)
def test_what_is_no_address_that_anybody_may_follow_is_none(address: str) -> None:
    assert all(not p["link"] for p in pieces(Document(f"科技周在我州开幕\t{address}"), 2023))


def test_personal_numbers_in_a_title_are_masked() -> None:
    assert MOBILE not in str(told(f"联系人{MOBILE}科技周在我州开幕\thttps://a.cn/1"))


def test_a_list_without_end_is_cut() -> None:
    assert len(told("\n".join(f"科技周在我州开幕之{n}\thttps://a.cn/{n}" for n in range(500)))) == MOST_PIECES


def test_rows_of_a_word_table_stay_whole_with_empty_cells_and_addresses_behind_words() -> None:
    document = docx.Document()
    document.add_heading("媒体报道汇总", 0)
    table = document.add_table(rows=0, cols=len(HEADS))
    for row in (HEADS, ["1", *ONE[:2], "", *ONE[2:3], ONE[4]], ["2", "科普进校园", "天山网", "省级", "", "点击查看"]):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    link(table.rows[2].cells[5].paragraphs[0], "https://www.ts.cn/2")
    assert judged(saved(document), "汇总.docx") == [ONE, ("科普进校园", "天山网", "", "省级", "https://www.ts.cn/2")]


def link(paragraph: Any, address: str) -> None:
    """Put the words of a paragraph behind an address, as Word does."""
    element = OxmlElement("w:hyperlink")
    element.set(qn("r:id"), paragraph.part.relate_to(address, RELATIONSHIP_TYPE.HYPERLINK, is_external=True))
    for run in paragraph.runs:
        element.append(run._r)
    paragraph._p.append(element)


def test_rows_of_a_workbook_tell_their_days_and_the_addresses_behind_their_cells() -> None:
    book = Workbook()
    for row in (
        HEADS,
        [1, *ONE[:2], None, date(2023, 5, 20), ONE[4]],
        [2, "科普进校园", "新华网", "国家级", None, "打开"],
    ):
        book.worksheets[0].append(row)
    book.worksheets[0]["F3"].hyperlink = "https://www.news.cn/2"
    assert judged(saved(book), "汇总.xlsx") == [ONE, ("科普进校园", "新华网", "", "国家级", "https://www.news.cn/2")]


def test_the_same_medium_in_many_rows_of_a_workbook_is_told_in_each() -> None:
    """A workbook keeps equal texts once: read as words alone, all but the first row would have lost it."""
    book = Workbook()
    for n in range(3):
        book.worksheets[0].append([f"科技周在我州开幕之{n}", "新华网", f"https://www.news.cn/{n}"])
    assert [m for _, m, *_ in judged(saved(book), "汇总.xlsx")] == ["新华网"] * 3
