"""A lost ledger comes back from archive and quarantine alone, row by row, whenever it was lost."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from baosong.campaign import Campaign
from baosong.ledger import Ledger, LedgerLost
from baosong.ledger.pending_changes import Line, Write
from baosong.ledger.restore import DERIVED, LOGGED
from baosong.ledger.services import Services
from baosong.pipeline import reply
from baosong.preservation import change_log, fixity, records
from baosong.preservation.rebuild import RebuildRefused, Rebuilt, rebuild
from baosong.report.files import TYPES
from baosong.store.storage import Storage
from baosong_local.samples.sheets import make_sheet
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
from package_help import packed, send
from preservation_help import lose, rich_history, tables, taken_back

pytestmark = [pytest.mark.xdist_group("rebuild"), pytest.mark.ledger_owner]


def again(services: Services, **how: Any) -> Rebuilt:
    return rebuild(services, lambda *_: None, **how)


def pages(services: Services) -> list[str]:
    return [stored.key for stored in services.storage.list("archive", "2023/") if records.is_segment(stored.key)]


def test_a_dropped_ledger_comes_back_row_by_row_and_goes_on(services: Services, campaign: Campaign) -> None:
    rich_history(services, campaign)
    before = tables(services.ledger)
    assert all(before[name] for name in (*LOGGED, *DERIVED) if name != "custody")
    assert {row["state"] for row in before["submission"]} == {
        *("accepted", "rejected", "held", "duplicate", "superseded", "withdrawn")
    }
    lose(services)

    done = again(services)

    assert (done.salvaged, done.faults, done.aside) == (0, [], None)
    assert tables(services.ledger) == before
    there = [s.key for bucket in ("archive", "quarantine") for s in services.storage.list(bucket)]
    verified = fixity.verify(services, None, fixity.since(datetime.now(UTC)), lambda *_: None)
    of_the_report = 2 * len(TYPES) - 1  # its files, and copies of all but the figures
    objects = len(there) - len([key for key in there if f"{key}.json" in there])
    assert (verified.faults, verified.read) == ({}, objects + of_the_report)
    drop(services, piece("后来"), "后来.txt")
    run(services)
    assert max(row.id for row in rows(services)) == max(row["id"] for row in before["submission"]) + 1
    assert finished(services)


def test_a_rebuilt_ledger_can_be_lost_and_rebuilt_again(services: Services) -> None:
    for text_ in "一二":
        drop(services, piece(text_))
        run(services)
        before = tables(services.ledger)
        lose(services)
        again(services)
        assert tables(services.ledger) == before


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("where", "effect"),
    [
        (records, "put_verified"),
        (records, "write_record"),
        (change_log, "write"),
        (reply, "write_receipt"),
        (reply, "write_status"),
        (reply, "empty_intake"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_ledger_lost_at_any_moment_loses_nothing(
    services: Services, monkeypatch: pytest.MonkeyPatch, where: Any, effect: str, after: bool
) -> None:
    drop(services, piece("先"), "链接.txt")
    run(services)
    for name, data in (("链接.txt", piece("后")), ("空.txt", b"")):
        drop(services, data, name)
    with monkeypatch.context() as dying:
        dying.setattr(where, effect, killed_at(getattr(where, effect), after))
        with pytest.raises(Killed):
            run(services)
    lose(services)
    again(services)
    run(services)
    assert sorted(states(services)) == ["accepted", "rejected", "superseded"]
    assert finished(services)
    audit(services)


def test_no_receipts_number_is_given_twice(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Had the page come after the receipt, a ledger lost in between would answer somebody else with the same number."""
    drop(services, piece("一"), "一.txt")
    with monkeypatch.context() as dying:
        dying.setattr(reply, "write_status", killed_at(reply.write_status, False))
        with pytest.raises(Killed):
            run(services)
    told = receipts(services)
    lose(services)
    again(services)
    drop(services, piece("二"), "二.txt")
    run(services)
    assert [(r["number"], [f["title"] for f in r["files"]]) for r in receipts(services)][:1] == [
        (r["number"], [f["title"] for f in r["files"]]) for r in told
    ]
    assert [r["number"] for r in receipts(services)] == [1, 2]


def test_a_blank_ledger_beside_a_journal_reviews_nothing_until_it_is_rebuilt(services: Services) -> None:
    """A new database must not number files and receipts from 1 again."""
    drop(services, piece())
    run(services)
    lose(services)
    with services.ledger.engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA public"))
    services.ledger.migrate()
    drop(services, piece("二"), "二.txt")
    with pytest.raises(LedgerLost, match="rebuild-ledger"):
        run(services)
    assert (len(keys(services, "intake")), rows(services)) == (1, [])
    again(services)
    run(services)
    assert states(services) == ["accepted", "accepted"]
    audit(services)


def test_a_ledger_older_than_its_journal_answers_nobody(services: Services) -> None:
    """As a database restored from last week's dump would: its pages are there already, with other lines."""
    for text_ in "一二":
        drop(services, piece(text_))
        run(services)
    with services.ledger.engine.begin() as connection:
        connection.execute(text("UPDATE page SET number = number - 1"))
    drop(services, piece("三"))
    with pytest.raises(LedgerLost, match="--replace"):
        run(services)
    assert (len(receipts(services)), len(keys(services, "intake"))) == (2, 1)


def test_a_ledger_in_use_is_not_touched_unless_told_and_then_kept_aside(services: Services) -> None:
    drop(services, piece())
    run(services)
    before = tables(services.ledger)
    with pytest.raises(RebuildRefused, match="--replace"):
        again(services)
    with services.ledger.engine.begin() as connection:
        connection.execute(text("UPDATE submission SET name = '被改过'"))
        connection.execute(text("DELETE FROM unwritten"))

    done = again(services, replace=True)

    assert tables(services.ledger) == before
    with services.ledger.engine.connect() as connection:
        assert connection.scalar(text(f"SELECT name FROM {done.aside}.submission")) == "被改过"


def test_a_ledger_with_tables_missing_is_rebuilt_and_what_was_left_kept_aside(services: Services) -> None:
    with services.ledger.engine.begin() as connection:
        connection.execute(text("DROP TABLE activity"))
    assert again(services).aside
    drop(services, piece())
    run(services)
    assert states(services) == ["accepted"]


def test_a_database_shared_with_others_is_left_as_it_is(services: Services) -> None:
    drop(services, piece())
    run(services)
    with services.ledger.engine.begin() as connection:
        connection.execute(text("CREATE TABLE somebody_elses (id int)"))
    with pytest.raises(RebuildRefused, match="somebody_elses"):
        again(services, replace=True)
    assert states(services) == ["accepted"]


def test_an_interrupted_rebuild_leaves_what_was_there(services: Services) -> None:
    drop(services, piece())
    run(services)
    before = tables(services.ledger)

    def dies(*_: Any) -> None:
        raise Killed

    with pytest.raises(Killed):
        rebuild(services, dies, replace=True)
    assert tables(services.ledger) == before


def flip(storage: Storage, key: str) -> None:
    data = storage.read("archive", key)
    storage.put("archive", key, data.replace(b'"accepted"', b'"rejected"') if b'"accepted"' in data else b"{}")


@pytest.mark.parametrize("how", ["gone", "flipped"])
def test_what_a_lost_page_told_comes_from_the_records_and_the_fault_is_named(services: Services, how: str) -> None:
    for text_ in "一二三":
        drop(services, piece(text_))
        run(services)
    third = pages(services)[2]
    if how == "gone":
        services.storage.remove("archive", third)
    else:
        flip(services.storage, third)
    lose(services)
    done = again(services)
    assert len(done.faults) == 1
    assert "日志" in done.faults[0]
    assert done.salvaged == 2
    run(services)
    assert states(services) == ["superseded", "superseded", "accepted"]
    assert finished(services)
    assert [r["number"] for r in receipts(services)] == [1, 2, 3, 4]
    (accepted,) = [row for row in rows(services) if row.state == "accepted"]
    assert services.storage.read("archive", accepted.archive_key or "") == piece("三")
    before = tables(services.ledger)
    lose(services)
    assert again(services).faults == []  # the journal was mended
    assert tables(services.ledger) == before


def test_an_archive_older_than_the_journal_is_rebuilt_from_its_records(services: Services, campaign: Campaign) -> None:
    for seed in (1, 2):
        sheet = make_sheet(campaign, campaign.prefecture(CODE), seed)
        drop(services, sheet.content, sheet.name, "统计表")
        drop(services, b"", f"{seed}.txt")
        run(services)
    send(services, packed({"媒体报道/一.txt": piece("包一"), "媒体报道/二.txt": piece("包二")}))
    run(services)
    before = {row.id: (row.state, row.archive_key, row.bundle_id, row.findings) for row in rows(services)}
    followed = {name: found for name, found in tables(services.ledger).items() if name in DERIVED}
    for key in pages(services):
        services.storage.remove("archive", key)
    lose(services)
    assert again(services).salvaged == len(before)
    assert {row.id: (row.state, row.archive_key, row.bundle_id, row.findings) for row in rows(services)} == before
    assert {name: found for name, found in tables(services.ledger).items() if name in DERIVED} == followed


def test_a_lost_page_is_written_again_while_the_ledger_is_there(services: Services) -> None:
    for text_ in "一二":
        drop(services, piece(text_))
        run(services)
    before = tables(services.ledger)
    flip(services.storage, pages(services)[0])
    services.storage.remove("archive", pages(services)[1])
    assert len(change_log.repair(services, "2023")) == 2
    assert change_log.repair(services, None) == []
    lose(services)
    assert again(services).faults == []
    assert tables(services.ledger) == before


def test_a_page_says_so_if_a_byte_of_it_is_flipped(services: Services) -> None:
    drop(services, piece())
    run(services)
    first = pages(services)[0]
    assert change_log.read_segment(services.storage, first)["page"] == 1
    flip(services.storage, first)
    with pytest.raises(records.ArchiveError, match="_journal"):
        change_log.read_segment(services.storage, first)


def test_the_journal_is_plain_json_with_every_withdrawal(services: Services) -> None:
    taken_back(services)
    lines = [line for key in pages(services) for line in json.loads(services.storage.read("archive", key))["lines"]]
    assert [row["after"] for _, table, row in lines if table == "history"] == ["received", "withdrawn"]


def test_a_first_page_whose_writer_died_is_not_taken_for_another_ledgers(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(Exception):
        pass

    real = Ledger.write_segment

    def dying(ledger: Ledger, campaign_id: str, code: str, write: Write) -> bool:
        def write_and_die(number: int, lines: list[Line]) -> list[Line]:
            write(number, lines)
            raise Died

        return real(ledger, campaign_id, code, write_and_die)

    drop(services, piece())
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "write_segment", dying)
        with pytest.raises(Died):
            run(services)
    assert pages(services)
    run(services)
    assert states(services) == ["accepted"]
    audit(services)


def test_a_first_page_that_another_run_writes_meanwhile_is_no_other_ledgers_either(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Ledger.change_log_state

    def overtaken(ledger: Ledger) -> Any:
        answer = real(ledger)
        monkeypatch.setattr(Ledger, "change_log_state", real)
        drop(services, piece())
        run(services)
        return answer

    monkeypatch.setattr(Ledger, "change_log_state", overtaken)
    run(services)
    assert states(services) == ["accepted"]
    audit(services)
