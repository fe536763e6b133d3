"""The files that a file is compared with: what else its prefecture sent, and what others sent."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, case, cast, func, literal, or_, select
from sqlalchemy.dialects.postgresql import BIT, distinct_on
from sqlalchemy.orm import Session, aliased, defer

from baosong.ledger.models import ContentDigest, IndicatorValue, Submission
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
    """Select what is accepted, or will be as soon as it is filed."""
    checked = and_(Submission.state == State.CHECKED, Submission.verdict == Verdict.ACCEPTED)
    return and_(Submission.kind.is_not(None), or_(Submission.state == State.ACCEPTED, checked))


def files_beside(session: Session, campaign_id: str, code: str) -> dict[Kind, int]:
    """How many files of each kind a prefecture has accepted or still being checked, one per replacement key."""
    coming = and_(Submission.kind.is_not(None), Submission.state == State.RECEIVED)
    counted = (
        select(Submission.kind, func.count(Submission.slot.distinct()))
        .where(Submission.campaign == campaign_id, Submission.prefecture == code, or_(_good(), coming))
        .group_by(Submission.kind)
    )
    return {Kind(kind): number for kind, number in session.execute(counted) if kind}


def newest_good(session: Session, campaign_id: str, code: str, kind: Kind) -> Submission | None:
    """A prefecture's newest file of a kind that is accepted or about to be."""
    wanted = select(Submission).where(Submission.campaign == campaign_id, Submission.prefecture == code)
    newest = wanted.where(Submission.kind == kind.value, _good()).order_by(Submission.id.desc()).limit(1)
    return session.scalars(newest).one_or_none()


def photos_like(
    session: Session, campaign_id: str, code: str, fingerprints: Collection[str], bits: int
) -> list[Submission]:
    """A prefecture's good photos whose perceptual hash is within `bits` of one of these, the oldest first."""
    theirs = Submission.facts["fingerprint"].astext
    near = [func.bit_count(_bits(theirs).op("#")(_bits(literal(f)))) <= bits for f in fingerprints if _HEX.match(f)]
    if not near:
        return []
    # CASE, because PostgreSQL may evaluate an AND in any order, and the cast fails on what is no hash.
    like = case((theirs.regexp_match(_HEX.pattern), or_(*near)), else_=False)
    wanted = select(Submission).where(Submission.campaign == campaign_id, Submission.prefecture == code)
    alike = wanted.where(Submission.kind == Kind.PHOTO.value, _good(), like).order_by(Submission.id)
    return list(session.scalars(alike.options(defer(Submission.figures))))


def _bits(digits: ColumnElement[str]) -> ColumnElement[Any]:
    return cast(literal("x").concat(digits), BIT(256))


def alike(session: Session, row: Submission, campaign_ids: Collection[str]) -> list[Alike]:
    """The tables of others' good sheets in these campaigns with the row's content, the oldest sheet of each table."""
    mine = aliased(ContentDigest)
    same = and_(mine.submission_id == row.id, mine.table == ContentDigest.table, mine.digest == ContentDigest.digest)
    found = (
        select(ContentDigest.table, Submission.campaign, Submission.prefecture)
        .ext(distinct_on(ContentDigest.table))
        .join(mine, same)
        .join(Submission, Submission.id == ContentDigest.submission_id)
        .where(Submission.campaign.in_(campaign_ids), _good())
        .where(or_(Submission.campaign != row.campaign, Submission.prefecture != row.prefecture))
        .order_by(ContentDigest.table.desc(), Submission.id)
    )
    return [Alike(*one) for one in session.execute(found)]


def quotients(session: Session, campaign_id: str, but: str, code: str, per: str) -> list[Decimal]:
    """Indicator `code` divided by `per` in the current sheets of a campaign, except prefecture `but`."""
    dividend, divisor = aliased(IndicatorValue), aliased(IndicatorValue)
    wanted = (
        select(dividend.total / divisor.total)
        .join(Submission, Submission.id == dividend.submission_id)
        .join(divisor, divisor.submission_id == dividend.submission_id)
        .where(Submission.campaign == campaign_id, Submission.prefecture != but, Submission.state == State.ACCEPTED)
        .where(dividend.code == code, divisor.code == per, dividend.total.is_not(None), divisor.total > 0)
    )
    return list(session.scalars(wanted))


def remark(session: Session, submission_id: int, findings: Sequence[Finding]) -> bool:
    """Give a checked file these findings, which hold no new error; False if it was filed meanwhile.

    Raises ValueError for an error more or less: it would change the verdict.
    """
    row = locked(session, submission_id)
    if row.state != State.CHECKED:
        return False
    if _errors(f.severity.value for f in findings) != _errors(f["severity"] for f in row.findings):
        raise ValueError(f"submission {submission_id}: an error more or less after the verdict")
    row.findings = storable([finding.as_json() for finding in findings])
    return True


def _errors(severities: Iterable[str]) -> int:
    return list(severities).count(Severity.ERROR)
