"""The change log: in the archive, all that happened to the ledger, in segments, so that it can be lost and rebuilt.

A segment is written before a receipt goes out and before anything leaves the intake: whatever a lost ledger knew is in
the segments or still lies in the intake. Each prefecture and each campaign has a log, numbered without a gap.
"""

from __future__ import annotations

from baosong.ledger import LedgerLost
from baosong.ledger.pending_changes import Line
from baosong.ledger.services import Services
from baosong.preservation.records import (
    CHANGE_LOG,
    UNPLACED,
    ArchiveError,
    Record,
    is_segment,
    verified,
    with_checksum,
)
from baosong.store.storage import Storage


def write(services: Services, campaign_id: str, code: str) -> None:
    """Write the changes that a log lacks; LedgerLost if the log is ahead of the ledger."""

    def write_once(number: int, lines: list[Line]) -> list[Line]:
        # A segment is never overwritten: a ledger restored from an old backup would erase what happened since.
        if (earlier := _lines_at(services.storage, segment_key(campaign_id, code, number))) is not None:
            return earlier
        _put(services.storage, campaign_id, code, number, lines)
        return lines

    while services.ledger.write_segment(campaign_id, code, write_once):
        pass


def write_all(services: Services) -> None:
    """Write what any log lacks; LedgerLost if the ledger is blank though the archive holds a change log."""
    pending, written = services.ledger.change_log_state()
    if not pending and not written:
        _refuse_if_lost(services)
    for campaign_id, code in pending:
        write(services, campaign_id, code)


def _refuse_if_lost(services: Services) -> None:
    """Raise LedgerLost if nothing ever happened in this ledger though there are segments of another one's log."""
    there = any(is_segment(stored.key) for stored in services.storage.list("archive"))
    # Asked again after the archive was listed: another run may have written the first segment meanwhile, and while it
    # writes, the pending changes are there before the segment is.
    if there and not any(services.ledger.change_log_state()):
        raise LedgerLost(
            "台账是空的，归档中却有以前台账的日志：台账可能已经丢失。为避免编号错乱，暂停收件，文件留在原处。"
            "请运行 ./baosong rebuild-ledger 从归档重建台账，之后自动恢复。"
        )


def repair(services: Services, campaign_id: str | None) -> list[str]:
    """Repair the logs of a campaign, or (None) of all, and return the keys of the segments that were lost or damaged.

    All that the ledger knows of such a log is written once more; then an empty segment takes each lost one's number.
    """
    repaired: list[str] = []
    for (campaign, code), last in services.ledger.last_segments(campaign_id).items():
        keys = {n: segment_key(campaign, code, n) for n in range(1, last + 1)}
        lost = {n: key for n, key in keys.items() if not _is_intact(services.storage, key)}
        if lost:
            services.ledger.record_again(campaign, code)
            write(services, campaign, code)
        for number in lost:
            _put(services.storage, campaign, code, number, [])
        repaired += lost.values()
    return repaired


def segment_key(campaign_id: str, code: str, number: int) -> str:
    """Return a segment's key in the archive, `2023/6501/_journal/00000001.json`."""
    folder = "/".join(part for part in (campaign_id, code) if part) or UNPLACED
    return f"{folder}/{CHANGE_LOG}/{number:08}.json"


def read_segment(storage: Storage, key: str) -> Record:
    """Return a segment; ArchiveError if it cannot be read, or is not what was written."""
    segment = verified(storage.read("archive", key), f"archive/{key}")
    try:
        named = segment_key(segment["campaign"], segment["prefecture"], segment["page"])
        right = named == key and isinstance(segment["lines"], list)
    except (KeyError, TypeError, ValueError):
        right = False
    if not right:
        raise ArchiveError(f"archive/{key}: not this segment")
    return segment


def _put(storage: Storage, campaign_id: str, code: str, number: int, lines: list[Line]) -> None:
    segment = {"campaign": campaign_id, "prefecture": code, "page": number, "lines": lines}
    key = segment_key(campaign_id, code, number)
    storage.put("archive", key, with_checksum(segment), content_type="application/json")


def _is_intact(storage: Storage, key: str) -> bool:
    return _lines_at(storage, key) is not None


def _lines_at(storage: Storage, key: str) -> list[Line] | None:
    """Return the lines of an intact segment, None where there is none or it was torn while it was written."""
    if storage.head("archive", key) is None:
        return None
    try:
        return [(number, table, row) for number, table, row in read_segment(storage, key)["lines"]]
    except ArchiveError:
        return None
