"""The ledger out of the archive and the quarantine alone: the journal's pages, and the records beside the objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from baosong.campaign import CampaignError
from baosong.ledger import duplicate_of, restore
from baosong.ledger.services import Services
from baosong.preservation import change_log, records
from baosong.preservation.records import ArchiveError, Record
from baosong.rules.errors import OneLineError

Progress = Callable[[str, int, int], None]
"""Is told what is being done, how many of it are done, and of how many."""
_READERS = 8
_SHARED = "台账所在的数据库里还有别的表（{others} 等），不能移动，没有改动。请让台账独用一个数据库。"
_IN_USE = (
    "台账不是空的，有 {held} 行，没有改动。确要以归档为准重建的，请加 --replace："
    "现在的台账移入另一个模式（schema）保留，不会删除。"
)


class RebuildRefused(OneLineError):
    """The ledger is in use, and nobody said that it may be replaced; the text is Chinese."""


@dataclass(slots=True)
class Rebuilt:
    """What came of it: rows by table, files taken from records, what could not be read, where the old ledger is."""

    rows: dict[str, int] = field(default_factory=dict)
    pages: int = 0
    salvaged: int = 0
    faults: list[str] = field(default_factory=list)
    aside: str | None = None


def rebuild(services: Services, progress: Progress, *, replace: bool = False) -> Rebuilt:
    """Make the ledger again, in one transaction; RebuildRefused if it has rows and is not to be replaced.

    A ledger that is replaced is kept under a schema of its own. What arrived and was not answered when the ledger was
    lost lies in the intake, and the next run reviews it.
    """
    done = Rebuilt()
    with services.ledger.engine.begin() as connection:
        held = sum(restore.count(connection).values())
        if held and not replace:
            raise RebuildRefused(_IN_USE.format(held=held))
        if held or restore.is_torn(connection):
            if others := restore.strangers(connection):
                raise RebuildRefused(_SHARED.format(others="、".join(others[:5])))
            done.aside = restore.put_aside(connection)
        restore.begin(connection)
        keys = {
            bucket: [stored.key for stored in services.storage.list(bucket)] for bucket in ("archive", "quarantine")
        }
        last = _from_journal(services, connection, sorted(filter(records.is_page, keys["archive"])), progress, done)
        with Session(connection) as session:
            restore.settle(session, last)
            _from_records(services, session, keys, progress, done)
            session.commit()  # into the connection's transaction
        done.rows = restore.count(connection)
    for campaign_id in sorted({campaign for campaign, _ in last} & set(services.campaigns.ids())):
        with suppress(CampaignError):  # its views stay blank until the file is mended
            services.ledger.expect(services.campaigns.get(campaign_id))
    if done.faults:
        change_log.mend(services, None)
    return done


def _from_journal(
    services: Services, connection: Connection, keys: list[str], progress: Progress, done: Rebuilt
) -> dict[tuple[str, str], int]:
    """Restore the rows of all places; return each place's last page."""
    last: dict[tuple[str, str], int] = {}
    for _, pages in groupby(keys, key=lambda key: key.rpartition("/")[0]):
        rows: restore.Rows = {}
        expected: int | None = 1
        for key in pages:
            try:
                page = change_log.read_page(services.storage, key)
            except ArchiveError as spoiled:
                done.faults.append(f"日志已损坏：archive/{key}（{spoiled}）")
                expected = None
                last[records.place_of(key)] = int(PurePosixPath(key).stem)
                continue
            if expected is not None and page["page"] != expected:
                done.faults.append(f"日志不连续：archive/{key} 之前缺第 {expected} 页")
                expected = None
            restore.merge(rows, page["lines"], restore.UNCHANGING if expected is None else restore.TOLD)
            expected = None if expected is None else expected + 1
            last[page["campaign"], page["prefecture"]] = page["page"]
            done.pages += 1
            progress("读取台账日志", done.pages, len(keys))
        restore.restore(connection, rows)
    return last


def _from_records(
    services: Services, session: Session, keys: dict[str, list[str]], progress: Progress, done: Rebuilt
) -> None:
    """Take from the records what no page tells of: it was filed and not answered yet, or its page is lost."""
    known = restore.arrivals(session)
    lost: dict[tuple[Any, ...], tuple[Record, str, str]] = {}
    for record, bucket, key in _records(services, keys, progress, done):
        if (arrival := restore.arrival_of(record)) not in known:
            lost.setdefault(arrival, (record, bucket, key))
    in_order = sorted(lost.values(), key=lambda found: (found[0].get("bundle") is not None, found[0]["filed"]))
    for record, bucket, key in in_order:
        done.salvaged += restore.salvage(session, record, bucket, key, duplicate_of)


def _records(
    services: Services, keys: dict[str, list[str]], progress: Progress, done: Rebuilt
) -> Iterator[tuple[Record, str, str]]:
    """Yield each record with its object's bucket and key, the archive's first."""

    def read(place: tuple[str, str]) -> list[Record] | str:
        try:
            return records.read_records(services.storage, *place)
        except ArchiveError as spoiled:
            return f"记录已损坏：{'/'.join(place)}.json（{spoiled}）"

    places = [(bucket, key) for bucket, there in keys.items() for key in sorted(records.parted(there)[1])]
    with ThreadPoolExecutor(_READERS) as pool:
        for number, (place, told) in enumerate(zip(places, pool.map(read, places), strict=True), 1):
            progress("核对归档记录", number, len(places))
            if isinstance(told, str):
                done.faults.append(told)
            else:
                yield from ((record, *place) for record in told)
