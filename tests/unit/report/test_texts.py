"""Texts of prefectures in the workbook."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from baosong.report.xlsx.sheet import Table
from baosong.rules.words import strip_control


@settings(max_examples=100, deadline=None)
@given(st.text(st.one_of(st.sampled_from(list("=+-@\t\r\n\x00\x0b\x1f'\ufffe\ud800")), st.characters()), max_size=30))
def test_any_text_comes_back_as_text_without_what_xml_forbids(text: str) -> None:
    book = Workbook()
    Table(book.worksheets[0]).put(1, 1, text)
    raw = BytesIO()
    book.save(raw)
    cell = load_workbook(raw).worksheets[0]["A1"]
    assert cell.data_type == ("s" if strip_control(text) else "n")
    assert cell.value == (strip_control(text) or None)
    assert bool(cell.quotePrefix) == strip_control(text).startswith(("=", "+", "-", "@", "\t"))


@pytest.mark.parametrize("text", ["", "正常", "多\n行"])
def test_ordinary_text_is_left_as_it_is(text: str) -> None:
    assert strip_control(text) == text
