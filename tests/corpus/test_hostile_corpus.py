"""Hundreds of hostile and damaged files through the one door: none raises, none costs too much, each is told."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from baosong.rules.findings import Checked, Finding, Kind, Severity, Verdict
from baosong.store.source import Source
from baosong.validation.check import check
from baosong.validation.sandbox import client
from hostile_makers import FAMILIES, Case, corpus
from hostile_makers.case import the_campaign

FEWEST = 600
MOST_SECONDS, MOST_KIB = 60.0, 1 << 20
ENDLESS, IMPATIENT = {"file.too_costly"}, 2  # what takes minutes uses up any limit, and this one soon


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, float]]:
    """What the sandbox says of each child's end."""
    real, told = client._judged, []

    def judged(answer: bytes, status: bytes, seconds: int) -> bytes:
        told.append(json.loads(status))
        return real(answer, status, seconds)

    monkeypatch.setattr(client, "_judged", judged)
    return told


@pytest.mark.timeout(900)  # on a busy machine a family takes minutes, which must decide nothing
@pytest.mark.parametrize("family", FAMILIES)
def test_every_file_of_a_hostile_family_is_answered_in_words(
    family: str, children: list[dict[str, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two at a time, but for the sheets, whose check is not made for threads, and for what takes all it may have."""
    cases = list(FAMILIES[family]())
    alone = [case for case in cases if case.kind is Kind.STATISTICS and case.rules != ENDLESS]
    endless = [case for case in cases if case.rules == ENDLESS]
    with ThreadPoolExecutor(2) as pool:
        wrong = list(pool.map(what_is_wrong, (case for case in cases if case not in alone and case not in endless)))
    wrong += map(what_is_wrong, alone)
    with monkeypatch.context() as patch:
        patch.setitem(client.run.__kwdefaults__, "seconds", IMPATIENT)
        wrong += map(what_is_wrong, endless)
    assert [line for lines in wrong for line in lines] == []
    assert len(wrong) == len(cases)
    assert children
    assert max(child["kib"] for child in children) <= MOST_KIB
    assert max(child["seconds"] for child in children) <= client.SECONDS + 3


def what_is_wrong(case: Case) -> list[str]:
    """Return what is wrong with the answer to a case: a line for each fault, none for a good answer."""
    data, began = case.make(), time.monotonic()
    source = Source(case.name, len(data), lambda: io.BytesIO(data))
    try:
        checked = check(source, case.kind, the_campaign(), the_campaign().prefecture("6501"))
    except Exception as raised:
        return [f"{case.title}: raised {raised!r}"]
    seconds = time.monotonic() - began
    return [f"{case.title}: {fault}" for fault in faults_of(case, checked, seconds)]


def faults_of(case: Case, checked: Checked, seconds: float) -> Iterator[str]:
    said = {finding.rule for finding in checked.findings}
    if seconds >= MOST_SECONDS:
        yield f"took {seconds:.0f} s"
    if case.rules and not said & case.rules:
        yield f"said {said}, not {set(case.rules)}"
    if checked.verdict is not Verdict.ACCEPTED and not checked.findings:
        yield "sent back without a word"
    for finding in checked.findings:
        if not speaks_plainly(finding):
            yield f"no words for people: {finding}"


def speaks_plainly(finding: Finding) -> bool:
    """Whether a finding is told in Chinese, says what to do, and holds nothing that does not print."""
    printable = all(text.isprintable() for text in (finding.message, finding.observed, finding.expected))
    advises = bool(finding.fix) or finding.severity is Severity.NOTE
    return printable and advises and any("\u4e00" <= c <= "\u9fff" for c in finding.message)


def test_there_are_hundreds_of_them() -> None:
    cases = corpus()
    assert len({case.title for case in cases}) == len(cases) >= FEWEST
    assert len([case for case in cases if case.rules]) >= FEWEST // 4
