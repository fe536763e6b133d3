"""No text that is sent keeps a processor busy: patterns take as long as it is long, and a limit stands behind them."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baosong.receipts.annotated_workbook import book
from baosong.report import excerpt
from baosong.rules.findings import Verdict
from baosong.validation import check
from baosong.validation.common import active_content, file_safety
from baosong.validation.documents import quotes
from baosong.validation.sandbox import client
from baosong.validation.sandbox.time_limit import processor_time
from baosong.validation.statistics import numbers, reader, statistics
from baosong.validation.statistics.dates import parse_date
from baosong.validation.statistics.rows import aside_words
from baosong_local.samples import dirt
from sheet_help import CAMPAIGN, FIRST, LIST, TOTALS, edited, judged, put

UGLY_NUMBERS = [
    "共计" * 29 + "？",
    "共计" * 30,
    "共计:" * 19 + "x",
    "达到达" * 19 + "-x",
    "约有约" * 19 + "１x",
    "1" * 58 + "?x",
    "一万" * 29 + "?x",
    "1 " * 29 + "?x",
    "1余" + "左右上下" * 14 + "x",
    "1" + "余" * 57 + "(",
]
LONG = 200_000
UGLY_TEXTS: dict[str, Callable[[], object]] = {
    "a note's number": lambda: aside_words(CAMPAIGN.form).is_any("注" + " " * LONG + "x"),
    "a mark in a name": lambda: file_safety.is_marked_name("（绝密" + " " * LONG + "x"),
    "relationships without end": lambda: active_content._RELATION.findall(b"<Relationship " * LONG),
    "instructions without end": lambda: active_content._DDE.search(b"<w:instrText " * LONG),
    "a sentence without end": lambda: excerpt.passages_of("科" * LONG),
    "a formula of brackets": lambda: book.reaches_out("[a.a" * LONG),
    "a signature in a long cell": lambda: list(reader._signed("填报人：" + "张 " * LONG + "：x", {"填报人": "a"})),
    "a number in a long cell": lambda: numbers.parse_number("1" * LONG + "x", "人次"),
    "a date in a long cell": lambda: parse_date("5月20日 - " * LONG, date(2023, 5, 20), date(2023, 5, 31)),
    "figures of a report": lambda: quotes.quotes("全市累计" + "1,111" * (LONG // 4), CAMPAIGN.form),
}


def seconds_of(work: Callable[[], object]) -> float:
    """Return the processor time of some work, which is given up where it takes without end."""
    before = time.process_time()
    try:
        with processor_time(10):
            work()
    except client.ResourceLimitExceeded:
        pass
    return time.process_time() - before


@pytest.mark.parametrize("text", UGLY_NUMBERS)
def test_no_short_text_takes_the_number_reader_long(text: str) -> None:
    assert len(text) <= numbers.LONGEST
    assert seconds_of(lambda: numbers.parse_number(text, "人次")) < 0.1


@pytest.mark.parametrize("name", UGLY_TEXTS)
def test_no_long_text_takes_a_pattern_more_than_its_length(name: str) -> None:
    UGLY_TEXTS[name]()  # once for what is imported and compiled at first use
    assert seconds_of(UGLY_TEXTS[name]) < 2


BEFORE = f"(?:(?:{numbers._PLAIN_BEFORE}|{numbers._VAGUE_BEFORE})[:]?)*"
WORDS = [
    *f"{numbers._PLAIN_BEFORE}|{numbers._VAGUE_BEFORE}|余|多|来|几|左右|上下|以上|以内|+".split("|"),
    *":1234567890.,零一二两十百千万亿萬 人次场元(/条)（近）。;-",
]


@given(st.lists(st.sampled_from(WORDS), max_size=14).map("".join))
def test_numbers_are_read_as_before_the_pattern_was_mended(text: str) -> None:
    """The old pattern tried again what it had read as words before the number; it never found another reading."""
    new = numbers._SHAPE.fullmatch(text)
    old = re.compile(numbers._SHAPE.pattern.replace("[:]?)*+)", "[:]?)*)").replace(" ]++)", " ]+)")).fullmatch(text)
    assert numbers._SHAPE.pattern.count(f"{BEFORE}+)") == 1
    assert (new and new.groupdict()) == (old and old.groupdict())


@given(st.text("绝密级（） 【】x", max_size=12))
def test_marks_are_known_as_before_their_pattern_was_mended(name: str) -> None:
    old = re.compile(file_safety.NAME_MARK.pattern.replace(r"\s*+(?:级\s*+)?", r"\s*级?\s*"))
    assert file_safety.is_marked_name(name) == (old.search(name) is not None)


@given(st.text("[]a.x", max_size=12))
def test_formulas_reach_out_as_before_their_pattern_was_mended(formula: str) -> None:
    old = re.compile(r"\[\d+\]|\[[^\]]*\.\w+\]")
    assert book.reaches_out(formula) == (old.search(formula) is not None)


@given(st.text("科技。！", max_size=30))
def test_sentences_are_cut_as_before_their_pattern_was_mended(text: str) -> None:
    found = [sentence for sentence in excerpt._SENTENCE.findall(text) if sentence]
    assert found == re.findall(r"[^。！？]+[。！？]", text)


def test_a_sheet_with_such_a_cell_is_answered_promptly() -> None:
    cells = [put(TOTALS, "D5", UGLY_NUMBERS[0]), put(LIST, f"J{FIRST}", "共计" * 29 + "?x")]
    content = dirt.written(edited(*cells))
    judged(dirt.written(edited()))  # once for what is imported at first use
    before = time.process_time()
    checked = judged(content)
    assert time.process_time() - before < 2
    assert checked.verdict is Verdict.REJECTED
    assert {"file.too_costly", "file.crash"}.isdisjoint(f.rule for f in checked.findings)


def test_a_check_that_burns_its_time_in_this_process_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cells are judged here and not in a child; whatever they cost ends in an answer, not in a retried task."""
    monkeypatch.setattr(client, "SECONDS", 1)
    monkeypatch.setattr(statistics, "normalise", lambda *_: re.fullmatch("(a|aa)*b", "a" * 60))
    handler = signal.getsignal(signal.SIGPROF)
    checked = judged(dirt.written(edited()))
    (finding,) = checked.findings
    assert (checked.verdict, finding.rule) == (Verdict.HELD, "file.too_costly")
    assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)
    assert signal.getsignal(signal.SIGPROF) == handler


def test_nobody_swallows_the_end_of_the_time() -> None:
    """A library may note any exception as a finding of its own, and may go on even after this one, for a while."""

    def deaf() -> None:
        for _ in range(3):
            try:
                re.fullmatch("(a|aa)*b", "a" * 60)
            except Exception:
                return

    with pytest.raises(client.ResourceLimitExceeded), processor_time(0.1):
        deaf()


def test_time_that_is_not_used_up_is_not_felt() -> None:
    with processor_time(30):
        assert signal.getitimer(signal.ITIMER_PROF)[0] > 0
    assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)


def test_a_thread_is_not_called_and_disturbs_nobody() -> None:
    def inside() -> tuple[float, float]:
        with processor_time(0.01):
            assert threading.current_thread() is not threading.main_thread()
            return signal.getitimer(signal.ITIMER_PROF)

    with ThreadPoolExecutor(1) as beside:
        assert beside.submit(inside).result() == (0, 0)


def test_the_check_is_what_has_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[float] = []
    real = check._check

    def asked(*arguments: object) -> object:
        left.append(signal.getitimer(signal.ITIMER_PROF)[0])
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(check, "_check", asked)
    judged(dirt.written(edited()))
    assert 0 < left[0] <= client.SECONDS + 0.1
