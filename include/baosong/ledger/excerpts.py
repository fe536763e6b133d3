"""The few of a campaign's files that a page shows, however many there are; full rows, but without their figures."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, defer

from baosong.findings import Kind
from baosong.ledger.models import Submission
from baosong.ledger.states import State

MOST_TO_FOLLOW_UP = 500


class Excerpt(NamedTuple):
    """Some of a prefecture's files, oldest first, and how many there are in all."""

    files: list[Submission]
    of: int


def newest(session: Session, campaign_id: str, most: int) -> list[Submission]:
    """Return the arrivals that came last, the newest first."""
    wanted = select(Submission).where(Submission.campaign == campaign_id)
    return _rows(session, wanted.order_by(Submission.received_at.desc(), Submission.id.desc()).limit(most))


def newest_of_each(session: Session, campaign_id: str, code: str, most: int) -> Excerpt:
    """Return a prefecture's newest files of each kind in each state, at most so many of each."""
    rank = func.row_number().over(partition_by=(Submission.kind, Submission.state), order_by=Submission.id.desc())
    ranked = select(Submission.id, rank.label("rank"), func.count().over().label("of"))
    s = ranked.where(Submission.campaign == campaign_id, Submission.prefecture == code).subquery()
    found = session.execute(select(s.c.id, s.c.of).where(s.c.rank <= most)).all()
    return Excerpt(_by_id(session, [row.id for row in found]), found[0].of if found else 0)


def newest_sheets(session: Session, campaign_id: str) -> list[Submission]:
    """Return each prefecture's newest sheet in each state whose tables were found."""
    sheets = select(Submission.id).ext(distinct_on(Submission.prefecture, Submission.state))
    sheets = sheets.where(Submission.campaign == campaign_id, Submission.kind == Kind.STATISTICS.value)
    sheets = sheets.where(Submission.facts["used"].astext.not_in(("", "{}", "[]")))
    ordered = sheets.order_by(Submission.prefecture, Submission.state, Submission.id.desc())
    return _by_id(session, session.scalars(ordered).all())


def to_follow_up(session: Session, campaign_id: str) -> list[Submission]:
    """Return what may wait for somebody, the newest first: held and rejected files that are the last of their slots,
    the newest ones, and with them what may have made them good: the newest good file of each prefecture and kind.
    """
    place = (Submission.prefecture, Submission.kind)
    last = func.row_number().over(partition_by=(*place, Submission.slot), order_by=Submission.id.desc())
    s = select(Submission.id, Submission.state, last.label("rank")).where(Submission.campaign == campaign_id).subquery()
    bad = select(s.c.id).where(s.c.rank == 1, s.c.state.in_((State.REJECTED, State.HELD)))
    waiting = session.scalars(bad.order_by(s.c.id.desc()).limit(MOST_TO_FOLLOW_UP)).all()
    good = select(func.max(Submission.id)).where(
        Submission.campaign == campaign_id, Submission.state.in_((State.ACCEPTED, State.DUPLICATE))
    )
    mended = session.scalars(good.group_by(*place)).all() if waiting else []
    found = _by_id(session, [*waiting, *(number for number in mended if number)])
    return sorted(found, key=lambda row: (row.received_at, row.id), reverse=True)


def _by_id(session: Session, ids: Collection[int]) -> list[Submission]:
    return _rows(session, select(Submission).where(Submission.id.in_(ids)).order_by(Submission.id)) if ids else []


def _rows(session: Session, wanted: Select[Submission]) -> list[Submission]:
    return list(session.scalars(wanted.options(defer(Submission.figures))))
