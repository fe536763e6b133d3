"""Receipts: their numbers are allotted here before anything is written, so that a repeat writes the same receipt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from baosong.ledger.database import lock_number
from baosong.ledger.models import UNFINISHED, Receipt, Submission
from baosong.ledger.states import FILED


def allot(session: Session, campaign: str, prefecture: str, status: dict[str, Any]) -> Receipt | None:
    """Give the next number to all filed files that have no receipt yet; None if there are none."""
    session.execute(select(func.pg_advisory_xact_lock(lock_number(f"receipt:{campaign}:{prefecture}"))))
    unanswered = select(Submission).where(
        text(UNFINISHED),
        Submission.campaign == campaign,
        Submission.prefecture == prefecture,
        Submission.state.in_(FILED),
        Submission.receipt_id.is_(None),
    )
    rows = session.scalars(unanswered.order_by(Submission.id).with_for_update()).all()
    if not rows:
        return None
    receipt = Receipt(
        campaign=campaign,
        prefecture=prefecture,
        number=last(session, campaign, prefecture) + 1,
        issued_at=datetime.now(UTC),
        status=status,
    )
    session.add(receipt)
    session.flush()
    for row in rows:
        row.receipt_id = receipt.id
    return receipt


def last(session: Session, campaign: str, prefecture: str) -> int:
    """Return the number of a prefecture's last receipt, 0 if it has none."""
    highest = select(func.max(Receipt.number)).where(Receipt.campaign == campaign, Receipt.prefecture == prefecture)
    return session.scalar(highest) or 0


def unsent(session: Session, campaign: str, prefecture: str) -> list[tuple[Receipt, list[Submission]]]:
    """Return the receipts that were allotted but not seen through, each with all of its files, by number."""
    open_ids = select(Submission.receipt_id).where(
        text(UNFINISHED),
        Submission.campaign == campaign,
        Submission.prefecture == prefecture,
        Submission.receipt_id.is_not(None),
    )
    receipts = session.scalars(select(Receipt).where(Receipt.id.in_(open_ids)).order_by(Receipt.number)).all()
    return [(receipt, _files_of(session, receipt)) for receipt in receipts]


def _files_of(session: Session, receipt: Receipt) -> list[Submission]:
    files = select(Submission).where(Submission.receipt_id == receipt.id).order_by(Submission.id)
    return list(session.scalars(files))


def mark_replied(session: Session, submission_ids: Sequence[int]) -> None:
    """Finish files: their receipt is written and their bytes have left the intake."""
    done = update(Submission).where(Submission.id.in_(submission_ids), Submission.replied_at.is_(None))
    session.execute(done.values(replied_at=datetime.now(UTC)))


def numbers(session: Session, campaign: str) -> dict[int, int]:
    """Return the number of each receipt of a campaign, by its id."""
    found = session.execute(select(Receipt.id, Receipt.number).where(Receipt.campaign == campaign))
    return {row.id: row.number for row in found}
