"""The ledger's side of the change log: a transactional outbox that triggers fill with every new or changed row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from baosong.ledger.models import PendingChange, Segment
from baosong.rules.errors import OneLineError

Line = tuple[int, str, dict[str, Any]]
"""A number, a table, and of one of its rows all fields, or its key and what changed."""

Write = Callable[[int, list[Line]], list[Line]]
"""Is given a segment's number and lines, and returns what it holds: these, or what an earlier attempt left."""

_BEHIND = (
    "归档中已有 {owner} 的第 {number} 页日志，却不是现在的台账所写：台账比归档旧，可能是从旧备份恢复的。"
    "文件留在原处，没有发出回执。"
    "请运行 ./baosong rebuild-ledger --replace 从归档重建台账。"
)
_OWNED = "WHERE t.campaign = :campaign AND t.prefecture = :prefecture"
_ROWS = {
    "receipt": f"receipt t {_OWNED} ORDER BY t.id",
    "submission": f"submission t {_OWNED} ORDER BY t.id",
    "history": f"history t JOIN submission s ON s.id = t.submission_id {_OWNED.replace('t.', 's.')} ORDER BY t.id",
    "edition": "edition t WHERE t.campaign = :campaign AND :prefecture = '' ORDER BY t.id",
    "announcement": f"announcement t {_OWNED}",
    "closing": "closing t WHERE t.campaign = :campaign AND :prefecture = '' ORDER BY t.day",
    "extension": f"extension t {_OWNED} ORDER BY t.id",
    "custody": f"custody t {_OWNED}",
}
_LARGEST = 8 * 1024 * 1024  # bytes as PostgreSQL packs them


class ChangeLogState(NamedTuple):
    """Campaign and prefecture of the `pending` logs, in order; and whether any segment was ever `written`."""

    pending: list[tuple[str, str]]
    written: bool


class LedgerLost(OneLineError):
    """The ledger is not the one that wrote the change log, or an older state of it; the text is Chinese."""


def change_log_state(session: Session) -> ChangeLogState:
    """Which change logs lack changes, and whether this ledger ever wrote a segment."""
    owner = (PendingChange.campaign, PendingChange.prefecture)
    rows = session.execute(select(*owner).distinct().order_by(*owner))
    written = session.scalar(select(Segment.number).limit(1)) is not None
    return ChangeLogState([(campaign, prefecture) for campaign, prefecture in rows], written)


def write_segment(session: Session, campaign_id: str, code: str, write: Write) -> bool:
    """Let `write` store a log's next segment, then delete its lines; False if no change is left to write.

    The writers of one log take turns, so that segments are numbered without a gap and each line stands in exactly one.
    What `write` raises passes, and the lines stay. LedgerLost if an earlier attempt left what is not this ledger's.
    """
    ours = _of(campaign_id, code)
    if not _any_left(session, ours):
        return False
    blank = {"campaign": campaign_id, "prefecture": code, "number": 0}
    session.execute(insert(Segment).values(blank).on_conflict_do_nothing())
    last = (Segment.campaign == campaign_id) & (Segment.prefecture == code)
    number = session.scalars(select(Segment.number).where(last).with_for_update()).one() + 1
    lines = next_lines(session, campaign_id, code)
    if lines:
        written = write(number, lines)
        ids = [line[0] for line in written]
        if written is not lines and _lines(session, ids) != written:
            raise LedgerLost(_BEHIND.format(owner=f"{campaign_id}/{code}", number=number))
        session.execute(delete(PendingChange).where(PendingChange.id.in_(ids)))
        session.execute(update(Segment).where(last).values(number=number))
    return _any_left(session, ours)


def record_again(session: Session, campaign_id: str, code: str) -> None:
    """Record all rows of a log as if they were new, so that its earlier segments need not be read any more."""
    for table, rows in _ROWS.items():
        recorded = f"SELECT :campaign, :prefecture, '{table}', to_jsonb(t) FROM {rows}"  # noqa: S608 - our own names
        into = text(f'INSERT INTO unwritten (campaign, prefecture, "table", "row") {recorded}')
        session.execute(into, {"campaign": campaign_id, "prefecture": code})


def _of(campaign_id: str, code: str) -> ColumnElement[bool]:
    return (PendingChange.campaign == campaign_id) & (PendingChange.prefecture == code)


def _any_left(session: Session, ours: ColumnElement[bool]) -> bool:
    return session.scalar(select(PendingChange.id).where(ours).limit(1)) is not None


def _lines(session: Session, ids: list[int]) -> list[Line]:
    p = PendingChange
    rows = session.execute(select(p.id, p.table, p.row).where(p.id.in_(ids)).order_by(p.id))
    return [(number, table, row) for number, table, row in rows]


def next_lines(session: Session, campaign_id: str, code: str) -> list[Line]:
    """A log's pending lines in the order of the changes: as many as a segment may hold, but at least one."""
    size = func.pg_column_size(PendingChange.row)
    before = (func.sum(size).over(order_by=PendingChange.id) - size).label("before")
    sized = select(PendingChange.id, before).where(_of(campaign_id, code)).subquery()
    fitting = session.scalars(select(sized.c.id).where(sized.c.before < _LARGEST)).all()
    return _lines(session, list(fitting))
