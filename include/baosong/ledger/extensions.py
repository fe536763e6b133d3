"""More time for one prefecture: who granted it, until when and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import exists, insert, select, update
from sqlalchemy.orm import Session

from baosong.campaign import Campaign
from baosong.ledger.deadlines import deadlines, take_turn, unmark
from baosong.ledger.models import Expected, Extension
from baosong.ledger.notifications import Message, notify
from baosong.ledger.submissions import storable


def extend(
    session: Session,
    campaign: Campaign,
    code: str,
    deadline: datetime,
    who: str,
    reason: str,
    messages: Sequence[Message] = (),
) -> bool:
    """Grant a prefecture more time and have it told so; what came late, but within that time, is late no more.

    Repeated with the same words it changes nothing. False if the prefecture has as much time already.
    """
    take_turn(session, campaign.id, code)
    here = {"campaign": campaign.id, "prefecture": code}
    row = {**here, "deadline": deadline, "who": storable(who), "reason": storable(reason)}
    if session.scalar(select(exists().where(*(getattr(Extension, name) == value for name, value in row.items())))):
        return True
    if deadline <= deadlines(session, campaign)[code]:
        return False
    session.execute(insert(Extension).values(**row, at=datetime.now(UTC)))
    unmark(session, campaign.id, code)
    session.execute(update(Expected).filter_by(**here).values(deadline=deadline))
    notify(session, messages)
    return True


def extensions(session: Session, campaign_id: str, code: str) -> list[Extension]:
    """The time that was granted to a prefecture, the newest first."""
    granted = select(Extension).where(Extension.campaign == campaign_id, Extension.prefecture == code)
    return list(session.scalars(granted.order_by(Extension.id.desc())))
