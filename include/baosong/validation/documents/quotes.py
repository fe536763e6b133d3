"""The totals that a summary report tells in its sentences, so that they can be held against the statistics sheet.

A report is prose full of numbers, most of them about one event. Only sentences that sum up (共、累计、全市……) are
read, and a figure counts as told right if any of them agrees with it: a false alarm would cost more than a miss.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import Any

from baosong.campaign.form import Form, Indicator
from baosong.validation.statistics.numbers import format_decimal, parse_number
from baosong.validation.statistics.tables import key

_SUMS_UP = re.compile(r"累计|总计|合计|全市|全州|全区|全地区|全系统|期间|各县")
_PERHAPS = re.compile(r"(?<![公一])共(?![同青产享建和识])")
_ONE_EVENT = re.compile(r"现场|当天|当日|当场|专题|讲座|仪式")
_ELSEWHERE = re.compile(r"其中|平均|每|去年|上年|往年|同比|预计|计划|拟|目标")
_SENTENCE = re.compile(r"[。!?]")
_CLAUSE = re.compile(r",(?!\d{3})|[、:;]")
_NUMBER = (
    r"(?P<said>(?P<vague>约|近|超过|超|逾|达到|达)?+(?P<digits>\d{{1,3}}(?:,\d{{3}}){{1,4}}+|\d{{1,12}}+(?:\.\d{{1,4}}+)?+)"
    r"(?P<power>[万亿]?)(?P<more>[余多]?)(?P<later>万?)(?:{units}))"
)
_POWERS = {"": 0, "万": 4, "亿": 8}
MOST_QUOTES = 40
LONGEST_CLAUSE = 200
LONGEST = 500_000  # letters of a report that are looked at; real ones have some thousands


@dataclass(frozen=True, slots=True)
class Quote:
    """A figure told in a report: of which indicator, in the form's unit, how finely (`step`), and in which words."""

    code: str
    value: Decimal
    step: Decimal
    said: str

    def agrees(self, figure: Decimal) -> bool:
        """Return whether the words fit a figure: 12.8万 fits all that round to it, 3万余 all up to 4万."""
        return abs(self.value - figure) < self.step

    def as_json(self) -> dict[str, str]:
        """Return the quote as JSON values."""
        return {k: format_decimal(v) if isinstance(v, Decimal) else v for k, v in asdict(self).items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Quote:
        """Rebuild a quote from `as_json`."""
        return cls(data["code"], Decimal(data["value"]), Decimal(data["step"]), data["said"])


def quotes(text: str, form: Form) -> list[Quote]:
    """Return the totals told in a report's text, at most `MOST_QUOTES`; each wording once."""
    lines = unicodedata.normalize("NFKC", text[:LONGEST]).splitlines()
    told = [spec for spec in form.indicators.rows if spec.quoted]
    found = [*_tabled(lines, form.indicators.rows), *_in_sentences(lines, told)]
    return list(dict.fromkeys(found))[:MOST_QUOTES]


def _tabled(lines: list[str], specs: Iterable[Indicator]) -> Iterator[Quote]:
    """Yield the figures of a table of indicators: a document's text has its cells one a line, name before number."""
    names = {key(label): spec for spec in specs for label in spec.labels}
    for name, number in pairwise(_squeezed(line) for line in lines):
        spec = names.get(key(name)) if name else None
        parsed = parse_number(number, spec.unit) if spec else None
        if spec and parsed and parsed.value is not None and parsed.exact:
            yield Quote(spec.code, parsed.value, _last_place(number), f"{name} {number}")


def _last_place(number: str) -> Decimal:
    return Decimal(1).scaleb(-len(number.partition(".")[2]))


def _in_sentences(lines: list[str], specs: list[Indicator]) -> Iterator[Quote]:
    for line in lines:
        for sentence in _SENTENCE.split(line):
            if _SUMS_UP.search(sentence) or (_PERHAPS.search(sentence) and not _ONE_EVENT.search(sentence)):
                for clause in _CLAUSE.split(_squeezed(sentence)):
                    if not _ELSEWHERE.search(clause):
                        yield from _in_clause(clause, specs)


def _in_clause(clause: str, specs: list[Indicator]) -> Iterator[Quote]:
    """Yield what a clause tells; one without digits, as most are, is left at once, and so is what no one wrote."""
    if len(clause) > LONGEST_CLAUSE or not any(c.isdecimal() for c in clause):
        return
    for spec in specs:
        for match in _pattern(spec).finditer(clause):
            if (quote := _quote(spec, match)) is not None:
                yield quote


@cache
def _pattern(spec: Indicator) -> re.Pattern[str]:
    assert spec.quoted is not None  # noqa: S101 only such indicators are asked
    before, after, units = (_any_of(words) for words in (spec.quoted.before, spec.quoted.after, spec.quoted.units))
    number = _NUMBER.format(units=units)
    shapes = [rf"(?:{before})(?=[^\d,]{{0,9}}\d)[^\d,]{{0,6}}?{number}"] if before else []
    if after:
        shapes.append(rf"(?<!\d){_unnamed(number)}[^\d,]{{0,2}}(?:{after})")
    return re.compile("|".join(shapes))


def _any_of(words: Iterable[str]) -> str:
    """Return the pattern of any of the form's words: they are words, whatever signs they hold."""
    return "|".join(re.escape(unicodedata.normalize("NFKC", word)) for word in words)


def _unnamed(pattern: str) -> str:
    """Return the pattern with its groups under second names, as one expression may use a name only once."""
    return re.sub(r"\?P<(\w+)>", r"?P<\g<1>2>", pattern)


def _quote(spec: Indicator, match: re.Match[str]) -> Quote | None:
    part = {name.rstrip("2"): text for name, text in match.groupdict().items() if text is not None}
    parsed = parse_number(part["said"], spec.unit)
    digits = part["digits"].replace(",", "")
    if parsed.value is None or not Decimal(digits):
        return None
    step = _last_place(digits).scaleb(_POWERS[part["power"]] + _POWERS[part["later"]])
    if part.get("vague") or part["more"]:
        step = step.scaleb(len(digits) - len(digits.rstrip("0")) if "." not in digits else 0)
    written = Decimal(digits).scaleb(_POWERS[part["power"]] + _POWERS[part["later"]])
    return Quote(spec.code, parsed.value, step * parsed.value / written, match[0])


def _squeezed(text: str) -> str:
    return "".join(text.split())
