"""From the intake to a verdict: what arrived, what its check found, what was withdrawn."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, defer

from baosong.ledger import deadlines
from baosong.ledger.content_digest import content_digests
from baosong.ledger.models import UNFINISHED, ContentDigest, History, Submission
from baosong.ledger.states import State
from baosong.rules.findings import Checked, Finding, Severity, Verdict


@dataclass(frozen=True, slots=True)
class Arrival:
    """One object as it was listed in the intake, and where it belongs; see `Submission` for the fields."""

    campaign: str
    prefecture: str
    kind: str | None
    slot: str
    key: str
    name: str
    folder: str | None
    size: int
    identity: str
    etag: str
    modified_at: datetime
    version_id: str | None
    received_at: datetime
    late: bool
    arrival: int = 1
    bundle_id: int | None = None
    member: dict[str, Any] | None = None


def receive(session: Session, arrivals: Sequence[Arrival]) -> list[Arrival]:
    """Record arrivals in their order and return those that were known already; they change nothing.

    What is `late` by the campaign's deadline is not so if its prefecture was granted more time.
    """
    if not arrivals:
        return []
    columns = (Submission.id, Submission.received_at, Submission.key, Submission.identity, Submission.arrival)
    blank = {"state": State.RECEIVED.value, "findings": [], "facts": {}}
    new = session.execute(
        insert(Submission).on_conflict_do_nothing().returning(*columns), [{**asdict(a), **blank} for a in arrivals]
    ).all()
    changes = [
        {"submission_id": row.id, "at": row.received_at, "before": None, "after": State.RECEIVED, "note": "已收到"}
        for row in new
    ]
    if changes:
        session.execute(insert(History), changes)
    for place in sorted({(a.campaign, a.prefecture) for a in arrivals if a.late}):
        deadlines.take_turn(session, *place)
        deadlines.unmark(session, *place)
    fresh = {(row.key, row.identity, row.arrival) for row in new}
    return [a for a in arrivals if (a.key, a.identity, a.arrival) not in fresh]


def move(session: Session, row: Submission, after: State, why: str, who: str | None = None) -> None:
    """Change a submission's state and add that to its history; IllegalTransition if the table has no such way."""
    before, row.state = row.state, after
    values = {"before": before, "after": after, "note": storable(why), "who": storable(who)}
    session.add(History(submission_id=row.id, at=datetime.now(UTC), **values))


def locked(session: Session, submission_id: int) -> Submission:
    """Return a submission that nobody else can change until the transaction ends; NoResultFound if there is none."""
    wanted = select(Submission).where(Submission.id == submission_id).with_for_update()
    return session.scalars(wanted.execution_options(populate_existing=True)).one()


def submission(session: Session, submission_id: int) -> Submission:
    """One arrival; NoResultFound if there is none."""
    return session.get_one(Submission, submission_id)


def submissions(session: Session, campaign_id: str, code: str | None = None) -> list[Submission]:
    """Arrivals, oldest first, without `figures`; the campaign "" holds what belongs to no campaign."""
    wanted = select(Submission).where(Submission.campaign == campaign_id).order_by(Submission.id)
    if code is not None:
        wanted = wanted.where(Submission.prefecture == code)
    return list(session.scalars(wanted.options(defer(Submission.figures))))


def history(session: Session, submission_id: int) -> list[History]:
    """A submission's changes of state, oldest first."""
    return list(session.scalars(select(History).where(History.submission_id == submission_id).order_by(History.id)))


def pending(session: Session) -> set[tuple[str, str]]:
    """Key and identity of every unfinished arrival."""
    rows = session.execute(select(Submission.key, Submission.identity).where(text(UNFINISHED)))
    return {(key, identity) for key, identity in rows}


def last_arrival(session: Session, arrival: Arrival) -> Submission | None:
    """The newest submission with the arrival's key and identity."""
    same = {name: getattr(arrival, name) for name in ("campaign", "prefecture", "key", "identity")}
    newest = select(Submission).filter_by(**same).order_by(Submission.arrival.desc()).limit(1)
    return session.scalars(newest).one_or_none()


def unfinished(session: Session) -> list[tuple[str, str, int]]:
    """Campaign, prefecture and number of unfinished files, in order."""
    owner = (Submission.campaign, Submission.prefecture)
    rows = session.execute(select(*owner, func.count()).where(text(UNFINISHED)).group_by(*owner).order_by(*owner))
    return [(campaign, prefecture, files) for campaign, prefecture, files in rows]


def unfinished_of(campaign_id: str, code: str) -> ColumnElement[bool]:
    """Select a prefecture's unfinished files, in the words of the index that holds them."""
    return and_(text(UNFINISHED), Submission.campaign == campaign_id, Submission.prefecture == code)


def waiting(
    session: Session, campaign_id: str, code: str, state: State, ids: Collection[int] | None = None
) -> list[Submission]:
    """Unfinished files of a prefecture in a state, oldest first: all, or those of these ids and what came in them."""
    wanted = select(Submission).where(unfinished_of(campaign_id, code), Submission.state == state)
    if ids is not None:
        wanted = wanted.where(or_(Submission.id.in_(ids), Submission.bundle_id.in_(ids)))
    return list(session.scalars(wanted.order_by(Submission.id)))


def record_check(session: Session, submission_id: int, checked: Checked, rules_version: str) -> bool:
    """Store a check's result; False, with nothing changed, if the file is no longer waiting for it."""
    row = locked(session, submission_id)
    if row.state != State.RECEIVED:
        return False
    row.verdict = checked.verdict.value
    # Its prefecture may have been granted more time while it was checked.
    findings = [finding for finding in checked.findings if row.late or finding.rule != "file.late"]
    row.findings = storable([finding.as_json() for finding in findings])
    row.facts = storable(checked.facts)
    row.figures = storable(checked.figures)
    row.rules_version = rules_version
    row.checked_at = datetime.now(UTC)
    move(session, row, State.CHECKED, "已校验")
    insert_digests(session, row)
    return True


def insert_digests(session: Session, row: Submission) -> None:
    """Insert the digests by which the tables of a checked sheet are recognised elsewhere."""
    for table, digest in content_digests(row.figures).items():
        session.add(ContentDigest(submission_id=row.id, table=table, digest=digest))


def settle(session: Session, submission_id: int, checked: Checked) -> Submission:
    """Replace a video's preliminary result by the one that all its bytes gave; return the submission.

    Findings of other rules, such as name or date, stay. Nothing changes once the file is filed.
    """
    row = locked(session, submission_id)
    if row.state == State.CHECKED:
        others = [finding for finding in row.findings if not finding["rule"].startswith(f"{row.kind}.")]
        row.verdict = checked.verdict.value
        row.findings = [*others, *storable([finding.as_json() for finding in checked.findings])]
        row.facts = {k: v for k, v in row.facts.items() if k != "undecided"} | storable(checked.facts)
    return row


def withdraw(session: Session, submission_id: int, why: str) -> bool:
    """Give up a file that is no longer what arrived, and what came in it; False if it was filed meanwhile."""
    row = locked(session, submission_id)
    if row.state not in (State.RECEIVED, State.CHECKED):
        return False
    move(session, row, State.WITHDRAWN, why)
    for member in members(session, submission_id):
        withdraw(session, member.id, why)
    return True


def members(session: Session, bundle_id: int) -> list[Submission]:
    """The files that came in a bundle, in its order; none while it was not unpacked."""
    return list(session.scalars(select(Submission).where(Submission.bundle_id == bundle_id).order_by(Submission.id)))


def storable(value: Any) -> Any:
    """Return a JSON value that PostgreSQL takes: no NUL, no lone surrogate, no NaN or infinity."""
    if isinstance(value, str):
        return value.replace("\x00", "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {storable(str(k)): storable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [storable(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def verdict_of(row: Submission) -> Verdict:
    """Return a checked file's verdict; what no check classified is never accepted, unless it is a bundle."""
    verdict = Verdict(row.verdict or Verdict.HELD)
    unclassified = row.kind is None and not is_unpacked(row)
    return Verdict.HELD if verdict is Verdict.ACCEPTED and unclassified else verdict


def is_unpacked(row: Submission) -> bool:
    """Return whether a row is a bundle whose files have rows of their own: it counts for no deliverable itself."""
    return "bundle" in (row.facts or {})


def add_finding(row: Submission, finding: Finding) -> None:
    """Add a note or warning to a file's findings; an error would contradict the verdict and is a programming error."""
    if finding.severity is Severity.ERROR:
        raise ValueError(f"{finding.rule} after the verdict")
    if finding.rule not in {f["rule"] for f in row.findings}:
        row.findings = [*row.findings, storable(finding.as_json())]
