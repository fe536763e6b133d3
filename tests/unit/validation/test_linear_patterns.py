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

SIZE, QUICK, MOST = 25_000, 0.005, 0.5  # characters, and seconds
SHORTER, MORE = (
    8,
    3,
)  # eight texts of an eighth take a linear pattern as long as one whole, a quadratic one an eighth of it
TRIES, LIMIT, ENOUGH = 20, 0.6, 2  # at most; seconds; tries that all reach them, which no slow machine explains

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


def seconds_of(pattern: re.Pattern[Any], method: str, text: Any, times: int = 1) -> float:
    gc.disable()  # whose own time is not the pattern's, and in whose callbacks no error may come up
    before = time.thread_time()  # what others take of the processor meanwhile is not ours
    try:
        with processor_time(LIMIT):
            for _ in range(times):
                if method in ("sub", "subn"):
                    getattr(pattern, method)(text[:0], text)
                elif method == "finditer":
                    list(pattern.finditer(text))
                else:
                    getattr(pattern, method)(text)
    except ResourceLimitExceeded:
        return LIMIT
    finally:
        gc.enable()
    return time.thread_time() - before


def test_no_pattern_of_the_sources_is_missed() -> None:
    patterns, unknown = found()
    assert unknown == [], "give what makes them in MADE_LATER"
    assert len(patterns) > 90


@pytest.mark.parametrize("part", range(8))
def test_every_pattern_is_linear(part: int) -> None:
    slow = []
    for each in found()[0][part::8]:
        texts, shorter = (ugly_texts(each.pattern, n, random.Random(each.where)) for n in (SIZE, SIZE // SHORTER))
        for text, short in zip(texts, shorter, strict=True):
            for method in each.methods or {"match", "fullmatch", "search"}:
                if not is_linear(each.pattern, method, text, short):
                    slow.append(f"{each.where} {method}: {each.pattern.pattern!r:.80} on {text[:30]!r}…")
    assert slow == []


def test_a_pattern_that_is_not_linear_is_told_from_a_slow_machine() -> None:
    digits = "1" * 8 * SIZE
    assert is_linear(re.compile(r"(\d)|(?=\d)(\d)"), "findall", digits, digits[:SIZE]), "which takes some 50 ms"
    digits = digits[:SIZE]
    for bad in (r"\d+x", r"(?:\d|\d\d)+x"):
        assert not is_linear(re.compile(bad), "search", digits, digits[: SIZE // SHORTER])


def is_linear(pattern: re.Pattern[Any], method: str, text: str, shorter: str) -> bool:
    """Tell whether the longer text's time is as its length: a limit in seconds alone would blame a slow machine."""
    long, short = (t if isinstance(pattern.pattern, str) else t.encode()[: len(t)] for t in (text, shorter))
    spent = expected = float("inf")
    for tried in range(1, TRIES + 1):
        spent = min(spent, seconds_of(pattern, method, long))
        if spent <= QUICK:
            return True
        expected = min(expected, seconds_of(pattern, method, short, SHORTER))
        if spent < min(MOST, MORE * expected):
            return True
        if tried >= ENOUGH and spent >= LIMIT:
            break
    return False
