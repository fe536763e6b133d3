"""What is made of a scanner's answers, and of none."""

from __future__ import annotations

import hashlib
import io

import pytest

from baosong.rules.findings import Checked, Finding, Kind, Severity, Verdict
from baosong.store.source import Source
from baosong.validation.common import antivirus
from baosong.validation.common.antivirus import ScannerDown, scan
from scanner import answering
from waiting import free_port

EVIL = b"not a virus, but known as one: " + hashlib.sha256(b"baosong").hexdigest().encode()


def source(data: bytes) -> Source:
    return Source("x", len(data), lambda: io.BytesIO(data))


def rule(found: Finding | None) -> str | None:
    return found.rule if found else None


def test_a_scanner_that_is_not_there_is_an_ill_system() -> None:
    for address in (f"127.0.0.1:{free_port()}", "unix:/nowhere/clamd.socket"):
        with pytest.raises(ScannerDown, match="clamd"):
            scan(source(b"x"), address)


@pytest.mark.parametrize(
    "answers",
    [
        (b"stream: Can't allocate memory ERROR\n",),
        (b"INSTREAM size limit exceeded. ERROR\n",),
        (b"stream: Heuristics.Limits.Exceeded.MaxScanTime FOUND\n",),
        (b"gibberish\n", b"PONG\n"),
        (b"\n", b"PONG\n"),
    ],
)
def test_whatever_is_no_plain_answer_is_not_clean(answers: tuple[bytes, ...]) -> None:
    with answering(*answers) as address:
        assert rule(scan(source(b"x"), address)) == "file.not_scanned"


def test_one_that_hangs_up_and_does_not_answer_again_is_down() -> None:
    with answering(b"gibberish\n", b"") as address, pytest.raises(ScannerDown):
        scan(source(b"x"), address)


def test_what_it_says_is_fit_to_keep() -> None:
    with answering(b"stream: <b>\x01Evil" + b"x" * 500 + b" FOUND\n") as address:
        found = scan(source(b"x"), address)
    assert found is not None
    assert found.observed.isprintable()
    assert len(found.observed) <= 80


@pytest.mark.parametrize(
    ("kind", "found", "verdict"),
    [
        (Kind.PHOTO, [], Verdict.HELD),
        (Kind.VIDEO, [], Verdict.ACCEPTED),
        (None, [], Verdict.HELD),
        (Kind.REPORT, [Finding("report.empty", Severity.ERROR, "")], Verdict.REJECTED),
    ],
)
def test_not_scanned_is_held_unless_it_is_a_film_or_wrong_anyway(
    kind: Kind | None, found: list[Finding], verdict: Verdict
) -> None:
    large = Source("x", antivirus.LARGEST + 1, lambda: io.BytesIO())
    answer = antivirus.checked(large, kind, "127.0.0.1:1", lambda: Checked(found))
    assert answer.verdict is verdict
    assert answer.findings[-1].rule == "file.not_scanned"


def test_where_none_is_configured_nothing_is_asked() -> None:
    answer = Checked()
    assert antivirus.checked(source(EVIL), Kind.PHOTO, "", lambda: answer) is answer
