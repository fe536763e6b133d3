"""The decision what a checked file becomes, in one transaction with everything that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, func, insert, or_, select
from sqlalchemy.orm import Session

from baosong.ledger.database import take_turns
from baosong.ledger.models import Activity, History, IndicatorValue, Submission
from baosong.ledger.states import FILED, State
from baosong.ledger.submissions import add_finding, locked, move, storable, verdict_of
from baosong.rules.catalogue import finding
from baosong.rules.errors import BaosongError
from baosong.rules.findings import Finding, Verdict

_GOOD = (State.ACCEPTED, State.DUPLICATE, State.SUPERSEDED)
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


class Conflicts(NamedTuple):
    """What an accepted file would meet: a `duplicate` with the same bytes, or a deliverable that is `full`."""

    duplicate: Submission | None
    full: bool


def file(session: Session, submission_id: int, filed: Filed, most: int | None = None) -> State | None:
    """Decide what a checked file becomes and return its state; repeated, only return it; None if it was withdrawn.

    Raises LimitReached, with nothing changed, if it would be accepted beyond `most`.
    """
    _take_turns_filing(session, submission_id)  # each sees what the one before it decided
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
            _accept(session, row, most)
    return State(row.state)


def conflicts(session: Session, row: Submission, sha256: str, most: int | None) -> Conflicts:
    """What a file of this content would meet if it were accepted now, `most` being allowed; see `file`."""
    rivals = _rivals(session, row, sha256)
    full = rivals.duplicate is None and rivals.holder is None and _is_full(session, row, most)
    return Conflicts(rivals.duplicate, full)


def refuse(session: Session, submission_id: int, finding: Finding) -> Submission:
    """Reject a checked file for an error found since; return the submission. Nothing changes once it is filed."""
    row = locked(session, submission_id)
    if row.state == State.CHECKED:
        row.verdict = Verdict.REJECTED
        row.findings = [*row.findings, storable(finding.as_json())]
    return row


def withdraw_accepted(session: Session, submission_id: int, who: str, note: str, finding: Finding) -> bool:
    """Have an accepted file count no more, still to be answered; its bytes, figures and history stay where they are.

    Repeated with the same words it changes nothing. False if the file is not accepted, or not answered yet.
    """
    _take_turns_filing(session, submission_id)
    row = locked(session, submission_id)
    if row.state == State.WITHDRAWN:
        same = (History.submission_id == row.id) & (History.note == storable(note)) & (History.who == storable(who))
        return bool(session.scalar(select(exists().where(same))))
    if row.state != State.ACCEPTED or row.replied_at is None:
        return False
    row.findings = [storable(finding.as_json()), *row.findings]
    row.receipt_id = row.replied_at = None
    move(session, row, State.WITHDRAWN, note, who)
    return True


def filed_under(session: Session, bucket: str, key: str) -> list[Submission]:
    """The submissions whose bytes lie under a key, oldest first."""
    return list(session.scalars(select(Submission).where(*lies_under(bucket, key)).order_by(Submission.id)))


def lies_under(bucket: str, key: str) -> tuple[ColumnElement[bool], ...]:
    """Select the submissions whose bytes lie under a key."""
    return Submission.archive_key == key, Submission.bucket == bucket


def _take_turns_filing(session: Session, submission_id: int) -> None:
    owner = select(Submission.campaign, Submission.prefecture).where(Submission.id == submission_id)
    campaign, prefecture = session.execute(owner).one()
    take_turns(session, f"filing:{campaign}:{prefecture}")


def _accept(session: Session, row: Submission, most: int | None) -> None:
    with session.no_autoflush:  # one update of the row, when all is decided
        original, holder, later = _rivals(session, row, row.sha256 or "")
        full = original is None and holder is None and _is_full(session, row, most)
    if original is not None:
        _repeat(session, row, original, holder, most)
        return
    if later is not None:
        move(session, row, State.SUPERSEDED, f"第 {later.id} 号文件报送更晚，已先归档")
        return
    if holder is not None:
        _replace(session, holder, row, most)
        row.replaces_id = holder.id
    elif full:
        raise LimitReached
    row.version = (holder.version or 1) + 1 if holder else 1
    move(session, row, State.ACCEPTED, f"{_judged_by(row)}通过，已归档")
    insert_figures(session, row)


def _repeat(
    session: Session, row: Submission, original: Submission, holder: Submission | None, most: int | None
) -> None:
    """Acknowledge a duplicate; under a replacement key that holds another file, it still replaces that one."""
    add_finding(row, finding("file.duplicate", name=original.name))
    move(session, row, State.DUPLICATE, f"与第 {original.id} 号文件内容相同")
    if holder is not None and original.slot != row.slot and _last_in_slot(session, row).id == row.id:
        _replace(session, holder, row, most)


def _judged_by(row: Submission) -> str:
    return "校验" if row.held_key is None else "人工审核"


class _Rivals(NamedTuple):
    """Of a file's deliverable the current one with its content, the current one in its slot, the last one sent later.

    The slot is the replacement key.
    """

    duplicate: Submission | None
    holder: Submission | None
    later: Submission | None


def _rivals(session: Session, row: Submission, sha256: str) -> _Rivals:
    accepted, slot = Submission.state == State.ACCEPTED, Submission.slot == row.slot
    later = and_(slot, Submission.state.in_(_GOOD), Submission.id > row.id)
    same = or_(and_(accepted, Submission.sha256 == sha256), and_(accepted, slot), later)  # each by an index of its own
    found = session.scalars(select(Submission).where(_same_deliverable(row), same).order_by(Submission.id)).all()
    current = [f for f in found if f.state == State.ACCEPTED]
    return _Rivals(
        next((f for f in current if f.sha256 == sha256), None),
        next((f for f in current if f.slot == row.slot), None),
        next((f for f in reversed(found) if f.slot == row.slot and f.id > row.id), None),
    )


def _is_full(session: Session, row: Submission, most: int | None) -> bool:
    if most is None:
        return False
    return (session.scalar(select(func.count()).where(_current(row))) or 0) >= most


def _last_in_slot(session: Session, row: Submission) -> Submission:
    """Return the last sent of the good files that are filed under the row's replacement key, or the row itself."""
    good = Submission.state.in_(_GOOD)
    later = select(Submission).where(_same_deliverable(row), Submission.slot == row.slot, good, Submission.id > row.id)
    return session.scalars(later.order_by(Submission.id.desc()).limit(1)).one_or_none() or row


def _replace(session: Session, holder: Submission, row: Submission, most: int | None) -> None:
    """Supersede the current file by the row; a duplicate of it under another replacement key counts from now on."""
    move(session, holder, State.SUPERSEDED, f"由第 {row.id} 号文件替换")
    session.flush()  # the unique key of current files allows one at a time
    copies = select(Submission).where(
        _same_deliverable(row),
        Submission.sha256 == holder.sha256,
        Submission.state == State.DUPLICATE,
        Submission.slot != row.slot,
    )
    room = row.state == State.DUPLICATE or most is None or not _is_full(session, row, most - 1)  # the row comes next
    for copy in session.scalars(copies.order_by(Submission.id)) if room else ():
        if _last_in_slot(session, copy).id == copy.id:
            move(session, copy, State.ACCEPTED, f"相同内容的第 {holder.id} 号文件已被替换，改计此件")
            copy.version = 1
            insert_figures(session, copy)
            return


def _same_deliverable(row: Submission) -> ColumnElement[bool]:
    s = Submission
    return (s.campaign == row.campaign) & (s.prefecture == row.prefecture) & (s.kind == row.kind)


def _current(row: Submission) -> ColumnElement[bool]:
    return _same_deliverable(row) & (Submission.state == State.ACCEPTED)


def insert_figures(session: Session, row: Submission) -> None:
    """Insert a row per indicator and activity of an accepted sheet."""
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
