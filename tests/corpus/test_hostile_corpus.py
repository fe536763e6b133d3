"""Hundreds of hostile and damaged files through the one door: none raises, none costs too much, each is told."""

from __future__ import annotations

import io
import json
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import NamedTuple

import pytest

from baosong.rules.findings import Checked, Kind, Severity, Verdict
from baosong.store.source import Source
from baosong.validation.check import check
from baosong.validation.sandbox import client
from hostile_makers import Case, corpus
from hostile_makers.case import the_campaign

# Everything is tried once, by one worker; on a busy machine that takes minutes, which must decide nothing.
pytestmark = [pytest.mark.xdist_group("hostile_corpus"), pytest.mark.timeout(900)]
FEWEST = 300
MOST_SECONDS, MOST_KIB = 60.0, 1 << 20
ENDLESS, IMPATIENT = {"file.too_costly"}, 2  # what takes minutes uses up any limit, and this one soon
CHILDREN: list[dict[str, float]] = []


class Outcome(NamedTuple):
    """What became of a case: the answer or what was raised, and the seconds it took."""

    checked: Checked | Exception
    seconds: float


@cache
def cases() -> dict[str, Case]:
    found = corpus()
    assert len({c.title for c in found}) == len(found)
    return {c.title: c for c in found}


def tried(case: Case) -> Outcome:
    data = case.make()
    source = Source(case.name, len(data), lambda: io.BytesIO(data))
    began = time.monotonic()
    try:
        checked: Checked | Exception = check(source, case.kind, the_campaign(), the_campaign().prefecture("6501"))
    except Exception as raised:
        checked = raised
    return Outcome(checked, time.monotonic() - began)


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    """Everything, once: two at a time, but for the sheets, whose check is not made for threads."""
    real = client._judged

    def judged(told: bytes, status: bytes, seconds: int) -> bytes:
        CHILDREN.append(json.loads(status))
        return real(told, status, seconds)

    sheets = [c for c in cases().values() if c.kind is Kind.STATISTICS]
    endless = [c for c in cases().values() if c.rules == ENDLESS]
    others = [c for c in cases().values() if c not in sheets and c not in endless]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "_judged", judged)
        with ThreadPoolExecutor(2) as pool:
            done = dict(zip([c.title for c in others], pool.map(tried, others), strict=True))
        done |= {c.title: tried(c) for c in sheets}
        patch.setitem(client.run.__kwdefaults__, "seconds", IMPATIENT)
        done |= {c.title: tried(c) for c in endless}
    return done


@pytest.mark.parametrize("title", cases())
def test_a_hostile_file_is_answered_in_words(title: str, outcomes: dict[str, Outcome]) -> None:
    checked, seconds = outcomes[title]
    assert isinstance(checked, Checked), checked
    assert seconds < MOST_SECONDS
    said = {f.rule for f in checked.findings}
    if cases()[title].rules:
        assert said & cases()[title].rules
    if checked.verdict is not Verdict.ACCEPTED:
        assert checked.findings
    for finding in checked.findings:
        assert any("\u4e00" <= c <= "\u9fff" for c in finding.message)
        assert finding.fix or finding.severity is Severity.NOTE
        assert all(text.isprintable() for text in (finding.message, finding.observed, finding.expected))


def test_there_are_hundreds_of_them() -> None:
    assert len(cases()) >= FEWEST
    assert len([c for c in cases().values() if c.rules]) >= FEWEST // 2


def test_no_child_took_more_than_it_may(outcomes: dict[str, Outcome]) -> None:
    assert len(CHILDREN) >= FEWEST
    assert max(child["kib"] for child in CHILDREN) <= MOST_KIB
    assert max(child["seconds"] for child in CHILDREN) <= client.SECONDS + 3
