"""What of the ledger is still to be written to the archive's journal. Triggers note every new or changed row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from baosong.ledger.models import Page, Unwritten
from baosong.rules.errors import OneLineError

Line = tuple[int, str, dict[str, Any]]
"""A number, a table, and of one of its rows all fields, or its key and what changed."""

Keep = Callable[[int, list[Line]], list[Line]]
"""Is given a page's number and its lines, and returns what the page holds: these, or what an earlier attempt left."""

_BEHIND = (
    "归档中已有 {place} 的第 {number} 页日志，却不是现在的台账所写：台账比归档旧，可能是从旧备份恢复的。"
    "文件留在原处，没有发出回执。"
    "请运行 ./baosong rebuild-ledger --replace 从归档重建台账。"
)
_HERE = "WHERE t.campaign = :campaign AND t.prefecture = :prefecture"
_OF_PLACE = {
    "receipt": f"receipt t {_HERE} ORDER BY t.id",
    "submission": f"submission t {_HERE} ORDER BY t.id",
    "history": f"history t JOIN submission s ON s.id = t.submission_id {_HERE.replace('t.', 's.')} ORDER BY t.id",
    "edition": "edition t WHERE t.campaign = :campaign AND :prefecture = '' ORDER BY t.id",
    "announcement": f"announcement t {_HERE}",
    "custody": f"custody t {_HERE}",
}
_LARGEST = 8 * 1024 * 1024  # bytes as PostgreSQL packs them


class LedgerLost(OneLineError):
    """The ledger is not the one that wrote the journal, or an older state of it; the text is Chinese."""


def places(session: Session) -> list[tuple[str, str]]:
    """Return the places with unwritten lines, in order."""
    place = (Unwritten.campaign, Unwritten.prefecture)
    return [
        (campaign, prefecture) for campaign, prefecture in session.execute(select(*place).distinct().order_by(*place))
    ]


def any_written(session: Session) -> bool:
    """Return whether any page was ever written."""
    return session.scalar(select(Page.number).limit(1)) is not None


def write(session: Session, campaign: str, prefecture: str, keep: Keep) -> bool:
    """Hand a place's next page to `keep`, and forget its lines once it is kept; False if there are no more.

    A place's writers take turns, so that its pages are numbered without a gap and each line stands in one of them.
    LedgerLost if an earlier attempt left what is not this ledger's.
    """
    here = (Unwritten.campaign == campaign) & (Unwritten.prefecture == prefecture)
    if not _any_left(session, here):
        return False
    blank = {"campaign": campaign, "prefecture": prefecture, "number": 0}
    session.execute(insert(Page).values(blank).on_conflict_do_nothing())
    at = (Page.campaign == campaign) & (Page.prefecture == prefecture)
    number = session.scalars(select(Page.number).where(at).with_for_update()).one() + 1
    lines = _lines(session, here)
    if lines:
        kept = keep(number, lines)
        ids = [line[0] for line in kept]
        if kept is not lines and _these(session, ids) != kept:
            raise LedgerLost(_BEHIND.format(place=f"{campaign}/{prefecture}", number=number))
        session.execute(delete(Unwritten).where(Unwritten.id.in_(ids)))
        session.execute(update(Page).where(at).values(number=number))
    return _any_left(session, here)


def note_again(session: Session, campaign: str, prefecture: str) -> None:
    """Note all rows of a place as if they were new: what its pages said of them need not be read any more."""
    for table, rows in _OF_PLACE.items():
        noted = f"SELECT :campaign, :prefecture, '{table}', to_jsonb(t) FROM {rows}"  # noqa: S608 - our own names
        into = text(f'INSERT INTO unwritten (campaign, prefecture, "table", "row") {noted}')
        session.execute(into, {"campaign": campaign, "prefecture": prefecture})


def _any_left(session: Session, here: ColumnElement[bool]) -> bool:
    return session.scalar(select(Unwritten.id).where(here).limit(1)) is not None


def _these(session: Session, ids: list[int]) -> list[Line]:
    wanted = select(Unwritten.id, Unwritten.table, Unwritten.row).where(Unwritten.id.in_(ids)).order_by(Unwritten.id)
    return [(number, table, row) for number, table, row in session.execute(wanted)]


def _lines(session: Session, here: ColumnElement[bool]) -> list[Line]:
    """Return unwritten lines in the order of the changes: as many as a page may hold, but at least one."""
    size = func.pg_column_size(Unwritten.row)
    before = (func.sum(size).over(order_by=Unwritten.id) - size).label("before")
    sized = select(Unwritten.id, before).where(here).subquery()
    fitting = session.scalars(select(sized.c.id).where(sized.c.before < _LARGEST)).all()
    return _these(session, list(fitting))
