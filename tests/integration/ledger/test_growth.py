"""What a page shows, and what a drop is held against, stays small however much was archived before."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from baosong.campaign import Campaign
from baosong.ledger import Ledger, Submission
from baosong.ledger.board_queries import MOST_TO_FOLLOW_UP
from baosong.ledger.services import Services
from baosong.pipeline import reply
from baosong.pipeline.reply import MOST_OF_EACH
from baosong.receipts.board import ARRIVALS, render_board
from baosong.rules.findings import Kind, Verdict
from baosong.store.settings import S3Settings
from baosong_local.stack.postgres import Postgres
from feed import NOW, feed
from servers import filled_database, fresh_database, opened, settings_of

pytestmark = pytest.mark.xdist_group("growth")  # one worker fills the ledger for all

CODE = "6501"
UPDATE = text("UPDATE submission SET facts = jsonb_build_object('fingerprint', cast(:told AS text)) WHERE id = :id")


@pytest.fixture(scope="module")
def database(postgres: Postgres, empty_ledger: str, campaign: Campaign) -> str:
    """The name of a database of a prefecture with a sheet, 70 accepted photos and then a rejected one."""

    def fill(ledger: Ledger) -> None:
        feed(ledger, campaign, CODE, Kind.STATISTICS, "统计表.xlsx")
        for n in range(MOST_OF_EACH + 20):
            feed(ledger, campaign, CODE, Kind.PHOTO, f"照片{n}.jpg", at=NOW + timedelta(minutes=n))
        feed(ledger, campaign, CODE, Kind.PHOTO, "坏.jpg", verdict=Verdict.REJECTED, at=NOW + timedelta(days=1))

    return filled_database(postgres, empty_ledger, fill)


@pytest.fixture
def much(postgres: Postgres, database: str, s3: S3Settings, tmp_path: Path) -> Iterator[Services]:
    with fresh_database(postgres, database) as url, opened(settings_of(tmp_path / "home", s3, url)) as services:
        yield services


def loaded(services: Services, work: object) -> int:
    """Return how many submissions a piece of work takes out of the ledger."""
    taken: list[Submission] = []

    def note(row: Submission, _context: object) -> None:
        taken.append(row)

    event.listen(Submission, "load", note)
    try:
        work()  # type: ignore[operator]
    finally:
        event.remove(Submission, "load", note)
    return len(taken)


def test_the_status_page_lists_the_newest_of_each_kind_and_says_how_many_are_older(
    much: Services, campaign: Campaign
) -> None:
    prefecture = campaign.prefecture(CODE)
    reply.write_status(much, campaign, prefecture)
    page = much.storage.read("outbox", f"{campaign.id}/{prefecture.folder}/状态.html").decode()
    assert "更早的 20 个见“回执”文件夹" in page
    assert [f"照片{n}.jpg" in page for n in (0, 19, 20, MOST_OF_EACH + 19)] == [False, False, True, True]
    assert "统计表.xlsx" in page
    assert "坏.jpg" in page
    assert f"已接收 {MOST_OF_EACH + 20} 个" in page


@pytest.mark.parametrize("last", [0, 3, 999, 1004, 1016])
def test_the_status_page_links_the_newest_receipts_and_lists_no_others(
    services: Services, campaign: Campaign, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    """Of more than 999 the names no longer sort as the numbers do: 回执-1016号 stands before 回执-101号."""
    prefecture = campaign.prefecture(CODE)
    area = f"{campaign.id}/{prefecture.folder}"
    receipts = "INSERT INTO receipt (campaign, prefecture, number, issued_at, status)"
    receipts += f" SELECT '{campaign.id}', '{CODE}', n, now(), '{{}}' FROM generate_series(1, {last}) n"
    services.ledger.run(lambda s: s.execute(text(receipts)))
    there = sorted({1, 99, 100, 101, 102, 500, *range(max(1, last - 12), last + 1)} & set(range(last + 1)))
    for number in there:
        for ending in ("html", "json"):
            services.storage.put("outbox", f"{area}/回执/回执-{number:03d}号-20230601-0800-全部接收.{ending}", b"")
    seen: list[str] = []
    listed = services.storage.list
    monkeypatch.setattr(services.storage, "list", lambda *a, **b: (seen.append(s.key) or s for s in listed(*a, **b)))
    reply.write_status(services, campaign, prefecture)
    page = services.storage.read("outbox", f"{area}/状态.html").decode()
    shown = [int(number) for number in re.findall(r">回执-(\d+)号-", page)]
    assert shown == sorted(there, reverse=True)[: reply.MOST_RECEIPTS]
    assert ("份见“回执”文件夹" in page) == (last > reply.MOST_RECEIPTS)
    assert f"更早的 {last - reply.MOST_RECEIPTS} 份" in page or last <= reply.MOST_RECEIPTS
    assert len(seen) <= 2 * reply.MOST_RECEIPTS + 4


def test_the_board_reads_what_it_shows(much: Services, campaign: Campaign) -> None:
    rows = loaded(much, lambda: render_board(much.ledger, campaign, NOW, bool))
    assert rows <= ARRIVALS + 5
    assert "坏.jpg" in render_board(much.ledger, campaign, NOW, bool)


def test_of_very_many_failures_the_newest_are_followed_up(services: Services, campaign: Campaign) -> None:
    feed(services.ledger, campaign, CODE, Kind.PHOTO, "坏.jpg", verdict=Verdict.REJECTED)
    columns = "campaign, prefecture, kind, folder, size, identity, arrival, etag, modified_at, received_at, late, state"
    columns += ", findings, facts, name, key"
    copies = f"INSERT INTO submission (slot, {columns}) SELECT n, {columns} FROM submission, generate_series(1, 600) n"
    services.ledger.run(
        lambda s: s.execute(
            text(copies.replace("SELECT n, ", "SELECT n::text, ").replace(", key FROM", ", key || n FROM"))
        )
    )
    assert len(services.ledger.to_follow_up(campaign.id)) == MOST_TO_FOLLOW_UP


def test_a_photo_is_held_against_those_that_are_nearly_alike_alone(services: Services, campaign: Campaign) -> None:
    """Fingerprints come from files of others: what is none must not break the question."""
    prints = ["0" * 64, "0" * 63 + "1", "f" * 64, "", "no digits", "0" * 65, "Ａ" * 64]
    for n, told in enumerate(prints):
        row = feed(services.ledger, campaign, CODE, Kind.PHOTO, f"{n}.jpg", at=NOW + timedelta(minutes=n))
        services.ledger.run(lambda s, row=row, told=told: s.execute(UPDATE, {"told": told, "id": row.id}))
    like = services.ledger.photos_like(campaign.id, CODE, {"0" * 64, "", "x"}, 20)
    assert [row.name for row in like] == ["0.jpg", "1.jpg"]
    assert services.ledger.photos_like(campaign.id, CODE, {""}, 20) == []


FILES = """
INSERT INTO submission (campaign, prefecture, kind, slot, key, name, size, identity, arrival, etag, modified_at,
    received_at, late, state, findings, facts)
SELECT '2023', '6501', kind, '旧' || n, '旧' || kind || n, '', 1, '', 1, '', now(), now(), false, 'accepted',
    '[]', jsonb_build_object('as large as usual', repeat('x', 600))
FROM generate_series(1, 1000) n, unnest(ARRAY['photo', 'press', 'video']) kind
"""
WORKS: dict[str, Callable[[Ledger, Campaign], object]] = {
    "completeness": lambda ledger, campaign: ledger.completeness(campaign, [CODE]),
    "who is complete": lambda ledger, campaign: ledger.complete_prefectures(campaign),
    "newest of each": lambda ledger, campaign: ledger.newest_of_each(campaign.id, CODE, MOST_OF_EACH),
    "to follow up": lambda ledger, campaign: ledger.to_follow_up(campaign.id),
}


def crowd(ledger: Ledger) -> None:
    """Add three thousand accepted files, and let PostgreSQL know them: what plans it makes then, it makes each time."""
    with ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in (
            "SET synchronous_commit = on",
            FILES,
            "VACUUM ANALYZE submission",
            "RESET synchronous_commit",
        ):
            connection.execute(text(statement))  # VACUUM knows what is visible to all only of what is flushed


def read_by(ledger: Ledger, work: Callable[[], object]) -> Counter[str]:
    """Return how many rows of submissions a piece of work reads, by the way in which PostgreSQL reaches them."""
    asked: list[str] = []

    def note(_connection: Any, cursor: Any, statement: str, values: Any, *_: object) -> None:
        asked.append(cursor.mogrify(statement, values).decode())

    event.listen(ledger.engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(ledger.engine, "before_cursor_execute", note)
    ways: Counter[str] = Counter()
    with ledger.engine.connect() as connection:
        for question in asked:
            plan = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {question}").scalar_one()
            for node in nodes(plan[0]["Plan"]):
                if "Scan" in node["Node Type"] and (
                    "submission" in node.get("Relation Name", node.get("Index Name", ""))
                ):
                    rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
                    ways[node["Node Type"]] += round(rows * node["Actual Loops"])
    return ways


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


@pytest.mark.parametrize("what", WORKS)
def test_three_thousand_accepted_files_are_counted_by_an_index_and_else_not_read(
    much: Services, campaign: Campaign, what: str
) -> None:
    crowd(much.ledger)
    ways = read_by(much.ledger, lambda: WORKS[what](much.ledger, campaign))
    by_index_alone = ways.pop("Index Only Scan", 0)
    assert ways.total() <= 4 * MOST_OF_EACH + 10, ways  # the rows that a page shows
    assert by_index_alone > 0
    if what not in ("completeness", "newest of each"):  # these tell their number
        assert by_index_alone < 100


def plan_among_many(services: Services, query: str) -> str:
    """Return PostgreSQL's own plan where there are many rows: few it would rather read and sort."""
    crowd(services.ledger)
    with services.ledger.engine.connect() as connection:
        return "\n".join(connection.scalars(text(query)))


@pytest.mark.parametrize("place", ["campaign = '2023'", "campaign = '2023' AND prefecture = '6501'"])
def test_how_slots_stand_is_told_by_an_index_alone(much: Services, place: str) -> None:
    rank = "row_number() OVER (PARTITION BY prefecture, kind, slot ORDER BY id DESC)"
    query = f"EXPLAIN SELECT prefecture, kind, state, received_at, {rank} FROM submission WHERE {place}"
    plan = plan_among_many(much, query)
    assert "Index Only Scan" in plan
    assert "ix_submission_standing" in plan
    assert "Sort" not in plan


def test_the_newest_arrivals_are_told_by_an_index(much: Services, campaign: Campaign) -> None:
    query = "EXPLAIN SELECT name FROM submission WHERE campaign = '2023' ORDER BY received_at DESC, id DESC LIMIT 15"
    plan = plan_among_many(much, query)
    assert "Index Scan Backward using ix_submission_newest" in plan
    assert "Sort" not in plan
