"""From the intake to a verdict: what arrived, what a check said of it, and what was taken back."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from baosong.ledger.content_digest import fingerprints
from baosong.ledger.models import UNFINISHED, Fingerprint, History, Submission
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
    """Record arrivals in their order and return those that were known already; they change nothing."""
    if not arrivals:
        return []
    told = (Submission.id, Submission.received_at, Submission.key, Submission.identity, Submission.arrival)
    blank = {"state": State.RECEIVED.value, "findings": [], "facts": {}}
    new = session.execute(
        insert(Submission).on_conflict_do_nothing().returning(*told), [{**asdict(a), **blank} for a in arrivals]
    ).all()
    changes = [
        {"submission_id": row.id, "at": row.received_at, "before": None, "after": State.RECEIVED, "note": "已收到"}
        for row in new
    ]
    if changes:
        session.execute(insert(History), changes)
    fresh = {(row.key, row.identity, row.arrival) for row in new}
    return [a for a in arrivals if (a.key, a.identity, a.arrival) not in fresh]


def move(session: Session, row: Submission, after: State, why: str, who: str | None = None) -> None:
    """Change a submission's state along the table of transitions and note it; IllegalTransition if there is no way."""
    before = row.state
    row.state = after
    told = storable(why), storable(who)
    session.add(
        History(submission_id=row.id, at=datetime.now(UTC), before=before, after=after, note=told[0], who=told[1])
    )


def locked(session: Session, submission_id: int) -> Submission:
    """Return a submission that nobody else can change until the transaction ends; NoResultFound if there is none."""
    wanted = select(Submission).where(Submission.id == submission_id).with_for_update()
    return session.scalars(wanted.execution_options(populate_existing=True)).one()


def pending(session: Session) -> set[tuple[str, str]]:
    """Return key and identity of every unfinished arrival."""
    rows = session.execute(select(Submission.key, Submission.identity).where(text(UNFINISHED)))
    return {(key, identity) for key, identity in rows}


def last_arrival(session: Session, arrival: Arrival) -> Submission | None:
    """Return the newest submission with this very key and identity."""
    same = select(Submission).where(
        Submission.campaign == arrival.campaign,
        Submission.prefecture == arrival.prefecture,
        Submission.key == arrival.key,
        Submission.identity == arrival.identity,
    )
    return session.scalars(same.order_by(Submission.arrival.desc()).limit(1)).one_or_none()


def unfinished(session: Session) -> list[tuple[str, str, int]]:
    """Return campaign, prefecture and number of files of every prefecture with unfinished ones, in order."""
    place = (Submission.campaign, Submission.prefecture)
    rows = session.execute(select(*place, func.count()).where(text(UNFINISHED)).group_by(*place).order_by(*place))
    return [(campaign, prefecture, files) for campaign, prefecture, files in rows]


def waiting(
    session: Session, campaign: str, prefecture: str, state: State, kinds: Collection[str | None] | None
) -> list[Submission]:
    """Return a prefecture's unfinished files in a state, oldest first: all, or some kinds (None: unclassified).

    Asked for kinds it leaves out the files of bundles: these are checked with their bundle, whatever they are.
    """
    wanted = (
        select(Submission)
        .where(text(UNFINISHED), Submission.campaign == campaign, Submission.prefecture == prefecture)
        .where(Submission.state == state)
        .order_by(Submission.id)
    )
    if kinds is not None:
        named = Submission.kind.in_([k for k in kinds if k is not None])
        wanted = wanted.where(or_(named, Submission.kind.is_(None)) if None in kinds else named)
        wanted = wanted.where(Submission.bundle_id.is_(None))
    return list(session.scalars(wanted))


def record_check(session: Session, submission_id: int, checked: Checked, rules_version: str) -> bool:
    """Store what a check said; False, and nothing is changed, if the file is no longer waiting for it."""
    row = locked(session, submission_id)
    if row.state != State.RECEIVED:
        return False
    row.verdict = checked.verdict.value
    row.findings = storable([finding.as_json() for finding in checked.findings])
    row.facts = storable(checked.facts)
    row.figures = storable(checked.figures)
    row.rules_version = rules_version
    row.checked_at = datetime.now(UTC)
    move(session, row, State.CHECKED, "已校验")
    note_fingerprints(session, row)
    return True


def note_fingerprints(session: Session, row: Submission) -> None:
    """Lay out by what a checked sheet's tables are known again."""
    for table, digest in fingerprints(row.figures).items():
        session.add(Fingerprint(submission_id=row.id, table=table, digest=digest))


def settle(session: Session, submission_id: int, checked: Checked) -> Submission:
    """Replace what the check of a film said of it, now that all its bytes were read; return the submission.

    What was said besides, of its name or its date, stays. Nothing changes once the file is filed.
    """
    row = locked(session, submission_id)
    if row.state == State.CHECKED:
        kept = [finding for finding in row.findings if not finding["rule"].startswith(f"{row.kind}.")]
        row.verdict = checked.verdict.value
        row.findings = [*kept, *storable([finding.as_json() for finding in checked.findings])]
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
    """Return the files that came in a bundle, in its order; none while it was not unpacked."""
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
    """Add a remark to a file's findings; an error would contradict the verdict and is a mistake in the program."""
    if finding.severity is Severity.ERROR:
        raise ValueError(f"{finding.rule} after the verdict")
    if finding.rule not in {f["rule"] for f in row.findings}:
        row.findings = [*row.findings, storable(finding.as_json())]
