"""How the report says numbers and days."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from baosong.report.wording import amount_text, dates_text, join_names, share


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        ("0", "项", "0项"),
        ("268", "项", "268项"),
        ("9999", "人次", "9999人次"),
        ("10000", "人次", "1万人次"),
        ("123450", "人次", "12.35万人次"),
        ("516028", "人次", "51.6万人次"),
        ("123456789", "人次", "1.23亿人次"),
        ("99999949", "人次", "9999.99万人次"),
        ("99999950", "人次", "1亿人次"),
        ("1234567890123", "元", "12345.68亿元"),
        ("9999.995", "万元", "1亿元"),
        ("524.32", "万元", "524.32万元"),
        ("70.00", "万元", "70万元"),
        ("23456.78", "万元", "2.35亿元"),
        ("18.785", "项", "18.79项"),
    ],
)
def test_numbers_in_sentences_have_at_most_two_decimals(value: str, unit: str, words: str) -> None:
    assert amount_text(Decimal(value), unit) == words


def test_shares_round_half_up_and_know_nothing_of_nothing() -> None:
    assert share(Decimal("12.25"), Decimal(100)) == "12.3%"
    assert share(None, Decimal(5)) == "0.0%"
    assert share(Decimal(5), Decimal(0)) == share(Decimal(5), None) == "—"


def test_days_are_said_without_needless_months() -> None:
    assert dates_text(date(2023, 5, 21), date(2023, 5, 21)) == "5月21日"
    assert dates_text(date(2023, 5, 21), date(2023, 5, 22)) == "5月21日至22日"
    assert dates_text(date(2023, 5, 31), date(2023, 6, 1)) == "5月31日至6月1日"
    assert dates_text(None, None) == "—"


def test_long_lists_of_names_end_in_their_number() -> None:
    assert join_names(["甲", "乙"]) == "甲、乙"
    assert join_names(["甲", "乙", "丙"], 2) == "甲、乙等3个"
