"""What lies in quarantine: files on which an operator decides, and what nobody needs any more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import Session, defer

from baosong.ledger.models import History, Submission
from baosong.ledger.states import State
from baosong.ledger.submissions import locked, move, storable
from baosong.rules.errors import BaosongError
from baosong.rules.findings import Finding, Severity, Verdict

WAIVED = "经审核免除，这一份不必修改；今后报送请按要求。"


@dataclass(frozen=True, slots=True)
class Decision:
    """An operator's decision on a held file: `finding` informs its sender, `note` and `who` go to the history.

    `kind` and `slot` are the deliverable and the replacement key for an unclassified file; else they are its own.
    `waived` are the rules whose errors are no obstacle to a file that was rejected for them alone.
    """

    verdict: Verdict
    who: str
    note: str
    finding: Finding
    kind: str | None
    slot: str
    waived: frozenset[str] = frozenset()

    @property
    def before(self) -> State:
        """Return the state of a file that this can be decided on."""
        return State.REJECTED if self.waived else State.HELD


class Undecidable(BaosongError):
    """The file does not wait for a decision (any more), or has not been answered yet."""


def decide(session: Session, submission_id: int, decision: Decision) -> None:
    """Turn a held or rejected file into a checked one with the operator's verdict, still to be filed and answered.

    The same decision repeated changes nothing. Raises Undecidable.
    """
    row = locked(session, submission_id)
    if row.state != decision.before or row.replied_at is None or row.purged_at is not None:
        if _was_decided(session, submission_id, decision):
            return
        raise Undecidable(row.state)
    row.verdict = decision.verdict.value
    earlier = [_waived(each) if each["rule"] in decision.waived else each for each in row.findings]
    row.findings = [storable(decision.finding.as_json()), *earlier]  # the last word stands first
    row.kind, row.slot = decision.kind, decision.slot
    row.held_key = row.archive_key
    row.receipt_id = row.replied_at = None  # the receipt that said "held" has been sent; another one will follow
    move(session, row, State.CHECKED, decision.note, decision.who)


def _waived(error: dict[str, Any]) -> dict[str, Any]:
    """Return an error as the remark that is left of it."""
    return {**error, "severity": Severity.WARNING.value, "fix": WAIVED} if error["severity"] == "error" else error


def _was_decided(session: Session, submission_id: int, decision: Decision) -> bool:
    same = (History.note == storable(decision.note)) & (History.who == storable(decision.who))
    decided = (History.submission_id == submission_id) & (History.before == decision.before.value)
    return bool(session.scalar(select(exists().where(decided & same))))


def held(session: Session, campaign_id: str | None = None) -> list[Submission]:
    """The held files that were answered, of one campaign or of all, oldest first, without `figures`."""
    wanted = select(Submission).where(Submission.state == State.HELD, Submission.replied_at.is_not(None))
    if campaign_id is not None:
        wanted = wanted.where(Submission.campaign == campaign_id)
    return list(session.scalars(wanted.order_by(Submission.id).options(defer(Submission.figures))))


def disposable(session: Session, campaign_id: str, code: str, before: datetime | None) -> list[str]:
    """The keys in a prefecture's quarantine that nobody needs any more, sorted.

    These held released files, which lie in the archive by now, or rejected ones answered earlier than `before` (None:
    these are retained for ever). A key stays while any other submission's bytes are the same.
    """
    s = Submission
    columns = (s.state, s.bucket, s.archive_key, s.held_key, s.replied_at)
    ours = select(*columns).where(s.campaign == campaign_id, s.prefecture == code, s.purged_at.is_(None))
    rows = session.execute(ours.where(or_(s.bucket == "quarantine", s.held_key.is_not(None)))).all()
    released = {row.held_key for row in rows if row.held_key and row.bucket == "archive" and row.replied_at}
    inside = [row for row in rows if row.bucket == "quarantine"]
    answered = [row for row in inside if row.state == State.REJECTED and row.replied_at]
    expired = [row for row in answered if before and row.replied_at < before]
    needed = {row.archive_key for row in inside if row not in expired}
    return sorted((released | {row.archive_key for row in expired}) - needed)


def mark_emptied(session: Session, key: str, at: datetime, note: str) -> int:
    """Record that nothing lies under a key in quarantine any more; return how many files lost their bytes."""
    inside = select(Submission).where(Submission.bucket == "quarantine", Submission.archive_key == key)
    rejected = inside.where(Submission.state == State.REJECTED, Submission.purged_at.is_(None))
    rows = session.scalars(rejected.with_for_update()).all()
    for row in rows:
        row.purged_at = at
        session.add(History(submission_id=row.id, at=at, before=row.state, after=row.state, note=note))
    moved = update(Submission).where(Submission.held_key == key, Submission.bucket == "archive")
    session.execute(moved.values(held_key=None))
    return len(rows)
