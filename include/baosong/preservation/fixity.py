"""Is all that is kept still there, as it was? Objects, the records beside them, the journal, the reports."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import SystemRandom

from baosong.ledger import Edition
from baosong.ledger.services import Services
from baosong.ledger.stored_objects import Inspection, Kept
from baosong.preservation import change_log
from baosong.preservation import records as archive
from baosong.preservation.records import ArchiveError
from baosong.report import edition_copies
from baosong.report.editions import edition_lock
from baosong.report.files import DOCUMENT
from baosong.report.pdf import put_pdf
from baosong.store.s3 import StorageError, Stored

NIGHTS = 80
"""In how many nights everything is read once: within a quarter, even if some nights fail."""
LONGEST = timedelta(days=85)
_BUCKETS = ("archive", "quarantine")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing under custody: an object as the ledger has it, or a page of the journal, a file or copy of a report's
    `edition`, or (with neither, and no page) a stranger.
    """

    bucket: str
    key: str
    kept: Kept | None
    stored: Stored | None
    recorded: bool
    read_at: datetime | None
    faulty: bool
    edition: Edition | None = None

    @property
    def last(self) -> datetime:
        """Return when its bytes were last known to be right: read, or else written."""
        return self.read_at or (self.stored.modified if self.stored else datetime.fromtimestamp(0, UTC))


@dataclass(frozen=True, slots=True)
class Result:
    """What a verification came to: `faults` by bucket and key, also those known from before; numbers of things."""

    total: int
    read: int
    faults: dict[str, list[str]]


Choose = Callable[[list[Item]], list[Item]]
Progress = Callable[[int, int], None]


def verify(services: Services, campaign_id: str | None, choose: Choose, progress: Progress) -> Result:
    """Compare the listings of archive, quarantine and reports with the ledger, and read the chosen things to their end.

    Each is noted in the ledger as soon as it is read. `campaign_id` None means all campaigns, and what belongs to none.
    StorageError if the store stays away.
    """
    items = list(_items(services, campaign_id))
    chosen = {(item.bucket, item.key) for item in choose(items)}
    chosen |= {(item.bucket, item.key) for item in items if item.faulty or _looks_wrong(item)}
    to_read = [item for item in items if (item.bucket, item.key) in chosen]
    for number, item in enumerate(to_read, 1):
        faults = _examined(services, item)
        if faults is not None:
            _note(services, item, faults)
        progress(number, len(to_read))
    _forgive(services, campaign_id, items)
    found = services.ledger.inspections(campaign_id, faulty=True)
    return Result(len(items), len(to_read), {f"{i.bucket}/{i.key}": i.faults for i in found})


def mend_reports(services: Services, campaign_id: str | None) -> list[str]:
    """Put right what can be of the reports that stand; return the keys. Those that somebody is writing are left."""
    done: list[str] = []
    for campaign, kind in sorted({(e.campaign, e.edition) for e in services.ledger.standing(campaign_id)}):
        with edition_lock(services.ledger, campaign, kind) as mine:
            for edition in services.ledger.standing(campaign) if mine else ():
                mended = edition_copies.repaired(services.storage, edition) if edition.edition == kind else []
                if f"{edition.prefix}{DOCUMENT}" in mended:
                    put_pdf(services.storage, edition.prefix)
                done += mended
    return done


def due(now: datetime) -> Choose:
    """Choose what is to be read tonight: the part of the whole that was not read for longest, and what is overdue."""

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
    """Yield all things that are there or should be. The store is listed before the ledger is asked."""
    prefix = "" if campaign_id is None else f"{campaign_id}/"
    listed = {bucket: {s.key: s for s in services.storage.list(bucket, prefix)} for bucket in (*_BUCKETS, "reports")}
    kept = {(k.bucket, k.key): k for k in services.ledger.kept(campaign_id)}
    purged = services.ledger.purged(campaign_id)
    seen = {(i.bucket, i.key): i for i in services.ledger.inspections(campaign_id)}
    pages = {("archive", key) for key in _pages(services, campaign_id)}
    pages |= {("archive", key) for key in listed["archive"] if archive.is_page(key)}
    for bucket in _BUCKETS:
        objects, recorded = archive.parted(listed[bucket])
        recorded -= {key for where, key in purged if where == bucket} - objects
        keys = objects | recorded | {key for where, key in (*kept, *pages) if where == bucket}
        for key in sorted(keys):
            is_page = (bucket, key) in pages
            known, there = kept.get((bucket, key)), listed[bucket].get(key)
            yield Item(bucket, key, known, there, key in recorded or is_page, *_before(seen.get((bucket, key))))
    reported = {
        key: edition for edition in services.ledger.standing(campaign_id) for key in edition_copies.checksums(edition)
    }
    for key, edition in sorted(reported.items()):
        there, before = listed["reports"].get(key), seen.get(("reports", key))
        yield Item("reports", key, None, there, True, *_before(before), edition)


def _before(seen: Inspection | None) -> tuple[datetime | None, bool]:
    return (seen.read_at, bool(seen.faults)) if seen else (None, False)


def _pages(services: Services, campaign_id: str | None) -> Iterator[str]:
    for (campaign, prefecture), last in services.ledger.last_pages(campaign_id).items():
        yield from (change_log.page_key(campaign, prefecture, number) for number in range(1, last + 1))


def _looks_wrong(item: Item) -> bool:
    """Return whether the listing alone says that something is amiss."""
    stranger = item.kept is None and item.edition is None and not archive.is_page(item.key)
    return (
        item.stored is None or not item.recorded or stranger or bool(item.kept and item.stored.size != item.kept.size)
    )


def _examined(services: Services, item: Item) -> list[str] | None:
    """Return what is wrong with a thing, or None where a run is just bringing it here or taking it away."""
    try:
        if item.edition:
            return _of_report(services, item.key, item.edition)
        if archive.is_page(item.key):
            return _of_page(services, item)
        kept = item.kept or next((k for k in services.ledger.kept(None, item.key) if k.bucket == item.bucket), None)
        if kept is None:
            return _of_stranger(services, item)
        there = services.storage.head(item.bucket, item.key)
        wrong = _of_bytes(services, kept, there) if there else ["对象缺失：台账登记了它，存储中没有"]
        return [*wrong, *(_whole_version(services, kept) if wrong else []), *_of_records(services, kept)]
    except StorageError as refused:
        services.storage.head(item.bucket, item.key)  # is it the store that is ill, or this object?
        return [f"无法读取：{refused}"]


def _of_page(services: Services, item: Item) -> list[str]:
    if services.storage.head("archive", item.key) is None:
        return ["日志缺页：台账写过这一页，存储中没有"]
    try:
        change_log.read_page(services.storage, item.key)
    except ArchiveError:
        return ["日志已变：内容与写入时不同"]
    return []


def _of_report(services: Services, key: str, edition: Edition) -> list[str] | None:
    if not edition_copies.faults_of(services.storage, edition, key):
        return []
    with edition_lock(services.ledger, edition.campaign, edition.edition) as mine:  # somebody may be writing it
        editions = services.ledger.standing(edition.campaign) if mine else []
        now = next((e for e in editions if key in edition_copies.checksums(e)), None)
        return edition_copies.faults_of(services.storage, now, key) if now else None


def _of_bytes(services: Services, kept: Kept, there: Stored) -> list[str]:
    if there.size != kept.size:
        return [f"大小不符：应为 {kept.size} 字节，实为 {there.size} 字节"]
    found = archive.sha256_of(services.storage, kept.bucket, kept.key, there.size)
    return [] if found == kept.sha256 else [f"内容已变：sha256 应为 {kept.sha256}，实为 {found}"]


def _whole_version(services: Services, kept: Kept) -> list[str]:
    """Name the newest version with the right bytes, where the store keeps versions."""
    for version in services.storage.versions(kept.bucket, kept.key):
        with services.storage.source(kept.bucket, version).open() as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() == kept.sha256:  # type: ignore[arg-type]
                return [f"存储中留有完好的旧版本 {version.version_id}，可据以恢复"]
    return []


def _of_records(services: Services, kept: Kept) -> list[str]:
    try:
        records = archive.read_records(services.storage, kept.bucket, kept.key)
    except ArchiveError:
        return ["记录已变：旁边的 .json 与写入时不同"]
    if not records:
        return ["记录缺失：旁边没有 .json"]
    if any(record.get("sha256") != kept.sha256 or record.get("size") != kept.size for record in records):
        return ["记录与台账不符：登记的大小或 sha256 不同"]
    missing = set(kept.submissions) - {record.get("id") for record in records}
    return [f"记录不全：缺台账第 {'、'.join(map(str, sorted(missing)))} 号"] if missing else []


def _of_stranger(services: Services, item: Item) -> list[str] | None:
    """Return what is wrong with something that the ledger has not filed: perhaps it is just about to."""
    campaign, prefecture = archive.place_of(item.key)
    if any((c, p) == (campaign, prefecture) for c, p, _ in services.ledger.unfinished()):
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


def _note(services: Services, item: Item, faults: list[str]) -> None:
    place = (item.edition.campaign, "") if item.edition else archive.place_of(item.key)
    services.ledger.note_inspections([Inspection(item.bucket, item.key, *place, datetime.now(UTC), faults)])


def _forgive(services: Services, campaign_id: str | None, items: Iterable[Item]) -> None:
    """Clear what was said of strangers that are gone."""
    there = {(item.bucket, item.key) for item in items}
    for one in services.ledger.inspections(campaign_id, faulty=True):
        if (one.bucket, one.key) not in there:
            services.ledger.note_inspections([replace(one, faults=[])])
