"""How the report's text says numbers and days: in 万 with at most two decimals; tables write them exactly."""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from baosong.campaign.form import Indicator
from baosong.report.consolidation import exact

NOTHING = "—"


def said(value: Decimal, unit: str = "") -> str:
    """Return a number with its unit as a sentence says it: 12.35万人次, 1.2亿元, 268项."""
    in_wan = unit.startswith("万")  # amounts in 万元 never become 万万元
    words = ("", "亿") if in_wan else ("", "万", "亿")
    step, shown = 0, rounded(value, 2)
    while abs(shown) >= 10**4 and step + 1 < len(words):
        step += 1
        shown = rounded(value / 10 ** (4 * step), 2)
    return trimmed(shown) + words[step] + (unit[1:] if in_wan and step else unit)


def rounded(value: Decimal, digits: int) -> Decimal:
    """Return a number rounded half up, as people do."""
    return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def trimmed(value: Decimal) -> str:
    """Return a number without needless zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def share(part: Decimal | None, whole: Decimal | None) -> str:
    """Return a part of a whole in percent with one decimal; a dash where there is no whole."""
    return f"{rounded((part or Decimal(0)) * 100 / whole, 1)}%" if whole else NOTHING


def tabled(value: Decimal | None, indicator: Indicator) -> str:
    """Return a figure exactly, its thousands grouped; a dash where nobody stated it."""
    shown = exact(value, indicator)
    return NOTHING if shown is None else f"{shown:,}"


def grouped(number: str) -> str:
    """Return a number's text with its thousands grouped; what is no number as it is."""
    whole, dot, rest = number.partition(".")
    return f"{int(whole):,}{dot}{rest}" if whole.isdecimal() else number


def day(when: date) -> str:
    """Return a day in words, 2023年5月20日."""
    return f"{when.year}年{when.month}月{when.day}日"


def minute(when: datetime) -> str:
    """Return a local moment in words, 2023年6月1日16时05分."""
    return f"{day(when)}{when.hour}时{when.minute:02d}分"


def days(start: date | None, end: date | None) -> str:
    """Return the days of an activity, 5月21日至22日."""
    if start is None:
        return NOTHING
    first = f"{start.month}月{start.day}日"
    if end is None or end == start:
        return first
    return f"{first}至{'' if end.month == start.month else f'{end.month}月'}{end.day}日"


def listed(names: list[str], most: int = 40) -> str:
    """Return names in a row; of more than `most` the first ones and how many there are."""
    return "、".join(names[:most]) + (f"等{len(names)}个" if len(names) > most else "")
