"""Whether a campaign ends with prefectures missing: asked once a day after its deadline, decided by a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from baosong.ledger.models import Closing


def ask(session: Session, campaign_id: str, day: date, run: str, missing: Sequence[str]) -> bool:
    """Record that a run asks on a day who is missing; False if another run has, it was answered, or all is decided."""
    if closure(session, campaign_id):
        return False
    new = {"campaign": campaign_id, "day": day, "run": run, "missing": list(missing)}
    session.execute(insert(Closing).values(new).on_conflict_do_nothing())
    asked = session.get_one(Closing, (campaign_id, day))
    return asked.run == run and asked.decided_at is None


def asked(session: Session, campaign_id: str, day: date) -> Closing:
    """What was asked on a day; sqlalchemy's NoResultFound if nothing was."""
    return session.get_one(Closing, (campaign_id, day))


def decide(
    session: Session,
    campaign_id: str,
    day: date,
    without: Sequence[str],
    who: str | None,
    reason: str,
    at: datetime,
) -> bool:
    """Record the answer to a day's question, unless it has one; return whether the campaign is closed by it.

    `without` are the prefectures that it is closed without, as the report will name them; none: it is not closed.
    """
    here = (Closing.campaign == campaign_id, Closing.day == day, Closing.decided_at.is_(None))
    answer: dict[str, Any] = {"closed": bool(without), "who": who, "reason": reason, "decided_at": at}
    answer |= {"missing": list(without)} if without else {}
    session.execute(update(Closing).where(*here).values(answer))
    return bool(session.get_one(Closing, (campaign_id, day), populate_existing=True).closed)


def closure(session: Session, campaign_id: str) -> Closing | None:
    """The answer that closed a campaign with prefectures missing; None while it is open, or if all were complete."""
    return session.scalar(select(Closing).where(Closing.campaign == campaign_id, Closing.closed.is_(True)))
