"""The check of a prefecture's received files, bundles with all that is in them; what is found goes to the ledger.

A check may read an object that was replaced or taken away meanwhile: whatever it says then, filing looks at the object
once more before anything irreversible happens, and withdraws the row.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy.exc import DBAPIError
from structlog.contextvars import bound_contextvars

from baosong.campaign import Campaign, Prefecture
from baosong.ledger import State, Submission, figure
from baosong.ledger.services import Services
from baosong.pipeline import source_object, unpack
from baosong.receipts import sheet_results, thumbnails
from baosong.rules.catalogue import finding
from baosong.rules.findings import Checked, Kind
from baosong.rules.words import time_text
from baosong.store.keys import MAX_DEPTH, TOO_DEEP
from baosong.store.storage import StorageError
from baosong.validation import check as checks
from baosong.validation import packages
from baosong.validation.common import antivirus
from baosong.validation.packages import contents

log = logging.getLogger(__name__)

Summary = dict[str, Any]


def check(services: Services, campaign_id: str, code: str, ids: Collection[int] | None = None) -> list[Summary]:
    """Check a prefecture's received files, all or those of these ids; a bundle's with their bundle.

    Returns `{"id", "name", "kind", "state", "verdict", "findings"}` per file; nothing while another run is at them. An
    error that no check foresaw, on one file, does not keep the others from being checked; it is raised at the end.
    """
    with services.ledger.advisory_lock(f"check:{campaign_id}:{code}:{min(ids or [0])}") as mine:
        if not mine:
            return []
        campaign, waiting = services.ledger.to_check(services.campaigns.get(campaign_id), code, ids)
        prefecture = campaign.prefecture(code)
        rows = [r for r in waiting if r.bundle_id is None]
        return _each(rows, lambda row: _check_one(services, row, campaign, prefecture))


def _each(rows: Sequence[Submission], do: Callable[[Submission], list[Summary]]) -> list[Summary]:
    """Do the same with each row; what is raised for one of them, but for an outage, is raised when all are done."""
    done: list[Summary] = []
    failures: list[Exception] = []
    for row in rows:
        with bound_contextvars(submission_id=row.id):  # in whatever is logged meanwhile, in whichever room
            try:
                done += do(row)
            except (StorageError, DBAPIError):
                raise
            except Exception as failure:  # whatever a check did not foresee
                log.exception("the check failed")
                failures.append(failure)
    if failures:
        raise failures[0] if len(failures) == 1 else ExceptionGroup(f"{len(failures)} checks failed", failures)
    return done


def _check_one(services: Services, row: Submission, campaign: Campaign, prefecture: Prefecture) -> list[Summary]:
    """Check one file, or a bundle with all that is in it."""
    try:
        if row.kind is None and packages.is_bundle(source_object.source_of(services, row)):
            return _check_bundle(services, row, campaign, prefecture)
        return _check_file(services, row, campaign, prefecture)
    except Exception:  # perhaps because the object is gone, or is another one by now
        if source_object.withdraw_if_changed(services, row):
            return [source_object.summary(row, State.WITHDRAWN)]
        raise


def _check_bundle(services: Services, row: Submission, campaign: Campaign, prefecture: Prefecture) -> list[Summary]:
    """Unpack a bundle, check its files, then conclude; an earlier run may have done a part of that."""
    refused = unpack.unpack(services, row, campaign)
    if refused is not None:
        return _record_check(services, row, refused, campaign)
    waiting = [member for member in services.ledger.members(row.id) if member.state == State.RECEIVED]
    done = _each(waiting, lambda member: _check_file(services, member, campaign, prefecture))
    concluded = unpack.concluded(row, services.ledger.members(row.id))
    return [*done, *_record_check(services, row, concluded, campaign)]


def _check_file(services: Services, row: Submission, campaign: Campaign, prefecture: Prefecture) -> list[Summary]:
    kind, clamd = Kind(row.kind) if row.kind else None, services.settings.clamd
    if row.member is None:
        source = source_object.source_of(services, row)
        checked = antivirus.checked(source, kind, clamd, lambda: checks.check(source, kind, campaign, prefecture))
    else:
        with source_object.fetched(services, row) as copy:
            inside, member = copy.source(row.name), source_object.member_of(row)
            checked = antivirus.checked(
                inside, kind, clamd, lambda: contents.judge(inside, member, kind, campaign, prefecture)
            )
    return _record_check(services, row, checked, campaign)


def _record_check(services: Services, row: Submission, checked: Checked, campaign: Campaign) -> list[Summary]:
    if row.late and "bundle" not in checked.facts:  # its files say so
        received, deadline = time_text(row.received_at, campaign.zone), campaign.deadline_text
        checked.findings.append(finding("file.late", received=received, deadline=deadline))
    if row.member is None and row.folder == TOO_DEEP:
        path = row.key.partition("/")[2]
        checked.findings.append(finding("file.too_deep", path=path, depth=MAX_DEPTH, folder=TOO_DEEP))
    if not _fits(checked.figures or {}):
        checked.findings.append(finding("statistics.out_of_range"))
        checked.figures = None
    sheet_results.write_page(services, row, checked, campaign)
    thumbnails.write_preview(services, row, checked)
    services.ledger.record_check(row.id, checked, campaign.rules_version)
    summary = source_object.summary(row, State.CHECKED)
    summary |= {"verdict": checked.verdict.value, "findings": len(checked.findings)}
    log.info("checked: %s", summary)
    return [summary]


def _fits(figures: dict[str, Any]) -> bool:
    """Return whether the ledger's columns can hold every figure."""
    numbers = [item.get(name) for item in figures.get("indicators", []) for name in ("total", "offline", "online")]
    numbers += [item.get(name) for item in figures.get("activities", []) for name in ("offline", "online")]
    try:
        for number in numbers:
            figure(number)
    except ValueError:
        return False
    return True
