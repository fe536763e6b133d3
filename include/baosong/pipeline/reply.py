"""The reply: a receipt as page and JSON, annotated copies and the prefecture's 状态.html; then the intake is emptied.

The change log is written before anybody is answered, and before anything leaves the intake: whatever a lost ledger knew
is in its pages or still lies there.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from structlog.contextvars import bound_contextvars

from baosong.campaign import Campaign, Prefecture
from baosong.ledger import Cell, Receipt, State, Submission
from baosong.ledger.notifications import Message
from baosong.ledger.services import Services
from baosong.pipeline import source_object
from baosong.preservation import change_log, records
from baosong.preservation.records import UNPLACED, safe_name
from baosong.receipts import pages
from baosong.receipts.annotated_workbook.annotate import LARGEST, annotate
from baosong.receipts.messages import receipt_messages
from baosong.receipts.outbox import newest_receipts
from baosong.rules.findings import Finding, Kind, Severity
from baosong.store.keys import RECEIPTS, STATUS, TEMPLATES, parse_key

log = logging.getLogger(__name__)

_HTML = "text/html; charset=utf-8"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_OF_EACH = 50  # files of a kind and state on the status page: it is written anew with each receipt
MOST_RECEIPTS = 10  # linked on the status page; the others are in their folder
MOST_LOOKS = 5  # a prefecture that is answered without end must not keep a worker
_JUDGED = (State.REJECTED, State.ACCEPTED, State.SUPERSEDED)  # what is held must not be handed out again
_LONGEST_STEM = 120  # bytes: with the receipt's own name before it, within what a store takes


def reply(services: Services, campaign_id: str, code: str) -> dict[str, Any] | None:
    """Answer all of a prefecture's archived files with one receipt, then empty the intake of what was read.

    Receipts that an interrupted run left unfinished are written again first, the same as before. Returns their keys,
    the last one's number and how many files were answered; None if there is nothing to answer. Two runs that answered
    at once would each write an older status page over the other's: one leaves it to the other, which looks again.
    """
    done: dict[str, Any] | None = None
    for _ in range(MOST_LOOKS):
        with services.ledger.advisory_lock(f"reply:{campaign_id}:{code}") as mine:
            answered = _reply(services, campaign_id, code) if mine else None
        if answered is None:
            break
        if done:
            answered["receipts"] = [*done["receipts"], *answered["receipts"]]
            answered["files"] += done["files"]
        done = answered
        if not services.ledger.to_answer(campaign_id, code):
            break
    return done


def _reply(services: Services, campaign_id: str, code: str) -> dict[str, Any] | None:
    campaign, unsent = services.ledger.open_receipts(services.campaigns.get(campaign_id), code)
    prefecture = campaign.prefecture(code)
    change_log.write(services, campaign_id, code)
    if not unsent:
        return None
    for row in (row for _, files in unsent for row in files if row.state == State.WITHDRAWN):
        records.mark_withdrawn(services.storage, row)
    written = [write_receipt(services, campaign, prefecture, receipt, files) for receipt, files in unsent]
    write_status(services, campaign, prefecture)
    answered = [row for _, files in unsent for row in files]
    empty_intake(services, answered, [message for _, messages in written for message in messages])
    change_log.write(services, campaign_id, code)
    log_answers(unsent)
    return {"receipts": [key for key, _ in written], "number": unsent[-1][0].number, "files": len(answered)}


def log_answers(receipts: Sequence[tuple[Receipt, list[Submission]]]) -> None:
    """Log of each submission by which receipt it was answered."""
    for receipt, files in receipts:
        for row in files:
            with bound_contextvars(submission_id=row.id):
                log.info("answered by receipt %d", receipt.number)


def empty_intake(services: Services, rows: Sequence[Submission], messages: Sequence[Message] = ()) -> None:
    """Remove from the intake the very bytes that were read, and nothing newer under the same key; finish the rows.

    In the same transaction the `messages` about them are decided.

    A bundle's files go with itself. What was held, or accepted and is withdrawn now, left the intake long ago;
    quarantine is emptied by the night.
    """
    new = [row for row in rows if row.held_key is None and row.member is None and row.state != State.WITHDRAWN]
    arrived = [source_object.object_of(row) for row in new]
    for stored in services.storage.remove_unchanged("intake", arrived):
        log.info("%s: a newer object lies in the intake", stored.key)
    services.ledger.mark_replied([row.id for row in rows], messages)


def write_receipt(
    services: Services, campaign: Campaign, prefecture: Prefecture, receipt: Receipt, files: list[Submission]
) -> tuple[str, list[Message]]:
    """Write a receipt as the ledger has it; return its page's key and what is to be told; repeated, it does the same.

    The annotated copies of sheets come before the page that links them.
    """
    cells = {Kind(kind): Cell.from_json(cell) for kind, cell in receipt.status.items()}
    copies = {row.id: copy for row in files if (copy := _annotated(services, campaign, row))}
    names = _copy_names([row for row in files if row.id in copies])
    replacing = [row for row in files if row.replaces_id is not None]
    replaced = {row.id: earlier for row in replacing if (earlier := services.ledger.replacement(row.id))}
    page = pages.render_receipt(campaign, prefecture, receipt.number, receipt.issued_at, files, cells, names, replaced)
    folder = f"{campaign.id}/{prefecture.folder}/{RECEIPTS}"
    for number, copy in copies.items():
        name = pages.annotated_name(page.name, names[number])
        services.storage.put("outbox", f"{folder}/{name}", copy, content_type=_XLSX)
    return _write(services, folder, page), receipt_messages(campaign, prefecture, page.json, page.name)


def write_unplaced(services: Services, receipt: Receipt, files: list[Submission]) -> str:
    """Write the answer to files that belong to nobody, where operators find it, and return its page's key."""
    meant = {parse_key(row.key).campaign_id for row in files} & set(services.campaigns.ids())
    campaign = services.campaigns.get(meant.pop() or "") if len(meant) == 1 else None
    return _write(services, UNPLACED, pages.render_unplaced(campaign, receipt.number, receipt.issued_at, files))


def write_status(services: Services, campaign: Campaign, prefecture: Prefecture) -> None:
    """Write the prefecture's overview as the ledger and the outbox are now."""
    found = services.ledger.overview(campaign, prefecture.code, MOST_OF_EACH)
    campaign, cells, files, of, last, over_limit, closed_at = found
    page = pages.render_status(
        campaign,
        prefecture,
        datetime.now(UTC),
        cells,
        files,
        _links(services, f"{campaign.id}/{prefecture.folder}/", last),
        left_out=of - len(files),
        receipts_left_out=max(0, last - MOST_RECEIPTS),
        over_limit=over_limit,
        closed_at=closed_at,
    )
    services.storage.put("outbox", f"{campaign.id}/{prefecture.folder}/{STATUS}", page.encode(), content_type=_HTML)


def renew_status(services: Services, campaign: Campaign, prefecture: Prefecture) -> None:
    """Write the overview anew, unless a receipt is being written: that writes it, too, and ours might be the older one.

    Who came to answer meanwhile found the lock taken, so that is done here.
    """
    with services.ledger.advisory_lock(f"reply:{campaign.id}:{prefecture.code}") as mine:
        if mine:
            write_status(services, campaign, prefecture)
    if mine:
        reply(services, campaign.id, prefecture.code)


def _annotated(services: Services, campaign: Campaign, row: Submission) -> bytes | None:
    """Return the annotated copy of a sheet that has something to correct or to confirm, None where there is none."""
    findings = [Finding.from_json(finding) for finding in row.findings or []]
    marked = any("cell" in f.where and f.severity is not Severity.NOTE for f in findings)
    if row.kind != Kind.STATISTICS or row.state not in _JUDGED or not marked or row.size > LARGEST:
        return None
    if row.bucket is None or row.archive_key is None:
        return None
    with bound_contextvars(submission_id=row.id):
        content = services.storage.read(row.bucket, row.archive_key)
        try:
            return annotate(content, row.name, findings, campaign)
        except Exception:  # the copy is an extra: whatever befalls it, the receipt must go out
            log.exception("no annotated copy")
            return None


def _copy_names(rows: list[Submission]) -> dict[int, str]:
    """Return how each row's copy is called, by id: its file's name, made safe, short and unlike the others."""
    names: dict[int, str] = {}
    for row in sorted(rows, key=lambda r: r.id):
        stem = PurePosixPath(safe_name(row.name)).stem.encode()[:_LONGEST_STEM].decode("utf-8", "ignore")
        taken = {name.casefold() for name in names.values()}
        candidates = [f"{stem}.xlsx", *(f"{stem}-{n}.xlsx" for n in range(2, len(rows) + 1))]
        names[row.id] = next(name for name in candidates if name.casefold() not in taken)
    return names


def _write(services: Services, folder: str, page: pages.Receipt) -> str:
    data = json.dumps(page.json, ensure_ascii=False, indent=1, allow_nan=False).encode()
    services.storage.put("outbox", f"{folder}/{page.name}.json", data, content_type="application/json")
    services.storage.put("outbox", f"{folder}/{page.name}.html", page.html.encode(), content_type=_HTML)
    return f"{folder}/{page.name}.html"


def _links(services: Services, prefix: str, last: int) -> dict[str, str]:
    """Return titles and relative keys of the templates and of the newest receipts, `last` and those before it."""
    kept = services.storage.list("outbox", f"{prefix}{TEMPLATES}/")
    templates = sorted(stored.key.removeprefix(prefix) for stored in kept)
    listed = newest_receipts(services.storage, prefix, last, MOST_RECEIPTS)
    newest = [f"{RECEIPTS}/{name}" for _, name in listed if name.endswith(".html")]
    return {PurePosixPath(key).stem: key for key in [*templates, *newest]}
