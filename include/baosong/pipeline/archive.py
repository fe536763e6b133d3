"""Archiving: checked files go into archive or quarantine, then the ledger decides what they become.

The effects follow one order, and each can be repeated: copy and read back, record beside the copy, decide in the
ledger. A process killed between any two of them leaves work that the next run finds and finishes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from structlog.contextvars import bound_contextvars

from baosong.campaign import Deliverable
from baosong.ledger import Filed, LimitReached, State, Submission, is_unpacked, verdict_of
from baosong.ledger.services import Services
from baosong.ledger.steps import Destination
from baosong.pipeline import cross_file, source_object
from baosong.pipeline.source_object import Seen
from baosong.preservation import records
from baosong.receipts import thumbnails
from baosong.rules.catalogue import finding
from baosong.rules.findings import Verdict
from baosong.store.local_copy import Copy
from baosong.validation.video import media_info, video

log = logging.getLogger(__name__)


def archive(
    services: Services, campaign_id: str, code: str, ids: Collection[int] | None = None
) -> list[dict[str, Any]]:
    """Bring a prefecture's checked files into archive or quarantine and decide in the ledger what they become.

    All of them, or those of these ids and what came in them. Returns `{"id", "name", "kind", "state"}` per file. What
    another run is at is left to it. Runs at other files of the prefecture go on beside this one, but not the removal
    of what nobody needs from quarantine.
    """
    lock, place = services.ledger.advisory_lock, f"archive:{campaign_id}:{code}"
    with lock(place, shared=True) as free, lock(f"{place}:{min(ids or [0])}") as mine:
        rows = services.ledger.waiting(campaign_id, code, State.CHECKED, ids) if free and mine else []
        if campaign_id and cross_file.check_related(services, rows, services.campaigns.get(campaign_id)):
            rows = services.ledger.waiting(campaign_id, code, State.CHECKED, ids)
        rows = sorted(rows, key=is_unpacked)  # a bundle lies in the intake until all of its files are archived
        seen = source_object.look(services, rows)
        return [_archive_named(services, row, seen) for row in rows]


def _archive_named(services: Services, row: Submission, seen: Seen) -> dict[str, Any]:
    """Archive one file so that whatever logs meanwhile names its submission."""
    with bound_contextvars(submission_id=row.id):
        archived = source_object.summary(row, _archive_file(services, row, seen))
        log.info("archived: %s", archived)
        return archived


def _archive_file(services: Services, row: Submission, seen: Seen) -> State:
    """Bring one file to its place and return what it has become."""
    try:
        try:
            return _stored_and_decided(services, row, seen)
        except LimitReached:  # another run took the last place meanwhile: now that is known beforehand
            return _stored_and_decided(services, row, seen)
    except Exception:  # perhaps the object went away while it was read, or one half is another object's
        if source_object.withdraw_if_changed(services, row):
            return State.WITHDRAWN
        raise


def _stored_and_decided(services: Services, row: Submission, seen: Seen) -> State:
    with _read_whole(services, row) as (copy, settled):
        # The one look before anything irreversible: reading refuses most other objects, but not one of the same size
        # that came within the same two seconds.
        why = source_object.changed(services, row, seen)
        if why or copy.size != row.size:
            services.ledger.withdraw(row.id, why or "归档前文件已被替换或删除")
            return State.WITHDRAWN
        row, place = _placed(services, settled(), copy.sha256)
        records.put_verified(services.storage, place.bucket, place.key, copy, new=place.new)
        if place.bucket == "archive":
            thumbnails.write_frame(services, row, copy.file)
    record = records.describe(row, copy.sha256, datetime.now(UTC))
    filed_at = records.write_record(services.storage, place.bucket, place.key, record)
    filed = Filed(copy.sha256, place.bucket, place.key, filed_at)
    state, sharing = services.ledger.archive(row.id, filed, place.most)
    _repair_records(services, filed, sharing)
    return state or State.WITHDRAWN


@contextmanager
def _read_whole(services: Services, row: Submission) -> Iterator[tuple[Copy, Callable[[], Submission]]]:
    """Give a local copy of a checked file, and how to get its submission with the verdict that all its bytes bear out.

    A video whose check could not tell without all of its bytes is parsed on the way: nobody reads it twice.
    """
    if not row.facts.get("undecided"):
        with source_object.fetched(services, row) as copy:
            yield copy, lambda: row
        return
    profile, facts = services.campaigns.get(row.campaign).video, row.facts
    with (
        media_info.WholeParse(row.size, facts["container"], facts["codec"], facts["scan_type"]) as parse,
        source_object.fetched(services, row, parse.feed) as copy,
    ):
        yield (
            copy,
            lambda: services.ledger.settle(row.id, video.settle(parse, profile, facts, copy.source(row.name))),
        )


class _Place(NamedTuple):
    """Where a file's bytes belong, how many of its kind may be accepted, and whether nothing is filed there yet."""

    bucket: str
    key: str
    most: int | None
    new: bool


def _placed(services: Services, row: Submission, sha256: str) -> tuple[Submission, _Place]:
    """Return a row and where its bytes belong.

    One beyond that number is rejected by now. The copy of a duplicate is the other one's.
    """
    deliverable = _deliverable_of(services, row)
    most = deliverable.max if deliverable else None
    meets, bucket, key = _destination(services, row, sha256, most)
    if meets.full and deliverable:
        too_many = finding("file.too_many", deliverable=deliverable.name, most=deliverable.max)
        row = services.ledger.refuse(row.id, too_many)
        thumbnails.drop_preview(services, row)
        if not services.ledger.filed_under("archive", key):  # a run that came too late may have left a copy
            records.discard(services.storage, "archive", key)
        meets, bucket, key = _destination(services, row, sha256, most)
    if meets.duplicate and meets.duplicate.archive_key:
        key = meets.duplicate.archive_key
    elif meets.taken:
        key = records.object_key(row, sha256, records.MORE_DIGITS)
    return row, _Place(bucket, key, most, new=not (meets.filed or meets.duplicate))


def _deliverable_of(services: Services, row: Submission) -> Deliverable | None:
    """Return the deliverable that an accepted file counts for; none for a bundle, nor for what is not accepted."""
    if verdict_of(row) is not Verdict.ACCEPTED:
        return None
    return next((d for d in services.campaigns.get(row.campaign).deliverables if d.kind == row.kind), None)


def _destination(services: Services, row: Submission, sha256: str, most: int | None) -> tuple[Destination, str, str]:
    bucket = "archive" if verdict_of(row) is Verdict.ACCEPTED else "quarantine"
    key = records.object_key(row, sha256)
    return services.ledger.destination(row, sha256, bucket, key, most), bucket, key


def _repair_records(services: Services, filed: Filed, sharing: Sequence[Submission]) -> None:
    """Write again what was overwritten, where this run had lost its lock and another one had filed the same bytes."""
    if len(sharing) > 1 or any(row.filed_at != filed.at for row in sharing):
        right = [records.describe(row, row.sha256 or "", row.filed_at or filed.at) for row in sharing]
        records.repair_records(services.storage, filed.bucket, filed.key, right)
