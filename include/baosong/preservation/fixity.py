"""Fixity: are all objects, the records beside them, the change log and the reports still there, as they were?"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import SystemRandom

from baosong.ledger import Edition
from baosong.ledger.models import FixityCheck
from baosong.ledger.services import Services
from baosong.ledger.stored_objects import StoredObject
from baosong.preservation import change_log
from baosong.preservation import records as archive
from baosong.preservation.records import ArchiveError
from baosong.report import edition_copies
from baosong.report.editions import edition_lock
from baosong.report.files import PDFS
from baosong.report.pdf import put_pdfs
from baosong.store.storage import StorageError, Stored

NIGHTS = 80
"""In how many nights everything is read once: within a quarter, even if some nights fail."""
LONGEST = timedelta(days=85)
_BUCKETS = ("archive", "quarantine")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to be checked: an `expected` object of the ledger, a file or copy of a report's `edition`, a segment
    of the change log, or (with none of these) a stranger.
    """

    bucket: str
    key: str
    expected: StoredObject | None
    stored: Stored | None
    recorded: bool
    read_at: datetime | None
    faulty: bool
    edition: Edition | None = None

    @property
    def last(self) -> datetime:
        """When its bytes were last known to be right: read, or else written."""
        return self.read_at or (self.stored.modified if self.stored else datetime.fromtimestamp(0, UTC))


@dataclass(frozen=True, slots=True)
class Result:
    """A verification's result: `faults` by bucket and key, also those known from before; numbers of things."""

    total: int
    read: int
    faults: dict[str, list[str]]


Choose = Callable[[list[Item]], list[Item]]
Progress = Callable[[int, int], None]


def verify(services: Services, campaign_id: str | None, choose: Choose, progress: Progress) -> Result:
    """Compare the listings of archive, quarantine and reports with the ledger, and read the chosen things to their end.

    Each check is recorded as soon as it is done. `campaign_id` None means all campaigns, and what belongs to none.
    StorageError if the store stays away.
    """
    items = list(_items(services, campaign_id))
    chosen = {(item.bucket, item.key) for item in choose(items)}
    to_read = [i for i in items if (i.bucket, i.key) in chosen or i.faulty or _looks_wrong(i)]
    for number, item in enumerate(to_read, 1):
        faults = _faults_of(services, item)
        if faults is not None:
            _record(services, item, faults)
        progress(number, len(to_read))
    _clear_gone(services, campaign_id, items)
    faulty = services.ledger.fixity_checks(campaign_id, faulty=True)
    return Result(len(items), len(to_read), {f"{check.bucket}/{check.key}": check.faults for check in faulty})


def repair_reports(services: Services, campaign_id: str | None) -> list[str]:
    """Repair what can be of the current reports; return the keys. Those that somebody is writing are left."""
    done: list[str] = []
    for campaign, kind in sorted({(e.campaign, e.edition) for e in services.ledger.current_editions(campaign_id)}):
        with edition_lock(services.ledger, campaign, kind) as mine:
            for edition in services.ledger.current_editions(campaign) if mine else ():
                repaired = edition_copies.repaired(services.storage, edition) if edition.edition == kind else []
                if any(f"{edition.prefix}{document}" in repaired for document in PDFS.values()):
                    put_pdfs(services.storage, edition.prefix)
                done += repaired
    return done


def due(now: datetime) -> Choose:
    """Choose what is to be read tonight: the share that was not read for longest, and what is overdue."""

    def choose(items: list[Item]) -> list[Item]:
        oldest_first = sorted(items, key=lambda item: item.last)
        share = math.ceil(len(items) / NIGHTS)
        return [item for n, item in enumerate(oldest_first) if n < share or item.last < now - LONGEST]

    return choose


def since(began: datetime) -> Choose:
    """Choose what was not read since a moment."""
    return lambda items: [item for item in items if item.read_at is None or item.read_at < began]


def sample(count: int) -> Choose:
    """Choose so many at random."""
    return lambda items: SystemRandom().sample(items, min(count, len(items)))


def _items(services: Services, campaign_id: str | None) -> Iterator[Item]:
    """Yield all things that are there or should be."""
    # The store is listed before the ledger is asked: what is filed in between is then no stranger.
    prefix = "" if campaign_id is None else f"{campaign_id}/"
    listed = {bucket: {s.key: s for s in services.storage.list(bucket, prefix)} for bucket in (*_BUCKETS, "reports")}
    checks = {(check.bucket, check.key): check for check in services.ledger.fixity_checks(campaign_id)}

    def item(bucket: str, key: str, expected: StoredObject | None, recorded: bool, edition: Edition | None) -> Item:
        check, stored = checks.get((bucket, key)), listed[bucket].get(key)
        read_at, faulty = (check.read_at, bool(check.faults)) if check else (None, False)
        return Item(bucket, key, expected, stored, recorded, read_at, faulty, edition)

    expected = {(o.bucket, o.key): o for o in services.ledger.stored_objects(campaign_id)}
    expired = services.ledger.expired_objects(campaign_id)
    segments = _segments(services, campaign_id) | {key for key in listed["archive"] if archive.is_segment(key)}
    for bucket in _BUCKETS:
        objects, recorded = archive.split_records(listed[bucket])
        recorded -= {key for where, key in expired if where == bucket} - objects
        recorded |= segments if bucket == "archive" else set()
        for key in sorted(objects | recorded | {key for where, key in expected if where == bucket}):
            yield item(bucket, key, expected.get((bucket, key)), key in recorded, None)
    current = services.ledger.current_editions(campaign_id)
    reported = {key: edition for edition in current for key in edition_copies.checksums(edition)}
    for key, edition in sorted(reported.items()):
        yield item("reports", key, None, True, edition)


def _segments(services: Services, campaign_id: str | None) -> set[str]:
    """Return the keys of the segments that the ledger wrote."""
    last = services.ledger.last_segments(campaign_id)
    return {change_log.segment_key(*owner, n) for owner, number in last.items() for n in range(1, number + 1)}


def _looks_wrong(item: Item) -> bool:
    """Return whether the listing alone shows a fault."""
    stranger = item.expected is None and item.edition is None and not archive.is_segment(item.key)
    resized = item.stored and item.expected and item.stored.size != item.expected.size
    return item.stored is None or not item.recorded or stranger or bool(resized)


def _faults_of(services: Services, item: Item) -> list[str] | None:
    """Return what is wrong with a thing, or None where a run is just bringing it here or taking it away."""
    try:
        if item.edition:
            return _report_faults(services, item.key, item.edition)
        if archive.is_segment(item.key):
            return _segment_faults(services, item.key)
        filed = services.ledger.stored_objects(None, item.key) if item.expected is None else [item.expected]
        expected = next((o for o in filed if o.bucket == item.bucket), None)
        return _stranger_faults(services, item) if expected is None else _object_faults(services, expected)
    except StorageError as refused:
        services.storage.head(item.bucket, item.key)  # raises if the whole store is away, not only this object
        return [f"无法读取：{refused}"]


def _segment_faults(services: Services, key: str) -> list[str]:
    if services.storage.head("archive", key) is None:
        return ["日志缺页：台账写过这一页，存储中没有"]
    try:
        change_log.read_segment(services.storage, key)
    except ArchiveError:
        return ["日志已变：内容与写入时不同"]
    return []


def _report_faults(services: Services, key: str, edition: Edition) -> list[str] | None:
    if not edition_copies.faults_of(services.storage, edition, key):
        return []
    with edition_lock(services.ledger, edition.campaign, edition.edition) as mine:  # somebody may be writing it
        editions = services.ledger.current_editions(edition.campaign) if mine else []
        now = next((e for e in editions if key in edition_copies.checksums(e)), None)
        return edition_copies.faults_of(services.storage, now, key) if now else None


def _object_faults(services: Services, expected: StoredObject) -> list[str]:
    there = services.storage.head(expected.bucket, expected.key)
    faults = _byte_faults(services, expected, there) if there else ["对象缺失：台账登记了它，存储中没有"]
    return [*faults, *(_intact_version(services, expected) if faults else []), *_record_faults(services, expected)]


def _byte_faults(services: Services, expected: StoredObject, there: Stored) -> list[str]:
    if there.size != expected.size:
        return [f"大小不符：应为 {expected.size} 字节，实为 {there.size} 字节"]
    sha256 = archive.sha256_of(services.storage, expected.bucket, expected.key, there.size)
    return [] if sha256 == expected.sha256 else [f"内容已变：sha256 应为 {expected.sha256}，实为 {sha256}"]


def _intact_version(services: Services, expected: StoredObject) -> list[str]:
    """Name the newest version with the right bytes, where the store keeps versions."""
    for version in services.storage.versions(expected.bucket, expected.key):
        with services.storage.source(expected.bucket, version).open() as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() == expected.sha256:  # type: ignore[arg-type]
                return [f"存储中留有完好的旧版本 {version.version_id}，可据以恢复"]
    return []


def _record_faults(services: Services, expected: StoredObject) -> list[str]:
    try:
        records = archive.read_records(services.storage, expected.bucket, expected.key)
    except ArchiveError:
        return ["记录已变：旁边的 .json 与写入时不同"]
    if not records:
        return ["记录缺失：旁边没有 .json"]
    if any(record.get("sha256") != expected.sha256 or record.get("size") != expected.size for record in records):
        return ["记录与台账不符：登记的大小或 sha256 不同"]
    missing = set(expected.submissions) - {record.get("id") for record in records}
    return [f"记录不全：缺台账第 {'、'.join(map(str, sorted(missing)))} 号"] if missing else []


def _stranger_faults(services: Services, item: Item) -> list[str] | None:
    """Return what is wrong with something that the ledger has not filed: perhaps it is just about to."""
    owner = archive.parse_archive_key(item.key)
    if any((campaign, code) == owner for campaign, code, _ in services.ledger.unfinished()):
        return None
    try:
        records = archive.read_records(services.storage, item.bucket, item.key)
    except ArchiveError:
        return ["记录已变：旁边的 .json 与写入时不同"]
    if records and all(services.ledger.is_known(record) for record in records):
        return []  # taken back by its sender while it was being filed
    if services.storage.head(item.bucket, item.key) is None:
        return ["对象缺失：只有旁边的 .json，台账也没有登记"] if records else []
    return ["多出的对象：台账没有登记" + ("" if records else "，旁边也没有记录")]


def _record(services: Services, item: Item, faults: list[str]) -> None:
    campaign, code = (item.edition.campaign, "") if item.edition else archive.parse_archive_key(item.key)
    owned = {"bucket": item.bucket, "key": item.key, "campaign": campaign, "prefecture": code}
    services.ledger.record_fixity(FixityCheck(**owned, read_at=datetime.now(UTC), faults=faults))


def _clear_gone(services: Services, campaign_id: str | None, items: Iterable[Item]) -> None:
    """Clear the faults of strangers that are gone."""
    there = {(item.bucket, item.key) for item in items}
    for check in services.ledger.fixity_checks(campaign_id, faulty=True):
        if (check.bucket, check.key) not in there:
            check.faults = []
            services.ledger.record_fixity(check)
