"""Runs that really meet: one waits at an effect until the other has passed one, dies within a body, is deadlocked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from random import Random
from threading import Barrier, Event

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from baosong.ledger import Ledger
from baosong.preservation import records
from baosong.store.storage import PART_SIZE
from baosong_local.stack.postgres import Postgres
from faults import Seam, at_part, cut_connections, kill, kill_half_way, waiting
from intake_run import AREA, piece, run
from package_help import packed
from servers import Store
from waiting import until
from worlds import World, Worlds, installed

pytestmark = pytest.mark.xdist_group("killed")

ONE, TWO = f"{AREA}/媒体报道/甲.txt", f"{AREA}/媒体报道/乙.txt"
SAME = piece("同")
LARGE, MUCH = f"{AREA}/照片/大.jpg", Random(1).randbytes(PART_SIZE + 2**20)


@pytest.fixture(scope="module")
def worlds(store: Store, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    with pytest.MonkeyPatch.context() as patch:
        installed(patch)
        made = Worlds(store, postgres, tmp_path_factory.mktemp("copies"), "interleaved")
        made.learn([(ONE, SAME), (LARGE, MUCH)])
        yield made


def recorded(world: World) -> list[str]:
    """Return the origins told by the record beside the one object."""
    (row,) = (r for r in world.rows() if r.state == "accepted")
    return [r["origin"] for r in records.read_records(world.services.storage, "archive", row.archive_key or "")]


def test_a_record_overwritten_by_a_run_without_its_claim_is_written_again(worlds: Worlds) -> None:
    """It read the records beside the object before another run filed the same bytes once more."""
    with worlds.world() as world:
        world.drop(ONE, SAME)

        def overtake() -> None:
            cut_connections(world.services.ledger)
            world.drop(TWO, SAME)
            run(world.services)
            assert sorted(recorded(world)) == sorted([ONE, TWO])

        seam = Seam()
        seam.at("写入 archive", ".txt.json", "before", overtake)
        world.review(seam)
        assert not seam.named
        assert sorted(recorded(world)) == sorted([ONE, TWO])
        world.audit.at_any_time(world.drops)
        world.quieten()


def test_connections_cut_after_the_decision_cost_nothing(worlds: Worlds) -> None:
    """Filed, and not answered yet: whether in this run or the next, each file gets its one receipt."""
    with worlds.world() as world:
        world.drop(ONE, SAME)
        seam = Seam()
        seam.at("ledger archive", "", "after", lambda: cut_connections(world.services.ledger))
        world.review(seam)
        assert not seam.named
        world.audit.at_any_time(world.drops)
        world.quieten()


@pytest.mark.parametrize("ending", [".txt", ".txt.json"])
def test_two_runs_that_wait_for_each_other_within_their_effects_leave_no_doubles(worlds: Worlds, ending: str) -> None:
    """The first lost its claim before a write; the second stops right after the same one until the first has filed."""
    with worlds.world() as world:
        world.drop(ONE, SAME)
        lost, written, filed = Event(), Event(), Event()
        first, second = Seam(), Seam()
        first.at("写入 archive", ending, "before", lambda: cut_connections(world.services.ledger))
        first.at("写入 archive", ending, "before", waiting(written, saying=lost))
        first.at("ledger archive", "", "after", filed.set)
        second.at("写入 archive", ending, "after", waiting(filed, saying=written))
        with ThreadPoolExecutor(2) as pool:
            one = pool.submit(world.review, first)
            waiting(lost)()
            other = pool.submit(world.review, second)
            assert [one.result(), other.result()] == [first, second]
        assert not first.named
        assert not second.named
        world.quieten()
        assert [row.state for row in world.rows()] == ["accepted"]


def test_a_bundle_replaced_between_any_two_reads_is_withdrawn_and_the_next_one_filed(worlds: Worlds) -> None:
    """Of one size and put within a second they cannot be told apart while reading: a file inside is then torn."""
    key, old, new = f"{AREA}/材料.zip", *(packed({"媒体报道/一.txt": piece(text)}) for text in "一三")
    assert len(old) == len(new)
    worlds.learn([(key, old), (key, new)])
    with worlds.world() as world:
        world.drop(key, old)
        moments = world.review().moments
    for at in (n for n, name in enumerate(moments) if name.startswith("读取 intake")):
        with worlds.world() as world:
            world.drop(key, old)
            world.review(Seam(at_moment={at: lambda world=world: world.drop(key, new)}))
            world.quieten()
            assert [r.name for r in world.rows() if r.state == "accepted" and r.kind] == ["一.txt"]


def test_what_is_due_in_the_midst_of_a_transaction_happens_at_its_end() -> None:
    """Another run in the same thread would wait for the very transaction that waits for it: a schedule once hung so."""
    happened: list[str] = []
    seam = Seam(at_moment={0: lambda: happened.append("another run")})
    with seam.in_transaction():
        seam.moment("查看 archive/2023/_journal/00000001.json")
        assert happened == []
    seam.moment("ledger unwritten")
    assert happened == ["another run"]


def test_two_runs_that_write_the_same_page_of_the_journal_take_turns(worlds: Worlds, postgres: Postgres) -> None:
    with worlds.world() as world, ThreadPoolExecutor(1) as pool:
        world.drop(ONE, SAME)
        others: list[Future[Seam]] = []

        def meet() -> None:
            others.append(pool.submit(world.review))
            waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            until(lambda: bool(postgres.execute(waits)), what="the other run at the page that this one is writing")

        seam = Seam()
        seam.at("写入 archive/2023/6501/_journal/", "", "before", meet)
        world.review(seam)
        others[0].result()
        world.quieten()
        assert [row.state for row in world.rows()] == ["accepted"]


@pytest.mark.parametrize("ending", [".txt", ".txt.json"])
def test_a_client_that_dies_in_the_middle_of_a_body_leaves_nothing_that_stays(
    worlds: Worlds, store: Store, ending: str
) -> None:
    """A new object, and one that is written over: the record of bytes that come a second time."""
    with worlds.world() as world:
        if ending == ".txt.json":
            world.drop(ONE, SAME)
            world.quieten()
        world.drop(TWO, SAME)
        folder = store.server.data / world.services.settings.s3.buckets["archive"]
        seam = Seam()
        before = bytes_in(folder)
        seam.at("写入 archive", ending, "before", kill_half_way)
        assert world.killed(seam).killed
        assert bytes_in(folder) == before
        world.audit.at_any_time(world.drops)
        world.quieten()
        assert len(bytes_in(folder)) == len([*world.services.storage.list("archive")])


@pytest.mark.parametrize("act", [kill, kill_half_way], ids=["between", "within"])
def test_a_client_that_dies_between_or_within_the_parts_of_a_large_file_leaves_nothing_under_its_key(
    worlds: Worlds, store: Store, act: Callable[[], None]
) -> None:
    """What was sent lies hidden on the disk, nobody can list it, and the next run files the whole."""
    with worlds.world() as world:
        world.drop(LARGE, MUCH)
        folder = store.server.data / world.services.settings.s3.buckets["quarantine"]
        seam = Seam()
        seam.at("写入 quarantine", ".jpg", "before", lambda: at_part(2, act))
        assert world.killed(seam).killed
        left = list(bytes_in(folder))
        assert [".rclone_temp_multipart_" in path for path in left] == [True]
        assert [*world.services.storage.list("quarantine")] == []
        world.audit.at_any_time(world.drops)
        world.quieten()
        (row,) = world.rows()
        assert (row.bucket, row.size) == ("quarantine", len(MUCH))
        assert bytes_in(folder).keys() - left == {
            str(folder / s.key) for s in world.services.storage.list("quarantine")
        }


def bytes_in(folder: Path) -> dict[str, bytes]:
    """Return all that a store keeps in a bucket's folder, beginnings and temporary files included."""
    files = (p for p in folder.rglob("*") if p.is_file())
    return {str(p): p.read_bytes() for p in files}


class Quarrel:
    """Two transactions that add to rows of a table, stop until both have come so far, and add to others."""

    def __init__(self, ledger: Ledger, isolation: str) -> None:
        self.ledger, self.isolation, self.both = ledger, isolation, Barrier(2)
        self.refused: list[str] = []

    def add(self, before: list[int], after: list[int]) -> None:
        tries = 0

        def work(session: Session) -> None:
            nonlocal tries
            tries += 1
            session.execute(text(f"SET TRANSACTION ISOLATION LEVEL {self.isolation}"))
            session.execute(text("SELECT n FROM met"))
            self._add(session, before)
            if tries == 1:
                self.both.wait(30)
            self._add(session, after)

        self.ledger.run(work)

    def _add(self, session: Session, rows: list[int]) -> None:
        try:
            for row in rows:
                session.execute(text("UPDATE met SET n = n + 1 WHERE id = :id"), {"id": row})
        except DBAPIError as refused:
            self.refused.append(getattr(refused.orig, "pgcode", None) or getattr(refused.orig, "sqlstate", ""))
            raise


@pytest.mark.ledger_owner
@pytest.mark.parametrize(
    ("isolation", "works", "code", "left"),
    [
        ("READ COMMITTED", [([1], [2]), ([2], [1])], "40P01", {2}),
        ("REPEATABLE READ", [([], [1]), ([], [1])], "40001", {0, 2}),
    ],
    ids=["deadlock", "serialization"],
)
def test_the_one_that_postgresql_refuses_tries_again(
    postgres_url: str, isolation: str, works: list[tuple[list[int], list[int]]], code: str, left: set[int]
) -> None:
    """Real refusals: two transactions in each other's way, and in the end both are done, once."""
    ledger = Ledger(postgres_url, retry_timeout=30)
    try:
        ledger.run(lambda s: s.execute(text("CREATE TABLE met (id int PRIMARY KEY, n int)")))
        ledger.run(lambda s: s.execute(text("INSERT INTO met VALUES (1, 0), (2, 0)")))
        quarrel = Quarrel(ledger, isolation)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda work: quarrel.add(*work), works))
        assert quarrel.refused == [code]
        assert set(ledger.run(lambda s: list(s.scalars(text("SELECT n FROM met"))))) == left
    finally:
        ledger.close()
