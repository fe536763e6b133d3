"""The objects that should lie in archive and quarantine, and what fixity checks found when they last read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from baosong.ledger.models import FixityCheck, Segment, Submission


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object that the ledger knows of, and the numbers of the submissions with its bytes."""

    bucket: str
    key: str
    campaign: str
    prefecture: str
    sha256: str
    size: int
    submissions: tuple[int, ...]


def stored_objects(session: Session, campaign_id: str | None, key: str | None = None) -> list[StoredObject]:
    """What should lie in archive and quarantine: of a campaign, or (None) of all; or under one key."""
    s = Submission
    identity = (s.bucket, s.archive_key, s.campaign, s.prefecture)
    wanted = select(*identity, func.max(s.sha256), func.max(s.size), func.array_agg(s.id))
    wanted = _of_campaign(wanted.where(s.bucket.is_not(None), s.purged_at.is_(None)), s.campaign, campaign_id)
    if key is not None:
        wanted = wanted.where(s.archive_key == key)
    rows = session.execute(wanted.group_by(*identity).order_by(s.bucket, s.archive_key))
    return [
        StoredObject(b or "", k or "", c, p, sha or "", size, tuple(sorted(ids))) for b, k, c, p, sha, size, ids in rows
    ]


def expired_objects(session: Session, campaign_id: str | None) -> set[tuple[str, str]]:
    """Bucket and key of what was removed from quarantine as expired, of a campaign or (None) of all."""
    s = Submission
    wanted = select(s.bucket, s.archive_key).where(s.purged_at.is_not(None))
    rows = session.execute(_of_campaign(wanted, s.campaign, campaign_id))
    return {(bucket or "", key or "") for bucket, key in rows}


def fixity_checks(session: Session, campaign_id: str | None, *, faulty: bool = False) -> list[FixityCheck]:
    """The last check of each object of a campaign, or (None) of all; or only of those with faults."""
    c = FixityCheck
    wanted = _of_campaign(select(c).order_by(c.bucket, c.key), c.campaign, campaign_id)
    # As literal SQL, in the words of the partial index on it.
    return list(session.scalars(wanted.where(text("faults <> '[]'")) if faulty else wanted))


def record_fixity(session: Session, check: FixityCheck) -> None:
    """Store a check in place of the last one of its object."""
    values = {column.name: getattr(check, column.name) for column in FixityCheck.__table__.columns}
    newer = {"read_at": check.read_at, "faults": check.faults}
    new = insert(FixityCheck).values(values)
    session.execute(new.on_conflict_do_update(index_elements=["bucket", "key"], set_=newer))


def last_segments(session: Session, campaign_id: str | None) -> dict[tuple[str, str], int]:
    """The number of the last change-log segment by campaign and prefecture, of a campaign or (None) of all."""
    wanted = select(Segment.campaign, Segment.prefecture, Segment.number).where(Segment.number > 0)
    rows = session.execute(_of_campaign(wanted, Segment.campaign, campaign_id))
    return {(campaign, prefecture): number for campaign, prefecture, number in rows}


def is_known(session: Session, record: Mapping[str, Any]) -> bool:
    """Whether the submission of a record is there, in whatever state."""
    same = {name: record.get(name) for name in ("campaign", "prefecture", "identity", "arrival")}
    return session.scalar(select(Submission.id).filter_by(**same, key=record.get("origin"))) is not None


def _of_campaign(wanted: Select[*tuple[Any, ...]], column: Any, campaign_id: str | None) -> Select[*tuple[Any, ...]]:
    return wanted if campaign_id is None else wanted.where(column == campaign_id)
