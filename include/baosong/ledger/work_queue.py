"""The queue of unanswered files: two lanes, so that what is quick never waits for what is long, and claims of DAG runs.

Like a message queue's visibility timeout, a claim ends by itself: a run that was deleted must not keep its files for
ever. No promise rests on claims. They save double work; every step looks at the submissions' states.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import and_, delete, exists, func, insert, or_, select, text, update
from sqlalchemy.orm import Session, aliased

from baosong.ledger.database import take_turns
from baosong.ledger.models import UNFINISHED, QueuedFile, Submission
from baosong.rules.findings import Kind

Lane = Literal["quick", "large"]

CLAIM = {"quick": timedelta(minutes=15), "large": timedelta(hours=2)}


@dataclass(frozen=True, slots=True)
class QuickLane:
    """What may go by the quick lane: files smaller than `size` bytes, so many of a prefecture at a time."""

    size: int = 64 << 20
    files: int = 60
    bytes: int = 256 << 20


QUICK = QuickLane()


@dataclass(frozen=True, slots=True)
class Claimed:
    """A file that a run has claimed."""

    id: int
    campaign: str
    prefecture: str
    kind: str | None
    name: str
    size: int


class Queued(NamedTuple):
    """A file that waits for its answer, and the DAG run that is at it, None where none is."""

    id: int
    lane: Lane
    run: str | None


def claim(session: Session, lane: Lane, run: str) -> list[Claimed]:
    """Claim what nobody is at in a lane for a DAG run; repeated, return the same and what has come since.

    A prefecture whose quick files another run is at is left to that run, which looks again when it is done.
    """
    take_turns(session, "work_queue")
    _tidy(session)
    _enqueue(session)
    free = or_(QueuedFile.claimed_by.is_(None), QueuedFile.claimed_by == run)
    wanted = _queued(lane).where(free)
    if lane == "quick":
        q, s = aliased(QueuedFile), aliased(Submission)
        busy = exists().where(
            q.submission_id == s.id,
            q.lane == "quick",
            q.claimed_by != run,
            s.campaign == Submission.campaign,
            s.prefecture == Submission.prefecture,
        )
        wanted = wanted.where(~busy)
    return _claim(session, wanted, lane, run)


def claim_more(session: Session, campaign_id: str, code: str, run: str, done: Collection[int]) -> list[Claimed]:
    """Claim the quick files of a prefecture that came while the run was at earlier ones; give up those it has `done`.

    Those that are answered have left the queue; others may be taken up by whoever comes.
    """
    take_turns(session, "work_queue")
    of = and_(Submission.campaign == campaign_id, Submission.prefecture == code, QueuedFile.claimed_by.is_(None))
    more = _claim(session, _queued("quick").where(of), "quick", run)
    release(session, done)
    return more


def release(session: Session, submission_ids: Collection[int]) -> None:
    """Give up the claims on files that are still unanswered: another run may take them up at once."""
    freed = {"claimed_by": None, "claimed_until": None}
    session.execute(update(QueuedFile).where(QueuedFile.submission_id.in_(submission_ids)).values(freed))


def release_run(session: Session, run: str) -> None:
    """Give up what a run has claimed and could not answer."""
    freed = {"claimed_by": None, "claimed_until": None}
    session.execute(update(QueuedFile).where(QueuedFile.claimed_by == run).values(freed))


def dequeue(session: Session, submission_ids: Collection[int]) -> None:
    """Take answered files out of the queue."""
    session.execute(delete(QueuedFile).where(QueuedFile.submission_id.in_(submission_ids)))


def oldest(session: Session, campaign_id: str | None = None) -> dict[Lane, datetime]:
    """When the oldest unanswered file of each lane that has one was received, of one campaign or all."""
    wanted = (
        select(QueuedFile.lane, func.min(Submission.received_at).label("since"))
        .join(Submission)
        .where(text(UNFINISHED))
    )
    if campaign_id is not None:
        wanted = wanted.where(Submission.campaign == campaign_id)
    return {row.lane: row.since for row in session.execute(wanted.group_by(QueuedFile.lane))}


def queued(session: Session, campaign_id: str, code: str | None = None) -> list[Queued]:
    """The unanswered files of a campaign, or of one of its prefectures, in their order."""
    columns = (Submission.id, QueuedFile.lane, QueuedFile.claimed_by)
    wanted: Any = select(*columns).join(QueuedFile).where(Submission.campaign == campaign_id, text(UNFINISHED))
    if code is not None:
        wanted = wanted.where(Submission.prefecture == code)
    return [Queued(*row) for row in session.execute(wanted.order_by(Submission.id))]


def _tidy(session: Session) -> None:
    """Drop what is answered or withdrawn, and the claims that have run out."""
    unfinished = select(Submission.id).where(text(UNFINISHED))
    session.execute(delete(QueuedFile).where(QueuedFile.submission_id.not_in(unfinished)))
    over = update(QueuedFile).where(QueuedFile.claimed_until < datetime.now(UTC))
    session.execute(over.values(claimed_by=None, claimed_until=None))


def _enqueue(session: Session) -> None:
    """Give each unfinished file that has none an entry; a bundle's file only once its bundle is answered."""
    bundle = aliased(Submission)
    alone = or_(
        Submission.bundle_id.is_(None),
        exists().where(bundle.id == Submission.bundle_id, bundle.replied_at.is_not(None)),
    )
    columns = (Submission.id, Submission.campaign, Submission.prefecture, Submission.kind, Submission.size)
    unfinished = select(*columns, QueuedFile.lane).outerjoin(QueuedFile).where(text(UNFINISHED), alone)
    rows = session.execute(unfinished.order_by(Submission.id)).all()
    new = [{"submission_id": number, "lane": lane} for number, lane in _lanes(rows)]
    if new:
        session.execute(insert(QueuedFile), new)


def _lanes(rows: Iterable[Any]) -> list[tuple[int, Lane]]:
    """Return a lane for each row that has none: what is long, or too much at once, must not keep the quick waiting."""
    files: dict[tuple[str, str], int] = defaultdict(int)
    size: dict[tuple[str, str], int] = defaultdict(int)
    rows = list(rows)
    for row in rows:
        if row.lane == "quick":
            files[row.campaign, row.prefecture] += 1
            size[row.campaign, row.prefecture] += row.size
    lanes: list[tuple[int, Lane]] = []
    for row in sorted((r for r in rows if r.lane is None), key=_weight):
        owner = (row.campaign, row.prefecture)
        fits = files[owner] < QUICK.files and size[owner] + row.size <= QUICK.bytes
        lanes.append((row.id, "quick" if row.size < QUICK.size and fits else "large"))
        if lanes[-1][1] == "quick":
            files[owner] += 1
            size[owner] += row.size
    return lanes


def _weight(row: Any) -> tuple[bool, int]:
    """Return a key that puts sheets, reports and press before pictures, films and what is still to be unpacked."""
    return row.kind in (Kind.PHOTO, Kind.VIDEO, None), row.id


def _queued(lane: Lane) -> Any:
    columns = (
        Submission.id,
        Submission.campaign,
        Submission.prefecture,
        Submission.kind,
        Submission.name,
        Submission.size,
    )
    return select(*columns).join(QueuedFile).where(QueuedFile.lane == lane, text(UNFINISHED)).order_by(Submission.id)


def _claim(session: Session, wanted: Any, lane: Lane, run: str) -> list[Claimed]:
    claimed = [Claimed(*row) for row in session.execute(wanted)]
    mine = update(QueuedFile).where(QueuedFile.submission_id.in_([c.id for c in claimed]))
    session.execute(mine.values(claimed_by=run, claimed_until=datetime.now(UTC) + CLAIM[lane]))
    return claimed
