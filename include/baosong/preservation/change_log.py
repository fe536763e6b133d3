"""The journal: in the archive, all that happened to the ledger, page by page, so that it can be lost and rebuilt.

A page is written before a receipt goes out and before anything leaves the intake: whatever a lost ledger knew is in the
pages or still lies in the intake. Pages of a place, a prefecture's or a campaign's own, are numbered without a gap.
"""

from __future__ import annotations

from baosong.ledger import LedgerLost
from baosong.ledger.pending_changes import Line
from baosong.ledger.services import Services
from baosong.preservation.records import JOURNAL, UNPLACED, ArchiveError, Record, is_page, sealed, unsealed
from baosong.store.s3 import Storage


def write(services: Services, campaign_id: str, code: str) -> None:
    """Write what the ledger knows of a place and its journal does not; LedgerLost if the journal is ahead of it."""

    def keep(number: int, lines: list[Line]) -> list[Line]:
        if (earlier := _left_at(services.storage, page_key(campaign_id, code, number))) is not None:
            return earlier
        _put(services.storage, campaign_id, code, number, lines)
        return lines

    while services.ledger.write_page(campaign_id, code, keep):
        pass


def write_all(services: Services) -> None:
    """Write what is unwritten of any place; LedgerLost if the ledger is empty though there is a journal."""
    unwritten, has_pages = services.ledger.journal_state()
    if not unwritten and not has_pages:
        _refuse_if_lost(services)
    for campaign_id, code in unwritten:
        write(services, campaign_id, code)


def _refuse_if_lost(services: Services) -> None:
    """Raise LedgerLost if nothing ever happened in this ledger, though there are pages of another one's journal.

    The ledger is asked again once the archive was looked at: another run may have written the first page meanwhile. Of
    a page that is being written, the lines are there before it.
    """
    if any(is_page(stored.key) for stored in services.storage.list("archive")) and not any(
        services.ledger.journal_state()
    ):
        raise LedgerLost(
            "台账是空的，归档中却有以前台账的日志：台账可能已经丢失。为避免编号错乱，暂停收件，文件留在原处。"
            "请运行 ./baosong rebuild-ledger 从归档重建台账，之后自动恢复。"
        )


def mend(services: Services, campaign_id: str | None) -> list[str]:
    """Make the journals of a campaign, or (None) of all, whole again and return the keys of the pages that were not.

    All that the ledger knows of such a place is written once more; then an empty page takes each lost one's number.
    """
    mended = []
    for (campaign, code), last in services.ledger.last_pages(campaign_id).items():
        numbers = [n for n in range(1, last + 1) if not _is_whole(services.storage, page_key(campaign, code, n))]
        if numbers:
            services.ledger.note_again(campaign, code)
            write(services, campaign, code)
        for number in numbers:
            _put(services.storage, campaign, code, number, [])
        mended += [page_key(campaign, code, number) for number in numbers]
    return mended


def page_key(campaign_id: str, code: str, number: int) -> str:
    """Return where a page lies in the archive, `2023/6501/_journal/00000001.json`."""
    place = "/".join(part for part in (campaign_id, code) if part) or UNPLACED
    return f"{place}/{JOURNAL}/{number:08}.json"


def read_page(storage: Storage, key: str) -> Record:
    """Return a page; ArchiveError if it cannot be read, or is not what was written."""
    page = unsealed(storage.read("archive", key), f"archive/{key}")
    try:
        right = page_key(page["campaign"], page["prefecture"], page["page"]) == key and isinstance(page["lines"], list)
    except (KeyError, TypeError, ValueError):
        right = False
    if not right:
        raise ArchiveError(f"archive/{key}: not this page")
    return page


def _put(storage: Storage, campaign_id: str, code: str, number: int, lines: list[Line]) -> None:
    told = {"campaign": campaign_id, "prefecture": code, "page": number, "lines": lines}
    storage.put("archive", page_key(campaign_id, code, number), sealed(told), content_type="application/json")


def _is_whole(storage: Storage, key: str) -> bool:
    try:
        return storage.head("archive", key) is not None and bool(read_page(storage, key))
    except ArchiveError:
        return False


def _left_at(storage: Storage, key: str) -> list[Line] | None:
    """Return the lines of a page that an earlier attempt wrote to its end, None if none did."""
    if storage.head("archive", key) is None:
        return None
    try:
        return [(number, table, row) for number, table, row in read_page(storage, key)["lines"]]
    except ArchiveError:  # torn while it was written
        return None
