"""Dates as people write them: 2023.5.20, 5月20日, 5月20日-22日, 5.20 that became 5.2, serials, 20230520."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from baosong.rules.catalogue import phrase
from baosong.validation.statistics.numbers import NONES, Raw, fold

LONGEST = 60
EPOCH = date(1899, 12, 30)
SERIALS = range(36526, 73051)  # 2000 to 2100, as a workbook counts days

_YEAR_FIRST = re.compile(r"(?P<y>20\d\d|\d\d)[-./年,、。](?P<m>\d{1,2})[-./月,、。](?P<d>\d{1,2})[日号]?")
_COMPACT = re.compile(r"(?P<y>20\d\d)(?P<m>\d\d)(?P<d>\d\d)")
_YEAR_LAST = re.compile(r"(?P<m>\d{1,2})[-/](?P<d>\d{1,2})[-/](?P<y>20\d\d|\d\d)")
_NO_YEAR = re.compile(r"(?P<m>\d{1,2})[-./月。](?P<d>\d{1,2})[日号]?")
_DAY = re.compile(r"(?P<d>\d{1,2})[日号]?")
_WEEKDAY = re.compile(r"[(]?(?:星期|礼拜|周)[一二三四五六日天末]+[)]?")
_PERIOD = re.compile(
    r"凌晨|清晨|早晨|早上|上午|中午|正午|下午|傍晚|晚上|夜间|晚间|全天|当天|当日|北京时间|(?:早|晚)(?=[0-9])"
)
_MINUTES = r"(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?|[时点](?:[0-9]{1,2}分?|半|整)?)"
_CLOCK = re.compile(
    rf"(?:T| |(?<=[日号]))[0-9]{{1,2}}{_MINUTES}(?:Z|[+]08:00)?"
    rf"(?:[-~—–至到]{{1,4}}[0-9]{{1,2}}{_MINUTES}(?![0-9月./-]))?"
)
_REMARK = re.compile(r"[(][^()0-9]*(?:[0-9]{1,2}天[^()0-9]*)?[)]$")
_TRAILING = "-~—–至到 ,、.。;"
_SPOKEN = re.compile(r"[〇○零一二三四五六七八九十]{1,4}(?=[年月日号])")
_SPOKEN_DAY = re.compile(
    r"(?<=月)[一二三四五六七八九十]{1,3}(?=[-~—–至到、,])|(?<=[-~—–至到、,])[一二三四五六七八九十]{1,3}(?=[日号])"
)
_BETWEEN = re.compile(r"至|到|~|—+|–|-+")
_SEVERAL = re.compile(r"[、,;和及]")


class DateKind(StrEnum):
    """What a cell that should hold a date holds."""

    BLANK = "blank"
    DATE = "date"
    VAGUE = "vague"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class ParsedDate:
    """A day read from a cell; `last` is the end where the cell holds a span; `note` says what was understood."""

    value: date | None
    last: date | None
    kind: DateKind
    note: str | None = None


_BLANK = ParsedDate(None, None, DateKind.BLANK)
_INVALID = ParsedDate(None, None, DateKind.INVALID)


def parse_date(raw: Raw, start: date, end: date) -> ParsedDate:
    """Read a cell as a date; `start` and `end` are the campaign's days and decide the year and doubtful readings."""
    if isinstance(raw, datetime):
        return _one(raw.date())
    if isinstance(raw, date):
        return _one(raw)
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return _BLANK if raw is None else _INVALID
    if isinstance(raw, str):
        return _from_text(raw, start, end)
    return _from_number(raw, start, end)


def _one(day: date, note: str | None = None, kind: DateKind = DateKind.DATE) -> ParsedDate:
    return ParsedDate(day, day, kind, note)


def _from_number(raw: int | float, start: date, end: date) -> ParsedDate:
    if not math.isfinite(raw):
        return _INVALID
    if int(raw) in SERIALS:
        day = EPOCH + timedelta(days=int(raw))
        return _one(day, phrase("day.read_as", day=day))
    if raw == int(raw):
        return _from_text(str(int(raw)), start, end) if raw > 10**7 else _INVALID
    return _from_decimal(format(raw, ".6g"), start, end)


def _from_decimal(text: str, start: date, end: date) -> ParsedDate:
    """Read `5.2`, which may be what a workbook made of 5.20: only the campaign's days can tell."""
    month, _, day = text.partition(".")
    days = [d for d in (_day(start.year, month, day), _day(start.year, month, day + "0")) if d and len(day) <= 2]
    inside = [d for d in days if start <= d <= end]
    if len(days) == 1 or len(inside) == 1:
        found = (inside or days)[0]
        return _one(found, phrase("day.from_number", text=text, day=found), DateKind.VAGUE)
    return _INVALID


def _from_text(raw: str, start: date, end: date) -> ParsedDate:
    text = fold(raw[:LONGEST])
    if not text or text in NONES:
        return _BLANK
    text = re.sub(r"\s+", " ", text)
    if re.fullmatch(r"\d{1,2}\.\d", text):
        return _from_decimal(text, start, end)
    days = _days_alone(text)
    single = _single(days, start)
    if single is None and text.isdecimal() and int(text) in SERIALS:
        return _from_number(int(text), start, end)
    if single is not None:
        return _one(single, None if str(single.year) in text else phrase("day.read_as", day=single))
    for mark, kind, how in ((_BETWEEN, DateKind.DATE, "day.span"), (_SEVERAL, DateKind.VAGUE, "day.several")):
        for first, last in _spans(days, start, mark):
            if first <= last:
                return ParsedDate(first, last, kind, phrase(how, first=first, last=last))
    return _INVALID


def _days_alone(text: str) -> str:
    """Return a text without weekdays, times of day and remarks, its days in digits: 五月二十日上午10时 is 5月20日."""
    for words in (_WEEKDAY, _PERIOD):
        text = words.sub(" ", text)
    bare = _CLOCK.sub("", _REMARK.sub("", " ".join(text.split())))
    if bare != text:
        bare = bare.rstrip(_TRAILING)
    for spoken in (_SPOKEN, _SPOKEN_DAY):
        bare = spoken.sub(lambda found: _digits(found[0]), bare)
    return bare.replace(" ", "")


def _digits(spoken: str) -> str:
    """Return 二〇二三 as 2023 and 二十一 as 21."""
    if "十" not in spoken:
        return "".join(str("零一二三四五六七八九".index(c.replace("〇", "零").replace("○", "零"))) for c in spoken)
    tens, _, ones = spoken.partition("十")
    return f"{_digits(tens) if tens else 1}{_digits(ones[:1]) if ones else 0}"


def _single(text: str, start: date) -> date | None:
    text = text.removesuffix(".")
    for shape in (_YEAR_FIRST, _COMPACT, _YEAR_LAST):
        if match := shape.fullmatch(text):
            return _day(int(match["y"]), match["m"], match["d"])
    match = _NO_YEAR.fullmatch(text)
    return _day(start.year, match["m"], match["d"]) if match else None


def _spans(text: str, start: date, parting: re.Pattern[str]) -> Iterator[tuple[date, date]]:
    """Yield each reading of a text as a first and a last day, at each mark that could part them."""
    for mark in parting.finditer(text):
        first = _single(text[: mark.start()], start) or _open_ended(text[: mark.start()], start)
        rest = text[mark.end() :]
        if first is None:
            continue
        last = _single(rest, date(first.year, 1, 1))
        day = _DAY.fullmatch(rest)
        if last is None and day:
            last = _day(first.year, str(first.month), day["d"])
        if last is not None:
            yield first, last


def _open_ended(text: str, start: date) -> date | None:
    """Return the day of `5月20`, whose 日 follows after the span's end."""
    return _single(f"{text}日", start) if "月" in text and not text.endswith(("日", "号", "月")) else None


def _day(year: int, month: str, day: str) -> date | None:
    try:
        return date(year + 2000 if year < 100 else year, int(month), int(day))
    except ValueError:
        return None
