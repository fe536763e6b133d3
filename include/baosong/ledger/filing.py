"""The decision of what a checked file becomes, in one transaction with everything that follows from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, insert, select
from sqlalchemy.orm import Session

from baosong.ledger.database import lock_number
from baosong.ledger.models import Activity, IndicatorValue, Submission
from baosong.ledger.states import FILED, State
from baosong.ledger.submissions import add_finding, locked, move, storable, verdict_of
from baosong.rules.errors import BaosongError
from baosong.rules.findings import Finding, Verdict, note

LARGEST = Decimal(10) ** 16
"""Figures lie strictly below this, or their columns could not hold them."""


@dataclass(frozen=True, slots=True)
class Filed:
    """Where a file's bytes lie, read back and compared."""

    sha256: str
    bucket: str
    key: str
    at: datetime


class LimitReached(BaosongError):
    """The deliverable has as many accepted files as it may have, and this one would replace none."""


class Place(NamedTuple):
    """What an accepted file would meet: a `twin` of the same bytes, or a deliverable that is `full`."""

    twin: Submission | None
    full: bool


def file(
    session: Session, submission_id: int, filed: Filed, remark: Callable[[Submission], Finding], most: int | None
) -> State | None:
    """Decide what a checked file becomes and return its state; repeated, only return it; None if it was withdrawn.

    `remark` words the note for a duplicate of the submission it is given. Raises LimitReached, and changes nothing,
    if there are `most` accepted files already.
    """
    _one_at_a_time(session, session.get_one(Submission, submission_id))
    row = locked(session, submission_id)
    if row.state != State.CHECKED:
        return State(row.state) if row.state in FILED else None
    row.sha256, row.bucket, row.archive_key, row.filed_at = filed.sha256, filed.bucket, filed.key, filed.at
    match verdict_of(row):
        case Verdict.REJECTED:
            move(session, row, State.REJECTED, f"{_judged_by(row)}未通过，已移入隔离区")
        case Verdict.HELD:
            move(session, row, State.HELD, "待人工审核，已移入隔离区")
        case Verdict.ACCEPTED:
            _accept(session, row, remark, most)
    return State(row.state)


def place_for(session: Session, row: Submission, sha256: str, most: int | None) -> Place:
    """Return what an accepted file of this content would meet if it were filed now; see `file`."""
    twin = twin_of(session, row.campaign, row.prefecture, row.kind, sha256)
    return Place(twin, twin is None and _holder(session, row) is None and _is_full(session, row, most))


def refuse(session: Session, submission_id: int, finding: Finding) -> Submission:
    """Reject a checked file for what this error says; return the submission. Nothing changes once it is filed."""
    row = locked(session, submission_id)
    if row.state == State.CHECKED:
        row.verdict = Verdict.REJECTED
        row.findings = [*row.findings, storable(finding.as_json())]
    return row


def twin_of(session: Session, campaign: str, prefecture: str, kind: str | None, sha256: str) -> Submission | None:
    """Return the current accepted file with the same content in the same deliverable."""
    same = Submission.sha256 == sha256
    return session.scalars(select(Submission).where(_current(campaign, prefecture, kind), same)).one_or_none()


def filed_under(session: Session, bucket: str, key: str) -> list[Submission]:
    """Return the submissions whose bytes lie under a key, oldest first."""
    there = select(Submission).where(Submission.archive_key == key, Submission.bucket == bucket)
    return list(session.scalars(there.order_by(Submission.id)))


def _one_at_a_time(session: Session, row: Submission) -> None:
    """Let the filings of one prefecture take turns, so that each sees what the one before it decided."""
    session.execute(select(func.pg_advisory_xact_lock(lock_number(f"filing:{row.campaign}:{row.prefecture}"))))


def _accept(session: Session, row: Submission, remark: Callable[[Submission], Finding], most: int | None) -> None:
    twin = twin_of(session, row.campaign, row.prefecture, row.kind, row.sha256 or "")
    if twin is not None:
        add_finding(row, remark(twin))
        move(session, row, State.DUPLICATE, f"与第 {twin.id} 号文件内容相同")
        holder = _holder(session, row)
        if holder is not None and twin.slot != row.slot and _last_in_slot(session, row).id == row.id:
            _replace(session, holder, row, most)
        return
    later = _last_in_slot(session, row)
    if later.id > row.id:
        move(session, row, State.SUPERSEDED, f"第 {later.id} 号文件报送更晚，已先归档")
        return
    holder = _holder(session, row)
    if holder is not None:
        _replace(session, holder, row, most)
        row.replaces_id = holder.id
    elif _is_full(session, row, most):
        raise LimitReached
    row.version = (holder.version or 1) + 1 if holder else 1
    move(session, row, State.ACCEPTED, f"{_judged_by(row)}通过，已归档")
    explode(session, row)


def _judged_by(row: Submission) -> str:
    return "校验" if row.held_key is None else "人工审核"


def _holder(session: Session, row: Submission) -> Submission | None:
    in_slot = select(Submission).where(_current(row.campaign, row.prefecture, row.kind), Submission.slot == row.slot)
    return session.scalars(in_slot).one_or_none()


def _is_full(session: Session, row: Submission, most: int | None) -> bool:
    if most is None:
        return False
    counted = select(func.count()).where(_current(row.campaign, row.prefecture, row.kind))
    return (session.scalar(counted) or 0) >= most


def _last_in_slot(session: Session, row: Submission) -> Submission:
    """Return the file that was sent last of the good ones of the row's slot that are filed, or the row itself."""
    good = Submission.state.in_((State.ACCEPTED, State.DUPLICATE, State.SUPERSEDED))
    filed = select(Submission).where(_beside(row), Submission.slot == row.slot, good, Submission.id > row.id)
    return session.scalars(filed.order_by(Submission.id.desc()).limit(1)).one_or_none() or row


def _replace(session: Session, holder: Submission, row: Submission, most: int | None) -> None:
    """Let the file that the row's slot holds count no longer; a copy of it that stands in another slot counts now."""
    move(session, holder, State.SUPERSEDED, f"由第 {row.id} 号文件替换")
    session.flush()  # the slot's unique key allows one at a time
    copies = select(Submission).where(
        _beside(row),
        Submission.sha256 == holder.sha256,
        Submission.state == State.DUPLICATE,
        Submission.slot != row.slot,
    )
    room = row.state == State.DUPLICATE or most is None or not _is_full(session, row, most - 1)  # the row comes next
    for copy in session.scalars(copies.order_by(Submission.id)) if room else ():
        if _last_in_slot(session, copy).id == copy.id:
            move(session, copy, State.ACCEPTED, f"相同内容的第 {holder.id} 号文件已被替换，改计此件")
            copy.version = 1
            explode(session, copy)
            return


def _beside(row: Submission) -> ColumnElement[bool]:
    return (
        (Submission.campaign == row.campaign)
        & (Submission.prefecture == row.prefecture)
        & (Submission.kind == row.kind)
    )


def _current(campaign: str, prefecture: str, kind: str | None) -> ColumnElement[bool]:
    return (
        (Submission.campaign == campaign)
        & (Submission.prefecture == prefecture)
        & (Submission.kind == kind)
        & (Submission.state == State.ACCEPTED)
    )


def explode(session: Session, row: Submission) -> None:
    """Lay the figures of an accepted sheet out in rows."""
    figures = row.figures or {}
    indicators = [_indicator(row.id, item) for item in figures.get("indicators", [])]
    activities = [_activity(row.id, item) for item in figures.get("activities", [])]
    if indicators:
        session.execute(insert(IndicatorValue), indicators)
    if activities:
        session.execute(insert(Activity), activities)


def _indicator(submission_id: int, item: dict[str, Any]) -> dict[str, Any]:
    values = {name: figure(item.get(name)) for name in ("total", "offline", "online")}
    return {"submission_id": submission_id, "code": item["code"], "cell": str(item.get("cell") or ""), **values}


def _activity(submission_id: int, item: dict[str, Any]) -> dict[str, Any]:
    return {
        "submission_id": submission_id,
        "row": item["row"],
        "name": str(item.get("name") or ""),
        "category": item.get("category"),
        "start": _day(item.get("start")),
        "end": _day(item.get("end")),
        "form": item.get("form"),
        "offline": figure(item.get("offline")),
        "online": figure(item.get("online")),
        "fields": {name: value for name, value in item.items() if name != "row"},
    }


def figure(value: Any) -> Decimal | None:
    """Return an int or a decimal's text exactly; ValueError if it is no number or would not fit its column."""
    if value is None:
        return None
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        raise ValueError(f"not a number: {value!r}") from None
    if not number.is_finite() or abs(number) >= LARGEST:
        raise ValueError(f"does not fit: {value!r}")
    return number


def _day(value: Any) -> date | None:
    return None if value is None else date.fromisoformat(value)


def duplicate_of(twin: Submission) -> Finding:
    """Return the note for a file with the content of an accepted one."""
    return note(
        "file.duplicate",
        "内容与已接收的文件完全相同，不重复计入",
        observed=twin.name,
        fix="无需处理。如要更正，请报送改过的文件。",
    )
