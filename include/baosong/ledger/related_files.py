"""What the ledger knows beside a file: what else its prefecture sent, and what others did."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, case, cast, func, literal, or_, select
from sqlalchemy.dialects.postgresql import BIT, distinct_on
from sqlalchemy.orm import Session, aliased, defer

from baosong.ledger.models import Fingerprint, IndicatorValue, Submission
from baosong.ledger.states import State
from baosong.ledger.submissions import locked, storable
from baosong.rules.findings import Finding, Kind, Severity, Verdict

_HEX = re.compile("^[0-9a-f]{64}$")


class Alike(NamedTuple):
    """A table (`indicators` or `activities`) of a sheet elsewhere, by campaign and prefecture."""

    table: str
    campaign: str
    prefecture: str


def _good() -> ColumnElement[bool]:
    """Select what is accepted, or will be as soon as it is put away."""
    checked = and_(Submission.state == State.CHECKED, Submission.verdict == Verdict.ACCEPTED)
    return and_(Submission.kind.is_not(None), or_(Submission.state == State.ACCEPTED, checked))


def files(session: Session, campaign: str, prefecture: str) -> dict[Kind, int]:
    """Return the number of places by kind that a good file, or one not checked yet, takes: a later one counts once."""
    coming = and_(Submission.kind.is_not(None), Submission.state == State.RECEIVED)
    counted = (
        select(Submission.kind, func.count(Submission.slot.distinct()))
        .where(Submission.campaign == campaign, Submission.prefecture == prefecture, or_(_good(), coming))
        .group_by(Submission.kind)
    )
    return {Kind(kind): places for kind, places in session.execute(counted) if kind}


def newest_good(session: Session, campaign: str, prefecture: str, kind: Kind) -> Submission | None:
    """Return the newest good file of a kind."""
    wanted = select(Submission).where(Submission.campaign == campaign, Submission.prefecture == prefecture)
    newest = wanted.where(Submission.kind == kind.value, _good()).order_by(Submission.id.desc()).limit(1)
    return session.scalars(newest).one_or_none()


def photos_like(
    session: Session, campaign: str, prefecture: str, fingerprints: Collection[str], bits: int
) -> list[Submission]:
    """Return the good photos of a prefecture whose fingerprint is within `bits` of one of these, the oldest first."""
    theirs = Submission.facts["fingerprint"].astext
    near = [func.bit_count(_bits(theirs).op("#")(_bits(literal(f)))) <= bits for f in fingerprints if _HEX.match(f)]
    if not near:
        return []
    # Only CASE keeps PostgreSQL from reading as bits what is none.
    like = case((theirs.regexp_match(_HEX.pattern), or_(*near)), else_=False)
    wanted = select(Submission).where(Submission.campaign == campaign, Submission.prefecture == prefecture)
    alike = wanted.where(Submission.kind == Kind.PHOTO.value, _good(), like).order_by(Submission.id)
    return list(session.scalars(alike.options(defer(Submission.figures))))


def _bits(digits: ColumnElement[str]) -> ColumnElement[Any]:
    return cast(literal("x").concat(digits), BIT(256))


def alike(session: Session, row: Submission, campaigns: Collection[str]) -> list[Alike]:
    """Return the tables of others' good sheets whose content is that of the row's, the oldest sheet of each table."""
    mine = aliased(Fingerprint)
    same = and_(mine.submission_id == row.id, mine.table == Fingerprint.table, mine.digest == Fingerprint.digest)
    found = (
        select(Fingerprint.table, Submission.campaign, Submission.prefecture)
        .ext(distinct_on(Fingerprint.table))
        .join(mine, same)
        .join(Submission, Submission.id == Fingerprint.submission_id)
        .where(Submission.campaign.in_(campaigns), _good())
        .where(or_(Submission.campaign != row.campaign, Submission.prefecture != row.prefecture))
        .order_by(Fingerprint.table.desc(), Submission.id)
    )
    return [Alike(*one) for one in session.execute(found)]


def quotients(session: Session, campaign: str, but: str, code: str, per: str) -> list[Decimal]:
    """Return `code` divided by `per` in the accepted sheets of a campaign, but for one prefecture's."""
    whole, parts = aliased(IndicatorValue), aliased(IndicatorValue)
    wanted = (
        select(whole.total / parts.total)
        .join(Submission, Submission.id == whole.submission_id)
        .join(parts, parts.submission_id == whole.submission_id)
        .where(Submission.campaign == campaign, Submission.prefecture != but, Submission.state == State.ACCEPTED)
        .where(whole.code == code, parts.code == per, whole.total.is_not(None), parts.total > 0)
    )
    return list(session.scalars(wanted))


def remark(session: Session, submission_id: int, findings: Sequence[Finding]) -> bool:
    """Replace a checked file's findings; False if it was put away meanwhile. An error more would change its verdict."""
    row = locked(session, submission_id)
    if row.state != State.CHECKED:
        return False
    if _errors(f.severity.value for f in findings) != _errors(f["severity"] for f in row.findings):
        raise ValueError(f"submission {submission_id}: an error more or less after the verdict")
    row.findings = storable([finding.as_json() for finding in findings])
    return True


def _errors(severities: Iterable[str]) -> int:
    return list(severities).count(Severity.ERROR)
