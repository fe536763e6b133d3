"""Send what waits in the outbox of messages, by the channels that are set up; each message once.

A line calls `hand_over` when all that is missing is the last byte, and goes on only if that does not raise. So a
process that is killed before has delivered nothing, and one that is killed after is not repeated.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from typing import Protocol
from uuid import uuid4

from baosong.campaign import Campaign
from baosong.ledger import Notification
from baosong.ledger.notifications import Channel
from baosong.ledger.services import Services
from baosong.pipeline.discover import usable_campaigns
from baosong.rules.errors import BaosongError

log = logging.getLogger(__name__)

NO_ADDRESS = "活动文件里没有收件地址"


class Refused(BaosongError):
    """A message was surely not taken; the text says why, in words for operators, and names no address."""


class Unavailable(Refused):
    """Neither this nor any other message is taken now: the line is down."""


class Unconfirmed(BaosongError):
    """A message was handed over, and nobody said whether it was taken."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message on its way: its texts, its addresses, and the mail that is made of them."""

    number: int
    subject: str
    body: str
    to: list[str]
    mail: EmailMessage


class Line(Protocol):
    """An open way to the receivers."""

    def deliver(self, letter: Letter, hand_over: Callable[[], None]) -> str:
        """Deliver a letter, calling `hand_over` before it can arrive; return what of it went wrong, if anything.

        Raises Refused (Unavailable) if it surely did not arrive, Unconfirmed if nobody knows.
        """


class _Overtaken(BaosongError):
    """Another process sends this very message."""


Opener = Callable[[], AbstractContextManager[Line]]


def send_due(services: Services, lines: Mapping[Channel, Opener]) -> dict[str, int]:
    """Send what waits; return how many messages were sent and how many not. What has no line is forgotten."""
    done = {"sent": 0, "waiting": 0}
    for channel in ("mail", "chat"):
        if channel not in lines:
            services.ledger.discard_notifications(channel)
            continue
        rows = services.ledger.due_notifications(channel)
        sent = _send_all(services, rows, lines[channel]) if rows else 0
        done["sent"] += sent
        done["waiting"] += len(rows) - sent
    return done


def _send_all(services: Services, rows: Sequence[Notification], opener: Opener) -> int:
    campaigns, sent = usable_campaigns(services), 0
    left = list(rows)
    try:
        with opener() as line:
            while left:
                sent += _send(services, line, left.pop(0), campaigns)
    except Unavailable as down:
        log.warning("%d messages wait: %s", len(left), down)
        services.ledger.postpone([row.id for row in left], str(down))
    return sent


def _send(services: Services, line: Line, row: Notification, campaigns: Mapping[str, Campaign]) -> bool:
    by = uuid4().hex

    def hand_over() -> None:
        if not services.ledger.hand_over(row.id, by):
            raise _Overtaken

    try:
        note = line.deliver(letter_of(row, campaigns), hand_over)
    except Refused as refused:
        services.ledger.postpone([row.id], str(refused), by)
        if isinstance(refused, Unavailable):
            raise
        return False
    except Unconfirmed:
        log.warning("message %s was handed over, and nobody confirmed it", row.id)
        return False
    except _Overtaken:
        return False
    services.ledger.mark_sent(row.id, note)
    return True


def letter_of(row: Notification, campaigns: Mapping[str, Campaign]) -> Letter:
    """Return a message with the addresses that the campaign files give now. Raises Refused if there are none."""
    to = sorted(set(_addresses(row, campaigns)))
    if row.channel == "mail" and not to:
        raise Refused(NO_ADDRESS)
    campaign = campaigns.get(row.campaign) or next(iter(campaigns.values()), None)
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = " ".join(row.subject.split())
    mail["To"] = ", ".join(to)
    mail["Date"] = format_datetime(row.created_at.astimezone(campaign.zone) if campaign else row.created_at)
    # The same whenever it is sent: who got one twice all the same sees one.
    mail["Message-ID"] = f"<{row.created_at:%Y%m%d%H%M%S%f}.{row.id}@baosong>"
    mail["Auto-Submitted"] = "auto-generated"
    if campaign:
        mail["From"] = formataddr((campaign.organizer, campaign.recipient.email))
        mail["Reply-To"] = campaign.recipient.email
    mail.set_content(row.body, cte="base64")  # no server need know 8BITMIME
    return Letter(row.id, row.subject, row.body, to, mail)


def _addresses(row: Notification, campaigns: Mapping[str, Campaign]) -> Iterator[str]:
    for campaign in campaigns.values():
        if row.campaign in ("", campaign.id):
            yield from campaign.contact(row.prefecture).emails if row.prefecture else campaign.operators
