"""The outbox of messages: each is decided once, with its cause, and handed to a server once, however often a task dies.

A server has a message when the last byte has left. Just before, the hand-over is committed: whoever dies earlier has
delivered nothing and the message is sent again, whoever dies later may have delivered it and it is not.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from baosong.ledger.models import Notification
from baosong.ledger.submissions import storable

Channel = Literal["mail", "chat"]
STALE = timedelta(days=3)
"""After that nobody is served by a message that could not be sent."""
SPOOLED = "没有设置邮件服务器，已存入 messages 文件夹"
"""The note of a mail that no server was asked to take."""
_LONGEST_WAIT = timedelta(hours=1)
_BATCH = 200


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be told and why: `event` and `cause`, as "receipt" and "12", tell it apart from all others.

    `prefecture` is empty for operators, `campaign` for what concerns the system as a whole. `who` is the person that
    has it sent, if it was one.
    """

    event: str
    campaign: str
    prefecture: str
    cause: str
    channel: Channel
    subject: str
    body: str
    who: str | None = None


def notify(session: Session, messages: Sequence[Message]) -> int:
    """Have messages sent that were not decided before; return how many are new."""
    new = 0
    for message in messages:
        values = {**asdict(message), "created_at": datetime.now(UTC)}
        row = insert(Notification).values(storable(values)).on_conflict_do_nothing().returning(Notification.id)
        new += session.scalar(row) is not None
    return new


def due(session: Session, channel: Channel) -> list[Notification]:
    """The messages that may be sent by a channel now, oldest first."""
    now = datetime.now(UTC)
    waiting = select(Notification).where(
        Notification.channel == channel,
        Notification.sent_at.is_(None),
        Notification.handed_over_at.is_(None),
        Notification.created_at > now - STALE,
        or_(Notification.retry_at.is_(None), Notification.retry_at <= now),
    )
    return list(session.scalars(waiting.order_by(Notification.id).limit(_BATCH)))


def hand_over(session: Session, notification_id: int, by: str) -> bool:
    """Record that an attempt delivers a message now; False if another one has, and this one must not.

    Repeated by the same attempt, as after a commit whose answer was lost, it is True again.
    """
    free = or_(Notification.handed_over_at.is_(None), Notification.handed_over_by == by)
    mine = update(Notification).where(Notification.id == notification_id, Notification.sent_at.is_(None), free)
    now = {"handed_over_at": datetime.now(UTC), "handed_over_by": by}
    return session.scalar(mine.values(now).returning(Notification.id)) is not None


def mark_sent(session: Session, notification_id: int, note: str = "") -> None:
    """Record that a message was taken; `note` says what of it was not."""
    done = update(Notification).where(Notification.id == notification_id, Notification.sent_at.is_(None))
    session.execute(done.values(sent_at=datetime.now(UTC), note=note))


def postpone(session: Session, notification_ids: Collection[int], reason: str, by: str = "") -> None:
    """Record that messages were surely not taken, and why: they are sent again, ever more rarely.

    Not those that another attempt than `by` delivers now.
    """
    free = or_(Notification.handed_over_at.is_(None), Notification.handed_over_by == by)
    rows = select(Notification).where(Notification.id.in_(notification_ids), Notification.sent_at.is_(None), free)
    for row in session.scalars(rows.with_for_update()):
        row.attempts += 1
        wait = min(timedelta(minutes=1) * 2 ** min(row.attempts, 10), _LONGEST_WAIT)
        row.retry_at, row.note = datetime.now(UTC) + wait, reason
        row.handed_over_at = row.handed_over_by = None


def discard(session: Session, channel: Channel) -> None:
    """Forget what waits for a channel that is not set up: nobody wants it there."""
    unsent = (Notification.sent_at.is_(None), Notification.handed_over_at.is_(None))
    session.execute(delete(Notification).where(Notification.channel == channel, *unsent))


def last(session: Session, campaign_id: str, most: int) -> list[Notification]:
    """The newest messages of a campaign and of the whole system, what was not sent before the rest."""
    ours = select(Notification).where(Notification.campaign.in_((campaign_id, "")))
    old = or_(Notification.sent_at.is_not(None), Notification.created_at < datetime.now(UTC) - 2 * STALE)
    newest = ours.order_by(old, Notification.id.desc())
    return list(session.scalars(newest.limit(most)))
