"""What an accepted file replaces, and what differs between the two: read from rows that never change again."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from baosong.campaign import Campaign
from baosong.ledger.database import lock_number
from baosong.ledger.models import Activity, Expected, IndicatorValue, Submission


@dataclass(frozen=True, slots=True)
class Replacement:
    """An accepted file, the `version`-th of its place, and the one `before` it.

    Of two sheets the indicators of both, and how many activities are `new` and how many are `gone`, by name and days.
    """

    version: int
    before: Submission
    then: list[IndicatorValue]
    now: list[IndicatorValue]
    new: int
    gone: int


def replacement(session: Session, submission_id: int) -> Replacement | None:
    """Return what a submission replaced when it was accepted; None if it replaced nothing."""
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
    """Return how many activities of one sheet are not in the other; of two alike each counts."""
    a = Activity
    mine, others = (select(a.name, a.start, a.end).where(a.submission_id == sheet) for sheet in (one, other))
    return session.scalar(select(func.count()).select_from(mine.except_all(others).subquery())) or 0


def expect(session: Session, campaign: Campaign) -> None:
    """Copy what a campaign expects of each prefecture, in the place of what was copied before."""
    session.execute(select(func.pg_advisory_xact_lock(lock_number(f"expect:{campaign.id}"))))
    session.execute(delete(Expected).where(Expected.campaign == campaign.id))
    rows = [
        {
            "campaign": campaign.id,
            "prefecture": prefecture.code,
            "kind": deliverable.kind.value,
            "unit": prefecture.name,
            "title": deliverable.name,
            "required": deliverable.required,
            "least": deliverable.min,
            "most": deliverable.max,
            "deadline": campaign.deadline,
        }
        for prefecture in campaign.prefectures
        for deliverable in campaign.deliverables
    ]
    session.execute(insert(Expected), rows)
