"""The ledger on a real PostgreSQL: states, unique keys, turns of concurrent runs, migrations."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from baosong.campaign import Campaign
from baosong.ledger import Arrival, Cell, Filed, Ledger, State, migrations
from baosong.ledger.models import Base, IndicatorValue, Submission
from baosong.rules.findings import Checked, Kind, error, warning
from ledger_help import NOW, arrival, checked, received


def place_of(sha: str) -> Filed:
    return Filed(sha, "archive", f"2023/6501/photo/{sha}", NOW)


def filed(ledger: Ledger, new: Arrival, sha: str, result: Checked | None = None) -> tuple[int, State | None]:
    submission_id = checked(ledger, new, result)
    return submission_id, ledger.file(submission_id, place_of(sha))


def states(ledger: Ledger) -> list[str]:
    return [s.state for s in ledger.submissions("2023")]


def sheet(total: object = 12) -> dict[str, Any]:
    return {
        "indicators": [
            {"code": "E01", "total": "1.50", "offline": None, "online": None, "cell": "D27"},
            {"code": "B01", "total": total, "offline": 10, "online": 2, "cell": "D18"},
        ],
        "activities": [
            {"row": 1, "name": "启动仪式", "category": "启动仪式", "start": "2023-05-20", "end": "2023-05-20",
             "form": "线下", "offline": 10, "online": 2, "funds": "1.50", "leader": None}
        ],
    }  # fmt: skip


# --- schema


def is_no_index(_: object, __: str | None, kind: str, *___: object) -> bool:
    """Leave out what stands in the schema's SQL alone."""
    return kind not in ("index", "unique_constraint")


def test_schema_goes_up_and_down_and_up_again_and_matches_the_models(postgres_url: str) -> None:
    ledger = Ledger(postgres_url)
    for _ in range(2):
        ledger.migrate()
        ledger.migrate()
        with ledger.engine.connect() as connection:
            opts = {"version_table": "ledger_revision", "compare_type": True, "include_object": is_no_index}
            assert compare_metadata(MigrationContext.configure(connection, opts=opts), Base.metadata) == []
        with ledger.engine.begin() as connection:
            migrations.downgrade(connection)
            tables = connection.scalars(text("select tablename from pg_tables where schemaname = 'public'"))
            ours = "select count(*) from pg_proc where pronamespace = 'public'::regnamespace"
            functions = connection.scalar(text(ours))
            assert (set(tables), functions) == ({"ledger_revision"}, 0)
    ledger.close()


def test_a_ledger_of_version_0_2_is_brought_up_to_date_with_what_still_waits_in_it(postgres_url: str) -> None:
    ledger = Ledger(postgres_url)
    ledger.migrate("r0009")
    waiting = received(ledger, arrival())
    ledger.migrate()
    assert [claimed.id for claimed in ledger.claim("quick", "run")] == [waiting]
    ledger.close()


def test_processes_that_migrate_at_once_take_turns(postgres_url: str) -> None:
    ledgers = [Ledger(postgres_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Ledger.migrate, ledgers))
    assert ledgers[0].submissions("2023") == []
    for ledger in ledgers:
        ledger.close()


@pytest.mark.ledger_owner
def test_history_can_neither_be_changed_nor_deleted(ledger: Ledger) -> None:
    received(ledger, arrival())
    for attempt in ("update history set note = ''", "delete from history", "truncate history"):
        with pytest.raises(DBAPIError, match="append-only"):
            ledger.run(lambda s, statement=attempt: s.execute(text(statement)))


# --- states


def test_history_tells_every_change_in_order(ledger: Ledger) -> None:
    first, _ = filed(ledger, arrival(kind="report", name="1.docx"), "aa")
    filed(ledger, arrival(kind="report", name="2.docx"), "bb")
    assert [(h.before, h.after) for h in ledger.history(first)] == [
        (None, "received"),
        ("received", "checked"),
        ("checked", "accepted"),
        ("accepted", "superseded"),
    ]


def test_a_withdrawn_file_is_neither_checked_nor_filed(ledger: Ledger) -> None:
    submission_id = received(ledger, arrival())
    assert ledger.withdraw(submission_id, "删除")
    assert not ledger.record_check(submission_id, Checked(), "1-x")
    assert ledger.file(submission_id, place_of("aa")) is None
    assert not ledger.withdraw(submission_id, "再删")
    assert ledger.unfinished() == []


def test_a_filed_file_cannot_be_withdrawn(ledger: Ledger) -> None:
    submission_id, state = filed(ledger, arrival(), "aa")
    assert state is State.ACCEPTED
    assert not ledger.withdraw(submission_id, "晚了")


def test_what_no_kind_could_be_told_of_is_never_accepted(ledger: Ledger) -> None:
    assert filed(ledger, arrival(kind=None), "aa")[1] is State.HELD


# --- arrivals


def test_the_same_arrival_is_recorded_once_however_often_and_by_whomever_it_is_seen(ledger: Ledger) -> None:
    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(ledger.receive, [[arrival(), arrival(name="b.jpg")]] * 8))
    assert sum(len(already) for already in seen) == 14
    assert states(ledger) == ["received", "received"]
    assert [len(ledger.history(s.id)) for s in ledger.submissions("2023")] == [1, 1]


def test_arrivals_are_numbered_in_the_order_given(ledger: Ledger) -> None:
    names = [f"{(n * 7919) % 3000}.jpg" for n in range(3000)]
    ledger.receive([arrival(name=name) for name in names])
    assert [s.name for s in ledger.submissions("2023")] == names


def test_texts_that_postgresql_refuses_are_stored_all_the_same(ledger: Ledger) -> None:
    found = warning("photo.name", "坏\x00名\ud800", observed="\x00")
    submission_id = checked(ledger, arrival(), Checked([found], {"x\x00": float("nan"), "y": [float("inf"), 1.5]}))
    row = ledger.submission(submission_id)
    assert row.facts == {"x␀": None, "y": [None, 1.5]}
    assert row.findings[0]["message"] == "坏␀名?"


def test_unfinished_files_are_found_by_the_partial_index(ledger: Ledger) -> None:
    with ledger.engine.connect() as connection:
        connection.execute(text("set enable_seqscan = off"))
        plan = "\n".join(
            connection.scalars(
                text("explain select key, identity from submission where replied_at is null and state <> 'withdrawn'")
            )
        )
    assert "ix_submission_unfinished" in plan


# --- decisions


def test_same_bytes_are_a_duplicate_under_any_name_and_say_so(ledger: Ledger) -> None:
    filed(ledger, arrival(), "aa")
    twin, state = filed(ledger, arrival(name="b.jpg"), "aa")
    again, state_again = filed(ledger, arrival(identity="2"), "aa")
    assert (state, state_again) == (State.DUPLICATE, State.DUPLICATE)
    assert [f["rule"] for s in (twin, again) for f in ledger.submission(s).findings] == ["file.duplicate"] * 2


def test_same_bytes_count_in_another_deliverable_and_in_another_prefecture(ledger: Ledger) -> None:
    assert filed(ledger, arrival(), "aa")[1] is State.ACCEPTED
    assert filed(ledger, arrival(kind="press"), "aa")[1] is State.ACCEPTED
    other = checked(ledger, arrival(prefecture="6502"))
    assert ledger.file(other, place_of("aa")) is State.ACCEPTED


def test_rejected_bytes_dropped_again_are_reviewed_again(ledger: Ledger) -> None:
    wrong = Checked([error("photo.size", "太小")])
    assert filed(ledger, arrival(), "aa", wrong)[1] is State.REJECTED
    assert filed(ledger, arrival(identity="2"), "aa", wrong)[1] is State.REJECTED
    assert filed(ledger, arrival(identity="3"), "aa")[1] is State.ACCEPTED


def test_a_later_file_replaces_by_name_or_in_a_single_slot(ledger: Ledger) -> None:
    filed(ledger, arrival(), "aa")
    filed(ledger, arrival(identity="2"), "bb")
    filed(ledger, arrival(name="b.jpg"), "cc")
    filed(ledger, arrival(kind="report", name="1.docx"), "dd")
    filed(ledger, arrival(kind="report", name="2.docx"), "ee")
    assert states(ledger) == ["superseded", "accepted", "accepted", "superseded", "accepted"]


def test_a_copy_that_counts_from_now_on_brings_its_figures(ledger: Ledger) -> None:
    """Where a campaign takes several sheets of a prefecture, each under its name."""
    sheet = Checked(figures={"indicators": [{"code": "A01", "total": "12"}]})
    for name, sha in (("a.xlsx", "aa"), ("b.xlsx", "aa"), ("a.xlsx", "bb")):
        filed(ledger, arrival(name, "statistics", f"{name}{sha}", slot=name), sha, sheet)
    assert states(ledger) == ["superseded", "accepted", "accepted"]
    counted = select(IndicatorValue.total).join(Submission).where(Submission.state == State.ACCEPTED)
    assert ledger.run(lambda session: [*session.scalars(counted)]) == [12, 12]


def test_content_that_was_replaced_may_come_back(ledger: Ledger) -> None:
    for identity, sha in (("1", "aa"), ("2", "bb"), ("3", "aa")):
        filed(ledger, arrival(identity=identity), sha)
    assert states(ledger) == ["superseded", "superseded", "accepted"]


def test_an_earlier_drop_filed_late_does_not_replace_a_later_one(ledger: Ledger) -> None:
    early, late = checked(ledger, arrival()), checked(ledger, arrival(identity="2"))
    assert ledger.file(late, place_of("bb")) is State.ACCEPTED
    assert ledger.file(early, place_of("aa")) is State.SUPERSEDED


def test_filing_at_once_leaves_one_current_file(ledger: Ledger) -> None:
    ids = [checked(ledger, arrival(identity=str(n))) for n in range(6)]
    jobs = [(i, f"sha{i % 2}") for i in ids] * 2
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda job: ledger.file(job[0], place_of(job[1])), jobs))
    final = states(ledger)
    assert final.count("accepted") == 1
    assert set(final) <= {"accepted", "superseded", "duplicate"}
    assert all(len(ledger.history(i)) in (3, 4) for i in ids)


def test_the_database_itself_refuses_two_current_files_in_a_slot(ledger: Ledger) -> None:
    filed(ledger, arrival(), "aa")
    other, _ = filed(ledger, arrival(name="b.jpg"), "bb")
    with pytest.raises(IntegrityError):
        ledger.run(lambda s: s.execute(text("update submission set slot = 'a.jpg' where id = :i"), {"i": other}))


# --- figures


def test_figures_of_the_current_sheet_are_exact_rows(ledger: Ledger) -> None:
    filed(ledger, arrival(kind="statistics", name="1.xlsx"), "aa", Checked(figures=sheet(7)))
    newest, _ = filed(ledger, arrival(kind="statistics", name="2.xlsx"), "bb", Checked(figures=sheet()))
    b01, e01 = ledger.indicators("2023")
    assert (b01.prefecture, b01.code, b01.total, b01.offline, b01.cell) == ("6501", "B01", 12, 10, "D18")
    assert (e01.total, e01.online, e01.submission_id) == (Decimal("1.50"), None, newest)
    (activity,) = ledger.activities("2023")
    assert (activity.start, activity.online, activity.fields["funds"]) == (date(2023, 5, 20), 2, "1.50")


def test_figures_of_a_rejected_sheet_do_not_count(ledger: Ledger) -> None:
    wrong = Checked([error("statistics.total_mismatch", "不等")], figures=sheet())
    filed(ledger, arrival(kind="statistics", name="1.xlsx"), "aa", wrong)
    assert ledger.indicators("2023") == []


# --- completeness


def test_cells_tell_the_state_of_each_deliverable(ledger: Ledger, campaign: Campaign) -> None:
    wrong, held = Checked([error("photo.size", "太小")]), Checked(held=True)
    filed(ledger, arrival(), "aa", wrong)
    filed(ledger, arrival(kind="report", name="1.docx"), "bb", held)
    checked(ledger, arrival(kind="press", name="p.docx"))
    filed(ledger, arrival(kind="statistics", name="1.xlsx"), "cc")
    filed(ledger, arrival(kind="statistics", name="2.xlsx"), "dd", wrong)
    row = ledger.completeness(campaign)["6501"]
    assert {kind.value: (c.state, c.accepted, c.rejected) for kind, c in row.items()} == {
        "report": ("held", 0, 0),
        "statistics": ("accepted", 1, 1),
        "photo": ("rejected", 0, 1),
        "press": ("checking", 0, 0),
        "video": ("missing", 0, 0),
    }
    assert row[Kind.PHOTO].last == NOW
    assert Cell.from_json(row[Kind.PHOTO].as_json()) == row[Kind.PHOTO]
    assert set(ledger.completeness(campaign)) == {p.code for p in campaign.prefectures}


def test_a_mended_file_is_no_longer_counted_as_rejected(ledger: Ledger, campaign: Campaign) -> None:
    filed(ledger, arrival(), "aa", Checked([error("photo.size", "太小")]))
    filed(ledger, arrival(identity="2"), "bb")
    cell = ledger.completeness(campaign, ["6501"])["6501"][Kind.PHOTO]
    assert (cell.state, cell.accepted, cell.rejected) == ("accepted", 1, 0)


def test_a_prefecture_is_complete_with_every_required_deliverable(ledger: Ledger, campaign: Campaign) -> None:
    for n, kind in enumerate(Kind):
        assert ledger.complete_prefectures(campaign) == []
        filed(ledger, arrival(kind=kind.value), f"sha{n}")
    assert ledger.complete_prefectures(campaign) == ["6501"]
    assert ledger.complete_prefectures(campaign, ["6502"]) == []


# --- receipts, editions, announcements


def test_receipt_numbers_have_no_gap_and_no_double_under_concurrency(ledger: Ledger) -> None:
    ids = [checked(ledger, arrival(name=f"{n}.jpg")) for n in range(12)]

    def file_and_allot(submission_id: int) -> None:
        ledger.file(submission_id, place_of(str(submission_id)))
        ledger.allot_receipt("2023", "6501", {})

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(file_and_allot, ids))
    unsent = ledger.unsent_receipts("2023", "6501")
    assert [receipt.number for receipt, _ in unsent] == list(range(1, len(unsent) + 1))
    assert sorted(row.id for _, rows in unsent for row in rows) == ids


def test_a_receipt_stays_unsent_until_its_files_are_marked(ledger: Ledger) -> None:
    submission_id, _ = filed(ledger, arrival(), "aa")
    assert ledger.allot_receipt("2023", "6501", {}) is not None
    assert ledger.allot_receipt("2023", "6501", {}) is None
    ((receipt, rows),) = ledger.unsent_receipts("2023", "6501")
    ledger.mark_replied([row.id for row in rows])
    when = ledger.submission(submission_id).replied_at
    ledger.mark_replied([submission_id])
    assert ledger.submission(submission_id).replied_at == when
    assert (receipt.number, ledger.unsent_receipts("2023", "6501"), ledger.unfinished()) == (1, [], [])


def test_an_edition_and_an_announcement_are_recorded_once(ledger: Ledger) -> None:
    assert ledger.add_edition("2023", "final", 1, "2023/final/v1", "sha", {"B01": "12"})
    assert not ledger.add_edition("2023", "final", 1, "2023/final/v1", "other", {})
    assert [(e.version, e.inputs_sha) for e in ledger.editions("2023")] == [(1, "sha")]
    ledger.mark_announced("2023", ["6501"])
    ledger.mark_announced("2023", ["6501", "6502"])
    assert ledger.announced("2023") == {"6501", "6502"}


# --- an ill database


def test_cut_connections_are_survived(ledger: Ledger) -> None:
    received(ledger, arrival())
    victim = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
    killer = Ledger(str(ledger.engine.url.render_as_string(hide_password=False)))
    cut = []

    def work(session: Any) -> int:
        count = session.scalar(text("select count(*) from submission"))
        if not cut:  # the first time the server goes away in the middle of the transaction
            cut.append(killer.run(lambda s: s.execute(text(f"{victim} and datname = current_database()")).all()))
        return int(session.scalar(text("select count(*) from submission")) + count)

    assert ledger.run(work) == 2
    killer.close()


@pytest.mark.parametrize("use", ["a transaction", "a claim"])
def test_connections_that_were_cut_while_idle_are_survived(ledger: Ledger, use: str) -> None:
    """Several at once, as a server's restart cuts them: each next use must not meet another dead one."""
    with ExitStack() as held:
        for n in range(3):
            held.enter_context(ledger.advisory_lock(f"{n}"))
    killer = Ledger(str(ledger.engine.url.render_as_string(hide_password=False)))
    victims = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
    killer.run(lambda s: s.execute(text(f"{victims} and datname = current_database()")).all())
    killer.close()
    if use == "a claim":
        with ledger.advisory_lock("x") as mine:
            assert mine
    assert ledger.run(lambda session: session.scalar(text("select 1"))) == 1


def test_a_claim_is_exclusive_and_ends_with_its_context(ledger: Ledger) -> None:
    with ledger.advisory_lock("x") as mine, ledger.advisory_lock("x") as second, ledger.advisory_lock("y") as other:
        assert (mine, second, other) == (True, False, True)
    with ledger.advisory_lock("x") as mine:
        assert mine
