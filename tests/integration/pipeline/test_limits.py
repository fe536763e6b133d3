"""How many files a deliverable may have: the accepted ones stay, what comes beyond is sent back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pytest

import document_samples as p
from baosong.ledger import Filed, Ledger, LimitReached, State
from baosong.ledger.services import Services
from baosong.pipeline import archive, check, discover, manual_review
from baosong.preservation import records
from baosong.receipts.thumbnails import preview_key
from baosong.store.storage import StorageError
from intake_run import (
    CODE,
    Killed,
    audit,
    drop,
    finished,
    keys,
    killed_at,
    piece,
    receipts,
    rows,
    run,
    states,
)
from ledger_help import NOW, arrival, checked
from manual_review_help import lies_where_it_says, newest, run_unscanned, taking


def test_the_surplus_is_sent_back_and_the_accepted_stay(services: Services) -> None:
    few = taking(services, "press", 2)
    for text in "一二三":
        drop(services, piece(text), f"{text}.txt")
        run(few)
    assert states(services) == ["accepted", "accepted", "rejected"]
    assert (newest(services).bucket, len(keys(services, "archive", ".txt"))) == ("quarantine", 2)
    (file,) = receipts(services)[-1]["files"]
    (found,) = (f for f in file["findings"] if f["severity"] == "error")
    assert (found["rule"], found["message"]) == ("file.too_many", "媒体报道最多接收 2 个，已经收满，这一个没有接收。")
    assert "改成那个文件的名字" in found["fix"]
    assert finished(services)
    audit(services)


def test_in_a_full_deliverable_a_file_of_the_same_name_still_replaces_and_a_double_is_one(services: Services) -> None:
    few = taking(services, "press", 2)
    for name, text in (("一.txt", "一"), ("二.txt", "二"), ("一.txt", "改过"), ("三.txt", "二")):
        drop(services, piece(text), name)
        run(few)
    assert states(services) == ["superseded", "accepted", "accepted", "duplicate"]
    audit(services)


def test_of_one_drop_the_first_are_taken(services: Services) -> None:
    for n in range(5):
        drop(services, piece(str(n)), f"{n}.txt")
    run(taking(services, "press", 3))
    assert [r.state for r in sorted(rows(services), key=lambda r: r.id)] == ["accepted"] * 3 + ["rejected"] * 2
    audit(services)


def test_a_larger_number_in_the_campaign_file_lets_it_in(services: Services) -> None:
    for most in (1, 1, 2):
        drop(services, piece(str(len(rows(services)))), f"{len(rows(services))}.txt")
        run(taking(services, "press", most))
    assert states(services) == ["accepted", "rejected", "accepted"]


def test_a_photo_beyond_the_number_leaves_no_preview(services: Services) -> None:
    few = taking(services, "photo", 1)
    for n in (1, 2):
        drop(services, p.picture("JPEG", size=(1600, 1200 + n)), f"{n}.jpg", "照片")
        run(few)
    shown = [services.storage.stat("reports", preview_key("2023", CODE, row.id)) is not None for row in rows(services)]
    assert list(zip(states(services), shown, strict=True)) == [("accepted", True), ("rejected", False)]


def test_what_an_operator_releases_counts_too(services: Services) -> None:
    few = taking(services, "press", 1)
    drop(services, piece(), "一.txt")
    run_unscanned(few)
    drop(services, piece("二"), "二.txt")
    run(few)
    manual_review.release(few, rows(services)[0].id, "张三", "核实")
    manual_review.settle(few, rows(services)[0].id)
    assert states(services) == ["rejected", "accepted"]
    rules = [f["rule"] for f in rows(services)[0].findings]
    assert (rules[0], rules[-1]) == ("file.released", "file.too_many")
    assert all(lies_where_it_says(services, row) for row in rows(services))


# --- two runs at once


def test_the_ledger_takes_no_more_however_many_file_at_once(ledger: Ledger) -> None:
    ids = [checked(ledger, arrival(name=f"{n}.jpg")) for n in range(8)]

    def file(number: int) -> State | str | None:
        try:
            return ledger.file(number, Filed(f"sha{number}", "archive", f"key{number}", NOW), 3)
        except LimitReached:
            return "full"

    with ThreadPoolExecutor(8) as pool:
        assert Counter(pool.map(file, ids)) == {State.ACCEPTED: 3, "full": 5}
    assert [ledger.submission(i).sha256 for i in ids].count(None) == 5, "who is turned away is left as it was"


@contextmanager
def everybody(*_: object, **__: object) -> Iterator[bool]:
    """Stand in for a claim that each run believes to be its own."""
    yield True


def test_runs_that_do_not_see_each_other_take_no_more_together(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ledger, "advisory_lock", everybody)
    for n in range(6):
        drop(services, piece(str(n)), f"{n}.txt")
    discover.find_new(services)
    check.check(services, "2023", CODE)
    few = [taking(Services.open(services.settings), "press", 2) for _ in range(3)]

    def archive_all(one: Services) -> None:
        with suppress(StorageError):  # the store may refuse two writers of one object; a task would be repeated
            archive.archive(one, "2023", CODE)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(archive_all, few))
    run(taking(services, "press", 2))
    assert Counter(states(services)) == {"accepted": 2, "rejected": 4}
    assert finished(services)
    assert all(lies_where_it_says(services, row) for row in rows(services))
    assert keys(services, "archive", ".txt") == sorted(
        r.archive_key or "" for r in rows(services) if r.state == "accepted"
    )
    for one in few:
        one.ledger.close()


@pytest.mark.parametrize("effect", ["refuse", "discard"])
def test_a_copy_that_lost_the_last_place_does_not_stay_in_the_archive(
    services: Services, effect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last place goes while the copy is made, and the process ends before the copy is taken back."""
    few = taking(services, "press", 1)
    drop(services, piece("一"), "一.txt")
    run(few)
    drop(services, piece("二"), "二.txt")
    discover.find_new(few)
    check.check(few, "2023", CODE)
    asked = Ledger.destination
    owner = Ledger if effect == "refuse" else records
    with monkeypatch.context() as patch:
        patch.setattr(owner, effect, killed_at(getattr(owner, effect), after=False))
        patch.setattr(
            Ledger, "destination", lambda *a: asked(*a[:-1], 9 if not keys(services, "archive", "二.txt") else 1)
        )
        with pytest.raises(Killed):
            archive.archive(few, "2023", CODE)
    assert len(keys(services, "archive", ".txt")) == 2
    run(few)
    assert states(services) == ["accepted", "rejected"]
    audit(services)
