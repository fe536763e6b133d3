"""Which areas of the intake hold too much, and what was swept out of them; a lost row would soon be known again."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from baosong.ledger.models import IntakeLimit


def note(
    session: Session, campaign: str, prefecture: str, over_limit: bool | None, swept: int, swept_bytes: int
) -> None:
    """Record whether an area is over its limit (None: as it was), and add to what was swept out of it."""
    new = insert(IntakeLimit).values(
        campaign=campaign, prefecture=prefecture, over_limit=bool(over_limit), swept=swept, swept_bytes=swept_bytes
    )
    now = {
        "over_limit": IntakeLimit.over_limit if over_limit is None else over_limit,
        "swept": IntakeLimit.swept + swept,
        "swept_bytes": IntakeLimit.swept_bytes + swept_bytes,
        "at": func.now(),
    }
    session.execute(new.on_conflict_do_update(index_elements=["campaign", "prefecture"], set_=now))


def limits(session: Session, campaign: str | None, prefecture: str | None = None) -> list[IntakeLimit]:
    """Return what is recorded of a campaign's areas, or (None) of all; or of one prefecture's."""
    wanted = select(IntakeLimit).order_by(IntakeLimit.campaign, IntakeLimit.prefecture)
    if campaign is not None:
        wanted = wanted.where(IntakeLimit.campaign == campaign)
    if prefecture is not None:
        wanted = wanted.where(IntakeLimit.prefecture == prefecture)
    return list(session.scalars(wanted))


def mark_notified(session: Session, limit: IntakeLimit) -> None:
    """Record that the prefecture's status page shows its area as it was then."""
    here = (IntakeLimit.campaign == limit.campaign, IntakeLimit.prefecture == limit.prefecture)
    session.execute(update(IntakeLimit).where(*here).values(notified=limit.exceeded))
