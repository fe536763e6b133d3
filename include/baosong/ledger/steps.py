"""One transaction per step of the pipeline: several questions at once, or a decision with what follows from it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from baosong.campaign import Campaign
from baosong.ledger import (
    board_queries,
    closing,
    deadlines,
    filing,
    intake_limits,
    queries,
    receipts,
    related_files,
    submissions,
)
from baosong.ledger.filing import Filed
from baosong.ledger.models import IntakeLimit, Receipt, Submission
from baosong.ledger.queries import Cell, IndicatorRow
from baosong.ledger.related_files import Alike
from baosong.ledger.states import State
from baosong.ledger.submissions import verdict_of
from baosong.rules.findings import Kind, Verdict

OpenReceipts = list[tuple[Receipt, list[Submission]]]


class IntakeState(NamedTuple):
    """Key and identity of every unfinished arrival (`pending`), and the areas that were swept or over their limit."""

    pending: set[tuple[str, str]]
    limits: list[IntakeLimit]


class Related(NamedTuple):
    """What a sheet is compared with.

    `report` is the prefecture's newest good one, `files` counts its good files and those still to be checked, `ratios`
    are the other prefectures' by the name they were asked under, `alike` are tables with the same content elsewhere.
    """

    report: Submission | None
    files: dict[Kind, int]
    ratios: dict[str, list[Decimal]]
    alike: list[Alike]


class Destination(NamedTuple):
    """What a checked file would meet in archive or quarantine if it were filed now.

    An accepted one with the content of another one (`duplicate`) shares its object; one beyond the deliverable's limit
    finds it `full`; under a key that is `filed` bytes lie already, `taken` if others, whose hash begins alike.
    """

    duplicate: Submission | None
    full: bool
    filed: bool
    taken: bool


class Region(NamedTuple):
    """What a report draws on, as it was at one moment.

    Of all prefectures the arrivals, the current sheets' indicators and numbers of activities, deadlines, cells by
    deliverable, and which of them are complete.
    """

    submissions: list[Submission]
    indicators: list[IndicatorRow]
    activity_counts: list[tuple[str, int, int]]
    deadlines: dict[str, datetime]
    cells: dict[str, dict[Kind, Cell]]
    complete: list[str]


class Overview(NamedTuple):
    """What a prefecture's status page shows: cells by deliverable, some files, their whole number, the last receipt.

    `campaign` is as this prefecture has it.

    `over_limit` is whether its area of the intake holds more than the campaign allows, `closed_at` when somebody closed
    the campaign with prefectures missing.
    """

    campaign: Campaign
    cells: dict[Kind, Cell]
    files: list[Submission]
    of: int
    last_receipt: int
    over_limit: bool
    closed_at: datetime | None


def intake_state(session: Session) -> IntakeState:
    """What the ledger knows of the intake, asked before the intake is listed."""
    return IntakeState(submissions.pending(session), intake_limits.intake_limits(session))


def to_check(
    session: Session, campaign: Campaign, code: str, ids: Collection[int] | None
) -> tuple[Campaign, list[Submission]]:
    """The campaign as a prefecture has it, and its received files, as `submissions.waiting` gives them."""
    return (
        deadlines.campaign_for(session, campaign, code),
        submissions.waiting(session, campaign.id, code, State.RECEIVED, ids),
    )


def related(
    session: Session, row: Submission, ratios: Mapping[str, tuple[str, str]], campaigns: Collection[str]
) -> Related:
    """The files that a sheet is compared with; `ratios` name two indicators each, `campaigns` hold the sheets."""
    owner = (row.campaign, row.prefecture)
    return Related(
        related_files.newest_good(session, *owner, Kind.REPORT),
        related_files.files_beside(session, *owner),
        {name: related_files.quotients(session, *owner, *of) for name, of in ratios.items()},
        related_files.alike(session, row, campaigns),
    )


def destination(session: Session, row: Submission, sha256: str, bucket: str, key: str, most: int | None) -> Destination:
    """What a file of this content would meet under this key, `most` of its kind being allowed."""
    accepted = verdict_of(row) is Verdict.ACCEPTED
    duplicate, full = filing.conflicts(session, row, sha256, most) if accepted else (None, False)
    hashes = session.scalars(select(Submission.sha256).where(*filing.lies_under(bucket, key))).all()
    return Destination(duplicate, full, bool(hashes), any(other != sha256 for other in hashes))


def archive(
    session: Session, submission_id: int, filed: Filed, most: int | None = None
) -> tuple[State | None, list[Submission]]:
    """Decide as `filing.file` does; return the state and all submissions with bytes under the key, oldest first."""
    state = filing.file(session, submission_id, filed, most)
    session.flush()
    return state, filing.filed_under(session, filed.bucket, filed.key)


def open_receipts(session: Session, campaign: Campaign, code: str) -> tuple[Campaign, OpenReceipts]:
    """Give a prefecture's filed files a receipt's number; return all receipts not seen through, each with its files.

    Before them the campaign as this prefecture has it.
    """
    cells = queries.completeness(session, campaign, [code])[code]
    status = {kind.value: cell.as_json() for kind, cell in cells.items()}
    return deadlines.campaign_for(session, campaign, code), _open_receipts(session, campaign.id, code, status)


def unplaced_receipts(session: Session) -> OpenReceipts:
    """Give the filed files that belong to nobody a receipt's number; return as `open_receipts` does."""
    return _open_receipts(session, "", "", {})


def _open_receipts(session: Session, campaign_id: str, code: str, status: dict[str, Any]) -> OpenReceipts:
    receipts.allot_receipt(session, campaign_id, code, status)
    session.flush()
    return receipts.unsent_receipts(session, campaign_id, code)


def overview(session: Session, campaign: Campaign, code: str, most: int) -> Overview:
    """What a prefecture's status page shows, with at most `most` files of each kind and state."""
    files, of = board_queries.newest_of_each(session, campaign.id, code, most)
    cells = queries.completeness(session, campaign, [code])[code]
    over_limit = any(limit.exceeded for limit in intake_limits.intake_limits(session, campaign.id, code))
    closure, last = closing.closure(session, campaign.id), receipts.last_receipt(session, campaign.id, code)
    closed_at = closure.decided_at if closure and code in closure.missing else None
    return Overview(deadlines.campaign_for(session, campaign, code), cells, files, of, last, over_limit, closed_at)


def region(session: Session, campaign: Campaign) -> Region:
    """All that a report draws on but the activities, which never change; as it was at one moment, whatever comes."""
    session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    return Region(
        submissions.submissions(session, campaign.id),
        queries.indicators(session, campaign.id),
        queries.activity_counts(session, campaign.id),
        deadlines.deadlines(session, campaign),
        queries.completeness(session, campaign),
        queries.complete_prefectures(session, campaign),
    )


def newly_complete(session: Session, campaign: Campaign) -> list[str]:
    """The prefectures that are complete and were not announced yet."""
    waiting = {p.code for p in campaign.prefectures} - queries.announced(session, campaign.id)
    return queries.complete_prefectures(session, campaign, waiting) if waiting else []
