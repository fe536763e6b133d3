"""A lost ledger comes back from archive and quarantine alone, row by row, whenever it was lost."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from baosong import archive, custody, journal, outbox, review
from baosong.campaign import Campaign
from baosong.ledger import Ledger, LedgerLost
from baosong.ledger.models import Base
from baosong.ledger.pages import Keep, Line
from baosong.ledger.rebuilding import DERIVED, TOLD
from baosong.rebuild import RebuildRefused, Rebuilt, rebuild
from baosong.report import write_report
from baosong.samples.sheets import make_sheet
from baosong.storage import Storage
from baosong.workdesk import Desk
from bundle_help import packed, send
from custody_help import lose, rich_history, tables, taken_back
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

pytestmark = pytest.mark.xdist_group("rebuild")


def again(desk: Desk, **how: Any) -> Rebuilt:
    return rebuild(desk, lambda *_: None, **how)


def pages(desk: Desk) -> list[str]:
    return [stored.key for stored in desk.storage.list("archive", "2023/") if archive.is_page(stored.key)]


def test_every_table_is_told_of_or_follows_from_what_is() -> None:
    serving = {"unwritten", "page", "expected", "crowd"}  # the last two: campaign files, the intake as it is
    assert set(TOLD) | set(DERIVED) | serving == set(Base.metadata.tables)


def test_a_dropped_ledger_comes_back_row_by_row_and_goes_on(desk: Desk, campaign: Campaign) -> None:
    rich_history(desk, campaign)
    before = tables(desk.ledger)
    assert all(before[name] for name in (*TOLD, *DERIVED) if name != "custody")
    assert {row["state"] for row in before["submission"]} == {
        *("accepted", "rejected", "held", "duplicate", "superseded", "withdrawn")
    }
    lose(desk)

    done = again(desk)

    assert (done.salvaged, done.faults, done.aside) == (0, [], None)
    assert tables(desk.ledger) == before
    there = [s.key for bucket in ("archive", "quarantine") for s in desk.storage.list(bucket)]
    verified = custody.verify(desk, None, custody.since(datetime.now(UTC)), lambda *_: None)
    of_the_report = 5 + 4  # its files and their copies
    objects = len(there) - len([key for key in there if f"{key}.json" in there])
    assert (verified.faults, verified.read) == ({}, objects + of_the_report)
    drop(desk, piece("后来"), "后来.txt")
    run(desk)
    assert max(row.id for row in rows(desk)) == max(row["id"] for row in before["submission"]) + 1
    assert finished(desk)


def test_a_rebuilt_ledger_can_be_lost_and_rebuilt_again(desk: Desk) -> None:
    for text_ in "一二":
        drop(desk, piece(text_))
        run(desk)
        before = tables(desk.ledger)
        lose(desk)
        again(desk)
        assert tables(desk.ledger) == before


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("where", "effect"),
    [
        (archive, "keep"),
        (archive, "write_record"),
        (journal, "write"),
        (outbox, "write_receipt"),
        (outbox, "write_status"),
        (review, "_empty_intake"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_ledger_lost_at_any_moment_loses_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, where: Any, effect: str, after: bool
) -> None:
    drop(desk, piece("先"), "链接.txt")
    run(desk)
    for name, data in (("链接.txt", piece("后")), ("空.txt", b"")):
        drop(desk, data, name)
    with monkeypatch.context() as dying:
        dying.setattr(where, effect, killed_at(getattr(where, effect), after))
        with pytest.raises(Killed):
            run(desk)
    lose(desk)
    again(desk)
    run(desk)
    assert sorted(states(desk)) == ["accepted", "rejected", "superseded"]
    assert finished(desk)
    audit(desk)


def test_no_receipts_number_is_given_twice(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Had the page come after the receipt, a ledger lost in between would answer somebody else with the same number."""
    drop(desk, piece("一"), "一.txt")
    with monkeypatch.context() as dying:
        dying.setattr(outbox, "write_status", killed_at(outbox.write_status, False))
        with pytest.raises(Killed):
            run(desk)
    told = receipts(desk)
    lose(desk)
    again(desk)
    drop(desk, piece("二"), "二.txt")
    run(desk)
    assert [(r["number"], [f["title"] for f in r["files"]]) for r in receipts(desk)][:1] == [
        (r["number"], [f["title"] for f in r["files"]]) for r in told
    ]
    assert [r["number"] for r in receipts(desk)] == [1, 2]


def test_a_blank_ledger_beside_a_journal_reviews_nothing_until_it_is_rebuilt(desk: Desk) -> None:
    """A new database must not number files and receipts from 1 again."""
    drop(desk, piece())
    run(desk)
    lose(desk)
    with desk.ledger.engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA public"))
    desk.ledger.migrate()
    drop(desk, piece("二"), "二.txt")
    with pytest.raises(LedgerLost, match="rebuild-ledger"):
        run(desk)
    assert (len(keys(desk, "intake")), rows(desk)) == (1, [])
    again(desk)
    run(desk)
    assert states(desk) == ["accepted", "accepted"]
    audit(desk)


def test_a_ledger_older_than_its_journal_answers_nobody(desk: Desk) -> None:
    """As a database restored from last week's dump would: its pages are there already, with other lines."""
    for text_ in "一二":
        drop(desk, piece(text_))
        run(desk)
    with desk.ledger.engine.begin() as connection:
        connection.execute(text("UPDATE page SET number = number - 1"))
    drop(desk, piece("三"))
    with pytest.raises(LedgerLost, match="--replace"):
        run(desk)
    assert (len(receipts(desk)), len(keys(desk, "intake"))) == (2, 1)


def test_a_ledger_in_use_is_not_touched_unless_told_and_then_kept_aside(desk: Desk) -> None:
    drop(desk, piece())
    run(desk)
    before = tables(desk.ledger)
    with pytest.raises(RebuildRefused, match="--replace"):
        again(desk)
    with desk.ledger.engine.begin() as connection:
        connection.execute(text("UPDATE submission SET name = '被改过'"))
        connection.execute(text("DELETE FROM unwritten"))

    done = again(desk, replace=True)

    assert tables(desk.ledger) == before
    with desk.ledger.engine.connect() as connection:
        assert connection.scalar(text(f"SELECT name FROM {done.aside}.submission")) == "被改过"


def test_a_ledger_with_tables_missing_is_rebuilt_and_what_was_left_kept_aside(desk: Desk) -> None:
    with desk.ledger.engine.begin() as connection:
        connection.execute(text("DROP TABLE activity"))
    assert again(desk).aside
    drop(desk, piece())
    run(desk)
    assert states(desk) == ["accepted"]


def test_a_database_shared_with_others_is_left_as_it_is(desk: Desk) -> None:
    drop(desk, piece())
    run(desk)
    with desk.ledger.engine.begin() as connection:
        connection.execute(text("CREATE TABLE somebody_elses (id int)"))
    with pytest.raises(RebuildRefused, match="somebody_elses"):
        again(desk, replace=True)
    assert states(desk) == ["accepted"]


def test_an_interrupted_rebuild_leaves_what_was_there(desk: Desk) -> None:
    drop(desk, piece())
    run(desk)
    before = tables(desk.ledger)

    def dies(*_: Any) -> None:
        raise Killed

    with pytest.raises(Killed):
        rebuild(desk, dies, replace=True)
    assert tables(desk.ledger) == before


def flip(storage: Storage, key: str) -> None:
    data = storage.read("archive", key)
    storage.put("archive", key, data.replace(b'"accepted"', b'"rejected"') if b'"accepted"' in data else b"{}")


@pytest.mark.parametrize("how", ["gone", "flipped"])
def test_what_a_lost_page_told_comes_from_the_records_and_the_fault_is_named(desk: Desk, how: str) -> None:
    for text_ in "一二三":
        drop(desk, piece(text_))
        run(desk)
    third = pages(desk)[2]
    if how == "gone":
        desk.storage.remove("archive", third)
    else:
        flip(desk.storage, third)
    lose(desk)
    done = again(desk)
    assert len(done.faults) == 1
    assert "日志" in done.faults[0]
    assert done.salvaged == 2
    run(desk)
    assert states(desk) == ["superseded", "superseded", "accepted"]
    assert finished(desk)
    assert [r["number"] for r in receipts(desk)] == [1, 2, 3, 4]
    (accepted,) = [row for row in rows(desk) if row.state == "accepted"]
    assert desk.storage.read("archive", accepted.archive_key or "") == piece("三")
    before = tables(desk.ledger)
    lose(desk)
    assert again(desk).faults == []  # the journal was mended
    assert tables(desk.ledger) == before


def test_an_archive_older_than_the_journal_is_rebuilt_from_its_records(desk: Desk, campaign: Campaign) -> None:
    for seed in (1, 2):
        sheet = make_sheet(campaign, campaign.prefecture(CODE), seed)
        drop(desk, sheet.content, sheet.name, "统计表")
        drop(desk, b"", f"{seed}.txt")
        run(desk)
    send(desk, packed({"媒体报道/一.txt": piece("包一"), "媒体报道/二.txt": piece("包二")}))
    run(desk)
    before = {row.id: (row.state, row.archive_key, row.bundle_id, row.findings) for row in rows(desk)}
    followed = {name: found for name, found in tables(desk.ledger).items() if name in DERIVED}
    for key in pages(desk):
        desk.storage.remove("archive", key)
    lose(desk)
    assert again(desk).salvaged == len(before)
    assert {row.id: (row.state, row.archive_key, row.bundle_id, row.findings) for row in rows(desk)} == before
    assert {name: found for name, found in tables(desk.ledger).items() if name in DERIVED} == followed


def test_a_ledger_from_before_the_journal_is_written_down_whole(desk: Desk) -> None:
    for text_ in "一二":
        drop(desk, piece(text_))
        run(desk)
    write_report(desk, "2023", "interim", datetime(2023, 6, 1, tzinfo=UTC))
    review.mark_announced(desk, [f"2023|{CODE}"])
    for key in pages(desk):
        desk.storage.remove("archive", key)
    desk.ledger.revert("r0003")
    desk.ledger.migrate()
    before = tables(desk.ledger)
    review.find_new(desk)
    lose(desk)
    again(desk)
    assert tables(desk.ledger) == before


def test_a_lost_page_is_written_again_while_the_ledger_is_there(desk: Desk) -> None:
    for text_ in "一二":
        drop(desk, piece(text_))
        run(desk)
    before = tables(desk.ledger)
    flip(desk.storage, pages(desk)[0])
    desk.storage.remove("archive", pages(desk)[1])
    assert len(journal.mend(desk, "2023")) == 2
    assert journal.mend(desk, None) == []
    lose(desk)
    assert again(desk).faults == []
    assert tables(desk.ledger) == before


def test_a_page_says_so_if_a_byte_of_it_is_flipped(desk: Desk) -> None:
    drop(desk, piece())
    run(desk)
    first = pages(desk)[0]
    assert journal.read_page(desk.storage, first)["page"] == 1
    flip(desk.storage, first)
    with pytest.raises(archive.ArchiveError, match="_journal"):
        journal.read_page(desk.storage, first)


def test_the_journal_is_plain_json_with_every_withdrawal(desk: Desk) -> None:
    taken_back(desk)
    lines = [line for key in pages(desk) for line in json.loads(desk.storage.read("archive", key))["lines"]]
    assert [row["after"] for _, table, row in lines if table == "history"] == ["received", "withdrawn"]


def test_a_first_page_whose_writer_died_is_not_taken_for_another_ledgers(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(Exception):
        pass

    real = Ledger.write_page

    def dying(ledger: Ledger, campaign_id: str, code: str, keep: Keep) -> bool:
        def keep_and_die(number: int, lines: list[Line]) -> list[Line]:
            keep(number, lines)
            raise Died

        return real(ledger, campaign_id, code, keep_and_die)

    drop(desk, piece())
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "write_page", dying)
        with pytest.raises(Died):
            run(desk)
    assert pages(desk)
    run(desk)
    assert states(desk) == ["accepted"]
    audit(desk)


def test_a_first_page_that_another_run_writes_meanwhile_is_no_other_ledgers_either(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Ledger.has_pages

    def overtaken(ledger: Ledger) -> bool:
        answer = real(ledger)
        monkeypatch.setattr(Ledger, "has_pages", real)
        drop(desk, piece())
        run(desk)
        return answer

    monkeypatch.setattr(Ledger, "has_pages", overtaken)
    run(desk)
    assert states(desk) == ["accepted"]
    audit(desk)
