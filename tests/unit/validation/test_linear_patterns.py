"""Every regular expression takes time as its text is long, however ugly the text: one that does not stops everybody."""

from __future__ import annotations

import gc
import random
import re
import time
from functools import cache
from typing import Any

import pytest

from baosong.cli import chinese
from baosong.validation.common import file_safety, words
from baosong.validation.documents import quotes
from baosong.validation.sandbox.client import ResourceLimitExceeded
from baosong.validation.sandbox.programs import xlsx_cells
from baosong.validation.sandbox.time_limit import processor_time
from baosong.validation.statistics import expectations, units
from baosong.validation.statistics.choices import choices_of
from patterns import Found, all_patterns, ugly_texts
from sheet_help import CAMPAIGN

SIZE, MOST = 100_000, 0.050  # characters, and seconds of a processor
TRIES = 40  # a busy machine is not the pattern's fault

LETTER = ord(file_safety.MARK_LETTER)
MADE_LATER: dict[str, list[Any]] = {  # what makes patterns of values that only a call knows
    "choices: re.compile('|'.join(map(re.escape, sorted(self._words, key=len, reverse=True))) or '(?!)', 0)": [
        choices_of(f)._any_word for f in CAMPAIGN.form.activities.fields if f.choices
    ],
    "units: re.compile(f'(?:{names}){_STREET}', 0)": [
        units._pattern(tuple((n, p.code) for p in CAMPAIGN.prefectures for n in (p.name, *p.aliases, *p.counties)))[0]
    ],
    "quotes: re.compile('|'.join(shapes), 0)": [quotes._pattern(i) for i in CAMPAIGN.form.indicators.rows if i.quoted],
    "words: re.compile(_SPELLED % (ord(letter), ord(letter)), 0)": [words._SPELLED % (LETTER, LETTER)],
    "xlsx_cells: re.compile(p, 0)": xlsx_cells._patterns(
        {1: xlsx_cells.Style(2, "", False), 2: xlsx_cells.Style(0, '0"万"', False)}
    ),
    "chinese: re.compile(pattern, 0)": [pattern for pattern, _ in chinese._ERRORS],
    "expectations: pattern": [expectations.INTEGER, expectations.DATE, *map(expectations.decimal, (0, 2, 6))],
    "expectations: regex": [expectations.DATE],
}


@cache
def found() -> tuple[list[Found], list[str]]:
    return all_patterns(MADE_LATER)


def seconds_of(pattern: re.Pattern[Any], method: str, text: Any) -> float:
    gc.disable()  # whose own time is not the pattern's, and in whose callbacks no error may come up
    before = time.process_time()
    try:
        with processor_time(1):
            if method in ("sub", "subn"):
                getattr(pattern, method)(text[:0], text)
            elif method == "finditer":
                list(pattern.finditer(text))
            else:
                getattr(pattern, method)(text)
    except ResourceLimitExceeded:
        return 1
    finally:
        gc.enable()
    return time.process_time() - before


def test_no_pattern_of_the_sources_is_missed() -> None:
    patterns, unknown = found()
    assert unknown == [], "give what makes them in MADE_LATER"
    assert len(patterns) > 90


@pytest.mark.parametrize("part", range(8))
def test_every_pattern_is_linear(part: int) -> None:
    slow = []
    for each in found()[0][part::8]:
        methods = each.methods or {"match", "fullmatch", "search"}
        for text in ugly_texts(each.pattern, SIZE, random.Random(each.where)):
            given = text if isinstance(each.pattern.pattern, str) else text.encode()[:SIZE]
            for method in methods:
                spent = min_of(each, method, given)
                if spent > MOST:
                    slow.append(f"{each.where} {method} {spent:.3f} s: {each.pattern.pattern!r:.80} on {text[:30]!r}…")
    assert slow == []


def min_of(each: Found, method: str, text: Any) -> float:
    best = 1.0
    for _ in range(TRIES):
        best = min(best, seconds_of(each.pattern, method, text))
        if best <= MOST or best >= 0.5:
            break
    return best
