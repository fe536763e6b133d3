"""A DTD is seen wherever it may stand, and nothing else is taken for one."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baosong.validation.common.dtd import declares_dtd

CODES = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
# What may stand before the first element; a comment's text may look like anything but its own end.
NOISE = st.sampled_from(["<!DOCTYPE d>", "<a>", "-- >", "?", ">", "㸭㰭⴮", "空" * 3000, "x" * 5000, " "])
COMMENT = st.lists(NOISE, max_size=6).map(lambda parts: f"<!--{''.join(parts).replace('--', '- ')}-->")
INSTRUCTION = st.lists(NOISE, max_size=3).map(lambda parts: f"<?note {''.join(parts).replace('?>', '')}?>")
BEFORE = st.lists(st.one_of(COMMENT, INSTRUCTION, st.sampled_from(["\n", "  "])), max_size=5).map("".join)


def declared(xml: str, code: str = "utf-8") -> bool:
    return declares_dtd(io.BytesIO(xml.encode(code)).read)


@given(BEFORE, CODES)
def test_a_dtd_is_seen_whatever_stands_before_it(before: str, code: str) -> None:
    assert declared(f'<?xml version="1.0"?>{before}<!DOCTYPE d SYSTEM "x"><d/>', code)


@pytest.mark.parametrize("code", ["utf-8", "utf-16-le", "utf-16-be"])
def test_a_blank_before_all_else_hides_none(code: str) -> None:
    assert declared("\n<!DOCTYPE d><d/>", code)


@given(BEFORE, CODES)
def test_what_only_looks_like_one_is_none(before: str, code: str) -> None:
    assert not declared(f'<?xml version="1.0"?>{before}<d><![CDATA[<!DOCTYPE d>]]><!-- <!DOCTYPE d> --></d>', code)


@pytest.mark.parametrize("xml", ["", "<", "<!", "<!-", "<!--", "<?", "no xml", "<a/>", "<!-- no end <!DOCTYPE"])
def test_an_end_that_comes_early_declares_nothing(xml: str) -> None:
    assert not declared(xml)
