"""What is written to the outbox: a receipt as page and JSON, annotated copies, and the prefecture's 状态.html."""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import PurePosixPath

from baosong import receipts
from baosong.annotate import LARGEST, annotate
from baosong.archive import UNPLACED, safe_name
from baosong.campaign import Campaign, Prefecture
from baosong.findings import Finding, Kind, Severity
from baosong.intake import place
from baosong.ledger import Cell, Receipt, Replacement, State, Submission
from baosong.workdesk import Desk

log = logging.getLogger(__name__)

STATUS = "状态.html"
RECEIPTS = "回执"
TEMPLATES = "模板"

_HTML = "text/html; charset=utf-8"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_OF_EACH = 50  # files of a kind and state on the status page: it is written anew with each receipt
MOST_RECEIPTS = 10  # linked on the status page; the others are in their folder
_JUDGED = (State.REJECTED, State.ACCEPTED, State.SUPERSEDED)  # what is held must not be handed out again
_LONGEST_STEM = 120  # bytes: with the receipt's own name before it, within what a store takes


def write_receipt(
    desk: Desk, campaign: Campaign, prefecture: Prefecture, receipt: Receipt, files: list[Submission]
) -> str:
    """Write a receipt as the ledger has it and return its page's key; repeated, it writes the same.

    The annotated copies of sheets come before the page that links them.
    """
    cells = {Kind(kind): Cell.from_json(cell) for kind, cell in receipt.status.items()}
    copies = {row.id: copy for row in files if (copy := _annotated(desk, campaign, row))}
    names = _copy_names([row for row in files if row.id in copies])
    replaced = {row.id: earlier for row in files if (earlier := _replacement(desk, row))}
    page = receipts.render_receipt(
        campaign, prefecture, receipt.number, receipt.issued_at, files, cells, names, replaced
    )
    folder = f"{campaign.id}/{prefecture.folder}/{RECEIPTS}"
    for number, copy in copies.items():
        name = receipts.annotated_name(page.name, names[number])
        desk.storage.put("outbox", f"{folder}/{name}", copy, content_type=_XLSX)
    return _write(desk, folder, page)


def write_unplaced(desk: Desk, receipt: Receipt, files: list[Submission]) -> str:
    """Write the answer to files that belong to nobody, where operators find it, and return its page's key."""
    meant = {place(row.key).campaign_id for row in files} & set(desk.campaigns.ids())
    campaign = desk.campaigns.get(meant.pop() or "") if len(meant) == 1 else None
    return _write(desk, UNPLACED, receipts.render_unplaced(campaign, receipt.number, receipt.issued_at, files))


def write_status(desk: Desk, campaign: Campaign, prefecture: Prefecture) -> None:
    """Write the prefecture's overview as the ledger and the outbox are now."""
    row = desk.ledger.completeness(campaign, [prefecture.code])[prefecture.code]
    files, of = desk.ledger.newest_of_each(campaign.id, prefecture.code, MOST_OF_EACH)
    last = desk.ledger.last_receipt(campaign.id, prefecture.code)
    links = _links(desk, f"{campaign.id}/{prefecture.folder}/", last)
    page = receipts.render_status(
        campaign,
        prefecture,
        datetime.now(UTC),
        row,
        files,
        links,
        left_out=of - len(files),
        receipts_left_out=max(0, last - MOST_RECEIPTS),
        crowded=any(c.is_crowded for c in desk.ledger.crowds(campaign.id) if c.prefecture == prefecture.code),
    )
    desk.storage.put("outbox", f"{campaign.id}/{prefecture.folder}/{STATUS}", page.encode(), content_type=_HTML)


def _replacement(desk: Desk, row: Submission) -> Replacement | None:
    return desk.ledger.replacement(row.id) if row.replaces_id is not None else None


def _annotated(desk: Desk, campaign: Campaign, row: Submission) -> bytes | None:
    """Return the annotated copy of a sheet that has something to mend or to confirm, None where there is none."""
    findings = [Finding.from_json(told) for told in row.findings or []]
    marked = any("cell" in f.where and f.severity is not Severity.NOTE for f in findings)
    if row.kind != Kind.STATISTICS or row.state not in _JUDGED or not marked or row.size > LARGEST:
        return None
    if row.bucket is None or row.archive_key is None:
        return None
    content = desk.storage.read(row.bucket, row.archive_key)
    try:
        return annotate(content, row.name, findings, campaign)
    except Exception:  # the copy is an extra: whatever befalls it, the receipt must go out
        log.exception("no annotated copy of submission %s", row.id)
        return None


def _copy_names(rows: list[Submission]) -> dict[int, str]:
    """Return how each row's copy is called, by id: its file's name, made safe, short and unlike the others."""
    names: dict[int, str] = {}
    for row in sorted(rows, key=lambda r: r.id):
        stem = PurePosixPath(safe_name(row.name)).stem.encode()[:_LONGEST_STEM].decode("utf-8", "ignore")
        taken = {name.casefold() for name in names.values()}
        again = next(n for n in range(1, len(rows) + 1) if _copy_name(stem, n).casefold() not in taken)
        names[row.id] = _copy_name(stem, again)
    return names


def _copy_name(stem: str, again: int) -> str:
    return f"{stem}.xlsx" if again == 1 else f"{stem}-{again}.xlsx"


def _write(desk: Desk, folder: str, page: receipts.Receipt) -> str:
    told = json.dumps(page.json, ensure_ascii=False, indent=1, allow_nan=False)
    desk.storage.put("outbox", f"{folder}/{page.name}.json", told.encode(), content_type="application/json")
    desk.storage.put("outbox", f"{folder}/{page.name}.html", page.html.encode(), content_type=_HTML)
    return f"{folder}/{page.name}.html"


def _links(desk: Desk, prefix: str, last: int) -> dict[str, str]:
    """Return titles and relative keys of the templates and of the newest receipts, `last` and those before it."""
    templates = sorted(stored.key for stored in desk.storage.list("outbox", f"{prefix}{TEMPLATES}/"))
    pages = [key for _, key in sorted(_newest_pages(desk, prefix, last), reverse=True)]
    return {PurePosixPath(key).stem: key.removeprefix(prefix) for key in [*templates, *pages]}


def _newest_pages(desk: Desk, prefix: str, last: int) -> Iterator[tuple[int, str]]:
    """Yield numbers and keys of the newest receipts' pages, listing little else: as many digits, the same order."""
    wanted = range(max(1, last - MOST_RECEIPTS + 1), last + 1)
    folder = f"{prefix}{RECEIPTS}/"
    for _, alike in itertools.groupby(wanted, key=lambda number: len(receipts.stem_of(number))):
        stems = [f"{folder}{receipts.stem_of(number)}" for number in alike]
        listed = desk.storage.list("outbox", folder, after=stems[0])
        for stored in itertools.takewhile(lambda s, end=f"{stems[-1]}\U0010ffff": s.key < end, listed):  # type: ignore[misc]
            if (number := receipts.number_of(stored.key.removeprefix(folder))) in wanted:
                yield number, stored.key
