"""What the ledger says lies in archive and quarantine, and what was found when it was last read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from baosong.ledger.models import Custody, Page, Submission


@dataclass(frozen=True, slots=True)
class Kept:
    """An object that the ledger knows of, and the numbers of the submissions with its bytes."""

    bucket: str
    key: str
    campaign: str
    prefecture: str
    sha256: str
    size: int
    submissions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found when an object was read."""

    bucket: str
    key: str
    campaign: str
    prefecture: str
    read_at: datetime
    faults: list[str]


def kept(session: Session, campaign: str | None, key: str | None = None) -> list[Kept]:
    """Return what should lie in archive and quarantine: of a campaign, or (None) of all; or under one key."""
    s = Submission
    place = (s.bucket, s.archive_key, s.campaign, s.prefecture)
    wanted = select(*place, func.max(s.sha256), func.max(s.size), func.array_agg(s.id))
    wanted = wanted.where(s.bucket.is_not(None), s.purged_at.is_(None))
    if campaign is not None:
        wanted = wanted.where(s.campaign == campaign)
    if key is not None:
        wanted = wanted.where(s.archive_key == key)
    found = session.execute(wanted.group_by(*place).order_by(s.bucket, s.archive_key))
    return [Kept(b or "", k or "", c, p, sha or "", size, tuple(sorted(ids))) for b, k, c, p, sha, size, ids in found]


def purged(session: Session, campaign: str | None) -> set[tuple[str, str]]:
    """Return bucket and key of what was removed when its time was over; the records beside it stay."""
    s = Submission
    wanted = select(s.bucket, s.archive_key).where(s.purged_at.is_not(None))
    found = session.execute(wanted if campaign is None else wanted.where(s.campaign == campaign))
    return {(bucket or "", key or "") for bucket, key in found}


def inspections(session: Session, campaign: str | None, *, faulty: bool) -> list[Inspection]:
    """Return what was found when objects of a campaign, or (None) of all, were last read; or only what was wrong."""
    c = Custody
    wanted = select(c.bucket, c.key, c.campaign, c.prefecture, c.read_at, c.faults).order_by(c.bucket, c.key)
    if faulty:
        wanted = wanted.where(text("faults <> '[]'"))
    found = session.execute(wanted if campaign is None else wanted.where(c.campaign == campaign))
    return [Inspection(*row) for row in found]


def note(session: Session, found: Sequence[Inspection]) -> None:
    """Keep what was found, in the place of what was found before."""
    for one in found:
        new = insert(Custody).values(**asdict(one))
        session.execute(
            new.on_conflict_do_update(
                index_elements=["bucket", "key"], set_={"read_at": one.read_at, "faults": one.faults}
            )
        )


def last_pages(session: Session, campaign: str | None) -> dict[tuple[str, str], int]:
    """Return the number of the last page of each place of a campaign, or (None) of all."""
    wanted = select(Page.campaign, Page.prefecture, Page.number).where(Page.number > 0)
    found = session.execute(wanted if campaign is None else wanted.where(Page.campaign == campaign))
    return {(campaign_id, prefecture): number for campaign_id, prefecture, number in found}


def is_known(session: Session, record: Mapping[str, Any]) -> bool:
    """Return whether the submission of a record is there, whatever became of it."""
    same = {name: record.get(name) for name in ("campaign", "prefecture", "identity", "arrival")}
    return session.scalar(select(Submission.id).filter_by(**same, key=record.get("origin"))) is not None
