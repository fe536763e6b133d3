"""Receipts: numbers allotted before anything is written, so that a repeat writes the same one; what a file replaced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from baosong.ledger.database import take_turns
from baosong.ledger.models import Activity, IndicatorValue, Receipt, Submission
from baosong.ledger.notifications import Message, notify
from baosong.ledger.states import ANSWERED
from baosong.ledger.submissions import unfinished_of
from baosong.ledger.work_queue import dequeue


def allot_receipt(session: Session, campaign_id: str, code: str, status: dict[str, Any]) -> Receipt | None:
    """Give the next number to all filed files that have no receipt yet; None if there are none."""
    take_turns(session, f"receipt:{campaign_id}:{code}")
    unanswered = select(Submission).where(
        unfinished_of(campaign_id, code), Submission.state.in_(ANSWERED), Submission.receipt_id.is_(None)
    )
    rows = session.scalars(unanswered.order_by(Submission.id).with_for_update()).all()
    if not rows:
        return None
    number = last_receipt(session, campaign_id, code) + 1
    receipt = Receipt(campaign=campaign_id, prefecture=code, number=number, issued_at=datetime.now(UTC), status=status)
    session.add(receipt)
    session.flush()
    for row in rows:
        row.receipt_id = receipt.id
    return receipt


def last_receipt(session: Session, campaign_id: str, code: str) -> int:
    """The number of a prefecture's last receipt, 0 if it has none."""
    highest = select(func.max(Receipt.number)).where(Receipt.campaign == campaign_id, Receipt.prefecture == code)
    return session.scalar(highest) or 0


def unsent_receipts(session: Session, campaign_id: str, code: str) -> list[tuple[Receipt, list[Submission]]]:
    """The receipts that were allotted but not seen through, by number, each with all of its files."""
    open_ids = select(Submission.receipt_id).where(unfinished_of(campaign_id, code), Submission.receipt_id.is_not(None))
    receipts = session.scalars(select(Receipt).where(Receipt.id.in_(open_ids)).order_by(Receipt.number)).all()
    wanted = select(Submission).where(Submission.receipt_id.in_([r.id for r in receipts])).order_by(Submission.id)
    files = session.scalars(wanted).all()
    return [(r, [file for file in files if file.receipt_id == r.id]) for r in receipts]


def to_answer(session: Session, campaign_id: str, code: str) -> bool:
    """Whether a prefecture has files that are filed and not answered."""
    filed = exists().where(unfinished_of(campaign_id, code), Submission.state.in_(ANSWERED))
    return bool(session.scalar(select(filed)))


def mark_replied(session: Session, submission_ids: Sequence[int], messages: Sequence[Message] = ()) -> None:
    """Finish files: their receipt is written and their bytes have left the intake; its `messages` are to be sent."""
    done = update(Submission).where(Submission.id.in_(submission_ids), Submission.replied_at.is_(None))
    session.execute(done.values(replied_at=datetime.now(UTC)))
    dequeue(session, submission_ids)
    notify(session, messages)


def receipt_numbers(session: Session, campaign_id: str, code: str | None = None) -> dict[int, int]:
    """The number of each receipt of a campaign, or of one of its prefectures, by its id."""
    numbers = select(Receipt.id, Receipt.number).where(Receipt.campaign == campaign_id)
    if code is not None:
        numbers = numbers.where(Receipt.prefecture == code)
    return {row.id: row.number for row in session.execute(numbers)}


@dataclass(frozen=True, slots=True)
class Replacement:
    """An accepted file, the `version`-th under its replacement key, and the one `before` it.

    For two sheets the indicators of both, and how many activities are `new` and how many `gone`, by name and dates.
    """

    version: int
    before: Submission
    then: list[IndicatorValue]
    now: list[IndicatorValue]
    new: int
    gone: int


def replacement(session: Session, submission_id: int) -> Replacement | None:
    """What a submission replaced when it was accepted, and the differences; None if it replaced nothing."""
    row = session.get_one(Submission, submission_id)
    if row.replaces_id is None:
        return None
    old, new = row.replaces_id, row.id
    return Replacement(
        version=row.version or 2,
        before=session.get_one(Submission, old),
        then=_indicators(session, old),
        now=_indicators(session, new),
        new=_only_in(session, new, old),
        gone=_only_in(session, old, new),
    )


def _indicators(session: Session, submission_id: int) -> list[IndicatorValue]:
    wanted = select(IndicatorValue).where(IndicatorValue.submission_id == submission_id)
    return list(session.scalars(wanted.order_by(IndicatorValue.code)))


def _only_in(session: Session, one: int, other: int) -> int:
    """Return how many activities of one sheet are not in the other; of two equal ones each counts."""
    a = Activity
    mine, others = (select(a.name, a.start, a.end).where(a.submission_id == sheet) for sheet in (one, other))
    return session.scalar(select(func.count()).select_from(mine.except_all(others).subquery())) or 0
