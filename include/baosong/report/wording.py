"""Numbers and dates in the report's words: in 万 with at most two decimals in the text, exact in tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from baosong.campaign.form import Indicator
from baosong.report.consolidation import exact
from baosong.rules.renderer import Renderer
from baosong.rules.words import strip_control

NOTHING = "—"
render = Renderer("baosong.report", strip_control=lambda text: strip_control(str(text)))
"""Fills in the templates of this package."""


def amount_text(value: Decimal, unit: str = "") -> str:
    """Return a number with its unit as a sentence has it: 12.35万人次, 1.2亿元, 268项."""
    in_wan = unit.startswith("万")  # amounts in 万元 never become 万万元
    words = ("", "亿") if in_wan else ("", "万", "亿")
    step, shown = 0, rounded(value, 2)
    while abs(shown) >= 10**4 and step + 1 < len(words):
        step += 1
        shown = rounded(value / 10 ** (4 * step), 2)
    text = f"{shown:f}"
    trimmed = text.rstrip("0").rstrip(".") if "." in text else text
    return trimmed + words[step] + (unit[1:] if in_wan and step else unit)


def rounded(value: Decimal, digits: int) -> Decimal:
    """Return a number rounded half up."""
    return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def share(part: Decimal | None, whole: Decimal | None) -> str:
    """Return the share of `part` in `whole` in percent with one decimal; a dash where the whole is missing or 0."""
    return f"{rounded((part or Decimal(0)) * 100 / whole, 1)}%" if whole else NOTHING


def exact_text(value: Decimal | None, indicator: Indicator) -> str:
    """Return an exact figure with grouped thousands; a dash where it was not stated."""
    shown = exact(value, indicator)
    return NOTHING if shown is None else f"{shown:,}"


def group_thousands(number: str) -> str:
    """Return the text of a number with grouped thousands; any other text is returned unchanged."""
    whole, dot, rest = number.partition(".")
    return f"{int(whole):,}{dot}{rest}" if whole.isdecimal() else number


def date_text(when: date) -> str:
    """Return a date in words, 2023年5月20日."""
    return f"{when.year}年{when.month}月{when.day}日"


def minute_text(when: datetime) -> str:
    """Return a local time in words, 2023年6月1日16时05分."""
    return f"{date_text(when)}{when.hour}时{when.minute:02d}分"


def dates_text(start: date | None, end: date | None) -> str:
    """Return the dates of an activity, 5月21日至22日."""
    if start is None:
        return NOTHING
    first = f"{start.month}月{start.day}日"
    if end is None or end == start:
        return first
    return f"{first}至{'' if end.month == start.month else f'{end.month}月'}{end.day}日"


def first_names(names: Sequence[str]) -> str:
    """Return joined names whose number was just said, of more than four the first three: a table has them all."""
    return "、".join(names[:4]) if len(names) <= 4 else f"{'、'.join(names[:3])}等"


def join_names(names: list[str], most: int = 40) -> str:
    """Return joined names; of more than `most` only the first ones, followed by the number of all."""
    return "、".join(names[:most]) + (f"等{len(names)}个" if len(names) > most else "")
