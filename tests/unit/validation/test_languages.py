"""Uyghur, Kazakh, Kyrgyz and Mongolian: names count in every language, and are kept and shown as they are written."""

from __future__ import annotations

import html
import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ofd_samples
import pdf_samples
from baosong.campaign import Prefecture
from baosong.rules.findings import Checked, Kind, Verdict
from baosong.rules.words import alike, escape_invisible, isolated
from baosong.store.source import Source
from baosong.validation.check import check
from baosong.validation.statistics.units import named_prefecture
from baosong_local.samples import dirt
from document_samples import paper
from sheet_help import CAMPAIGN, FIRST, LIST, URUMQI, crossed, edited, judged, put

NAMES = [(p, name) for p in CAMPAIGN.prefectures for name in p.own_names]


def reported(data: bytes, name: str, prefecture: Prefecture) -> Checked:
    return check(Source(name, len(data), lambda: io.BytesIO(data)), Kind.REPORT, CAMPAIGN, prefecture)


def test_every_prefecture_has_a_name_in_a_language_of_its_own() -> None:
    assert all(p.own_names for p in CAMPAIGN.prefectures)


@pytest.mark.parametrize(("prefecture", "name"), NAMES, ids=[f"{p.code} {name}" for p, name in NAMES])
def test_a_name_in_another_language_is_the_prefecture_s(prefecture: Prefecture, name: str) -> None:
    assert CAMPAIGN.prefecture_named(f" {name}") is prefecture
    assert named_prefecture(f"{name} 科技局", CAMPAIGN) is prefecture


def test_a_report_that_names_its_prefecture_in_uyghur_needs_no_chinese_name() -> None:
    good = reported(paper("ئۈرۈمچى شەھەرلىك پەن-تېخنىكا ئىدارىسى", "2023年总结"), "总结.docx", URUMQI)
    assert (good.verdict, good.findings) == (Verdict.ACCEPTED, [])
    other = reported(paper("قەشقەر ۋىلايىتى", "2023年总结"), "总结.docx", URUMQI)
    assert [f.rule for f in other.findings] == ["report.prefecture"]


def test_letters_that_a_pdf_holds_in_their_joined_shapes_are_read() -> None:
    font = pdf_samples.composite("/UniGB-UTF16-H")
    for shaped in ("ﺋﯜرۈﻣﭽﻰ ﺷەﮬﯩﺮى", "ﺋﯜرۈﻣﭽﻰ ﺷەﮬﯩﺮى"[::-1]):
        codes = pdf_samples.lines(shaped, "2023年", codec="utf-16-be")
        assert reported(pdf_samples.in_font(font, codes), "总结.pdf", URUMQI).findings == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("阿不都·热合曼", "阿不都•热合曼"),
        ("阿不都·热合曼", "阿不都・热合曼"),
        ("阿不都·热合曼", "阿不都．热合曼"),
        ("阿不都·热合曼", "阿不都･热合曼"),
        ("阿不都·热合曼", "阿不都 · 热合曼"),
        ("阿不都·热合曼", "阿不都‧热合曼"),
        ("ئۈرۈمچى", "ﺋﯜرۈﻣﭽﻰ"),
        ("قەشقەر", "قهشقهر"),
        ("ىلە قازاق", "ىله قازاق"),
        ("ᠪᠣᠷᠣᠲᠠᠯᠠ", "ᠪᠣᠷᠣᠲᠠᠯ\u180eᠠ"),
        ("乌鲁⽊齐", "乌鲁木齐"),
    ],
)
def test_spellings_of_a_name_are_alike(one: str, other: str) -> None:
    assert alike(one) == alike(other)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_likeness_knows_no_spaces_and_isolation_changes_no_letter(text: str) -> None:
    assert alike(f" {text}\n") == alike(text)
    assert re.sub("</?bdi>", "", isolated(text)) == html.escape(escape_invisible(text))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("“ئۈرۈمچى شەھىرى”2次", "“<bdi>ئۈرۈمچى شەھىرى</bdi>”2次"),
        ("报告-ئۈرۈمچى-2.pdf", "报告-<bdi>ئۈرۈمچى</bdi>-2.pdf"),
        ("<b>ئۈرۈمچى</b>", "&lt;b&gt;<bdi>ئۈرۈمچى</bdi>&lt;/b&gt;"),
        ("Қазақ 汉字", "Қазақ 汉字"),
        ("\u202eئۈرۈمچى", "‹U+202E›<bdi>ئۈرۈمچى</bdi>"),
    ],
)
def test_words_from_right_to_left_are_shown_apart(text: str, shown: str) -> None:
    """Else the signs and figures beside them change places with them."""
    assert isolated(text) == shown


NAME = next(i for i, f in enumerate(CAMPAIGN.form.activities.fields) if f.name == "name")


def test_a_sheet_keeps_names_from_right_to_left() -> None:
    name = "ئۈرۈمچى پەن-تېخنىكا ھەپتىلىكى (2023)"
    checked = judged(dirt.written(edited(put(LIST, f"{chr(65 + NAME)}{FIRST}", name))))
    assert checked.verdict is Verdict.ACCEPTED
    assert checked.figures is not None
    assert checked.figures["activities"][0]["name"] == name


def test_an_activity_is_filled_in_twice_whatever_dot_its_name_has() -> None:
    book = edited()
    book[LIST][FIRST - 1][NAME] = "阿不都·热合曼讲科普"
    book[LIST][FIRST] = [*book[LIST][FIRST - 1]]
    book[LIST][FIRST][NAME] = "阿不都•热合曼讲科普"
    assert "statistics.duplicate_activity" in [f.rule for f in crossed(book)]


def test_an_ofd_in_uyghur_names_its_prefecture() -> None:
    campaign = CAMPAIGN.model_copy(
        update={"deliverables": [d.model_copy(update={"formats": [*d.formats, "ofd"]}) for d in CAMPAIGN.deliverables]}
    )
    data = ofd_samples.ofd(ofd_samples.page("ئۈرۈمچى شەھىرى 2023"))
    checked = check(Source("总结.ofd", len(data), lambda: io.BytesIO(data)), Kind.REPORT, campaign, URUMQI)
    assert (checked.verdict, checked.findings) == (Verdict.ACCEPTED, [])
