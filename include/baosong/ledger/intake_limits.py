"""Which areas of the intake hold too much, and what was swept out of them; a lost row would soon be known again."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from baosong.ledger.models import IntakeLimit


def note_intake_limit(
    session: Session,
    campaign_id: str,
    code: str,
    *,
    over_limit: bool | None = None,
    swept: int = 0,
    swept_bytes: int = 0,
) -> None:
    """Record whether an area is over its limit (None: as it was), and add to what was swept out of it."""
    new = insert(IntakeLimit).values(
        campaign=campaign_id, prefecture=code, over_limit=bool(over_limit), swept=swept, swept_bytes=swept_bytes
    )
    now = {
        "over_limit": IntakeLimit.over_limit if over_limit is None else over_limit,
        "swept": IntakeLimit.swept + swept,
        "swept_bytes": IntakeLimit.swept_bytes + swept_bytes,
        "at": func.now(),
    }
    session.execute(new.on_conflict_do_update(index_elements=["campaign", "prefecture"], set_=now))


def intake_limits(session: Session, campaign_id: str | None = None, code: str | None = None) -> list[IntakeLimit]:
    """Which areas were swept or over their limit: a campaign's, or (None) all; or one prefecture's."""
    wanted = select(IntakeLimit).order_by(IntakeLimit.campaign, IntakeLimit.prefecture)
    if campaign_id is not None:
        wanted = wanted.where(IntakeLimit.campaign == campaign_id)
    if code is not None:
        wanted = wanted.where(IntakeLimit.prefecture == code)
    return list(session.scalars(wanted))


def mark_limit_notified(session: Session, limit: IntakeLimit) -> None:
    """Record that the prefecture's status page shows its area as it was then."""
    here = (IntakeLimit.campaign == limit.campaign, IntakeLimit.prefecture == limit.prefecture)
    session.execute(update(IntakeLimit).where(*here).values(notified=limit.exceeded))
