"""The ledger rebuilt from archive and quarantine alone: from the change log, and the records beside the objects."""

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
from baosong.ledger import privileges, restore
from baosong.ledger.deadlines import unmark
from baosong.ledger.services import Services
from baosong.preservation import change_log, records
from baosong.preservation.records import ArchiveError, Record
from baosong.rules.errors import OneLineError

Progress = Callable[[str, int, int], None]
"""Is given a title, how many are done, and of how many."""
_READERS = 8
_SHARED = "台账所在的数据库里还有别的表（{others} 等），不能移动，没有改动。请让台账独用一个数据库。"
_IN_USE = (
    "台账不是空的，有 {held} 行，没有改动。确要以归档为准重建的，请加 --replace："
    "现在的台账移入另一个模式（schema）保留，不会删除。"
)


class RebuildRefused(OneLineError):
    """The ledger is in use and `replace` was not given, or it shares its schema; the text is Chinese."""


@dataclass(slots=True)
class Rebuilt:
    """The result: rows per table, segments read, files `salvaged` from records, `faults` in Chinese, and the schema
    with the replaced ledger (`aside`).
    """

    rows: dict[str, int] = field(default_factory=dict)
    segments: int = 0
    salvaged: int = 0
    faults: list[str] = field(default_factory=list)
    aside: str | None = None


def rebuild(services: Services, progress: Progress, *, replace: bool = False) -> Rebuilt:
    """Rebuild the ledger in one transaction; RebuildRefused if it has rows and is not to be replaced.

    A replaced ledger stays under a schema of its own. What arrived and was not answered when the ledger was lost lies
    in the intake, and the next run reviews it.
    """
    done = Rebuilt()
    with services.ledger.engine.begin() as connection:
        _make_room(connection, done, replace=replace)
        keys = {bucket: [s.key for s in services.storage.list(bucket)] for bucket in ("archive", "quarantine")}
        segments = sorted(filter(records.is_segment, keys["archive"]))
        last = _from_log(services, connection, segments, progress, done)
        with Session(connection) as session:
            restore.finish(session, last)
            _from_records(services, session, keys, progress, done)
            unmark(session)  # the records say what was known when they were written
            session.commit()  # into the connection's transaction
        done.rows = restore.count(connection)
    for campaign_id in sorted({campaign for campaign, _ in last} & set(services.campaigns.ids())):
        with suppress(CampaignError):  # its views stay blank until the file is corrected
            services.ledger.expect(services.campaigns.get(campaign_id))
    if done.faults:
        change_log.repair(services, None)
    return done


def _make_room(connection: Connection, done: Rebuilt, *, replace: bool) -> None:
    """Leave empty tables that nobody else can write to; what was there is moved aside."""
    privileges.require_owner(connection)
    held = sum(restore.count(connection).values())
    if held and not replace:
        raise RebuildRefused(_IN_USE.format(held=held))
    if held or restore.is_partial(connection):
        if others := restore.foreign_tables(connection):
            raise RebuildRefused(_SHARED.format(others="、".join(others[:5])))
        done.aside = restore.put_aside(connection)
    restore.begin(connection)


def _from_log(
    services: Services, connection: Connection, keys: list[str], progress: Progress, done: Rebuilt
) -> dict[tuple[str, str], int]:
    """Restore the rows of all change logs; return the number of each log's last segment."""
    last: dict[tuple[str, str], int] = {}
    for _, log in groupby(keys, key=lambda key: key.rpartition("/")[0]):
        rows: restore.Rows = {}
        expected: int | None = 1  # None after a gap: changes of a row whose beginning is lost make no row
        for key in log:
            try:
                segment = change_log.read_segment(services.storage, key)
            except ArchiveError as damaged:
                done.faults.append(f"日志已损坏：archive/{key}（{damaged}）")
                expected = None
                last[records.parse_archive_key(key)] = int(PurePosixPath(key).stem)
                continue
            if expected is not None and segment["page"] != expected:
                done.faults.append(f"日志不连续：archive/{key} 之前缺第 {expected} 页")
                expected = None
            restore.merge(rows, segment["lines"], restore.INDEPENDENT if expected is None else restore.LOGGED)
            expected = None if expected is None else expected + 1
            last[segment["campaign"], segment["prefecture"]] = segment["page"]
            done.segments += 1
            progress("读取台账日志", done.segments, len(keys))
        restore.insert_rows(connection, rows)
    return last


def _from_records(
    services: Services, session: Session, keys: dict[str, list[str]], progress: Progress, done: Rebuilt
) -> None:
    """Salvage from the records what no segment holds: it was filed and not answered yet, or its segment is lost."""
    known = restore.arrivals(session)
    lost: dict[tuple[Any, ...], tuple[Record, str, str]] = {}
    for record, bucket, key in _records(services, keys, progress, done):
        if (arrival := restore.arrival_of(record)) not in known:
            lost.setdefault(arrival, (record, bucket, key))
    # Bundles first, since their files refer to them; then in the order of filing, which decides what replaced what.
    in_order = sorted(lost.values(), key=lambda one: (one[0].get("bundle") is not None, one[0]["filed"]))
    for record, bucket, key in in_order:
        done.salvaged += restore.salvage(session, record, bucket, key)


def _records(
    services: Services, keys: dict[str, list[str]], progress: Progress, done: Rebuilt
) -> Iterator[tuple[Record, str, str]]:
    """Yield each record with its object's bucket and key, the archive's first."""

    def read(place: tuple[str, str]) -> list[Record] | str:
        try:
            return records.read_records(services.storage, *place)
        except ArchiveError as damaged:
            return f"记录已损坏：{'/'.join(place)}.json（{damaged}）"

    places = [(bucket, key) for bucket, there in keys.items() for key in sorted(records.split_records(there)[1])]
    with ThreadPoolExecutor(_READERS) as pool:
        for number, (place, result) in enumerate(zip(places, pool.map(read, places), strict=True), 1):
            progress("核对归档记录", number, len(places))
            if isinstance(result, str):
                done.faults.append(result)
            else:
                yield from ((record, *place) for record in result)
