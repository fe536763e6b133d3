"""Whose area of the intake holds too much, and what was swept out of it. What this knows would soon be known again."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from baosong.ledger.models import Crowd


def note(session: Session, campaign: str, prefecture: str, full: bool | None, swept: int, swept_bytes: int) -> None:
    """Keep whether an area is full (None: as it was), and add to what was swept out of it."""
    new = insert(Crowd).values(
        campaign=campaign, prefecture=prefecture, full=bool(full), swept=swept, swept_bytes=swept_bytes
    )
    now = {
        "full": Crowd.full if full is None else full,
        "swept": Crowd.swept + swept,
        "swept_bytes": Crowd.swept_bytes + swept_bytes,
        "at": func.now(),
    }
    session.execute(new.on_conflict_do_update(index_elements=["campaign", "prefecture"], set_=now))


def crowds(session: Session, campaign: str | None) -> list[Crowd]:
    """Return what is noted of a campaign's areas, or (None) of all."""
    wanted = select(Crowd).order_by(Crowd.campaign, Crowd.prefecture)
    if campaign is not None:
        wanted = wanted.where(Crowd.campaign == campaign)
    return list(session.scalars(wanted))


def mark_told(session: Session, crowd: Crowd) -> None:
    """Remember that the prefecture was told of its area as it was then."""
    here = (Crowd.campaign == crowd.campaign, Crowd.prefecture == crowd.prefecture)
    session.execute(update(Crowd).where(*here).values(told=crowd.is_crowded))
